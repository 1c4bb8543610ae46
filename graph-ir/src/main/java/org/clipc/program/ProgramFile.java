package org.clipc.program;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.clipc.ir.Graph;
import org.clipc.ir.MatrixFlops;
import org.clipc.ir.text.GraphParseException;
import org.clipc.ir.text.GraphParser;

/**
 * A program on disk: a zip of {@code manifest.json}, {@code graphs/<entry>.cir}, {@code schedule/<target>/<entry>.json},
 * {@code kernels/<target>/<Class>.class}, {@code prebuilt/<target>/<Class>.cl} (OpenCL C) or
 * {@code .cu} (CUDA C) and, where kept, {@code sources/<target>/<Class>.java}. Equal programs give
 * equal bytes. Reading trusts nothing: names, sizes, checksums, offsets and references are checked, and what is wrong is
 * told by a {@link ProgramFormatException}. Opening reads the manifest only; other members are read when asked for.
 */
public final class ProgramFile implements AutoCloseable {

    /** Any but the first that a zip can tell, with which Java also writes the time zone. */
    private static final LocalDateTime NO_DATE = LocalDateTime.of(1980, 2, 1, 0, 0);

    private final Archive archive;
    private final Manifest manifest;

    private ProgramFile(Archive archive, Manifest manifest) {
        this.archive = archive;
        this.manifest = manifest;
    }

