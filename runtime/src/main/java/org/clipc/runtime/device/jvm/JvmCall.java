package org.clipc.runtime.device.jvm;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.clipc.program.KernelCall;
import org.clipc.runtime.kernel.KernelClasses;

/** A kernel call with all it needs at hand. */
final class JvmCall implements WorkerPool.Work {

    private final KernelCall call;
    private final MethodHandle kernel;
    private final long[] args;
    private final MemorySegment arena;
    private final float[][] locals;
    private final float[] shared;

    /**
     * @param kernel of the type in {@link KernelClasses}
     * @param locals scratch of each worker
     */
    JvmCall(KernelCall call, MethodHandle kernel, MemorySegment arena, float[][] locals, float[] shared) {
        this.call = call;
        this.kernel = kernel;
        this.args = call.args().stream().mapToLong(Long::longValue).toArray();
        this.arena = arena;
        this.locals = locals;
        this.shared = shared;
    }

    KernelCall call() {
        return call;
    }

    @Override
    public void run(int from, int to, int worker) {
        try {
            kernel.invokeExact(arena, args, from, to, locals[worker], shared);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
