package org.clipc.runtime.device;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.clipc.program.Choice;
import org.clipc.runtime.tensor.HostTensor;
import org.jspecify.annotations.Nullable;

/** Another view of a program's parameters and state; it runs as the program does. */
abstract class ForwardingProgram implements DeviceProgram {

    private final DeviceProgram held;

    ForwardingProgram(DeviceProgram held) {
        this.held = held;
    }

    /** What this is a view of. */
    DeviceProgram held() {
        return held;
    }

    @Override
    public void clearState() {
        held.clearState();
    }

    @Override
    public Map<String, HostTensor> run(
            String entry, Map<String, HostTensor> inputs, @Nullable Collection<String> outputs) {
        return held.run(entry, inputs, outputs);
    }

    @Override
    public void observe(@Nullable CallObserver observer) {
        held.observe(observer);
    }

    @Override
    public List<Choice> choices(String entry) {
        return held.choices(entry);
    }

    @Override
    public void tune(Map<String, String> options) {
        held.tune(options);
    }

    @Override
    public Roofline roofline() {
        return held.roofline();
    }

    @Override
    public long memoryBytes() {
        return held.memoryBytes();
    }

    @Override
    public void close() {
        held.close();
    }
}
