package org.clipc.compiler.tornado;

import com.sun.source.tree.ArrayAccessTree;
import com.sun.source.tree.AssignmentTree;
import com.sun.source.tree.BinaryTree;
import com.sun.source.tree.CompoundAssignmentTree;
import com.sun.source.tree.ConditionalExpressionTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.NewClassTree;
import com.sun.source.tree.ParenthesizedTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.TypeCastTree;
import com.sun.source.tree.UnaryTree;
import com.sun.source.tree.VariableTree;
import com.sun.source.util.SimpleTreeVisitor;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Prints the expressions of kernels as C. See {@link CSource}. */
final class CExpressions extends SimpleTreeVisitor<String, Void> {

    /** Keywords and functions of OpenCL C and CUDA C that kernels have variables of. */
    private static final Set<String> RESERVED = Set.of(
            "local",
            "global",
            "private",
            "constant",
            "kernel",
            "half",
            "event",
            "exp",
            "floor",
            "log",
            "round",
            "step");

    /** {@code f.get(place + 3)}: the array, the place and the offset. */
    private static final Pattern ELEMENT = Pattern.compile("(\\w+)\\[(\\w+) \\+ (\\d+)]");

    private final CDialect dialect;

    /** Variables of which a place in the arena of floats is part. */
    private final Set<String> places;

    CExpressions(CDialect dialect, Set<String> places) {
        this.dialect = dialect;
        this.places = new HashSet<>(places);
    }

    String print(Tree expression) {
        return visit(expression, null);
    }

    /** Prints what a variable starts with. */
    String print(VariableTree variable, ExpressionTree value) {
        var isPlace = places.contains(variable.getName().toString());
        return isPlace && value instanceof MethodInvocationTree call && isArgument(call)
                ? dialect.argument(print(call.getArguments()), true)
                : print(value);
    }

    private static boolean isArgument(MethodInvocationTree call) {
        return call.getMethodSelect().toString().equals("args.get");
    }

    /**
     * The type of a variable. A place may exceed an int where {@link CDialect} says so, and so may what is computed from one
     * by sums; products are of sizes of one tensor.
     */
    String declared(VariableTree variable, ExpressionTree value) {
        var type = type(variable.getType());
        var name = variable.getName().toString();
        if (type.equals("int") && mentionsPlace(value)) {
            places.add(name);
        }
        return dialect == CDialect.CUDA && places.contains(name) ? "long" : type;
    }

    private boolean mentionsPlace(Tree value) {
        return switch (value) {
            case IdentifierTree identifier ->
                places.contains(identifier.getName().toString());
            case ParenthesizedTree tree -> mentionsPlace(tree.getExpression());
            case BinaryTree tree -> mentionsPlace(tree.getLeftOperand()) || mentionsPlace(tree.getRightOperand());
            default -> false;
        };
    }

    private String print(List<? extends Tree> expressions) {
        return expressions.stream().map(this::print).collect(Collectors.joining(", "));
    }

    static IllegalArgumentException unknown(Tree tree) {
        return new IllegalArgumentException("C has no words yet for " + tree.getKind() + " " + tree);
    }

    @Override
    protected String defaultAction(Tree tree, Void unused) {
        throw unknown(tree);
    }

    /** A type's name in C. */
    String type(Tree type) {
        return switch (type.toString()) {
            case "boolean" -> "bool";
            case "int" -> "int";
            case "long" -> "long";
            case "float" -> "float";
            case "double" -> "double";
            case "void" -> "void";
            case "Float8" -> "float8";
            case "Float16" -> "float16";
            case "FloatArray" -> dialect.pointer("float");
            case "IntArray" -> dialect.pointer("int");
            default -> throw unknown(type);
        };
    }

    @Override
    public String visitLiteral(LiteralTree literal, Void unused) {
        return switch (literal.getValue()) {
            case Float value -> value + "f";
            case Double value -> value.toString();
            case Boolean value -> value.toString();
            case Long value when value >= 0 -> value + "L";
            case Integer value when value >= 0 -> value.toString();
            // A hexadecimal literal beyond 2^31.
            case Integer value -> "((int) 0x" + Integer.toHexString(value) + "u)";
            default -> throw unknown(literal);
        };
    }

