package org.clipc.compiler.tornado;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.JavaFile;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeName;
import com.palantir.javapoet.TypeSpec;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.View;
import org.clipc.ir.DType;

/**
 * A kernel together with one call of it: each argument is named and bound in one place. All arguments are ints, declared
 * as locals of their names at the top of the kernel; {@link #real}s are floats.
 *
 * <p>The generated class has a static method
 *
 * <pre>run(KernelContext context, FloatArray f, IntArray n, IntArray args, FloatArray constants)</pre>
 *
 * whose body sees {@code local}, the work item's place in its group, and {@code group}. It is a {@code Task5} itself, whose
 * {@code apply} does nothing but call {@code run}: TornadoVM finds the method to compile in {@code apply}'s bytecode, so
 * that no lambda, which a program file could not be trusted with, is needed to name it. TornadoVM turns numbers that tasks
 * are given directly into literals of the kernel and compiles it anew for each set of them; so these come in {@code args}.
 * Floats come in {@code constants}, since its OpenCL backend cannot take an int's bits for a float.
 */
final class TornadoKernel {

    private static final String PACKAGE = "org.clipc.kernels.";

    /**
     * What kernels call to {@code load(f, i)}, {@code round(x)} and {@code store(f, i, x)} numbers of bf16: functions of C,
     * which no Java has.
     */
    static final String BFLOAT16 = "Bfloat16";

    /** Work items of a group of a {@link #fixed} kernel, as the runtime launches it. */
    private static final int FIXED_GROUP = 256;

    private final String stem;
    private final String description;
    private final int groupSize;
    private final Map<String, Argument> arguments = new LinkedHashMap<>();
    private List<Argument> rows = List.of();
    private boolean prebuilt;
    private boolean inJava = true;
    private long preparedBytes = -1;

    /** Renders the body of {@code run}, adding what methods it calls. */
    @FunctionalInterface
    interface Body {
        CodeBlock render(Helpers helpers);
    }

    /** Static methods of the kernel's class, by name: added once, however often they are asked for. */
    static final class Helpers {

        private final Map<String, MethodSpec> methods = new LinkedHashMap<>();

        /** Starts a method that kernels' code can call. */
        static MethodSpec.Builder method(String name, TypeName returns) {
            return MethodSpec.methodBuilder(name)
                    .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                    .returns(returns);
        }

        void add(MethodSpec method) {
            methods.putIfAbsent(method.name(), method);
        }
    }

    /**
     * @param stem what the class name begins with
     * @param description all that the kernel depends on, in a line of text: equal for equal kernels only
     * @param groupSize work items of a group
     */
    TornadoKernel(String stem, String description, int groupSize) {
        this.stem = stem;
        this.description = description + ", groups of " + groupSize;
        this.groupSize = groupSize;
    }

    /** The index of a view's first element in the arena of its element type. */
    TornadoKernel at(String name, View view) {
        if (view.dtype() == DType.BF16) {
            rounds();
        }
        return bind(name, place(view));
    }

    /** The index of a view's first element in the arena of its element type. */
    static Argument place(View view) {
        requireHeld(view.dtype());
        return new Argument.Element(view.buffer(), view.offset(), view.dtype());
    }

    private static void requireHeld(DType dtype) {
        if (dtype == DType.F16) {
            throw new UnsupportedOperationException(
                    "the target tornado has no f16: compile with trainer.precision=32 or bf16");
        }
    }

    /**
     * Says that the kernel has to do with bf16. Such kernels are there in C only: TornadoVM's compiler neither takes a
     * float's bits for an int, nor two bytes of an array of floats for a number.
     */
    TornadoKernel rounds() {
        prebuilt = true;
        inJava = false;
        return this;
    }

    TornadoKernel number(String name, long value) {
        Math.toIntExact(value);
        return bind(name, new Argument.Literal(value));
    }

    /** A float. */
    TornadoKernel real(String name, double value) {
        return bind(name, new Argument.Constant((float) value));
    }

    /** How many arguments have names. */
    int named() {
        return arguments.size();
    }

    /** Arguments behind those that have names, which a body in CUDA C finds from {@code args.v[named()]} on; floats as bits. */
    TornadoKernel rows(List<Argument> values) {
        rows = List.copyOf(values);
        return this;
    }

    /** Has the kernel rendered in C too. */
    TornadoKernel prebuilt() {
        prebuilt = true;
        return this;
    }

