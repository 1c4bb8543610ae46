package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Expr;
import org.clipc.compiler.kernel.ExprDag;
import org.clipc.compiler.kernel.KernelSpec.Operand;
import org.clipc.compiler.kernel.View;

/**
 * How a kernel walks an index space: along rows of one axis, and over any number of outer axes, the last of which numbers
 * the rows of a block. Knows the arguments that address what the rows touch, and the scratch they need; {@link RowCode}
 * renders the code.
 *
 * <p>Elements that do not load into vectors as they lie (strided ones, bools, f16, random numbers) pass through scratch, a
 * tile of rows and columns at a time. Strided operands fill it column by column, so that a transposed matrix is read in
 * runs of whole cache lines.
 */
final class RowWalk {

    /** Rows of a tile when something is strided: 256 bytes of a transposed f32 operand at a time keep prefetchers busy. */
    static final int TILE_ROWS = 64;

    private static final int TILE_COLUMNS = 64;

    /** Columns that pass through scratch at a time when nothing is strided. */
    private static final int STAGED_COLUMNS = 1024;

    private final int outerAxes;
    private final int widest;
    private final int scratch;
    /** Whether a block is one row, and its chunks have the same size always. */
    private final boolean single;

    private final List<Stepper> tensors;
    private final List<Stepper> counters = new ArrayList<>();
    private final List<Expr.Uniform> uniforms;
    private final List<Expr.Index> indices;
    private final List<Expr.Attribute> attributes;

    /** For a template whose operands all lie in the arena. */
    RowWalk(int outerAxes, int widest, int scratch, List<Operand> operands, ExprDag dag, List<Operand> results) {
        this(outerAxes, widest, scratch, operands, 0, dag, results, false);
    }

    /**
     * For a template that hands over one row at a time, in chunks of {@code chunk} columns whatever passes through
     * scratch: its result depends on the chunks, and must not depend on how operands lie.
     */
    static RowWalk singly(int chunk, List<Operand> operands, ExprDag dag) {
        return new RowWalk(1, chunk, 0, operands, 0, dag, List.of(), true);
    }

    /**
     * @param outerAxes number of axes outside of the row
     * @param widest most columns that a block has
     * @param scratch first position of a worker's scratch that is free
     * @param operands by index; those that {@code dag} does not read are left out
     * @param given operands before this one are the template's business
     * @param results that the rows store
     */
    RowWalk(
            int outerAxes,
            int widest,
            int scratch,
            List<Operand> operands,
            int given,
            ExprDag dag,
            List<Operand> results) {
        this(outerAxes, widest, scratch, operands, given, dag, results, false);
    }

    private RowWalk(
            int outerAxes,
            int widest,
            int scratch,
            List<Operand> operands,
            int given,
            ExprDag dag,
            List<Operand> results,
            boolean single) {
        this.single = single;
        this.outerAxes = outerAxes;
        this.widest = widest;
        this.scratch = scratch;
        this.uniforms = dag.leaves(Expr.Uniform.class);
        this.indices = dag.leaves(Expr.Index.class);
        this.attributes = dag.leaves(Expr.Attribute.class);
        var reads = IntStream.range(given, operands.size())
                .filter(dag::reads)
                .mapToObj(i -> Stepper.read(i, operands.get(i)));
        var writes = IntStream.range(0, results.size()).mapToObj(i -> Stepper.written(i, results.get(i)));
        this.tensors = Stream.concat(reads, writes).toList();
        if (!uniforms.isEmpty()) {
            counters.add(Stepper.counter("element"));
        }
        indices.forEach(index -> counters.add(Stepper.counter("index" + index.axis())));
    }

    int outerAxes() {
        return outerAxes;
    }

    List<Stepper> tensors() {
        return tensors;
    }

    /** The tensor read as operand or written as result of this name. */
    Stepper tensor(String name) {
        return tensors.stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
    }

    /** Tensors and counters. */
    List<Stepper> steppers() {
        return Stream.concat(tensors.stream(), counters.stream()).toList();
    }

    List<Expr.Uniform> uniforms() {
        return uniforms;
    }

    List<Expr.Index> indices() {
        return indices;
    }

    List<Expr.Attribute> attributes() {
        return attributes;
    }

    /** Names of the arguments that address everything the rows touch. */
    List<String> argumentNames() {
        var names = new ArrayList<String>();
        for (var stepper : steppers()) {
            names.add(stepper.name());
            IntStream.range(0, outerAxes).forEach(axis -> names.add(stepper.axis(axis)));
            if (stepper.isStrided()) {
                names.add(stepper.step());
            }
        }
        for (var i = 0; i < uniforms.size(); i++) {
            names.add("seed" + i);
            names.add("stream" + i);
            if (uniforms.get(i).ofPart()) {
                names.add("row" + i);
            }
        }
        attributes.forEach(attribute -> names.add("attribute" + attribute.index()));
        return names;
    }

    /**
     * Axes of an index space in the order of the walk.
     *
     * @param extents of the index space
     * @param outer axes outside of the row
     * @param along the axis along the row
     */
    record Axes(List<Integer> extents, List<Integer> outer, int along) {}

