package org.clipc.runtime.device.cuda;

import org.bytedeco.javacpp.Pointer;

/** An address that is a pointer for JavaCPP, which owns nothing of it. */
final class CudaAddress extends Pointer {

    CudaAddress(long address) {
        super((Pointer) null);
        this.address = address;
    }
}