    private TornadoKernel bind(String name, Argument argument) {
        if (arguments.put(name, argument) != null) {
            throw new IllegalStateException("argument " + name + " is bound twice");
        }
        return this;
    }

    void launch(CallSink sink, long groups, Body body) {
        var reals = arguments.entrySet().stream()
                .filter(e -> e.getValue() instanceof Argument.Constant)
                .map(Map.Entry::getKey)
                .toList();
        var names = List.copyOf(arguments.keySet());
        var name = ClassName.get(PACKAGE + sink.target(), RenderedKernel.simpleName(stem, description));
        var dialect = TornadoTarget.dialect(sink.target());
        UnaryOperator<String> printer =
                java -> CSource.print(dialect, java, name.simpleName(), groupSize, names.size(), places());
        var onlyInC = !inJava || dialect == CDialect.CUDA;
        var kernel = new RenderedKernel(
                name.canonicalName(),
                () -> render(name, names, reals, body),
                prebuilt || onlyInC ? printer : null,
                !onlyInC);
        var values = dialect == CDialect.CUDA ? byValue() : List.copyOf(arguments.values());
        if (preparedBytes >= 0) {
            sink.prepareLaunch(kernel, values, Math.toIntExact(groups), groupSize, preparedBytes);
        } else {
            sink.launch(kernel, values, Math.toIntExact(groups), groupSize);
        }
    }

    /**
     * As {@link #launch}, of a kernel that is written in CUDA C, for what Java has no words for.
     *
     * @param functions that the body calls
     * @param body which sees the arguments by their names: places as long, reals as float, all others as int
     */
    void launchCuda(CallSink sink, long groups, String functions, String body) {
        var simple = RenderedKernel.simpleName(stem, description);
        var text = new StringBuilder(CDialect.CUDA.prelude())
                .append(functions)
                .append(CDialect.CUDA.head(simple, groupSize, arguments.size() + rows.size()));
        var i = 0;
        for (var argument : arguments.entrySet()) {
            var value = "args.v[" + i++ + "]";
            text.append(
                    switch (argument.getValue()) {
                        case Argument.Constant _ ->
                            "    const float %s = __int_as_float((int) %s);%n".formatted(argument.getKey(), value);
                        case Argument.Element element
                        when element.dtype().isFloat() ->
                            "    const long %s = %s;%n".formatted(argument.getKey(), value);
                        case Argument _ -> "    const int %s = (int) %s;%n".formatted(argument.getKey(), value);
                    });
        }
        var source = text.append(body).append("}\n").toString();
        var kernel = new RenderedKernel(PACKAGE + sink.target() + "." + simple, () -> source, c -> c, false);
        var values = Stream.concat(byValue().stream(), rows.stream()).toList();
        sink.launch(kernel, values, Math.toIntExact(groups), groupSize);
    }

    /** Arguments of which floats are their bits. */
    private List<Argument> byValue() {
        return arguments.values().stream()
                .map(argument -> argument instanceof Argument.Constant(var value) ? Argument.of(value) : argument)
                .toList();
    }

    /** Names of the arguments that are places in the arena of floats. */
    private Set<String> places() {
        return arguments.entrySet().stream()
                .filter(e -> e.getValue() instanceof Argument.Element element
                        && element.dtype().isFloat())
                .map(Map.Entry::getKey)
                .collect(Collectors.toUnmodifiableSet());
    }

    /** Says that the kernel only lays out operands, see {@link CallSink#prepare}. */
    TornadoKernel prepares(long bytes) {
        preparedBytes = bytes;
        return this;
    }

    /** A kernel of a name that the runtime knows: a statement for every {@code i} below {@code args.get(1)}. */
    static RenderedKernel fixed(String target, String simpleName, String statement) {
        return fixed(target, simpleName, CodeBlock.of("$L;\n", statement));
    }

    /** As above, of several statements. */
    static RenderedKernel fixed(String target, String simpleName, CodeBlock statements) {
        var name = ClassName.get(PACKAGE + target, simpleName);
        var body = CodeBlock.builder()
                .addStatement("final int i = group * $L + local", FIXED_GROUP)
                .beginControlFlow("if (i < args.get(1))")
                .add(statements)
                .endControlFlow()
                .build();
        var kernel = new TornadoKernel(simpleName, simpleName, FIXED_GROUP);
        return new RenderedKernel(name.canonicalName(), () -> kernel.render(name, List.of(), List.of(), _ -> body));
    }

