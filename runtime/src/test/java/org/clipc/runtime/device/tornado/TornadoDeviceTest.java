package org.clipc.runtime.device.tornado;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.stream.IntStream;
import org.clipc.runtime.device.DeviceException;
import org.junit.jupiter.api.Test;

/** Which device a rank takes, and what it is. */
class TornadoDeviceTest {

    private static TornadoVm.DeviceInfo device(String place, boolean gpu) {
        return new TornadoVm.DeviceInfo(place, "OPENCL", "device " + place, gpu, gpu ? 0 : 8, 1 << 30, 1 << 28, place);
    }

    private static final List<TornadoVm.DeviceInfo> MIXED =
            List.of(device("0:0", false), device("0:1", true), device("0:2", true));

    private static List<String> places(List<TornadoVm.DeviceInfo> devices, String place) {
        return IntStream.range(0, 5)
                .mapToObj(rank -> TornadoDevice.choose(devices, place, rank).place())
                .toList();
    }

    @Test
    void ranksTakeTurnsOnTheGpus() {
        assertThat(places(MIXED, "")).containsExactly("0:1", "0:2", "0:1", "0:2", "0:1");
    }

    @Test
    void withoutAGpuTheFirstDeviceServesAll() {
        assertThat(places(List.of(device("0:0", false), device("0:1", false)), ""))
                .containsOnly("0:0");
    }

    @Test
    void aDeviceThatIsNamedServesAll() {
        assertThat(places(MIXED, "0:0")).containsOnly("0:0");
    }

    /** PoCL's memory is what the machine has plugged in at the moment; measurements hold nevertheless. */
    @Test
    void aDeviceIsTheSameWithMoreMemory() {
        var more = new TornadoVm.DeviceInfo("0:0", "OPENCL", "device 0:0", false, 8, 2L << 30, 1 << 29, "0:0");
        assertThat(more.identity())
                .isEqualTo(device("0:0", false).identity())
                .isEqualTo("device 0:0 by TornadoVM's OPENCL backend");
    }

    @Test
    void whatIsNotThereIsRefused() {
        assertThatThrownBy(() -> TornadoDevice.choose(MIXED, "1:0", 0))
                .isInstanceOf(DeviceException.class)
                .hasMessage("TornadoVM has no device 1:0, only tornado:0:0, tornado:0:1, tornado:0:2");
        assertThatThrownBy(() -> TornadoDevice.choose(List.of(), "", 0))
                .isInstanceOf(DeviceException.class)
                .hasMessageContaining("install a driver");
    }
}
