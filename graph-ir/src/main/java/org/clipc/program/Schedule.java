package org.clipc.program;

import java.util.List;

/**
 * How one entry point runs on one target.
 *
 * @param entry name of the entry point
 * @param target such as {@code jvm256}
 * @param workspaceBytes bytes of the arena's workspace region that the calls use
 */
public record Schedule(String entry, String target, long workspaceBytes, List<KernelCall> calls) {

    public Schedule {
        calls = List.copyOf(calls);
    }
}
