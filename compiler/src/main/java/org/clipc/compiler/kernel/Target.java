package org.clipc.compiler.kernel;

import java.nio.file.Path;
import java.util.List;

/** Turns launches into calls of generated kernels. One implementation per target; an exhaustive switch over specs inside. */
public interface Target {

    /** Name of the folder of the program file that holds this target's kernels and schedules, such as {@code jvm256}. */
    String name();

    void plan(Launch launch, CallSink sink);

    /**
     * Plans the first of some launches, which follow one another, or as many of the first as the target makes together.
     *
     * @return how many
     */
    default int plan(List<Launch> launches, CallSink sink) {
        plan(launches.getFirst(), sink);
        return 1;
    }

    /**
     * Whether calls of a product may give the sums of a factor that the launch behind it wants, see {@link SummedFactor}: then
     * such launches should stand there.
     */
    default boolean sumsFactors() {
        return false;
    }

    /** Whether tensors of ints and bools lie in an arena of their own, each element as an int. */
    default boolean hasArenaOfInts() {
        return false;
    }

    /** Kernels that the runtime calls by itself, in every program for this target. */
    default List<RenderedKernel> runtimeKernels() {
        return List.of();
    }

    /** What generated kernels are compiled against, besides the JDK. */
    default List<Path> classPath() {
        return List.of();
    }
}
