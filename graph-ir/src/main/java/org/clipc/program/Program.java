package org.clipc.program;

import java.util.List;
import java.util.Map;

/**
 * A compiled program in memory.
 *
 * @param graphs by entry point: the text form of the graph after the last pass, for explanation and checking
 * @param schedules one per entry point and target
 * @param kernels class file by {@code <target>/<simple class name>}
 * @param prebuilt under the same names, kernels in OpenCL C or CUDA C, for those that have it besides or instead
 * @param sources Java source of the kernels, under the same names; empty unless kept
 */
public record Program(
        Manifest manifest,
        Map<String, String> graphs,
        List<Schedule> schedules,
        Map<String, byte[]> kernels,
        Map<String, String> prebuilt,
        Map<String, String> sources) {}
