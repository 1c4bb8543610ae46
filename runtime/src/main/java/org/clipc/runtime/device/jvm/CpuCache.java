package org.clipc.runtime.device.jvm;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** What the system tells of the CPU's caches. */
final class CpuCache {

    /** Where Linux does. */
    private static final Path FIRST_CORE = Path.of("/sys/devices/system/cpu/cpu0/cache");

    private static final Pattern KIBIBYTES = Pattern.compile("([1-9][0-9]{0,5})K");

    private CpuCache() {}

    /** Bytes of a core's first-level data cache; 0 where the system does not tell. */
    static int firstLevelBytes() {
        return firstLevelBytes(FIRST_CORE);
    }

    /** @param folder with a folder {@code index0} and so on for each cache, of which files tell level, type and size */
    static int firstLevelBytes(Path folder) {
        try (var caches = Files.newDirectoryStream(folder, "index*")) {
            for (var cache : caches) {
                if (read(cache, "level").equals("1") && read(cache, "type").equals("Data")) {
                    var size = KIBIBYTES.matcher(read(cache, "size"));
                    return size.matches() ? Integer.parseInt(size.group(1)) << 10 : 0;
                }
            }
            return 0;
        } catch (IOException e) {
            return 0;
        }
    }

    private static String read(Path cache, String file) throws IOException {
        return Files.readString(cache.resolve(file)).strip();
    }
}
