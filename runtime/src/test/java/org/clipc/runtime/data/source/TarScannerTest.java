package org.clipc.runtime.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.clipc.runtime.io.AtomicFile;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TarScannerTest {
    @TempDir
    Path folder;

    @RepeatedTest(30)
    void findsTheFilesThatAnotherLibraryWrote() throws IOException {
        long seed = System.nanoTime();
        var random = new Random(seed);
        var expected = new ArrayList<TarScanner.Entry>();
        byte[] archive = randomArchive(random, expected);
        Path file = Files.write(folder.resolve("a.tar"), archive);
        List<TarScanner.Entry> found = scan(file);
        assertThat(found).as("seed %d", seed).hasSameSizeAs(expected);
        for (int i = 0; i < found.size(); i++) {
            assertThat(found.get(i).name())
                    .as("seed %d", seed)
                    .isEqualTo(expected.get(i).name());
            assertThat(found.get(i).size()).isEqualTo(expected.get(i).size());
            // Each file is filled with its number.
            for (long at = found.get(i).offset();
                    at < found.get(i).offset() + found.get(i).size();
                    at++) {
                assertThat(archive[(int) at]).as("seed %d", seed).isEqualTo((byte) i);
            }
        }
    }

    @Test
    void aCutArchiveGivesTheFilesBeforeTheCut() throws IOException {
        var expected = new ArrayList<TarScanner.Entry>();
        byte[] archive = randomArchive(new Random(4), expected);
        for (int length = 0; length < archive.length; length += 113) {
            Path file = Files.write(folder.resolve("cut.tar"), Arrays.copyOf(archive, length));
            List<String> found = new ArrayList<>();
            boolean damaged = collect(file, found);
            var names = expected.stream().map(TarScanner.Entry::name).toList();
            assertThat(found).isEqualTo(names.subList(0, found.size()));
            assertThat(damaged || length % 512 == 0 || found.size() == names.size())
                    .isTrue();
        }
    }

    @Test
    void aFileOfNoBytesIsNoArchive() throws IOException {
        Path file = Files.createFile(folder.resolve("empty.tar"));
        assertThatThrownBy(() -> scan(file)).isInstanceOf(IOException.class).hasMessage("the file is empty");
        // Two blocks of zeros are an archive of no files.
        assertThat(scan(Files.write(file, new byte[1024]))).isEmpty();
    }

    @Test
    void randomDamageNeverBreaksTheScanner() throws IOException {
        long seed = System.nanoTime();
        var random = new Random(seed);
        byte[] archive = randomArchive(random, new ArrayList<>());
        int damages = 0;
        for (int trial = 0; trial < 500; trial++) {
            byte[] damaged = archive.clone();
            int at = random.nextInt(damaged.length / 512) * 512 + random.nextInt(512);
            damaged[at] = (byte) random.nextInt(256);
            fixChecksum(damaged, at / 512 * 512, random);
            Path file = Files.write(folder.resolve("bad.tar"), damaged);
            damages += collect(file, new ArrayList<>()) ? 1 : 0;
        }
        assertThat(damages).as("seed %d", seed).isPositive();
    }

    @Test
    void hugeAndNegativeSizesAreDamage() throws IOException {
        for (String size : List.of(
                "77777777777", "\u0080\u007f\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", "abc")) {
            byte[] archive = archiveOf("x.txt", 10);
            byte[] field = Arrays.copyOf(size.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1), 12);
            System.arraycopy(field, 0, archive, 124, 12);
            sumUp(archive, 0);
            Path file = Files.write(folder.resolve("size.tar"), archive);
            assertThat(collect(file, new ArrayList<>())).as(size).isTrue();
        }
    }

    @Test
    void whatIsWrittenHereOthersCanRead() throws IOException {
        Path file = folder.resolve("own.tar");
        AtomicFile.write(file, channel -> {
            var writer = new ShardWriter(channel);
            writer.add("dir/0001", Map.of("txt", new byte[] {1, 2, 3}));
            writer.add("dir/0002", Map.of("png", new byte[512]));
            writer.add("dir/0003", Map.of("cls", new byte[0]));
            writer.finish();
        });
        try (var tar = new TarArchiveInputStream(Files.newInputStream(file))) {
            var first = tar.getNextEntry();
            assertThat(first.getName()).isEqualTo("dir/0001.txt");
            assertThat(first.getMode()).isEqualTo(0644);
            assertThat(tar.readAllBytes()).containsExactly(1, 2, 3);
            assertThat(tar.getNextEntry().getSize()).isEqualTo(512);
            assertThat(tar.getNextEntry().getName()).isEqualTo("dir/0003.cls");
            assertThat(tar.getNextEntry()).isNull();
        }
        assertThat(scan(file)).hasSize(3);
    }

    private static byte[] randomArchive(Random random, List<TarScanner.Entry> expected) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var tar = new TarArchiveOutputStream(bytes, "UTF-8")) {
            boolean gnu = random.nextBoolean();
            tar.setLongFileMode(gnu ? TarArchiveOutputStream.LONGFILE_GNU : TarArchiveOutputStream.LONGFILE_POSIX);
            tar.setBigNumberMode(gnu ? TarArchiveOutputStream.BIGNUMBER_STAR : TarArchiveOutputStream.BIGNUMBER_POSIX);
            tar.setAddPaxHeadersForNonAsciiNames(!gnu);
            for (int i = 0; i < 8; i++) {
                String name =
                        "../d/".repeat(random.nextInt(3)) + "n".repeat(1 + random.nextInt(3) * 90) + "ü" + i + ".txt";
                switch (random.nextInt(5)) {
                    case 0 -> tar.putArchiveEntry(new TarArchiveEntry("folder" + i + "/"));
                    case 1 -> {
                        var link = new TarArchiveEntry("link" + i, TarConstants.LF_SYMLINK);
                        link.setLinkName("l".repeat(120));
                        tar.putArchiveEntry(link);
                    }
                    default -> {
                        var entry = new TarArchiveEntry(name, false);
                        int size = random.nextInt(4) == 0 ? 0 : random.nextInt(2000);
                        entry.setSize(size);
                        tar.putArchiveEntry(entry);
                        var content = new byte[size];
                        Arrays.fill(content, (byte) expected.size());
                        tar.write(content);
                        expected.add(new TarScanner.Entry(entry.getName(), -1, size));
                    }
                }
                tar.closeArchiveEntry();
            }
        }
        return bytes.toByteArray();
    }

    private static byte[] archiveOf(String name, int size) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var tar = new TarArchiveOutputStream(bytes)) {
            var entry = new TarArchiveEntry(name);
            entry.setSize(size);
            tar.putArchiveEntry(entry);
            tar.write(new byte[size]);
            tar.closeArchiveEntry();
        }
        return bytes.toByteArray();
    }

    /** Half of the time the checksum is made to fit, so that the damage reaches the fields' own checks. */
    private static void fixChecksum(byte[] archive, int block, Random random) {
        boolean isHeader = archive[block + 257] == 'u';
        if (isHeader && random.nextBoolean()) {
            sumUp(archive, block);
        }
    }

    private static void sumUp(byte[] archive, int block) {
        int sum = 0;
        for (int i = 0; i < 512; i++) {
            sum += i >= 148 && i < 156 ? ' ' : archive[block + i] & 0xff;
        }
        byte[] field = "%06o\0 ".formatted(sum).getBytes(java.nio.charset.StandardCharsets.US_ASCII);
        System.arraycopy(field, 0, archive, block + 148, 8);
    }

    private static List<TarScanner.Entry> scan(Path file) throws IOException {
        var found = new ArrayList<TarScanner.Entry>();
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            var scanner = new TarScanner(channel);
            for (var entry = scanner.next(); entry.isPresent(); entry = scanner.next()) {
                found.add(entry.get());
            }
        }
        return found;
    }

    /** Whether the scanner found damage. */
    private static boolean collect(Path file, List<String> names) throws IOException {
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            var scanner = new TarScanner(channel);
            try {
                for (var entry = scanner.next(); entry.isPresent(); entry = scanner.next()) {
                    names.add(entry.get().name());
                }
                return false;
            } catch (IOException e) {
                return true;
            }
        }
    }
}
