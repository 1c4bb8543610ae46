package org.clipc.compiler.jvm;

import com.palantir.javapoet.ClassName;
import com.palantir.javapoet.CodeBlock;
import com.palantir.javapoet.FieldSpec;
import com.palantir.javapoet.JavaFile;
import com.palantir.javapoet.MethodSpec;
import com.palantir.javapoet.TypeSpec;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import javax.lang.model.element.Modifier;
import org.clipc.compiler.kernel.RenderedKernel;

/**
 * A generated kernel class under construction: {@code run} hands its units, one by one, to a method {@code unit}, unless
 * told otherwise. Kernels of one width may call each other's public methods.
 */
final class KernelClass {

    private final ClassName name;
    private final TypeSpec.Builder type;
    private final JvmLibrary library;
    private final ArgumentLayout layout;
    private CodeBlock run = CodeBlock.builder()
            .beginControlFlow("for (int unit = from; unit < to; unit++)")
            .addStatement("unit(arena, local, args, unit)")
            .endControlFlow()
            .build();

    private KernelClass(int bits, ClassName name, String description, ArgumentLayout layout) {
        this.name = name;
        this.layout = layout;
        this.library = new JvmLibrary(bits);
        this.type = TypeSpec.classBuilder(name)
                .addModifiers(Modifier.PUBLIC, Modifier.FINAL)
                .addJavadoc("$L\n\n<p>Arguments: $L.\n", description, String.join(", ", layout.names()))
                .addMethod(MethodSpec.constructorBuilder()
                        .addModifiers(Modifier.PRIVATE)
                        .build());
    }

    /** Fills a class: adds at least the method {@code unit} that {@link #unit} begins. */
    interface Body {
        void render(KernelClass kernel);
    }

    /**
     * The kernel of a spec.
     *
     * @param stem what the class name begins with
     * @param description all that the kernel depends on, in a line of text: equal for equal specs only
     */
    static RenderedKernel kernel(int bits, String stem, String description, ArgumentLayout layout, Body body) {
        var name = ClassName.get("org.clipc.kernels.jvm" + bits, RenderedKernel.simpleName(stem, description));
        Supplier<String> source = () -> {
            var kernel = new KernelClass(bits, name, description, layout);
            body.render(kernel);
            return kernel.source();
        };
        return new RenderedKernel(name.canonicalName(), source);
    }

    JvmLibrary library() {
        return library;
    }

    ArgumentLayout layout() {
        return layout;
    }

    void add(MethodSpec.Builder method) {
        type.addMethod(method.build());
    }

    void add(FieldSpec field) {
        type.addField(field);
    }

    /** Replaces the body of {@code run(arena, args, from, to, local, shared)}, which runs unit after unit. */
    void run(CodeBlock body) {
        run = body;
    }

    /** Begins a static method whose first parameters are {@code arena} and {@code local}. */
    MethodSpec.Builder method(String methodName) {
        return MethodSpec.methodBuilder(methodName)
                .addModifiers(Modifier.PRIVATE, Modifier.STATIC)
                .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                .addParameter(float[].class, "local", Modifier.FINAL);
    }

    /** Begins the method that does one unit of work. */
    MethodSpec.Builder unit() {
        return method("unit")
                .addParameter(long[].class, "args", Modifier.FINAL)
                .addParameter(int.class, "unit", Modifier.FINAL);
    }

    private MethodSpec runMethod() {
        return MethodSpec.methodBuilder("run")
                .addModifiers(Modifier.PUBLIC, Modifier.STATIC)
                .addParameter(MemorySegment.class, "arena", Modifier.FINAL)
                .addParameter(long[].class, "args", Modifier.FINAL)
                .addParameter(int.class, "from", Modifier.FINAL)
                .addParameter(int.class, "to", Modifier.FINAL)
                .addParameter(float[].class, "local", Modifier.FINAL)
                .addParameter(float[].class, "shared", Modifier.FINAL)
                .addCode(run)
                .build();
    }

    private String source() {
        type.addMethod(runMethod());
        library.addTo(type);
        return JavaFile.builder(name.packageName(), type.build())
                .indent("    ")
                .skipJavaLangImports(true)
                .build()
                .toString();
    }
}
