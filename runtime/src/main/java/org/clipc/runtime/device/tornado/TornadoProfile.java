package org.clipc.runtime.device.tornado;

import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Reads the log of TornadoVM's profiler: JSON objects, one behind the other, of a field for each task with its kernel's time
 * in nanoseconds among others. The log grows with every run; a task's last time is that of the last run.
 */
final class TornadoProfile {

    /** The start of a task, or a kernel's time. */
    private static final Pattern MARK = Pattern.compile("\"([\\w.]+)\":\\s*\\{|\"TASK_KERNEL_TIME\":\\s*\"(\\d+)\"");

    private TornadoProfile() {}

    /** Times by task, {@code <graph>.<task>}. */
    static Map<String, Long> kernelNanos(String log) {
        var times = new HashMap<String, Long>();
        var marks = MARK.matcher(log);
        var task = "";
        while (marks.find()) {
            if (marks.group(1) != null) {
                task = marks.group(1);
            } else {
                times.put(task, Long.parseLong(marks.group(2)));
            }
        }
        return times;
    }
}