    @Override
    public String visitIdentifier(IdentifierTree identifier, Void unused) {
        return name(identifier.getName());
    }

    /** A variable's name. */
    static String name(CharSequence java) {
        return RESERVED.contains(java.toString()) ? java + "_" : java.toString();
    }

    /** The name of a method of the kernel's own: OpenCL C has functions of some of their names. */
    static String function(CharSequence java) {
        return java + "_";
    }

    @Override
    public String visitParenthesized(ParenthesizedTree tree, Void unused) {
        return "(" + print(tree.getExpression()) + ")";
    }

    @Override
    public String visitUnary(UnaryTree tree, Void unused) {
        var x = print(tree.getExpression());
        return switch (tree.getKind()) {
            case UNARY_MINUS -> "-" + x;
            case LOGICAL_COMPLEMENT -> "!" + x;
            case BITWISE_COMPLEMENT -> "~" + x;
            case POSTFIX_INCREMENT -> x + "++";
            case POSTFIX_DECREMENT -> x + "--";
            default -> throw unknown(tree);
        };
    }

    @Override
    public String visitBinary(BinaryTree tree, Void unused) {
        var left = print(tree.getLeftOperand());
        var right = print(tree.getRightOperand());
        // Of longs only: TornadoVM's unsigned shifts of ints keep the sign, so kernels have none.
        return tree.getKind() == Tree.Kind.UNSIGNED_RIGHT_SHIFT
                ? "((" + dialect.unsignedLong() + ") " + left + " >> " + right + ")"
                : left + " " + operator(tree) + " " + right;
    }

    private static String operator(Tree tree) {
        return switch (tree.getKind()) {
            case PLUS, PLUS_ASSIGNMENT -> "+";
            case MINUS, MINUS_ASSIGNMENT -> "-";
            case MULTIPLY, MULTIPLY_ASSIGNMENT -> "*";
            case DIVIDE, DIVIDE_ASSIGNMENT -> "/";
            case REMAINDER, REMAINDER_ASSIGNMENT -> "%";
            case AND, AND_ASSIGNMENT -> "&";
            case OR, OR_ASSIGNMENT -> "|";
            case XOR, XOR_ASSIGNMENT -> "^";
            case LEFT_SHIFT, LEFT_SHIFT_ASSIGNMENT -> "<<";
            case RIGHT_SHIFT, RIGHT_SHIFT_ASSIGNMENT -> ">>";
            case CONDITIONAL_AND -> "&&";
            case CONDITIONAL_OR -> "||";
            case EQUAL_TO -> "==";
            case NOT_EQUAL_TO -> "!=";
            case LESS_THAN -> "<";
            case LESS_THAN_EQUAL -> "<=";
            case GREATER_THAN -> ">";
            case GREATER_THAN_EQUAL -> ">=";
            default -> throw unknown(tree);
        };
    }

    @Override
    public String visitConditionalExpression(ConditionalExpressionTree tree, Void unused) {
        return print(tree.getCondition()) + " ? " + print(tree.getTrueExpression()) + " : "
                + print(tree.getFalseExpression());
    }

    @Override
    public String visitAssignment(AssignmentTree tree, Void unused) {
        return print(tree.getVariable()) + " = " + print(tree.getExpression());
    }

    @Override
    public String visitCompoundAssignment(CompoundAssignmentTree tree, Void unused) {
        return print(tree.getVariable()) + " " + operator(tree) + "= " + print(tree.getExpression());
    }

    @Override
    public String visitTypeCast(TypeCastTree tree, Void unused) {
        return "(" + type(tree.getType()) + ") " + print(tree.getExpression());
    }

    @Override
    public String visitArrayAccess(ArrayAccessTree tree, Void unused) {
        return print(tree.getExpression()) + "[" + print(tree.getIndex()) + "]";
    }

