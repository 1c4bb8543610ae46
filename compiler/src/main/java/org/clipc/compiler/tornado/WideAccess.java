package org.clipc.compiler.tornado;

import org.clipc.ir.DType;

/** Accesses to neighbours, in CUDA C: by the functions of {@link CudaFunctions#WIDE}, or to one alone. */
final class WideAccess {

    private WideAccess() {}

    /** The statement that reads {@code width} neighbours from a place of f32 or bf16 into an array of floats. */
    static String load(DType dtype, int width, String place, String array) {
        if (width > 1) {
            return "wide_load%s(f, %s, %s);".formatted(functions(dtype), place, array);
        }
        return dtype == DType.BF16
                ? "%s[0] = bf16_load(f, %s);".formatted(array, place)
                : "%s[0] = f[%s];".formatted(array, place);
    }

    /** The statement that writes them. */
    static String store(DType dtype, int width, String place, String array) {
        if (width > 1) {
            return "wide_store%s(f, %s, %s);".formatted(functions(dtype), place, array);
        }
        return dtype == DType.BF16
                ? "bf16_store(f, %s, %s[0]);".formatted(place, array)
                : "f[%s] = %s[0];".formatted(place, array);
    }

    private static String functions(DType dtype) {
        return dtype == DType.BF16 ? "Bfloats" : "Floats";
    }
}
