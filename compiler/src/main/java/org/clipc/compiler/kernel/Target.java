package org.clipc.compiler.kernel;

/** Turns launches into calls of generated kernels. One implementation per target; an exhaustive switch over specs inside. */
public interface Target {

    /** Name of the folder of the program file that holds this target's kernels and schedules, such as {@code jvm256}. */
    String name();

    void plan(Launch launch, CallSink sink);
}
