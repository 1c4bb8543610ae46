package org.clipc.runtime.train;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.io.AtomicFile;
import org.clipc.runtime.io.DataFormatException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The checkpoints {@code step-<n>} of one training. A checkpoint is written under another name, forced to the disk and
 * renamed, and older ones are deleted only then: whenever the process or the machine stops, the newest complete one is
 * there to go on from. Locks the folder, so that no two trainings write to it.
 */
public final class CheckpointFolder implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(CheckpointFolder.class);
    private static final Pattern COMPLETE = Pattern.compile("step-(\\d{1,18})");
    private static final String PARTIAL = ".partial";
    private static final String LOCK = ".lock";

    private final Path folder;
    private final int keep;
    private final @Nullable FileChannel lock;

    private CheckpointFolder(Path folder, int keep, @Nullable FileChannel lock) {
        this.folder = folder;
        this.keep = keep;
        this.lock = lock;
    }

    /** A folder that another rank of the same training has opened and writes to. */
    static CheckpointFolder ofOtherRank(Path folder) {
        return new CheckpointFolder(folder, 1, null);
    }

    /**
     * Opens, and where missing creates, a training's folder.
     *
     * @param keep how many checkpoints to keep, at least 1
     * @throws DataFormatException if another training uses it
     */
    static CheckpointFolder open(Path folder, int keep) throws IOException {
        Files.createDirectories(folder);
        var channel = FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        try {
            if (channel.tryLock() == null) {
                channel.close();
                throw new DataFormatException(folder, "is in use by another training");
            }
        } catch (OverlappingFileLockException e) {
            channel.close();
            throw new DataFormatException(folder, "is in use by another training");
        }
        var opened = new CheckpointFolder(folder, Math.max(1, keep), channel);
        opened.deletePartial();
        return opened;
    }

    /**
     * The file that holds a model's parameters: {@code path} itself if it is a file, the one inside if it is a checkpoint, or a
     * folder as Hugging Face's hub has them, that of the newest complete checkpoint if it is a training's folder.
     *
     * @throws DataFormatException if there is none
     */
    public static Path parameters(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return path;
        }
        if (Files.exists(path.resolve(Checkpoint.STATE))) {
            return Checkpoint.open(path).folder().resolve(Checkpoint.MODEL);
        }
        if (Files.isRegularFile(path.resolve(Checkpoint.MODEL))) {
            return path.resolve(Checkpoint.MODEL);
        }
        return latest(path)
                .map(checkpoint -> checkpoint.folder().resolve(Checkpoint.MODEL))
                .orElseThrow(() -> new DataFormatException(path, "holds no complete checkpoint"));
    }

    private static long step(Path checkpoint) {
        var matcher = COMPLETE.matcher(checkpoint.getFileName().toString());
        return matcher.matches() ? Long.parseLong(matcher.group(1)) : -1;
    }

    /** Checkpoints by name, newest first; whether they are complete is for {@link Checkpoint#open} to say. */
    private static List<Path> checkpoints(Path folder) throws IOException {
        try (var all = Files.list(folder)) {
            return all.filter(path -> step(path) >= 0)
                    .sorted(Comparator.comparingLong(CheckpointFolder::step).reversed())
                    .toList();
        }
    }

    /**
     * The newest complete checkpoint; what is damaged is passed over with a warning.
     *
     * @throws DataFormatException if there are checkpoints, but all are damaged: to begin anew would delete them
     */
    Optional<Checkpoint> latest() throws IOException {
        var latest = latest(folder);
        if (latest.isEmpty() && !checkpoints(folder).isEmpty()) {
            throw new DataFormatException(
                    folder, "has checkpoints, but none is whole: restore one, or begin anew in another --out");
        }
        return latest;
    }

    private static Optional<Checkpoint> latest(Path folder) throws IOException {
        for (var path : checkpoints(folder)) {
            try {
                return Optional.of(Checkpoint.open(path));
            } catch (DataFormatException e) {
                LOG.warn("passing over a checkpoint: {}", e.getMessage());
            }
        }
        return Optional.empty();
    }

    /** Writes a checkpoint and then deletes all but the newest few. */
    Path save(DeviceProgram program, @Nullable Ema ema, TrainState state) throws IOException {
        var target = folder.resolve("step-" + state.step());
        if (lock == null) {
            Checkpoint.takePart(program, ema);
            return target;
        }
        var partial = folder.resolve(target.getFileName() + PARTIAL);
        delete(partial);
        Files.createDirectory(partial);
        Checkpoint.write(partial, program, ema, state);
        AtomicFile.forceDirectory(partial);
        // Of the same step there can only be one that training began from, and it holds the same.
        delete(target);
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
        AtomicFile.forceDirectory(folder);
        // Later ones are damaged, or training would have gone on from them: they take no place of those to keep.
        var whole = checkpoints(folder).stream().filter(path -> step(path) <= state.step());
        for (var old : whole.skip(keep).toList()) {
            delete(old);
        }
        return target;
    }

    private void deletePartial() throws IOException {
        try (var all = Files.list(folder)) {
            for (var path : all.filter(p -> p.getFileName().toString().endsWith(PARTIAL))
                    .toList()) {
                delete(path);
            }
        }
    }

    private static void delete(Path checkpoint) throws IOException {
        if (!Files.exists(checkpoint)) {
            return;
        }
        try (var all = Files.walk(checkpoint)) {
            for (var path : all.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(path);
            }
        }
    }

    @Override
    public void close() throws IOException {
        if (lock != null) {
            lock.close();
        }
    }
}
