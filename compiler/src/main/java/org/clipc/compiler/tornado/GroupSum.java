package org.clipc.compiler.tornado;

import com.palantir.javapoet.CodeBlock;

/** Sums over the work items of a group, by a tree in local memory; every item gets the result. */
final class GroupSum {

    private final int groupSize;

    /** @param groupSize a power of two */
    GroupSum(int groupSize) {
        this.groupSize = groupSize;
    }

    /** Declares the local memory that the sums of a kernel share. */
    CodeBlock declare() {
        return CodeBlock.of("final float[] shared = context.allocateFloatLocalArray($L);\n", groupSize);
    }

    /** Declares {@code name}, the sum of the items' values of {@code value}. */
    CodeBlock sum(String name, String value) {
        return tree(name, value, "shared[local] = shared[local] + shared[local + step]");
    }

    /** Declares {@code name}, the largest of the items' values of {@code value}; NaN if one is NaN. */
    CodeBlock max(String name, String value) {
        return tree(
                name,
                value,
                "shared[local] = shared[local] > shared[local + step] || shared[local] != shared[local]"
                        + " ? shared[local] : shared[local + step]");
    }

    private CodeBlock tree(String name, String value, String join) {
        // The last barrier keeps the next sum from overwriting what an item has yet to read.
        return CodeBlock.builder()
                .addStatement("shared[local] = $L", value)
                .beginControlFlow("for (int step = $L; step >= 1; step >>= 1)", groupSize / 2)
                .addStatement("context.localBarrier()")
                .beginControlFlow("if (local < step)")
                .addStatement(join)
                .endControlFlow()
                .endControlFlow()
                .addStatement("context.localBarrier()")
                .addStatement("final float $L = shared[0]", name)
                .addStatement("context.localBarrier()")
                .build();
    }
}
