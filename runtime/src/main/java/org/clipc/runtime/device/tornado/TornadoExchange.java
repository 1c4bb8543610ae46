package org.clipc.runtime.device.tornado;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.clipc.program.CollectiveCall;
import org.clipc.runtime.collective.Group;
import org.clipc.runtime.device.exchange.Exchange;
import org.clipc.runtime.device.tornado.TornadoVm.DeviceArray;

/**
 * A collective of a program on a device of TornadoVM: ranks exchange what is copied from the device to the host before, and
 * back behind. Ints are copied by the graphs on both sides.
 */
final class TornadoExchange {

    private final CollectiveCall call;
    private final List<Exchange.Ends> tensors;
    private final Exchange exchange;
    private final TornadoTransfers transfers;
    private final DeviceArray ints;

    /**
     * @param tensors where the call's tensors lie on the host meanwhile
     * @param ints the entry point's arena of ints
     */
    TornadoExchange(
            CollectiveCall call,
            Group group,
            List<Exchange.Ends> tensors,
            TornadoTransfers transfers,
            DeviceArray ints) {
        this.call = call;
        this.tensors = List.copyOf(tensors);
        this.exchange = new Exchange(call, group, tensors);
        this.transfers = transfers;
        this.ints = ints;
    }

    /** Whether a call is about the arena of ints, by that's bytes. */
    static boolean isOfInts(CollectiveCall call) {
        return !call.dtype().isFloat();
    }

    /** What the ranks do on the host, between {@link #download} and {@link #upload}. */
    Exchange exchange() {
        return exchange;
    }

    /** Copies what the rank gives from the device. */
    void download(TornadoPlan plan) {
        for (var i = 0; i < tensors.size(); i++) {
            var from = call.tensors().get(i).from();
            var host = tensors.get(i).from();
            if (isOfInts(call)) {
                MemorySegment.copy(ints.host(), from, host, 0, host.byteSize());
            } else {
                transfers.read(plan, from, host);
            }
        }
    }

    /** Copies what the rank got to the device. */
    void upload(TornadoPlan plan) {
        for (var i = 0; i < tensors.size(); i++) {
            var to = call.tensors().get(i).to();
            var host = tensors.get(i).to();
            if (isOfInts(call)) {
                MemorySegment.copy(host, 0, ints.host(), to, host.byteSize());
            } else {
                transfers.write(plan, to, host);
            }
        }
    }
}
