package org.clipc.compiler.tornado;

import com.sun.source.tree.BlockTree;
import com.sun.source.tree.ClassTree;
import com.sun.source.tree.ExpressionStatementTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.ForLoopTree;
import com.sun.source.tree.IfTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.NewArrayTree;
import com.sun.source.tree.ReturnTree;
import com.sun.source.tree.StatementTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SimpleTreeVisitor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.util.List;
import java.util.stream.Collectors;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * Prints a kernel's Java as OpenCL C, for TornadoVM's prebuilt tasks: the same statements, compiled by the driver alone.
 * Its compilers contract products and sums, and keep vectors in registers, where what TornadoVM writes of the same Java
 * does neither.
 *
 * <p>Kernels are written in a small part of Java: numbers, arrays of them, loops, and calls of static methods, of
 * TornadoVM's arrays, vectors, math and context. Whatever else a template comes to use is an error here, until it has words
 * in C.
 *
 * <p>A kernel takes TornadoVM's four parameters and then its arrays, each behind a header of {@code HEADER} bytes, which
 * whoever compiles the source must define.
 */
final class OpenClSource extends SimpleTreeVisitor<Void, Void> {

    private static final List<String> ARRAYS = List.of("f", "n", "args", "constants");

    private final StringBuilder text = new StringBuilder();
    private final OpenClExpressions expressions = new OpenClExpressions();
    private int depth;

    private OpenClSource() {}

    /**
     * @param java a kernel's class, as {@link TornadoKernel} renders it
     * @param name of the kernel function
     * @param groupSize work items of a group
     * @throws IllegalArgumentException if the class has anything that kernels do not have
     */
    static String print(String java, String name, int groupSize) {
        var printer = new OpenClSource();
        var type = parse(java);
        var methods = type.getMembers().stream()
                .filter(MethodTree.class::isInstance)
                .map(MethodTree.class::cast)
                .filter(m -> !m.getName().contentEquals("apply") && m.getReturnType() != null)
                .toList();
        var helpers =
                methods.stream().filter(m -> !m.getName().contentEquals("run")).toList();
        helpers.forEach(helper -> printer.text.append(signature(helper)).append(";\n"));
        helpers.forEach(helper -> printer.method(signature(helper), helper));
        var run = methods.stream()
                .filter(m -> m.getName().contentEquals("run"))
                .findFirst()
                .orElseThrow();
        printer.kernel(run, name, groupSize);
        return printer.text.toString();
    }

    private static ClassTree parse(String java) {
        var file = new SimpleJavaFileObject(URI.create("string:///Kernel.java"), JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return java;
            }
        };
        var javac = ToolProvider.getSystemJavaCompiler();
        var task = (JavacTask) javac.getTask(null, null, null, List.of("-proc:none"), null, List.of(file));
        try {
            return (ClassTree) task.parse().iterator().next().getTypeDecls().getFirst();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String signature(MethodTree method) {
        var parameters = method.getParameters().stream()
                .map(p -> OpenClExpressions.type(p.getType()) + " " + OpenClExpressions.name(p.getName()))
                .collect(Collectors.joining(", "));
        return "static " + OpenClExpressions.type(method.getReturnType()) + " "
                + OpenClExpressions.function(method.getName()) + "(" + parameters + ")";
    }

    private void method(String signature, MethodTree method) {
        text.append(signature).append(' ');
        visit(method.getBody(), null);
    }

    private void kernel(MethodTree run, String name, int groupSize) {
        var arrays = ARRAYS.stream().map(a -> "__global uchar *" + a + "_").collect(Collectors.joining(", "));
        text.append("""
                __attribute__((reqd_work_group_size(%d, 1, 1)))
                __kernel void %s(__global long *_context, __constant uchar *_constants, __local uchar *_local,
                        __global int *_atomics, %s) {
                """.formatted(groupSize, name, arrays));
        for (var array : ARRAYS) {
            var type = array.equals("f") || array.equals("constants") ? "float" : "int";
            text.append("    __global %s *restrict %s = (__global %s *) (%s_ + HEADER);\n"
                    .formatted(type, array, type, array));
        }
        depth++;
        run.getBody().getStatements().forEach(statement -> visit(statement, null));
        depth--;
        text.append("}\n");
    }

    private void line(String line) {
        text.repeat("    ", depth).append(line).append('\n');
    }

    @Override
    protected Void defaultAction(Tree tree, Void unused) {
        throw OpenClExpressions.unknown(tree);
    }

    @Override
    public Void visitBlock(BlockTree block, Void unused) {
        text.append("{\n");
        depth++;
        block.getStatements().forEach(statement -> visit(statement, null));
        depth--;
        line("}");
        return null;
    }

    @Override
    public Void visitExpressionStatement(ExpressionStatementTree statement, Void unused) {
        line(expressions.print(statement.getExpression()) + ";");
        return null;
    }

    @Override
    public Void visitReturn(ReturnTree statement, Void unused) {
        line("return " + expressions.print(statement.getExpression()) + ";");
        return null;
    }

    @Override
    public Void visitVariable(VariableTree variable, Void unused) {
        line(declaration(variable) + ";");
        return null;
    }

    private String declaration(VariableTree variable) {
        var name = OpenClExpressions.name(variable.getName());
        return switch (variable.getInitializer()) {
            case NewArrayTree array ->
                OpenClExpressions.type(array.getType()) + " " + name + "["
                        + expressions.print(array.getDimensions().getFirst()) + "] = {0}";
            case MethodInvocationTree call
            when isLocalArray(call) ->
                "__local float " + name + "["
                        + expressions.print(call.getArguments().getFirst()) + "]";
            case ExpressionTree value ->
                OpenClExpressions.type(variable.getType()) + " " + name + " = " + expressions.print(value);
        };
    }

    private static boolean isLocalArray(MethodInvocationTree call) {
        return call.getMethodSelect().toString().equals("context.allocateFloatLocalArray");
    }

    @Override
    public Void visitIf(IfTree statement, Void unused) {
        text.repeat("    ", depth)
                .append("if ")
                .append(expressions.print(statement.getCondition()))
                .append(' ');
        body(statement.getThenStatement());
        if (statement.getElseStatement() != null) {
            text.repeat("    ", depth).append("else ");
            body(statement.getElseStatement());
        }
        return null;
    }

    @Override
    public Void visitForLoop(ForLoopTree loop, Void unused) {
        var start = switch (loop.getInitializer().size()) {
            case 0 -> "";
            case 1 -> declaration((VariableTree) loop.getInitializer().getFirst());
            default -> throw OpenClExpressions.unknown(loop);
        };
        var condition = loop.getCondition() == null ? "" : expressions.print(loop.getCondition());
        var update = loop.getUpdate().stream()
                .map(u -> expressions.print(u.getExpression()))
                .collect(Collectors.joining(", "));
        text.repeat("    ", depth).append("for (%s; %s; %s) ".formatted(start, condition, update));
        body(loop.getStatement());
        return null;
    }

    private void body(StatementTree statement) {
        if (!(statement instanceof BlockTree)) {
            throw OpenClExpressions.unknown(statement);
        }
        visit(statement, null);
    }
}
