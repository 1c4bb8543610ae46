package org.clipc.runtime.device.jvm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CpuCacheTest {

    @TempDir
    Path folder;

    private void cache(int index, String level, String type, String size) throws IOException {
        var cache = Files.createDirectory(folder.resolve("index" + index));
        Files.writeString(cache.resolve("level"), level + "\n");
        Files.writeString(cache.resolve("type"), type + "\n");
        Files.writeString(cache.resolve("size"), size + "\n");
    }

    @ParameterizedTest
    @CsvSource({"48K,49152", "32K,32768", "unknown,0", "0K,0", "48,0", "99999999K,0"})
    void readsTheFirstDataCache(String size, int bytes) throws IOException {
        cache(0, "1", "Instruction", "16K");
        cache(1, "2", "Unified", "2048K");
        cache(2, "1", "Data", size);
        assertThat(CpuCache.firstLevelBytes(folder)).isEqualTo(bytes);
    }

    @Test
    void isNothingWhereTheSystemDoesNotTell() throws IOException {
        assertThat(CpuCache.firstLevelBytes(folder)).isZero();
        assertThat(CpuCache.firstLevelBytes(folder.resolve("none"))).isZero();
        Files.createDirectory(folder.resolve("index0"));
        assertThat(CpuCache.firstLevelBytes(folder)).isZero();
    }
}
