package org.clipc.runtime.train;

import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;
import org.clipc.program.EntryPoint;
import org.clipc.program.ProgramFile;
import org.clipc.program.ProgramFormatException;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.Roofline;
import org.clipc.runtime.device.program.TextLengths;
import org.clipc.runtime.tensor.HostTensor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Model FLOPs utilization (MFU): the arithmetic of forward and backward passes, without what is computed again, as a part of
 * what the device could do in the same time (Chowdhery et al., "PaLM", arXiv:2204.02311, appendix B). It is that of the
 * towers' matrix products, on one rank; what the device could do is measured, see {@link Roofline#flops}.
 */
public final class Utilization {

    private static final Logger LOG = LoggerFactory.getLogger(Utilization.class);

    /** Gradients of both sides of a product take a product each. */
    private static final int PASSES = 3;

    private final double peak;

    /** FLOPs of an image's passes. */
    private final double image;

    /** FLOPs of a text's, by the length that its batch is cut to. */
    private final NavigableMap<Integer, Double> text;

    /** @param peak FLOP/s */
    Utilization(double peak, double image, NavigableMap<Integer, Double> text) {
        this.peak = peak;
        this.image = image;
        this.text = text;
    }

    /**
     * Measures the device. Empty for a program without both towers, or if the device cannot be measured; the log says why
     * then.
     *
     * @param program of that file, loaded
     */
    public static Optional<Utilization> measure(ProgramFile file, DeviceProgram program) throws ProgramFormatException {
        var manifest = file.manifest();
        if (!manifest.hasEntry(EntryPoint.ENCODE_IMAGE) || !manifest.hasEntry(EntryPoint.ENCODE_TEXT)) {
            return Optional.empty();
        }
        var image = perSample(file, manifest.entry(EntryPoint.ENCODE_IMAGE));
        var text = new TreeMap<Integer, Double>();
        for (var shorter : manifest.forShorterTexts(EntryPoint.ENCODE_TEXT)) {
            text.put(length(shorter), perSample(file, shorter));
        }
        var whole = manifest.entry(EntryPoint.ENCODE_TEXT);
        text.put(length(whole), perSample(file, whole));
        if (image == 0) {
            return Optional.empty();
        }
        try {
            return Optional.of(new Utilization(program.roofline().flops(), image, text));
        } catch (DeviceException e) {
            LOG.info("MFU is not told: {}", e.getMessage());
            return Optional.empty();
        }
    }

    private static double perSample(ProgramFile file, EntryPoint entry) throws ProgramFormatException {
        return (double) PASSES * file.matrixFlops(entry.name()) / entry.batch();
    }

    private static int length(EntryPoint entry) {
        return entry.input(EntryPoint.TOKENS)
                .map(TensorSlot::type)
                .map(type -> type.dim(1))
                .orElse(0);
    }

    /**
     * Of a step that took so many seconds.
     *
     * @param batch its micro-batches on this rank
     * @return 1 if the device did nothing but what the model asks for, as fast as it can
     */
    public double of(List<Map<String, HostTensor>> batch, double seconds) {
        return batch.stream().mapToDouble(this::flops).sum() / (seconds * peak);
    }

    private double flops(Map<String, HostTensor> microBatch) {
        var tokens = microBatch.get(EntryPoint.TOKENS);
        if (tokens == null) {
            return 0;
        }
        var fits = text.ceilingEntry(Math.toIntExact(TextLengths.longest(tokens)));
        return tokens.shape().getFirst() * (image + (fits == null ? text.lastEntry() : fits).getValue());
    }
}