    private String render(ClassName name, List<String> names, List<String> reals, Body body) {
        var helpers = new Helpers();
        var code = body.render(helpers);
        var run = MethodSpec.methodBuilder("run").addModifiers(Modifier.PUBLIC, Modifier.STATIC);
        parameters(run, false);
        run.addStatement("final int local = context.localIdx").addStatement("final int group = context.groupIdx");
        for (var i = 0; i < names.size(); i++) {
            var isReal = reals.contains(names.get(i));
            run.addStatement(
                    isReal ? "final float $L = constants.get(args.get($L))" : "final int $L = args.get($L)",
                    names.get(i),
                    i);
        }
        var apply =
                MethodSpec.methodBuilder("apply").addAnnotation(Override.class).addModifiers(Modifier.PUBLIC);
        parameters(apply, true);
        apply.addStatement(
                "run(($T) context, ($T) f, ($T) n, ($T) args, ($T) constants)",
                TornadoApi.KERNEL_CONTEXT,
                TornadoApi.FLOAT_ARRAY,
                TornadoApi.INT_ARRAY,
                TornadoApi.INT_ARRAY,
                TornadoApi.FLOAT_ARRAY);
        var type = TypeSpec.classBuilder(name)
                .addModifiers(Modifier.PUBLIC, Modifier.FINAL)
                .addSuperinterface(TornadoApi.TASK)
                .addJavadoc("$L\n\n<p>Arguments: $L.\n", description, String.join(", ", names))
                .addMethod(apply.build())
                .addMethod(run.addCode(code).build());
        helpers.methods.values().forEach(type::addMethod);
        return JavaFile.builder(name.packageName(), type.build())
                .indent("    ")
                .skipJavaLangImports(true)
                .build()
                .toString();
    }

    private static void parameters(MethodSpec.Builder method, boolean asObjects) {
        var types = new LinkedHashMap<String, TypeName>();
        types.put("context", TornadoApi.KERNEL_CONTEXT);
        types.put("f", TornadoApi.FLOAT_ARRAY);
        types.put("n", TornadoApi.INT_ARRAY);
        types.put("args", TornadoApi.INT_ARRAY);
        types.put("constants", TornadoApi.FLOAT_ARRAY);
        types.forEach((name, type) -> method.addParameter(asObjects ? ClassName.OBJECT : type, name));
    }

    /** Reads the element of index {@code index}: a float, an int or a truth value. */
    static CodeBlock load(DType dtype, CodeBlock index) {
        return switch (dtype) {
            case F32 -> CodeBlock.of("f.get($L)", index);
            case I32 -> CodeBlock.of("n.get($L)", index);
            case BOOL -> CodeBlock.of("(n.get($L) != 0)", index);
            case BF16 -> CodeBlock.of("$L.load(f, $L)", BFLOAT16, index);
            case F16 -> throw new IllegalArgumentException("no arena holds " + dtype.text());
        };
    }

    /** The statement that stores a value at index {@code index}. */
    static CodeBlock store(DType dtype, CodeBlock index, CodeBlock value) {
        return switch (dtype) {
            case F32 -> CodeBlock.of("f.set($L, $L)", index, value);
            case I32 -> CodeBlock.of("n.set($L, $L)", index, value);
            case BOOL -> CodeBlock.of("n.set($L, $L ? 1 : 0)", index, value);
            case BF16 -> CodeBlock.of("$L.store(f, $L, $L)", BFLOAT16, index, value);
            case F16 -> throw new IllegalArgumentException("no arena holds " + dtype.text());
        };
    }

    /** As {@link #load(DType, CodeBlock)}, by the text of the index. */
    static CodeBlock load(DType dtype, String index) {
        return load(dtype, CodeBlock.of("$L", index));
    }

    /** As {@link #store(DType, CodeBlock, CodeBlock)}, by the texts of index and value. */
    static CodeBlock store(DType dtype, String index, String value) {
        return store(dtype, CodeBlock.of("$L", index), CodeBlock.of("$L", value));
    }

    /** The Java type that holds an element. */
    static TypeName type(DType dtype) {
        return switch (dtype) {
            case F32, BF16, F16 -> TypeName.FLOAT;
            case I32 -> TypeName.INT;
            case BOOL -> TypeName.BOOLEAN;
        };
    }

    /** {@code a + b + …}; 0 for nothing. */
    static CodeBlock sum(List<CodeBlock> terms) {
        return terms.isEmpty() ? CodeBlock.of("0") : CodeBlock.join(terms, " + ");
    }

    static CodeBlock sum(CodeBlock... terms) {
        return sum(Stream.of(terms).toList());
    }
}
