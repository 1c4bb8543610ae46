package org.clipc.runtime.device.program;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.DeviceProgram;
import org.clipc.runtime.device.DeviceTensors;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.tensor.HostTensor;
import org.jspecify.annotations.Nullable;

/**
 * A program whose parameters, workspace and state lie in an arena of a device's own memory, which the host reaches by
 * copying; ints and flags have an arena to themselves, of each entry point.
 */
public abstract class ArenaProgram implements DeviceProgram {

    protected final Path path;
    protected final Manifest manifest;
    private final HeldTensors tensors;
    protected final RankedProgram ranks;

    protected @Nullable CallObserver observer;

    /** @param schedules those of the entry points to load, in the device's rendering */
    protected ArenaProgram(ProgramFile file, List<Schedule> schedules, MeshRank rank) {
        path = file.path();
        manifest = file.manifest();
        tensors = HeldTensors.of(manifest, schedules);
        ranks = new RankedProgram(path, manifest, rank, schedules);
    }

    /** Copies bytes to the arena. */
    protected abstract void upload(long at, MemorySegment values);

    /** Copies bytes from the arena. */
    protected abstract void download(long at, MemorySegment values);

    /** Sets bytes of the arena to zero; all numbers are multiples of {@link Manifest#ALIGNMENT}. */
    protected abstract void clear(long at, long bytes);

    /** Names of the entry points that can run. */
    protected abstract Set<String> loaded();

    /** The host's copy of the arena of ints of an entry point that can run. */
    protected abstract IntArena ints(String entry);

    /**
     * Runs an entry point, of whose inputs those in the arena of ints are on the host still.
     *
     * @param givesInts whether the host's copy of the arena of ints is wanted afterwards
     */
    protected abstract void execute(String entry, boolean givesInts);

    @Override
    public final Manifest manifest() {
        return manifest;
    }

    @Override
    public final HostTensor read(String tensor) {
        return read(tensors.slot(tensor));
    }

    private HostTensor read(TensorSlot slot) {
        var values = IntArena.tensor(slot.type());
        download(slot.offset(), values.data());
        return values;
    }

    @Override
    public final void write(String tensor, HostTensor value) {
        write("'" + tensor + "'", tensors.slot(tensor), value);
    }

    private void write(String what, TensorSlot slot, HostTensor value) {
        DeviceTensors.requireType(what, value, slot.type());
        write(slot, value);
    }

    /** Converts a tensor and copies it to the arena; it has the slot's elements. */
    protected void write(TensorSlot slot, HostTensor value) {
        var converted = IntArena.tensor(slot.type());
        value.copyTo(converted);
        upload(slot.offset(), converted.data());
    }

    @Override
    public final void write(String tensor, long from, HostTensor part) {
        var slot = tensors.slot(tensor);
        DeviceTensors.requirePart(slot, from, part);
        var dtype = slot.type().dtype();
        var values = Arena.ofAuto().allocate(part.elementCount() * dtype.bytes(), Manifest.ALIGNMENT);
        part.copyTo(new HostTensor(DeviceTensors.hostType(dtype), part.shape(), values));
        upload(slot.offset() + from * dtype.bytes(), values);
    }

    @Override
    public final void clearState() {
        for (var slot : tensors.cleared()) {
            clear(slot.offset(), Manifest.align(slot.type().bytes()));
        }
    }

    @Override
    public final Map<String, HostTensor> run(
            String entry, Map<String, HostTensor> inputs, @Nullable Collection<String> outputs) {
        if (!loaded().contains(entry)) {
            throw new DeviceException("entry point '" + entry + "' is not loaded, only " + loaded());
        }
        var point = ranks.shortest(entry, inputs);
        var ints = ints(point.name());
        writeInputs(point, ints, ranks.inputs(point, inputs));
        var wanted = point.outputs().stream()
                .filter(slot -> outputs == null || outputs.contains(slot.name()))
                .toList();
        execute(
                point.name(),
                wanted.stream().anyMatch(slot -> !slot.type().dtype().isFloat()));
        var results = new LinkedHashMap<String, HostTensor>();
        for (var slot : wanted) {
            results.put(slot.name(), slot.type().dtype().isFloat() ? read(slot) : ints.read(slot));
        }
        return results;
    }

    private void writeInputs(EntryPoint point, IntArena ints, Map<String, HostTensor> inputs) {
        DeviceTensors.requireInputs(point, inputs);
        for (var slot : point.inputs()) {
            var value = Objects.requireNonNull(inputs.get(slot.name()));
            var what = "input '" + slot.name() + "'";
            if (slot.type().dtype().isFloat()) {
                write(what, slot, value);
            } else {
                ints.write(what, slot, value);
            }
        }
    }

    @Override
    public final void observe(@Nullable CallObserver other) {
        observer = other;
    }

    @Override
    public final long memoryBytes() {
        return tensors.bytes();
    }
}
