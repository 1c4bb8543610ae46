package org.clipc.runtime.model;

import java.io.IOException;
import java.util.Collection;
import java.util.Map;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.ProgramFile;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.MasterWeights;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.ShardedProgram;
import org.clipc.runtime.tensor.HostTensor;

/** A contrastive model on a device. Names and shapes of its inputs come from the program's entry points. */
public final class ClipModel implements AutoCloseable {

    /** The input of every entry point that sees images: f32 [batch, channels, height, width]. */
    public static final String IMAGES = "images";

    /** The input of every entry point that sees texts: i32 [batch, context]. */
    public static final String TOKENS = EntryPoint.TOKENS;

    private static final String TOKEN_TABLE = "token_embedding.weight";

    private final DeviceProgram program;
    private final MeshRank rank;

    /** Takes over {@code program}. */
    public ClipModel(DeviceProgram program) {
        this(program, MeshRank.alone());
    }

    private ClipModel(DeviceProgram program, MeshRank rank) {
        this.program = program;
        this.rank = rank;
    }

    /** @param entries that will be used */
    public static ClipModel load(ProgramFile file, Device device, Collection<String> entries) throws IOException {
        return new ClipModel(device.load(file, entries));
    }

    /**
     * As {@link #load(ProgramFile, Device, Collection)}, on one of several ranks, each of which does the same. Parameters
     * and optimizer state appear in their whole shapes.
     */
    public static ClipModel load(ProgramFile file, Device device, Collection<String> entries, MeshRank rank)
            throws IOException {
        var whole = new ShardedProgram(device.load(file, entries, rank), rank);
        return new ClipModel(MasterWeights.of(whole, entries), rank);
    }

    /** The one that holds this model, or its part of it. */
    MeshRank rank() {
        return rank;
    }

    public DeviceProgram program() {
        return program;
    }

    public Manifest manifest() {
        return program.manifest();
    }

    /** Height and width of the images it takes, in pixels. */
    public int imageSize() {
        return inputNamed(IMAGES).type().dim(2);
    }

    /** Tokens in a text. */
    public int contextLength() {
        return manifest().entries().stream()
                .flatMap(e -> e.input(TOKENS).stream())
                .mapToInt(slot -> slot.type().dim(1))
                .max()
                .orElseThrow(() -> new DeviceException("no entry point of this program takes " + TOKENS));
    }

    /** How many tokens it knows; those that it takes are below this. */
    public int vocabulary() {
        return vocabulary(manifest());
    }

    /** As {@link #vocabulary()}, of a program that is not loaded; {@link Integer#MAX_VALUE} where none of its parameters tells. */
    public static int vocabulary(Manifest manifest) {
        return manifest.parameters().stream()
                .filter(p -> p.name().equals(TOKEN_TABLE))
                .mapToInt(p -> p.whole(manifest.mesh()).dim(0))
                .findFirst()
                .orElse(Integer.MAX_VALUE);
    }

    private TensorSlot inputNamed(String name) {
        return manifest().entries().stream()
                .flatMap(e -> e.input(name).stream())
                .findFirst()
                .orElseThrow(() -> new DeviceException("no entry point of this program takes " + name));
    }

    /**
     * Normalised features of any number of images.
     *
     * @param images [n, channels, height, width], as the preprocessing makes them
     * @return [n, embedding]
     */
    public HostTensor encodeImages(HostTensor images) {
        return encode(EntryPoint.ENCODE_IMAGE, IMAGES, images);
    }

    /**
     * Normalised features of any number of texts.
     *
     * @param tokens [n, context]
     * @return [n, embedding]
     */
    public HostTensor encodeTexts(HostTensor tokens) {
        return encode(EntryPoint.ENCODE_TEXT, TOKENS, tokens);
    }

    private HostTensor encode(String entry, String input, HostTensor value) {
        var results = MicroBatches.run(program, entry, Map.of(input, value)).values();
        return results.stream()
                .findFirst()
                .orElseThrow(() -> new DeviceException("entry point '" + entry + "' has no output per sample"));
    }

    @Override
    public void close() {
        program.close();
    }
}
