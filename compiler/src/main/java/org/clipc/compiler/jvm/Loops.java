package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.TypeName;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.clipc.ir.DType;
import org.clipc.ir.ReduceFn;

/** Loops over the elements of a row: vectors first, then the rest one by one. Each declares {@code i}; one loop a method. */
final class Loops {

    /** Vectors in flight in a sum of cheap terms, enough to hide an addition's latency. */
    static final int UNROLLED = 4;

    private Loops() {}

    /** Runs {@code body} at every position below {@code count}. */
    static CodeBlock each(JvmLibrary library, String count, Consumer<Strip> body) {
        return each(library, count, 1, body);
    }

    /** @param unroll vectors per turn of the loop, where a row is so short that turns count */
    static CodeBlock each(JvmLibrary library, String count, int unroll, Consumer<Strip> body) {
        var code = CodeBlock.builder().addStatement("int i = 0");
        if (unroll > 1) {
            code.beginControlFlow("for (; i <= $L - $L * LANES; i += $L * LANES)", count, unroll, unroll);
            for (var u = 0; u < unroll; u++) {
                var at = u == 0 ? "i" : "(i + " + u + " * LANES)";
                code.add(step(library, Lanes.VECTOR, at, "t" + (char) ('a' + u), body));
            }
            code.endControlFlow();
        }
        return code.beginControlFlow("for (; i <= $L - LANES; i += LANES)", count)
                .add(step(library, Lanes.VECTOR, "i", "t", body))
                .endControlFlow()
                .beginControlFlow("for (; i < $L; i++)", count)
                .add(step(library, Lanes.SCALAR, "i", "t", body))
                .endControlFlow()
                .build();
    }

    /**
     * Combines the value that {@code term} gives at every position into the variable {@code result}, in an order that
     * depends on {@code count} and the vector width only.
     *
     * @param dtype of the term; f32 and i32 only
     * @param unroll how many terms are in flight: {@link #UNROLLED}, or 1 for costly ones
     */
    static CodeBlock reduce(
            JvmLibrary library,
            ReduceFn fn,
            DType dtype,
            String count,
            int unroll,
            String result,
            Function<Strip, CodeBlock> term) {
        return reduceAll(library, fn, dtype, count, unroll, List.of(result), strip -> List.of(term.apply(strip)));
    }

    /**
     * What {@link #reduce} gives with {@link #UNROLLED} terms in flight, to the bit, but with a costly term rendered once:
     * the partial results take turns. Whether a term is computed here or read from memory, where it is cheap, must not
     * show in the sum.
     */
    static CodeBlock reduceCostly(
            JvmLibrary library,
            ReduceFn fn,
            DType dtype,
            String count,
            String result,
            Function<Strip, CodeBlock> term) {
        Function<Strip, List<CodeBlock>> terms = strip -> List.of(term.apply(strip));
        var results = List.of(result);
        var code = CodeBlock.builder().add(partialsOf(results, fn, dtype, UNROLLED));
        code.beginControlFlow("for (; i < $1L - $1L % ($2L * LANES); i += LANES)", count, UNROLLED)
                .add(step(library, Lanes.VECTOR, "i", "ta", s -> accumulate(s, fn, dtype, partials(results, 0), terms)))
                .addStatement("final $T first = $L", vector(dtype), partial(result, 0));
        for (var u = 1; u < UNROLLED; u++) {
            code.addStatement("$L = $L", partial(result, u - 1), partial(result, u));
        }
        return code.addStatement("$L = first", partial(result, UNROLLED - 1))
                .endControlFlow()
                .add(rest(library, fn, dtype, count, UNROLLED, results, terms))
                .build();
    }

    /** Several reductions in one loop. */
    static CodeBlock reduceAll(
            JvmLibrary library,
            ReduceFn fn,
            DType dtype,
            String count,
            int unroll,
            List<String> results,
            Function<Strip, List<CodeBlock>> terms) {
        var code = CodeBlock.builder().add(partialsOf(results, fn, dtype, unroll));
        if (unroll > 1) {
            code.beginControlFlow("for (; i <= $L - $L * LANES; i += $L * LANES)", count, unroll, unroll);
            for (var u = 0; u < unroll; u++) {
                var at = u == 0 ? "i" : "(i + " + u + " * LANES)";
                var names = partials(results, u);
                code.add(step(
                        library,
                        Lanes.VECTOR,
                        at,
                        "t" + (char) ('a' + u),
                        s -> accumulate(s, fn, dtype, names, terms)));
            }
            code.endControlFlow();
        }
        return code.add(rest(library, fn, dtype, count, unroll, results, terms)).build();
    }

