package org.clipc.program;

import java.util.List;
import java.util.Map;

/**
 * What a program is, apart from its code. The arena is laid out as [parameters][workspace][optimizer state], each region
 * beginning at a multiple of 64; inference needs the first two only.
 *
 * @param formatVersion of the file; a reader takes only its own
 * @param model name of the model
 * @param config the resolved configuration, nested maps with the key names of the recipe
 * @param state optimizer state tensors, such as {@code adam.m.<parameter>}, zero at the start of training
 * @param parameterBytes size of the parameter region
 * @param workspaceBytes size of the workspace region: the most that any schedule uses
 * @param stateBytes size of the optimizer state region
 * @param targets names of the targets whose kernels the program carries
 * @param checksums SHA-256, in hexadecimal, of every other member of the file
 */
public record Manifest(
        int formatVersion,
        String model,
        Map<String, Object> config,
        List<Parameter> parameters,
        List<TensorSlot> state,
        List<EntryPoint> entries,
        long parameterBytes,
        long workspaceBytes,
        long stateBytes,
        List<String> targets,
        Map<String, String> checksums) {

    public static final int FORMAT_VERSION = 1;
}
