package org.clipc.runtime.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.FileSystemException;
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

    @Test
    void aLinkStaysOne() throws IOException {
        Path elsewhere = Files.createDirectories(folder.resolve("elsewhere"));
        Path file = Files.writeString(elsewhere.resolve("file.txt"), "old");
        Path link = Files.createSymbolicLink(folder.resolve("link"), file);
        AtomicFile.writeString(link, "new");
        assertThat(link).isSymbolicLink();
        assertThat(file).hasContent("new");
        assertThat(filesIn(elsewhere)).containsExactly("file.txt");
    }

    /** A socket, as a device such as /dev/null would be. */
    @Test
    void whatIsNoFileIsNotReplacedByOne() throws IOException {
        Path socket = folder.resolve("s");
        try (var server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            server.bind(UnixDomainSocketAddress.of(socket));
            assertThatThrownBy(() -> AtomicFile.writeString(socket, "text"))
                    .isInstanceOf(FileSystemException.class)
                    .hasMessage(socket + ": is no file that could be replaced; name another");
            assertThat(Files.isRegularFile(socket)).isFalse();
        }
    }

    private static java.util.List<String> filesIn(Path directory) throws IOException {
        try (var list = Files.list(directory)) {
            return list.map(p -> p.getFileName().toString()).toList();
        }
    }
}
