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
import java.util.Set;
import java.util.stream.Collectors;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;

/**
 * Prints a kernel's Java as C: the same statements, compiled by the driver alone. Its compilers contract products and sums,
 * keep vectors in registers and take a float's bits for an int, where what TornadoVM writes of the same Java does nothing of
 * that.
 *
 * <p>Kernels are written in a small part of Java: numbers, arrays of them, loops, and calls of static methods, of
 * TornadoVM's arrays, vectors, math and context. Whatever else a template comes to use is an error here, until it has words
 * in C.
 */
final class CSource extends SimpleTreeVisitor<Void, Void> {

    private final CDialect dialect;
    private final StringBuilder text = new StringBuilder();
    private final CExpressions expressions;
    private int depth;

    private CSource(CDialect dialect, Set<String> places) {
        this.dialect = dialect;
        this.expressions = new CExpressions(dialect, places);
    }

    /**
     * @param java a kernel's class, as {@link TornadoKernel} renders it
     * @param name of the kernel function
     * @param groupSize work items of a group
     * @param arguments how many there are
     * @param places those of them that are places in the arena of floats
     * @throws IllegalArgumentException if the class has anything that kernels do not have
     */
    static String print(CDialect dialect, String java, String name, int groupSize, int arguments, Set<String> places) {
        var printer = new CSource(dialect, places);
        printer.text.append(dialect.prelude());
        var isWide = java.contains(CudaFunctions.WIDE + ".");
        if (isWide || java.contains(TornadoKernel.BFLOAT16 + ".")) {
            printer.text.append(dialect.bfloat16());
        }
        if (isWide) {
            printer.text.append(CudaFunctions.WIDE_CODE);
        }
        if (java.contains(CudaFunctions.FAST + ".")) {
            printer.text.append(CudaFunctions.FAST_CODE);
        }
        var type = parse(java);
        var methods = type.getMembers().stream()
                .filter(MethodTree.class::isInstance)
                .map(MethodTree.class::cast)
                .filter(m -> !m.getName().contentEquals("apply") && m.getReturnType() != null)
                .toList();
        var helpers =
                methods.stream().filter(m -> !m.getName().contentEquals("run")).toList();
        helpers.forEach(helper -> printer.text.append(printer.signature(helper)).append(";\n"));
        helpers.forEach(helper -> printer.method(printer.signature(helper), helper));
        var run = methods.stream()
                .filter(m -> m.getName().contentEquals("run"))
                .findFirst()
                .orElseThrow();
        printer.kernel(run, dialect.head(name, groupSize, arguments));
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

    private String signature(MethodTree method) {
        var parameters = method.getParameters().stream()
                .map(p -> expressions.type(p.getType()) + " " + CExpressions.name(p.getName()))
                .collect(Collectors.joining(", "));
        return dialect.function() + " " + expressions.type(method.getReturnType()) + " "
                + CExpressions.function(method.getName()) + "(" + parameters + ")";
    }

    private void method(String signature, MethodTree method) {
        text.append(signature).append(' ');
        visit(method.getBody(), null);
    }

    private void kernel(MethodTree run, String head) {
        text.append(head);
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
        throw CExpressions.unknown(tree);
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
        var name = CExpressions.name(variable.getName());
        return switch (variable.getInitializer()) {
            case NewArrayTree array ->
                expressions.type(array.getType()) + " " + name + "["
                        + expressions.print(array.getDimensions().getFirst()) + "] = {0}";
            case MethodInvocationTree call
            when isLocalArray(call) ->
                dialect.local(localType(call) + " " + name + "["
                        + expressions.print(call.getArguments().getFirst()) + "]");
            case ExpressionTree value ->
                expressions.declared(variable, value) + " " + name + " = " + expressions.print(variable, value);
        };
    }

    private static String localType(MethodInvocationTree call) {
        return call.getMethodSelect().toString().contains("Int") ? "int" : "float";
    }

    private static boolean isLocalArray(MethodInvocationTree call) {
        return call.getMethodSelect().toString().matches("context\\.allocate(Float|Int)LocalArray");
    }

    @Override
    public Void visitIf(IfTree statement, Void unused) {
        text.repeat("    ", depth);
        chain(statement);
        return null;
    }

    private void chain(IfTree statement) {
        text.append("if ").append(expressions.print(statement.getCondition())).append(' ');
        body(statement.getThenStatement());
        if (statement.getElseStatement() == null) {
            return;
        }
        text.repeat("    ", depth).append("else ");
        if (statement.getElseStatement() instanceof IfTree other) {
            chain(other);
        } else {
            body(statement.getElseStatement());
        }
    }

    @Override
    public Void visitForLoop(ForLoopTree loop, Void unused) {
        var start = switch (loop.getInitializer().size()) {
            case 0 -> "";
            case 1 -> declaration((VariableTree) loop.getInitializer().getFirst());
            default -> throw CExpressions.unknown(loop);
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
            throw CExpressions.unknown(statement);
        }
        visit(statement, null);
    }
}
