package org.clipc.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFileTest {
    @TempDir
    Path folder;

    @Test
    void createsAndReplaces() throws IOException {
        Path target = folder.resolve("new/sub/file.txt");
        AtomicFile.writeString(target, "first, and longer");
        AtomicFile.writeString(target, "zweitens ü");
        assertThat(target).hasContent("zweitens ü");
        assertThat(filesIn(target.resolveSibling("."))).containsExactly("file.txt");
    }

    @Test
    void aFailureHalfwayLeavesTheOldContentAndNoRubbish() throws IOException {
        Path target = folder.resolve("file.txt");
        AtomicFile.writeString(target, "old");
        assertThatThrownBy(() -> AtomicFile.write(target, channel -> {
                    channel.write(ByteBuffer.wrap(new byte[100]));
                    assertThat(target).hasContent("old");
                    throw new IOException("disk full");
                }))
                .isInstanceOf(IOException.class)
                .hasMessage(target + ": disk full");
        assertThat(target).hasContent("old");
        assertThat(filesIn(folder)).containsExactly("file.txt");
    }

    private static java.util.List<String> filesIn(Path directory) throws IOException {
        try (var list = Files.list(directory)) {
            return list.map(p -> p.getFileName().toString()).toList();
        }
    }
}
