package org.clipc.compiler.kernel;

import org.clipc.ir.BinaryFn;
import org.clipc.ir.DType;
import org.clipc.ir.interp.Scalars;

/** Powers of i32 in kernels of all targets; what they are says {@link Scalars#binary(BinaryFn, DType, double, double)}. */
public final class IntPower {

    /** A method's body: the int {@code a} to the power of the int {@code b}. */
    public static final String BODY = """
            int result = 1;
            int square = a;
            for (int rest = b; rest > 0; rest >>= 1) {
                result *= (rest & 1) == 0 ? 1 : square;
                square *= square;
            }
            return b >= 0 ? result : a == 1 ? 1 : a == -1 ? 1 - 2 * (b & 1) : 0;
            """;

    private IntPower() {}
}
