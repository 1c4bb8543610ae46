package org.clipc.program;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** The tokens of a long JSON document from an untrusted file; every access says what it expects. */
record JsonTokens(JsonParser parser) {

    /** Steps to the next token; null at the end. */
    @Nullable
    JsonToken next() throws IOException {
        return parser.nextToken();
    }

    JsonToken current() {
        return parser.currentToken();
    }

    String name() throws IOException {
        return parser.currentName();
    }

    String text() throws IOException {
        return parser.getText();
    }

    void expect(JsonToken token, String what) throws IOException, InvalidMemberException {
        if (next() != token) {
            throw wrong(what);
        }
    }

    /** The next token, a number. */
    long integer(long least, long most) throws IOException, InvalidMemberException {
        next();
        return number(least, most);
    }

    /** The current token, a number. */
    long number(long least, long most) throws IOException, InvalidMemberException {
        if (current() != JsonToken.VALUE_NUMBER_INT) {
            throw wrong("a whole number");
        }
        // Jackson refuses what does not fit a long.
        var value = parser.getLongValue();
        if (value < least || value > most) {
            throw wrong("a number between " + least + " and " + most);
        }
        return value;
    }

    InvalidMemberException wrong(String expected) throws IOException {
        var at = parser.currentTokenLocation();
        return new InvalidMemberException("line %d, column %d: expected %s, found %s"
                .formatted(
                        at.getLineNr(),
                        at.getColumnNr(),
                        expected,
                        Archive.printable(String.valueOf(parser.getText()))));
    }
}
