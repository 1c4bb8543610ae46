package org.clipc.program;

import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Names of the file's members, and how large each kind may be once inflated. */
final class Members {

    static final String MANIFEST = "manifest.json";
    static final String KERNEL_PACKAGE = "org.clipc.kernels.";

    static final int MAX_MEMBERS = 50_000;
    static final long MAX_TOTAL_BYTES = 1L << 30;

    private static final int MIB = 1 << 20;
    private static final String WORD = "[a-z][a-z0-9_]{0,63}";
    private static final String CLASS = "[A-Za-z][A-Za-z0-9_]{0,127}";

    private static final Pattern GRAPH = Pattern.compile("graphs/" + WORD + "\\.cir");
    private static final Pattern SCHEDULE = Pattern.compile("schedule/" + WORD + "/" + WORD + "\\.json");
    private static final Pattern KERNEL = Pattern.compile("kernels/" + WORD + "/" + CLASS + "\\.class");
    private static final Pattern PREBUILT = Pattern.compile("prebuilt/" + WORD + "/" + CLASS + "\\.c[lu]");
    private static final Pattern SOURCE = Pattern.compile("sources/" + WORD + "/" + CLASS + "\\.java");
    private static final Pattern ENTRY_OR_TARGET = Pattern.compile(WORD);

    private Members() {}

    static boolean isWord(String name) {
        return ENTRY_OR_TARGET.matcher(name).matches();
    }

    static String graph(String entry) {
        return "graphs/" + entry + ".cir";
    }

    static String schedule(String target, String entry) {
        return "schedule/" + target + "/" + entry + ".json";
    }

    /** @param key {@code <target>/<simple class name>} */
    static String kernel(String key) {
        return "kernels/" + key + ".class";
    }

    /** @param key {@code <target>/<simple class name>} */
    static String source(String key) {
        return "sources/" + key + ".java";
    }

    /** @param key {@code <target>/<simple class name>} */
    static String prebuilt(String key) {
        return "prebuilt/" + key + (key.startsWith("tornadocuda/") ? ".cu" : ".cl");
    }

    /** The key, as in {@link Program#kernels}, of a kernel or source member. */
    static String key(String member) {
        return member.substring(member.indexOf('/') + 1, member.lastIndexOf('.'));
    }

    /** The most bytes that a member of this name may inflate to; -1 if no member may have this name. */
    static int limit(String member) {
        if (member.equals(MANIFEST)) {
            return 64 * MIB;
        }
        if (GRAPH.matcher(member).matches()) {
            return 256 * MIB;
        }
        if (SCHEDULE.matcher(member).matches()) {
            return 256 * MIB;
        }
        return Stream.of(KERNEL, PREBUILT, SOURCE)
                        .anyMatch(kind -> kind.matcher(member).matches())
                ? 4 * MIB
                : -1;
    }
}
