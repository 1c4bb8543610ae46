package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.DType;
import org.clipc.ir.Graph;
import org.clipc.ir.GraphBuilder;
import org.clipc.ir.InputKind;
import org.clipc.ir.Location;
import org.clipc.ir.Op;
import org.clipc.ir.Shape;
import org.clipc.ir.ShapeException;
import org.clipc.ir.TensorType;
import org.clipc.ir.Value;
import org.clipc.program.Manifest;
import org.jspecify.annotations.Nullable;

/** The graph that an entry point's elaboration is building, and where in the model it stands. */
final class Emission {
    /** Name of the scalar input that carries the seed of a run: i32[2]. */
    static final String SEED = "seed";

    private final GraphBuilder graph;
    private final boolean training;
    private final int dataRanks;
    private final Function<SourceFile, String> fileNames;
    private final Map<String, Value> parameters = new HashMap<>();
    private @Nullable Value seed;
    private int streams;
    private int regions;
    private String path = "";
    private String recompute = "";

    Emission(String name, boolean training, int dataRanks, Function<SourceFile, String> fileNames) {
        this.graph = new GraphBuilder(name);
        this.training = training;
        this.dataRanks = dataRanks;
        this.fileNames = fileNames;
    }

    boolean training() {
        return training;
    }

    /** The number of ranks that the batch is divided among. */
    int dataRanks() {
        return dataRanks;
    }

    String path() {
        return path;
    }

    /** Everything from here on belongs to the module instance at {@code newPath}. */
    void path(String newPath) {
        path = newPath;
    }

    /** Enters a recompute region unless already in one; answers what to hand to {@link #leaveRegion}. */
    String enterRegion() {
        String before = recompute;
        if (before.isEmpty()) {
            recompute = (path.isEmpty() ? "" : path) + "#" + regions++;
        }
        return before;
    }

    void leaveRegion(String before) {
        recompute = before;
    }

    /** Adds a node; {@code dims} name the extents of its first result, which is the value returned. */
    Val.Tensor add(SourceSpan span, List<Dim> dims, Op op, Val.Tensor... operands) {
        Limits.checkSize(graph.size() + 1, span);
        checkRank(span, dims);
        graph.at(new Location(path, source(span), recompute));
        List<Value> values = new ArrayList<>();
        for (Val.Tensor operand : operands) {
            values.add(operand.value());
        }
        try {
            Value value = graph.addAll(op, values).getFirst();
            TensorType type = graph.type(value);
            if (!type.shape().dims().equals(dims.stream().map(Dim::size).toList())) {
                throw new IllegalStateException(op + " gives " + type + ", not " + Dim.show(dims));
            }
            return new Val.Tensor(value, type.dtype(), dims);
        } catch (ShapeException e) {
            throw new Fault(span, e.getMessage() == null ? "these operands do not fit" : e.getMessage());
        }
    }

    /** A tensor that holds one number everywhere. */
    Val.Tensor constant(SourceSpan span, DType dtype, List<Dim> dims, double value) {
        return add(span, dims, new Op.Constant(new TensorType(dtype, shape(span, dims)), value));
    }

    Val.Tensor parameter(Val.Param param) {
        ModelParameter p = param.parameter();
        Value value = parameters.get(p.name());
        if (value == null) {
            String name = p.name();
            String owner = name.contains(".") ? name.substring(0, name.lastIndexOf('.')) : "";
            graph.at(new Location(owner, source(p.span()), ""));
            value = graph.input(name, InputKind.PARAMETER, p.type());
            parameters.put(name, value);
        }
        return new Val.Tensor(value, p.type().dtype(), param.dims());
    }

    /** An input of the entry point. */
    Val.Tensor data(SourceSpan span, String name, DType dtype, List<Dim> dims) {
        return add(span, dims, new Op.Input(name, InputKind.DATA, new TensorType(dtype, shape(span, dims))));
    }

    Val.Tensor seed(SourceSpan span) {
        var dims = List.of(new Dim(2, "2", span));
        if (seed == null) {
            graph.at(new Location("", source(span), ""));
            seed = graph.input(SEED, InputKind.SCALAR, TensorType.i32(2));
        }
        return new Val.Tensor(seed, DType.I32, dims);
    }

    /** Number of a random stream that no other op of this graph uses. */
    int nextStream() {
        return streams++;
    }

    void output(String name, Val.Tensor tensor) {
        graph.output(name, tensor.value());
    }

    Graph build() {
        return graph.build();
    }

    /** @throws Fault if the extents are no shape */
    static Shape shape(SourceSpan span, List<Dim> dims) {
        checkRank(span, dims);
        try {
            return new Shape(dims.stream().map(Dim::size).toList());
        } catch (IllegalArgumentException e) {
            throw new Fault(span, "no tensor can have the shape " + Dim.show(dims));
        }
    }

    private static void checkRank(SourceSpan span, List<Dim> dims) {
        if (dims.size() > Manifest.MAX_RANK) {
            throw new Fault(span, "a tensor has at most " + Manifest.MAX_RANK + " axes, not " + dims.size());
        }
    }

    private String source(SourceSpan span) {
        return fileNames.apply(span.file()) + ":" + span.line();
    }
}