    /**
     * Writes a program, replacing {@code path} at once when all is on the disk. The manifest's checksums are computed
     * here.
     *
     * @throws IllegalArgumentException if the program's parts do not fit each other
     */
    public static void write(Path path, Program program) throws IOException {
        var members = members(program);
        var checksums = new TreeMap<String, String>();
        members.forEach((name, bytes) -> checksums.put(name, Archive.sha256(bytes)));
        var manifest = program.manifest().withChecksums(checksums);
        members.put(Members.MANIFEST, ManifestJson.write(manifest));
        try {
            ManifestChecks.check(manifest, members.keySet());
        } catch (InvalidMemberException e) {
            throw new IllegalArgumentException("the program's manifest " + e.problem(), e);
        }
        var target = path.toAbsolutePath();
        var folder = target.getParent();
        if (folder != null) {
            Files.createDirectories(folder);
        }
        var temporary = target.resolveSibling(
                "." + target.getFileName() + "." + ProcessHandle.current().pid() + ".tmp");
        try {
            writeZip(temporary, members);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static SortedMap<String, byte[]> members(Program program) {
        var members = new TreeMap<String, byte[]>();
        program.graphs()
                .forEach((entry, graph) -> members.put(Members.graph(entry), graph.getBytes(StandardCharsets.UTF_8)));
        for (var schedule : program.schedules()) {
            members.put(Members.schedule(schedule.target(), schedule.entry()), ScheduleJson.write(schedule));
        }
        program.kernels().forEach((key, bytes) -> members.put(Members.kernel(key), bytes));
        program.prebuilt()
                .forEach((key, source) -> members.put(Members.prebuilt(key), source.getBytes(StandardCharsets.UTF_8)));
        program.sources()
                .forEach((key, source) -> members.put(Members.source(key), source.getBytes(StandardCharsets.UTF_8)));
        for (var member : members.keySet()) {
            if (Members.limit(member) < 0) {
                throw new IllegalArgumentException("a program cannot have a member named " + member);
            }
        }
        return members;
    }

    private static void writeZip(Path path, SortedMap<String, byte[]> members) throws IOException {
        try (var channel = FileChannel.open(
                        path,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.TRUNCATE_EXISTING,
                        StandardOpenOption.WRITE);
                var zip = new ZipOutputStream(new BufferedOutputStream(Channels.newOutputStream(channel), 1 << 16))) {
            for (var member : members.entrySet()) {
                var entry = new ZipEntry(member.getKey());
                entry.setTimeLocal(NO_DATE);
                zip.putNextEntry(entry);
                zip.write(member.getValue());
                zip.closeEntry();
            }
            zip.finish();
            zip.flush();
            channel.force(true);
        }
    }

    /**
     * Opens a program and checks its manifest.
     *
     * @throws ProgramFormatException if it is no program file, or a damaged or dishonest one
     * @throws IOException if it cannot be read
     */
    public static ProgramFile open(Path path) throws IOException {
        var archive = Archive.open(path);
        try {
            var manifest = ManifestJson.read(archive.read(Members.MANIFEST));
            ManifestChecks.check(manifest, archive.names());
            return new ProgramFile(archive, manifest);
        } catch (InvalidMemberException e) {
            archive.close();
            throw new ProgramFormatException(path, Members.MANIFEST, e.problem());
        } catch (IOException | RuntimeException e) {
            archive.close();
            throw e;
        }
    }

    public Path path() {
        return archive.path();
    }

    public Manifest manifest() {
        return manifest;
    }

    /** The text form of an entry point's graph after the last pass. */
    public String graph(String entry) throws ProgramFormatException {
        return new String(read(Members.graph(manifest.entry(entry).name())), StandardCharsets.UTF_8);
    }

    /** The nodes of an entry point's graph, whose indices {@link KernelCall#node} are. */
    public List<NodeInfo> nodes(String entry) throws ProgramFormatException {
        return NodeInfo.of(parsed(entry));
    }

    /** Arithmetic of a run of an entry point on one rank, as {@link MatrixFlops} counts it. */
    public long matrixFlops(String entry) throws ProgramFormatException {
        return MatrixFlops.of(parsed(entry));
    }

    private Graph parsed(String entry) throws ProgramFormatException {
        var text = graph(entry);
        try {
            return GraphParser.parse(Members.graph(entry), text);
        } catch (GraphParseException e) {
            throw new ProgramFormatException(path(), String.valueOf(e.getMessage()));
        }
    }

    /** Identifies the program: SHA-256, in hexadecimal, of its manifest, which holds those of all else. */
    public String checksum() throws ProgramFormatException {
        return Archive.sha256(archive.read(Members.MANIFEST));
    }

    /** How an entry point runs on a target, both of which the manifest names. */
    public Schedule schedule(String target, String entry) throws ProgramFormatException {
        var member = Members.schedule(target, manifest.entry(entry).name());
        var bytes = read(member);
        try {
            return ScheduleJson.read(target, entry, bytes, kernelKeys(), manifest);
        } catch (InvalidMemberException e) {
            throw new ProgramFormatException(path(), member, e.problem());
        }
    }

    /** The class file of a kernel. It is whole, but whether it may be run is for the device to decide. */
    public byte[] kernel(String target, String className) throws ProgramFormatException {
        var prefix = Members.KERNEL_PACKAGE + target + ".";
        if (!className.startsWith(prefix)) {
            throw new ProgramFormatException(path(), "has no kernel " + Archive.printable(className));
        }
        return read(Members.kernel(target + "/" + className.substring(prefix.length())));
    }

    /** Whether there is a class file of a kernel; if not, {@link #prebuilt} is all there is of it. */
    public boolean hasClass(String target, String className) {
        return archive.names().contains(Members.kernel(target + "/" + simpleName(className)));
    }

    private static String simpleName(String className) {
        return className.substring(className.lastIndexOf('.') + 1);
    }

    /** A kernel in C, if it has been rendered so. */
    public Optional<String> prebuilt(String target, String className) throws ProgramFormatException {
        var member = Members.prebuilt(target + "/" + simpleName(className));
        return archive.names().contains(member)
                ? Optional.of(new String(read(member), StandardCharsets.UTF_8))
                : Optional.empty();
    }

    /** Everything, in memory. */
    public Program program() throws ProgramFormatException {
        var graphs = new LinkedHashMap<String, String>();
        var schedules = new ArrayList<Schedule>();
        for (var entry : manifest.entries()) {
            graphs.put(entry.name(), graph(entry.name()));
            for (var target : manifest.targets()) {
                schedules.add(schedule(target, entry.name()));
            }
        }
        var kernels = new LinkedHashMap<String, byte[]>();
        var prebuilt = new LinkedHashMap<String, String>();
        var sources = new LinkedHashMap<String, String>();
        for (var member : archive.names()) {
            if (member.startsWith("kernels/")) {
                kernels.put(Members.key(member), read(member));
            } else if (member.startsWith("prebuilt/")) {
                prebuilt.put(Members.key(member), new String(read(member), StandardCharsets.UTF_8));
            } else if (member.startsWith("sources/")) {
                sources.put(Members.key(member), new String(read(member), StandardCharsets.UTF_8));
            }
        }
        return new Program(manifest, graphs, schedules, kernels, prebuilt, sources);
    }

    private byte[] read(String member) throws ProgramFormatException {
        var bytes = archive.read(member);
        if (!Archive.sha256(bytes).equals(manifest.checksums().get(member))) {
            throw new ProgramFormatException(path(), member, "is damaged: its checksum is not the manifest's");
        }
        return bytes;
    }

    private Set<String> kernelKeys() {
        return archive.names().stream()
                .filter(member -> member.startsWith("kernels/") || member.startsWith("prebuilt/"))
                .map(Members::key)
                .collect(Collectors.toUnmodifiableSet());
    }

    @Override
    public void close() throws IOException {
        archive.close();
    }
}