    private static TypeName vector(DType dtype) {
        return dtype == DType.I32 ? Lanes.VECTOR.intType() : Lanes.VECTOR.floatType();
    }

    private static CodeBlock partialsOf(List<String> results, ReduceFn fn, DType dtype, int unroll) {
        var code = CodeBlock.builder();
        for (var result : results) {
            for (var u = 0; u < unroll; u++) {
                code.addStatement("$T $L = $L", vector(dtype), partial(result, u), identity(Lanes.VECTOR, fn, dtype));
            }
        }
        return code.addStatement("int i = 0").build();
    }

    /** What is left from {@code i} on, and all partial results joined. */
    private static CodeBlock rest(
            JvmLibrary library,
            ReduceFn fn,
            DType dtype,
            String count,
            int unroll,
            List<String> results,
            Function<Strip, List<CodeBlock>> terms) {
        var code = CodeBlock.builder();
        code.beginControlFlow("for (; i <= $L - LANES; i += LANES)", count)
                .add(step(library, Lanes.VECTOR, "i", "t", s -> accumulate(s, fn, dtype, partials(results, 0), terms)))
                .endControlFlow();
        for (var result : results) {
            var scalar = dtype == DType.I32 ? Lanes.SCALAR.intType() : Lanes.SCALAR.floatType();
            var sum = CodeBlock.of("$L", partial(result, 0));
            for (var u = 1; u < unroll; u++) {
                sum = combine(Lanes.VECTOR, fn, dtype, sum, CodeBlock.of("$L", partial(result, u)));
            }
            code.addStatement("$T $L = $L", scalar, result, across(library, fn, dtype, sum));
        }
        return code.beginControlFlow("for (; i < $L; i++)", count)
                .add(step(library, Lanes.SCALAR, "i", "t", s -> accumulate(s, fn, dtype, results, terms)))
                .endControlFlow()
                .build();
    }

    private static CodeBlock step(
            JvmLibrary library, Lanes lanes, String position, String prefix, Consumer<Strip> body) {
        var strip = new Strip(library, lanes, CodeBlock.of("$L", position), prefix);
        body.accept(strip);
        return strip.statements();
    }

    private static void accumulate(
            Strip strip, ReduceFn fn, DType dtype, List<String> names, Function<Strip, List<CodeBlock>> terms) {
        var values = terms.apply(strip);
        for (var k = 0; k < names.size(); k++) {
            var name = CodeBlock.of("$L", names.get(k));
            strip.run(CodeBlock.of("$L = $L", name, combine(strip.lanes(), fn, dtype, name, values.get(k))));
        }
    }

    private static List<String> partials(List<String> results, int u) {
        return new ArrayList<>(IntStream.range(0, results.size())
                .mapToObj(k -> partial(results.get(k), u))
                .toList());
    }

    private static String partial(String result, int u) {
        return result + "s" + u;
    }

    /** What combining starts from. */
    static CodeBlock identity(Lanes lanes, ReduceFn fn, DType dtype) {
        return dtype == DType.I32
                ? lanes.intConstant(
                        switch (fn) {
                            case SUM -> 0;
                            case MAX -> Integer.MIN_VALUE;
                            case MIN -> Integer.MAX_VALUE;
                        })
                : lanes.constant(
                        switch (fn) {
                            case SUM -> 0;
                            case MAX -> Float.NEGATIVE_INFINITY;
                            case MIN -> Float.POSITIVE_INFINITY;
                        });
    }

    static CodeBlock combine(Lanes lanes, ReduceFn fn, DType dtype, CodeBlock a, CodeBlock b) {
        return dtype == DType.I32
                ? switch (fn) {
                    case SUM -> lanes.intAdd(a, b);
                    case MAX -> lanes.intMax(a, b);
                    case MIN -> lanes.intMin(a, b);
                }
                : switch (fn) {
                    case SUM -> lanes.add(a, b);
                    case MAX -> lanes.max(a, b);
                    case MIN -> lanes.min(a, b);
                };
    }

    /** One vector's lanes combined. Only a float sum depends on the order. */
    private static CodeBlock across(JvmLibrary library, ReduceFn fn, DType dtype, CodeBlock vector) {
        if (fn == ReduceFn.SUM && dtype != DType.I32) {
            return library.call(JvmHelper.SUM, vector);
        }
        return CodeBlock.of(
                "$L.reduceLanes($T.$L)", vector, Lanes.VECTOR_OPERATORS, fn == ReduceFn.SUM ? "ADD" : fn.name());
    }
}
