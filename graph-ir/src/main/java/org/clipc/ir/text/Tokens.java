package org.clipc.ir.text;

import java.util.function.IntPredicate;

/** Splits the text form into tokens, one ahead of the parser. {@code //} starts a comment that runs to the line's end. */
final class Tokens {

    /** What a token is; {@code VALUE} is a reference such as {@code %3} or {@code %3.1}, kept without the percent sign. */
    enum Kind {
        NAME,
        VALUE,
        NUMBER,
        STRING,
        PUNCTUATION,
        END
    }

    /** {@code text} is a string's content, and the spelling of every other token. */
    record Token(Kind kind, String text, int at) {}

    static final int LONGEST_STRING = 4096;
    private static final int LONGEST_WORD = 256;

    private final String file;
    private final String text;
    private int at;
    private Token next;

    Tokens(String file, String text) {
        this.file = file;
        this.text = text;
        next = scan();
    }

    Token peek() {
        return next;
    }

    Token take() {
        var token = next;
        next = scan();
        return token;
    }

    GraphParseException error(int offset, String message) {
        var before = text.substring(0, Math.min(offset, text.length()));
        var line = 1 + before.chars().filter(c -> c == '\n').count();
        var column = before.length() - before.lastIndexOf('\n');
        return new GraphParseException(file + ":" + line + ":" + column + ": " + message);
    }

    private Token scan() {
        skipBlanks();
        var start = at;
        if (at == text.length()) {
            return new Token(Kind.END, "end of text", start);
        }
        var c = text.charAt(at);
        if (c == '"') {
            return new Token(Kind.STRING, string(), start);
        }
        if (c == '%') {
            at++;
            return new Token(Kind.VALUE, word(Tokens::isWordPartOrDot), start);
        }
        if (isDigit(c) || c == '-') {
            at++;
            return new Token(Kind.NUMBER, c + word(Tokens::isNumberPart), start);
        }
        if (isWordPart(c)) {
            return new Token(Kind.NAME, word(Tokens::isWordPart), start);
        }
        at++;
        return new Token(Kind.PUNCTUATION, String.valueOf(c), start);
    }

    private void skipBlanks() {
        while (at < text.length()) {
            if (text.startsWith("//", at)) {
                var end = text.indexOf('\n', at);
                at = end < 0 ? text.length() : end;
            } else if (Character.isWhitespace(text.charAt(at))) {
                at++;
            } else {
                return;
            }
        }
    }

    private String word(IntPredicate part) {
        var start = at;
        while (at < text.length() && part.test(text.charAt(at))) {
            at++;
        }
        if (at - start > LONGEST_WORD) {
            throw error(start, "a word of " + (at - start) + " characters");
        }
        return text.substring(start, at);
    }

    private String string() {
        var start = at;
        var content = new StringBuilder();
        for (at++; at < text.length() && text.charAt(at) != '"' && text.charAt(at) != '\n'; at++) {
            content.append(text.charAt(at) == '\\' ? escape() : text.charAt(at));
            if (content.length() > LONGEST_STRING) {
                throw error(start, "a string of more than " + LONGEST_STRING + " characters");
            }
        }
        if (at == text.length() || text.charAt(at) != '"') {
            throw error(start, "this string has no closing quote on its line");
        }
        at++;
        return content.toString();
    }

    /** The character of the escape sequence at the cursor, which moves to the sequence's last character. */
    private char escape() {
        var start = at;
        at++;
        var c = at < text.length() ? text.charAt(at) : ' ';
        return switch (c) {
            case '"', '\\' -> c;
            case 'n' -> '\n';
            case 't' -> '\t';
            case 'u' -> {
                var digits = text.substring(at + 1, Math.min(at + 5, text.length()));
                if (!digits.matches("[0-9a-fA-F]{4}")) {
                    throw error(start, "\\u needs four hexadecimal digits");
                }
                at += 4;
                yield (char) Integer.parseInt(digits, 16);
            }
            default -> throw error(start, "unknown escape \\" + c);
        };
    }

    private static boolean isDigit(int c) {
        return c >= '0' && c <= '9';
    }

    private static boolean isWordPart(int c) {
        return isDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    }

    private static boolean isWordPartOrDot(int c) {
        return isWordPart(c) || c == '.';
    }

    private static boolean isNumberPart(int c) {
        return isWordPartOrDot(c) || c == '-' || c == '+';
    }
}
