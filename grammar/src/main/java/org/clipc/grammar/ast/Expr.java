package org.clipc.grammar.ast;

import java.util.List;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.jspecify.annotations.Nullable;

/** An expression. */
public sealed interface Expr {
    SourceSpan span();

    record IntLiteral(long value, SourceSpan span) implements Expr {}

    record FloatLiteral(double value, SourceSpan span) implements Expr {}

    record BoolLiteral(boolean value, SourceSpan span) implements Expr {}

    record StringLiteral(String value, SourceSpan span) implements Expr {}

    record Name(String text, SourceSpan span) implements Expr {}

    /** {@code target.name}. */
    record Field(Expr target, Identifier name, SourceSpan span) implements Expr {}

    /** {@code callee(arguments)}. */
    record Call(Expr callee, List<Argument> arguments, SourceSpan span) implements Expr {
        public Call {
            arguments = List.copyOf(arguments);
        }
    }

    /** {@code target[subscripts]}. */
    record Index(Expr target, List<Subscript> subscripts, SourceSpan span) implements Expr {
        public Index {
            subscripts = List.copyOf(subscripts);
        }
    }

    /** One place of an index expression. */
    sealed interface Subscript {
        SourceSpan span();

        /** {@code 3}: one element, and the axis goes. */
        record At(Expr index, SourceSpan span) implements Subscript {}

        /** {@code 1:}, {@code :n}, {@code :}. */
        record Slice(@Nullable Expr from, @Nullable Expr to, SourceSpan span) implements Subscript {}

        /** {@code ..}: as many whole axes as are left. */
        record Rest(SourceSpan span) implements Subscript {}
    }

    record Unary(UnaryOperator operator, Expr operand, SourceSpan span) implements Expr {}

    /** @param at the operator's own place */
    record Binary(BinaryOperator operator, Expr left, Expr right, SourceSpan at, SourceSpan span) implements Expr {}

    /** {@code if condition then a else b} over a compile-time condition. */
    record Conditional(Expr condition, Expr then, Expr otherwise, SourceSpan span) implements Expr {}

    /** {@code repeat i in count { element }}: that many modules, each fed by the one before. */
    record Stack(Identifier variable, Expr count, Expr element, SourceSpan span) implements Expr {}

    /** {@code (a, b)}; parentheses around one expression leave no trace in the tree. */
    record TupleLiteral(List<Expr> elements, SourceSpan span) implements Expr {
        public TupleLiteral {
            elements = List.copyOf(elements);
        }
    }

    record ListLiteral(List<Expr> elements, SourceSpan span) implements Expr {
        public ListLiteral {
            elements = List.copyOf(elements);
        }
    }

    enum UnaryOperator {
        NEGATE("-"),
        NOT("not");

        private final String text;

        UnaryOperator(String text) {
            this.text = text;
        }

        /** As written in a source. */
        public String text() {
            return text;
        }
    }

    enum BinaryOperator {
        ADD("+"),
        SUBTRACT("-"),
        MULTIPLY("*"),
        DIVIDE("/"),
        REMAINDER("%"),
        MATMUL("@"),
        LESS("<"),
        LESS_EQUAL("<="),
        GREATER(">"),
        GREATER_EQUAL(">="),
        EQUAL("=="),
        NOT_EQUAL("!="),
        AND("and"),
        OR("or");

        private final String text;

        BinaryOperator(String text) {
            this.text = text;
        }

        /** As written in a source. */
        public String text() {
            return text;
        }
    }
}
