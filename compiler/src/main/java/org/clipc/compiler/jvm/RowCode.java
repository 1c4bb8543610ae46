package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.Access;
import org.clipc.compiler.kernel.Expr;
import org.clipc.ir.DType;

/**
 * Renders the code of a {@link RowWalk}: a method {@code block} that calls a method {@code row} for each row of a block,
 * chunk by chunk, and moves what must pass through scratch. The template completes {@code row}.
 */
final class RowCode {

    /**
     * Row of scratch, of floats, that a template hands to {@code row} itself; named as an operand, it is that.
     *
     * @param value an expression in {@code block}, for row {@code r} and first column {@code c}
     */
    record Extra(String name, CodeBlock value) {}

    private final RowWalk walk;
    private final KernelClass kernel;
    private final JvmLibrary library;
    private final ArgumentLayout layout;
    private final List<Extra> extras;

    RowCode(RowWalk walk, KernelClass kernel, Extra... extras) {
        this.walk = walk;
        this.extras = List.of(extras);
        this.kernel = kernel;
        this.library = kernel.library();
        this.layout = kernel.layout();
    }

    /**
     * Begins {@code block(arena, local, args, rows, columns, addresses…)}, without its end.
     *
     * @param before statements to start with
     * @param rowCall makes the statement for one row's chunk out of a call of {@code row}
     */
    MethodSpec.Builder block(TypeName returns, CodeBlock before, UnaryOperator<CodeBlock> rowCall) {
        var method = kernel.method("block")
                .returns(returns)
                .addParameter(long[].class, "args", Modifier.FINAL)
                .addParameter(int.class, "rows", Modifier.FINAL)
                .addParameter(int.class, "columns", Modifier.FINAL);
        walk.steppers().forEach(s -> method.addParameter(long.class, s.name(), Modifier.FINAL));
        method.addCode(before).addCode(steps());
        method.beginControlFlow("for (int c = 0; c < columns; c += $L)", walk.tileColumns())
                .addStatement("final int n = Math.min($L, columns - c)", walk.tileColumns());
        if (walk.isStaged()) {
            method.beginControlFlow("for (int first = 0; first < rows; first += $L)", walk.tileRows())
                    .addStatement("final int end = Math.min(first + $L, rows)", walk.tileRows())
                    .addCode(fillTiles())
                    .beginControlFlow("for (int r = first; r < end; r++)");
        } else {
            method.beginControlFlow("for (int r = 0; r < rows; r++)");
        }
        method.addStatement(rowCall.apply(rowCall())).endControlFlow();
        if (walk.isStaged()) {
            method.addCode(drainTiles()).endControlFlow();
            addMovers();
        }
        return method.endControlFlow();
    }

    /** Declares the strides in bytes, and the keys of random numbers. */
    private CodeBlock steps() {
        var code = CodeBlock.builder();
        for (var stepper : walk.steppers()) {
            var stride = walk.outerAxes() == 0
                    ? CodeBlock.of("0")
                    : CodeBlock.of("$LL * $L", stepper.bytes(), layout.read(stepper.axis(walk.outerAxes() - 1)));
            code.addStatement("final long $LRow = $L", stepper.name(), stride);
            if (stepper.isStrided()) {
                var step = layout.read(stepper.step());
                code.addStatement("final long $L = $LL * $L", stepper.step(), stepper.bytes(), step);
            }
        }
        for (var i = 0; i < walk.uniforms().size(); i++) {
            var seed = layout.read("seed" + i);
            code.addStatement("final int key$LLow = $L", i, Memory.loadOne(DType.I32, seed));
            code.addStatement("final int key$LHigh = $L", i, Memory.loadOne(DType.I32, CodeBlock.of("$L + 4", seed)));
            if (walk.uniforms().get(i).ofPart()) {
                var rows = Memory.loadOne(DType.I32, CodeBlock.of("$L + 8", seed));
                code.addStatement("final long before$L = $L * $L", i, layout.read("row" + i), rows);
            }
        }
        return code.build();
    }

