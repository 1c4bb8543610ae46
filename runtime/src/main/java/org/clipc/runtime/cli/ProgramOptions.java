package org.clipc.runtime.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.clipc.program.ProgramFile;
import org.clipc.runtime.device.CudaOptions;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.GemmKernels;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.device.catalog.Devices;
import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.train.CheckpointFolder;
import org.clipc.runtime.weights.ParameterInitializer;
import org.clipc.runtime.weights.WeightFile;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which program runs, where, and with which weights. */
final class ProgramOptions {

    private static final long DEFAULT_SEED = 1234;

    @Option(names = "--graph", required = true, paramLabel = "PROGRAM", description = "The compiled program.")
    private Path graph = Path.of("");

    @Option(
            names = "--weights",
            paramLabel = "FILE",
            description =
                    "Parameters in safetensors, under open_clip's or Hugging Face's names; without it they are initialised"
                            + " by --seed.")
    private @Nullable Path weights;

    @Option(
            names = "--device",
            paramLabel = "NAME",
            description =
                    "Where to run: jvm (also by auto, the default); tornado, for TornadoVM's first GPU (of several ranks, each"
                            + " takes the next), or its first device if it has none; or such as tornado:0:1.")
    private String device = "auto";

    @Option(names = "--threads", paramLabel = "N", description = "Threads of the jvm device; all cores by default.")
    private int threads;

    @Option(
            names = "--gemm",
            paramLabel = "HOW",
            description =
                    "Which kernels for matrix products and attention TornadoVM's devices run: jit (compiled from Java"
                            + " by TornadoVM), prebuilt (OpenCL C or CUDA C, compiled by the driver), library (cuBLASLt"
                            + " for products, on CUDA), or auto (the default).")
    private GemmKernels gemm = GemmKernels.AUTO;

    @Option(
            names = "--tf32",
            description = "On CUDA, let the library compute products of f32 from numbers of 10 bits: fast, not exact.")
    private boolean tf32;

    @Option(
            names = "--no-cuda-graph",
            description = "On CUDA, start every kernel of an entry point by itself, not all as one CUDA graph.")
    private boolean noCudaGraph;

    @Option(names = "--seed", paramLabel = "N", description = "Seed of all random numbers; the recipe's by default.")
    private @Nullable Long seed;

    ProgramFile open() throws IOException {
        return ProgramFile.open(graph);
    }

    Device device() {
        return device(MeshRank.alone(), 1);
    }

    /** @param ranks that share the cores with this one, itself among them */
    Device device(MeshRank rank, int ranks) {
        if (threads < 0) {
            throw new CliException("--threads must be positive, not " + threads);
        }
        var share = Math.max(1, Runtime.getRuntime().availableProcessors() / ranks);
        return Devices.open(
                device,
                new DeviceOptions(
                        threads == 0 && ranks > 1 ? share : threads,
                        gemm,
                        new CudaOptions(!noCudaGraph, tf32),
                        rank.local()));
    }

    boolean hasWeights() {
        return weights != null;
    }

    long seed(Recipe recipe) {
        return seed != null ? seed : recipe.integer("model.seed").orElse(DEFAULT_SEED);
    }

    /** Fills the parameters. */
    void fill(DeviceProgram program, Recipe recipe) throws IOException {
        if (weights != null) {
            WeightFile.load(CheckpointFolder.parameters(weights), program);
        } else {
            ParameterInitializer.initialize(program, seed(recipe));
        }
    }
}