    /** Adds the values of {@link #argumentNames} for views over one index space. */
    void bind(List<View> operands, List<View> results, List<Double> numbers, Axes axes, Map<String, Argument> values) {
        for (var tensor : tensors) {
            var index = Integer.parseInt(tensor.name().substring(1));
            var view = (tensor.written() ? results : operands).get(index);
            bind(tensor, Argument.of(view), view.strides(), axes, values);
        }
        for (var counter : counters) {
            var strides = counter.name().equals("element")
                    ? rowMajor(axes.extents())
                    : unit(Integer.parseInt(counter.name().substring("index".length())), axes);
            bind(counter, Argument.of(0L), strides, axes, values);
        }
        for (var i = 0; i < uniforms.size(); i++) {
            values.put("seed" + i, Argument.of(operands.get(uniforms.get(i).seed())));
            values.put(
                    "stream" + i,
                    Argument.of(numbers.get(uniforms.get(i).stream()).longValue()));
            if (uniforms.get(i).ofPart()) {
                values.put(
                        "row" + i,
                        Argument.of(numbers.get(uniforms.get(i).row()).longValue()));
            }
        }
        for (var attribute : attributes) {
            var value = numbers.get(attribute.index());
            var isFloat = attribute.dtype().isFloat();
            values.put(
                    "attribute" + attribute.index(),
                    isFloat ? Argument.of(value.floatValue()) : Argument.of(value.longValue()));
        }
    }

    private void bind(Stepper stepper, Argument start, List<Long> strides, Axes axes, Map<String, Argument> values) {
        values.put(stepper.name(), start);
        for (var axis = 0; axis < outerAxes; axis++) {
            long stride = strides.get(axes.outer().get(axis));
            values.put(stepper.axis(axis), Argument.of(stride));
        }
        if (stepper.isStrided()) {
            long stride = strides.get(axes.along());
            values.put(stepper.step(), Argument.of(stride));
        }
    }

    private static List<Long> rowMajor(List<Integer> extents) {
        return IntStream.range(0, extents.size())
                .mapToObj(axis -> extents.subList(axis + 1, extents.size()).stream()
                        .mapToLong(Integer::longValue)
                        .reduce(1, (a, b) -> a * b))
                .toList();
    }

    private static List<Long> unit(int axis, Axes axes) {
        return IntStream.range(0, axes.extents().size())
                .mapToObj(a -> a == axis ? 1L : 0L)
                .toList();
    }

    /** Whether anything passes through scratch. */
    boolean isStaged() {
        return !staged().isEmpty();
    }

    private boolean isTiled() {
        return tensors.stream().anyMatch(Stepper::isStrided);
    }

    /** Names of what passes through scratch. */
    private List<String> staged() {
        return Stream.concat(
                        tensors.stream().filter(Stepper::staged).map(Stepper::name),
                        IntStream.range(0, uniforms.size()).mapToObj(i -> "uniform" + i))
                .toList();
    }

    int tileRows() {
        return isTiled() && !single ? TILE_ROWS : 1;
    }

    /** Columns that {@code row} handles at a time. */
    int tileColumns() {
        return single || !isStaged() ? widest : isTiled() ? TILE_COLUMNS : Math.min(STAGED_COLUMNS, widest);
    }

    /** Where in scratch the tile of a tensor or a {@code uniform} starts. */
    int tile(String name) {
        return scratch + staged().indexOf(name) * tileRows() * tileColumns();
    }

    /** Floats of scratch that a worker needs, counted from 0. */
    int localFloats() {
        return scratch + staged().size() * tileRows() * tileColumns();
    }

    /**
     * The address arguments of a call of {@code block}, commas included: where its first row starts.
     *
     * @param coordinates variables that hold the position along each outer axis
     * @param column variable that holds the first column
     */
    CodeBlock blockArguments(ArgumentLayout layout, List<String> coordinates, String column) {
        return further(steppers().stream()
                .map(stepper -> start(stepper, layout, coordinates, column))
                .toList());
    }

    /** Arguments behind others, each with the comma before it. */
    static CodeBlock further(List<CodeBlock> arguments) {
        return arguments.stream().map(a -> CodeBlock.of(",\n$L", a)).collect(CodeBlock.joining(""));
    }

    private CodeBlock start(Stepper stepper, ArgumentLayout layout, List<String> coordinates, String column) {
        var terms = new ArrayList<CodeBlock>();
        for (var axis = 0; axis < outerAxes; axis++) {
            terms.add(CodeBlock.of("$L * $L", coordinates.get(axis), layout.read(stepper.axis(axis))));
        }
        switch (stepper.access()) {
            case CONTIGUOUS -> terms.add(CodeBlock.of("$L", column));
            case STRIDED -> terms.add(CodeBlock.of("$L * $L", column, layout.read(stepper.step())));
            case SPLAT -> {}
        }
        var first = layout.read(stepper.name());
        return terms.isEmpty()
                ? first
                : CodeBlock.of("$L + $LL * ($L)", first, stepper.bytes(), CodeBlock.join(terms, " + "));
    }
}
