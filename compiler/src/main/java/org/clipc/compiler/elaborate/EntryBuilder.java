package org.clipc.compiler.elaborate;

import java.util.ArrayList;
import java.util.List;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.ast.Function;
import org.clipc.grammar.ast.Parameter;
import org.clipc.grammar.ast.TypeRef;
import org.clipc.grammar.diagnostic.SourceFile;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.ir.Graph;
import org.clipc.program.EntryPoint;
import org.jspecify.annotations.Nullable;

/** Runs an entry point over symbolic inputs and so builds its graph. */
final class EntryBuilder {
    private static final String BATCH = "B";

    private final Function entry;
    private final Emission out;
    private final Evaluator evaluator;
    private final Scope scope;
    private boolean minimisable;

    private EntryBuilder(Function entry, Instance root, Emission out, Reporter reporter) {
        this.entry = entry;
        this.out = out;
        this.evaluator = new Evaluator(reporter, out);
        this.scope = new Scope(root.scope());
    }

    /** Null if there were errors, which are in {@code reporter} then. */
    static @Nullable Graph build(
            Function entry,
            Instance root,
            int batch,
            boolean training,
            int dataRanks,
            java.util.function.Function<SourceFile, String> fileNames,
            Reporter reporter) {
        var out = new Emission(entry.name().text(), training, dataRanks, fileNames);
        var builder = new EntryBuilder(entry, root, out, reporter);
        try {
            builder.run(root, batch);
        } catch (Fault fault) {
            reporter.report(fault.diagnostic());
        } catch (Limits.Exceeded exceeded) {
            reporter.report(exceeded.diagnostic());
        } catch (Poisoned e) {
            return null;
        }
        return reporter.hasErrors() ? null : out.build();
    }

    private void run(Instance root, int batch) {
        scope.define(BATCH, new Val.Int(batch), false, entry.name().span());
        for (Parameter parameter : entry.parameters()) {
            scope.define(parameter.name(), input(parameter));
        }
        Val result = evaluator.calls().run(new Val.Callable(entry, root.scope(), ""), scope, entry.span());
        outputs(result);
    }

    private Val input(Parameter parameter) {
        if (!(parameter.type() instanceof TypeRef.Tensor type) || parameter.value() != null) {
            throw new Fault(parameter.span(), "an entry point takes tensors, without defaults");
        }
        List<Dim> dims = new ArrayList<>();
        for (TypeRef.Dim d : type.dims()) {
            if (!(d instanceof TypeRef.Dim.Size size)) {
                throw new Fault(
                        d.span(), "an entry point's inputs have fixed shapes, but for the batch `" + BATCH + "`");
            }
            if (size.expr() instanceof Expr.Name n && scope.find(n.text()) == null) {
                throw new Fault(d.span(), "`" + n.text() + "` has no size here")
                        .note("in an entry point only the batch, `" + BATCH
                                + "`, is free; sizes are ints of the model");
            }
            dims.add(new Dim(
                    evaluator.types().extent(size.expr(), scope), size.span().text(), size.span()));
        }
        return out.data(
                parameter.span(), parameter.name().text(), evaluator.types().dtype(type), dims);
    }

    private void outputs(Val result) {
        switch (result) {
            case Val.Poison _ -> throw new Poisoned();
            case Val.Tensor t -> output(nameOfOnly(), t);
            case Val.Tuple(var all)
            when entry.result() instanceof TypeRef.Tuple type
                    && type.elements().stream().allMatch(e -> e.name() != null) -> {
                for (int i = 0; i < all.size(); i++) {
                    var name = type.elements().get(i).name();
                    if (name != null && all.get(i) instanceof Val.Tensor t) {
                        output(name.text(), t);
                    } else {
                        throw notTensors();
                    }
                }
            }
            default -> throw notTensors();
        }
        if (entry.name().text().equals(EntryPoint.LOSS) && !minimisable) {
            throw new Fault(
                            resultSpan(),
                            "training needs a result `" + EntryPoint.LOSS + "` that is one float to minimise")
                    .note("such as -> [], or -> (loss: [], logits: [B, B])");
        }
    }

    private void output(String name, Val.Tensor tensor) {
        minimisable |= name.equals(EntryPoint.LOSS)
                && tensor.rank() == 0
                && tensor.dtype().isFloat();
        out.output(name, tensor);
    }

    /** The name of an entry's one result: its own in {@code -> (features: [B, D])}, else the entry's. */
    private String nameOfOnly() {
        var name = entry.result() instanceof TypeRef.Tuple type
                ? type.elements().getFirst().name()
                : null;
        return name == null ? entry.name().text() : name.text();
    }

    private SourceSpan resultSpan() {
        return entry.result() == null ? entry.name().span() : entry.result().span();
    }

    private Fault notTensors() {
        return new Fault(resultSpan(), "an entry point gives a tensor, or a tuple of tensors that its type names")
                .note("such as -> (loss: [], logits: [B, B])");
    }
}
