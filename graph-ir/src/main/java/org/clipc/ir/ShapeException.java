package org.clipc.ir;

/** Operands that an op cannot take; the message names the op and shows the operand types. */
public final class ShapeException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    public ShapeException(String message) {
        super(message);
    }
}
