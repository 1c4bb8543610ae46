package org.clipc.runtime.device.cuda;

import org.clipc.program.Call;
import org.clipc.program.KernelCall;

/**
 * A call, ready to be started.
 *
 * @param start starts it
 * @param end has what is started later wait for it, where that does not go without saying
 * @param isSkipped whether it is not to be started
 */
record CudaCall(Call call, Runnable start, Runnable end, boolean isSkipped) {

    CudaCall(Call call, Runnable start, Runnable end) {
        this(call, start, end, false);
    }

    /** One of no units is there for another way to make its neighbours. */
    static CudaCall of(KernelCall call, Runnable start) {
        return new CudaCall(call, start, () -> {}, call.units() == 0);
    }

    /** One whose work another call does. */
    static CudaCall done(KernelCall call) {
        return new CudaCall(call, () -> {}, () -> {}, true);
    }
}