    private CodeBlock rowCall() {
        var arguments = new ArrayList<CodeBlock>();
        for (var tensor : walk.tensors()) {
            arguments.add(tensor.staged() ? inTile(tensor.name()) : at(tensor, "r"));
        }
        for (var i = 0; i < walk.uniforms().size(); i++) {
            arguments.add(inTile("uniform" + i));
        }
        for (var index : walk.indices()) {
            var counter = Stepper.counter("index" + index.axis());
            arguments.add(CodeBlock.of("(int) ($L), (int) $L", at(counter, "r"), counter.step()));
        }
        for (var attribute : walk.attributes()) {
            var value = layout.read("attribute" + attribute.index());
            arguments.add(
                    switch (attribute.dtype()) {
                        case F32, BF16, F16 -> CodeBlock.of("Float.intBitsToFloat((int) $L)", value);
                        case I32 -> CodeBlock.of("(int) $L", value);
                        case BOOL -> CodeBlock.of("$L != 0", value);
                    });
        }
        extras.forEach(extra -> arguments.add(extra.value()));
        var separator = arguments.isEmpty() ? "" : ",\n";
        return CodeBlock.of("row(arena, local, n$L$L)", separator, CodeBlock.join(arguments, ",\n"));
    }

    private CodeBlock inTile(String name) {
        return CodeBlock.of("$L + (r - first) * $L", walk.tile(name), walk.tileColumns());
    }

    /** The address (or count) at column {@code c} of the row numbered by a variable. */
    private static CodeBlock at(Stepper stepper, String row) {
        var column = switch (stepper.access()) {
            case CONTIGUOUS -> CodeBlock.of(" + $LL * c", stepper.bytes());
            case STRIDED -> CodeBlock.of(" + c * $L", stepper.step());
            case SPLAT -> CodeBlock.of("");
        };
        return CodeBlock.of("$L + $L * $LRow$L", stepper.name(), row, stepper.name(), column);
    }

    private CodeBlock fillTiles() {
        var code = CodeBlock.builder();
        walk.tensors().stream().filter(t -> t.staged() && !t.written()).forEach(t -> code.addStatement(move(t)));
        for (var i = 0; i < walk.uniforms().size(); i++) {
            var here = at(Stepper.counter("element"), "r");
            var fill = library.call(
                    JvmHelper.UNIFORM,
                    walk.uniforms().get(i).ofPart() ? CodeBlock.of("before$L + $L", i, here) : here,
                    CodeBlock.of("n, key$LLow, key$LHigh, (int) $L", i, i, layout.read("stream" + i)),
                    CodeBlock.of("local, $L", inTile("uniform" + i)));
            code.beginControlFlow("for (int r = first; r < end; r++)")
                    .addStatement(fill)
                    .endControlFlow();
        }
        return code.build();
    }

    private CodeBlock drainTiles() {
        var code = CodeBlock.builder();
        walk.tensors().stream().filter(t -> t.staged() && t.written()).forEach(t -> code.addStatement(move(t)));
        return code.build();
    }

    private CodeBlock move(Stepper tensor) {
        return CodeBlock.of(
                "$L(arena, local, $L,\n$L, $LRow, $L, end - first, n)",
                mover(tensor.dtype(), tensor.written()),
                walk.tile(tensor.name()),
                at(tensor, "first"),
                tensor.name(),
                switch (tensor.access()) {
                    case CONTIGUOUS -> tensor.bytes() + "L";
                    case SPLAT -> "0L";
                    case STRIDED -> tensor.step();
                });
    }