    @Override
    public String visitMemberSelect(MemberSelectTree tree, Void unused) {
        return switch (tree.toString()) {
            case "context.localIdx" -> dialect.localIndex();
            case "context.groupIdx" -> dialect.groupIndex();
            case "Float.POSITIVE_INFINITY" -> "INFINITY";
            case "Float.NEGATIVE_INFINITY" -> "(-INFINITY)";
            case "Integer.MAX_VALUE" -> "2147483647";
            case "Integer.MIN_VALUE" -> "(-2147483647 - 1)";
            default -> throw unknown(tree);
        };
    }

    @Override
    public String visitMethodInvocation(MethodInvocationTree call, Void unused) {
        var arguments = call.getArguments();
        if (!(call.getMethodSelect() instanceof MemberSelectTree method)) {
            return function(call.getMethodSelect().toString()) + "(" + print(arguments) + ")";
        }
        var name = method.getIdentifier().toString();
        return switch (method.getExpression().toString()) {
            case "f", "n" -> element(print(method.getExpression()), name, arguments);
            case "args" -> dialect.argument(print(arguments), false);
            case "constants" -> dialect.constant(print(arguments));
            case TornadoKernel.BFLOAT16 -> "bf16_" + name + "(" + print(arguments) + ")";
            case CudaFunctions.WIDE -> "wide_" + name + "(" + print(arguments) + ")";
            case CudaFunctions.FAST -> "fast_" + name + "(" + print(arguments) + ")";
            case "context" -> {
                if (!name.equals("localBarrier")) {
                    throw unknown(call);
                }
                yield dialect.barrier();
            }
            // Functions of one number have the same names.
            case "TornadoMath" -> (name.equals("abs") ? "fabs" : name) + "(" + print(arguments) + ")";
            case "Float8", "Float16" -> vectorOperation(call, name, print(arguments.get(0)), print(arguments.get(1)));
            default -> {
                if (!name.matches("getS([0-9]|1[0-5])")) {
                    throw unknown(call);
                }
                var lane = Integer.parseInt(name.substring("getS".length()));
                yield print(method.getExpression()) + ".s" + Integer.toHexString(lane);
            }
        };
    }

    private String element(String array, String method, List<? extends ExpressionTree> arguments) {
        var place = array + "[" + print(arguments.getFirst()) + "]";
        return method.equals("get") ? place : place + " = " + print(arguments.get(1));
    }

    private static String vectorOperation(MethodInvocationTree call, String name, String a, String b) {
        var operator = switch (name) {
            case "add" -> "+";
            case "sub" -> "-";
            case "mult" -> "*";
            case "div" -> "/";
            default -> throw unknown(call);
        };
        return "(" + a + " " + operator + " " + b + ")";
    }

    /** A vector: of one number, of neighbours in memory, or of any. */
    @Override
    public String visitNewClass(NewClassTree tree, Void unused) {
        if (!tree.getIdentifier().toString().matches("Float(8|16)")) {
            throw unknown(tree);
        }
        var type = type(tree.getIdentifier());
        var lanes = tree.getArguments().stream().map(this::print).toList();
        if (lanes.stream().distinct().count() == 1) {
            return "(" + type + ") (" + lanes.getFirst() + ")";
        }
        var first = ELEMENT.matcher(lanes.getFirst());
        if (first.matches() && areNeighbours(lanes, first)) {
            return "vload%d(0, %s + %s + %s)".formatted(lanes.size(), first.group(1), first.group(2), first.group(3));
        }
        return "(" + type + ") (" + String.join(", ", lanes) + ")";
    }

    private static boolean areNeighbours(List<String> lanes, Matcher first) {
        for (var i = 0; i < lanes.size(); i++) {
            var wanted = "%s[%s + %d]".formatted(first.group(1), first.group(2), Integer.parseInt(first.group(3)) + i);
            if (!lanes.get(i).equals(wanted)) {
                return false;
            }
        }
        return true;
    }
}
