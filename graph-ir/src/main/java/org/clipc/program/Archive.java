package org.clipc.program;

import java.io.EOFException;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;

/** A zip from anywhere: admits known member names only, and inflates no further than their limits. */
final class Archive implements AutoCloseable {

    private final Path path;
    private final ZipFile zip;
    private final SortedSet<String> names;
    private long inflated;

    private Archive(Path path, ZipFile zip, SortedSet<String> names) {
        this.path = path;
        this.zip = zip;
        this.names = names;
    }

    static Archive open(Path path) throws IOException {
        ZipFile zip;
        try {
            zip = new ZipFile(path.toFile());
        } catch (ZipException | EOFException e) {
            throw new ProgramFormatException(
                    path,
                    "is not a program file, or a damaged one ("
                            + (e instanceof EOFException ? "it ends too early" : e.getMessage()) + ")");
        } catch (NoSuchFileException e) {
            throw new ProgramFormatException(path, "no such file");
        }
        try {
            return new Archive(path, zip, names(path, zip));
        } catch (IOException | RuntimeException e) {
            zip.close();
            throw e;
        }
    }

    private static SortedSet<String> names(Path path, ZipFile zip) throws ProgramFormatException {
        if (zip.size() > Members.MAX_MEMBERS) {
            throw new ProgramFormatException(
                    path, "has " + zip.size() + " members, more than the " + Members.MAX_MEMBERS + " allowed");
        }
        var names = new TreeSet<String>();
        for (var entries = zip.entries(); entries.hasMoreElements(); ) {
            var name = entries.nextElement().getName();
            if (Members.limit(name) < 0) {
                throw new ProgramFormatException(
                        path, printable(name), "is not the name of a program's member; this is no program file");
            }
            if (!names.add(name)) {
                throw new ProgramFormatException(path, name, "occurs twice");
            }
        }
        return names;
    }

    Path path() {
        return path;
    }

    SortedSet<String> names() {
        return names;
    }

    /** The member's bytes, checked against the archive's own checksum. */
    synchronized byte[] read(String name) throws ProgramFormatException {
        var entry = zip.getEntry(name);
        if (entry == null || !names.contains(name)) {
            throw new ProgramFormatException(path, name, "is missing");
        }
        var limit = (int) Math.min(Members.limit(name), Members.MAX_TOTAL_BYTES - inflated);
        var bytes = inflate(entry, limit);
        inflated += bytes.length;
        var crc = new CRC32();
        crc.update(bytes);
        if (crc.getValue() != entry.getCrc()) {
            throw new ProgramFormatException(path, name, "is damaged: its CRC-32 does not match");
        }
        return bytes;
    }

    private byte[] inflate(ZipEntry entry, int limit) throws ProgramFormatException {
        try (var in = zip.getInputStream(entry)) {
            var bytes = in.readNBytes(limit);
            if (in.read() >= 0) {
                throw new ProgramFormatException(
                        path, entry.getName(), "inflates to more than the " + limit + " bytes allowed");
            }
            return bytes;
        } catch (ProgramFormatException e) {
            throw e;
        } catch (IOException e) {
            throw new ProgramFormatException(path, entry.getName(), "is damaged (" + e.getMessage() + ")");
        }
    }

    /** SHA-256 in lower-case hexadecimal. */
    static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    /** Outside text made fit for a message: one line, of printable characters, not too long. */
    static String printable(String text) {
        var shown = text.codePoints()
                .limit(80)
                .map(c -> Character.isISOControl(c)
                                || Character.getType(c) == Character.FORMAT
                                || Character.getType(c) == Character.SURROGATE
                        ? '?'
                        : c)
                .toArray();
        return "'" + new String(shown, 0, shown.length) + "'";
    }

    @Override
    public void close() throws IOException {
        zip.close();
    }
}