    private static String mover(DType dtype, boolean written) {
        var name = dtype.text();
        return (written ? "drain" : "fill") + name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1);
    }

    /** The methods that copy tiles between the arena and scratch, one per dtype and direction. */
    private void addMovers() {
        record Mover(DType dtype, boolean written) {}
        walk.tensors().stream()
                .filter(Stepper::staged)
                .map(t -> new Mover(t.dtype(), t.written()))
                .distinct()
                .forEach(m -> addMover(m.dtype, m.written));
    }

    private void addMover(DType dtype, boolean written) {
        var from = CodeBlock.of("from");
        var to = CodeBlock.of("to");
        var move = written
                ? Memory.storeOne(library, dtype, from, Memory.loadLocal(Lanes.SCALAR, dtype, to))
                : Memory.storeLocal(Lanes.SCALAR, dtype, to, Memory.loadOne(dtype, from));
        kernel.add(kernel.method(mover(dtype, written))
                .addParameter(int.class, "tile", Modifier.FINAL)
                .addParameter(long.class, "at", Modifier.FINAL)
                .addParameter(long.class, "rowStep", Modifier.FINAL)
                .addParameter(long.class, "step", Modifier.FINAL)
                .addParameter(int.class, "rows", Modifier.FINAL)
                .addParameter(int.class, "columns", Modifier.FINAL)
                .beginControlFlow("for (int c = 0; c < columns; c++)")
                .addStatement("long from = at + c * step")
                .addStatement("int to = tile + c")
                .beginControlFlow("for (int r = 0; r < rows; r++)")
                .addStatement(move)
                .addStatement("from += rowStep")
                .addStatement("to += $L", walk.tileColumns())
                .endControlFlow()
                .endControlFlow());
    }

    /** Begins {@code row(arena, local, n, …)}, with single elements loaded. */
    MethodSpec.Builder row(TypeName returns) {
        var method = kernel.method("row").returns(returns).addParameter(int.class, "n", Modifier.FINAL);
        for (var tensor : walk.tensors()) {
            method.addParameter(tensor.staged() ? int.class : long.class, tensor.name(), Modifier.FINAL);
        }
        IntStream.range(0, walk.uniforms().size())
                .forEach(i -> method.addParameter(int.class, "uniform" + i, Modifier.FINAL));
        for (var index : walk.indices()) {
            var counter = Stepper.counter("index" + index.axis());
            method.addParameter(int.class, counter.name(), Modifier.FINAL)
                    .addParameter(int.class, counter.step(), Modifier.FINAL);
        }
        for (var attribute : walk.attributes()) {
            method.addParameter(Stepper.single(attribute.dtype()), "attribute" + attribute.index(), Modifier.FINAL);
        }
        extras.forEach(extra -> method.addParameter(int.class, extra.name(), Modifier.FINAL));
        for (var tensor : walk.tensors()) {
            if (tensor.isSingle()) {
                method.addStatement(
                        "final $T $LOne = $L",
                        Stepper.single(tensor.dtype()),
                        tensor.name(),
                        Memory.loadOne(tensor.dtype(), CodeBlock.of("$L", tensor.name())));
            }
        }
        return method;
    }

    /** Renders expressions at one step along a row. */
    JvmExprRenderer expressions(Strip strip) {
        return new JvmExprRenderer(strip, library, new RowLeaves(strip));
    }

    /** Stores result {@code i} at one step along a row. */
    void store(Strip strip, int i, CodeBlock value) {
        var tensor = walk.tensor("y" + i);
        if (tensor.staged()) {
            strip.storeLocal(tensor.dtype(), tensor.name(), value);
        } else {
            strip.store(tensor.dtype(), tensor.name(), value);
        }
    }

    private final class RowLeaves implements JvmExprRenderer.Leaves {

        private final Strip strip;
        private final Lanes lanes;

        RowLeaves(Strip strip) {
            this.strip = strip;
            this.lanes = strip.lanes();
        }

        @Override
        public CodeBlock operand(Expr.Arg arg) {
            for (var extra : extras) {
                if (extra.name().equals("x" + arg.index())) {
                    return strip.loadLocal(DType.F32, extra.name());
                }
            }
            var tensor = walk.tensor("x" + arg.index());
            if (tensor.staged()) {
                return strip.loadLocal(tensor.dtype(), tensor.name());
            }
            return tensor.access() == Access.SPLAT
                    ? splat(tensor.dtype(), tensor.name() + "One")
                    : strip.load(tensor.dtype(), tensor.name());
        }

        @Override
        public CodeBlock attribute(Expr.Attribute attribute) {
            return splat(attribute.dtype(), "attribute" + attribute.index());
        }

        @Override
        public CodeBlock uniform(Expr.Uniform uniform) {
            return strip.loadLocal(DType.F32, "uniform" + walk.uniforms().indexOf(uniform));
        }

        @Override
        public CodeBlock index(Expr.Index index) {
            var counter = Stepper.counter("index" + index.axis());
            var first = CodeBlock.of("$L + $L * $L", counter.name(), strip.position(), counter.step());
            if (lanes.equals(Lanes.SCALAR)) {
                return CodeBlock.of("($L)", first);
            }
            library.use(JvmHelper.IOTA);
            var iota = CodeBlock.of("$L", JvmHelper.IOTA.methodName());
            var steps = lanes.intMul(iota, lanes.splatInt(CodeBlock.of("$L", counter.step())));
            return lanes.intAdd(lanes.splatInt(first), steps);
        }

        private CodeBlock splat(DType dtype, String single) {
            var value = CodeBlock.of("$L", single);
            return switch (dtype) {
                case F32, BF16, F16 -> lanes.splat(value);
                case I32 -> lanes.splatInt(value);
                case BOOL -> lanes.splatMask(value);
            };
        }
    }
}
