package org.clipc.runtime.device;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.clipc.ir.MeshAxis;
import org.clipc.ir.TensorType;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.TensorSlot;
import org.clipc.runtime.tensor.HostTensor;

/**
 * A rank's program as the outside sees it: parameters and optimizer state in their whole shapes, whatever each rank holds
 * of them. Reading a tensor that is split is a collective: all ranks read the same ones in the same order.
 */
public final class ShardedProgram extends ForwardingProgram {

    /** How a tensor is cut, in turn: along the tensor axis first, each of these shards along the data axis then. */
    private record Cut(MeshAxis axis, int dim, int parts, TensorType before) {}

    /** Before the name of a parameter: its optimizer state. */
    private static final List<String> STATE = List.of("adam.m.", "adam.v.", Parameter.MASTER);

    private final MeshRank rank;
    private final Manifest whole;
    private final Map<String, List<Cut>> cuts = new HashMap<>();

    /** @param held what this rank has loaded */
    public ShardedProgram(DeviceProgram held, MeshRank rank) {
        super(held);
        this.rank = rank;
        var manifest = held.manifest();
        var mesh = manifest.mesh();
        var state = new HashMap<String, TensorType>();
        var parameters = new ArrayList<Parameter>();
        for (var p : manifest.parameters()) {
            var type = p.whole(mesh);
            var ofParameter = new ArrayList<Cut>();
            if (p.shardAxis() >= 0) {
                ofParameter.add(new Cut(MeshAxis.TENSOR, p.shardAxis(), p.shardParts(), type));
            }
            cuts.put(p.name(), List.copyOf(ofParameter));
            if (p.stateAxis() >= 0) {
                ofParameter.add(new Cut(MeshAxis.DATA, p.stateAxis(), 1, p.type()));
            }
            for (var prefix : STATE) {
                cuts.put(prefix + p.name(), List.copyOf(ofParameter));
                state.put(prefix + p.name(), type);
            }
            parameters.add(p.withType(type));
        }
        whole = new Manifest(
                manifest.formatVersion(),
                manifest.model(),
                manifest.config(),
                mesh,
                parameters,
                manifest.state().stream()
                        .map(slot -> new TensorSlot(
                                slot.name(),
                                state.getOrDefault(slot.name(), slot.type())
                                        .withDtype(slot.type().dtype()),
                                slot.offset()))
                        .toList(),
                manifest.carried(),
                manifest.entries(),
                manifest.parameterBytes(),
                manifest.workspaceBytes(),
                manifest.stateBytes(),
                manifest.targets(),
                manifest.checksums());
    }

    /** {@code program} as a rank holds it. */
    public static DeviceProgram held(DeviceProgram program) {
        return switch (program) {
            case MasterWeights masters -> held(masters.held());
            case ShardedProgram sharded -> sharded.held();
            default -> program;
        };
    }

    /** What all ranks hold together of a tensor like {@code tensor}, of which this one holds {@code part}; a collective. */
    public static HostTensor whole(DeviceProgram program, String tensor, HostTensor part) {
        return switch (program) {
            case MasterWeights masters -> whole(masters.held(), tensor, part);
            case ShardedProgram sharded -> sharded.whole(tensor, part);
            default -> part;
        };
    }

    /** What this rank holds of a tensor like {@code tensor}. */
    public static HostTensor part(DeviceProgram program, String tensor, HostTensor whole) {
        return switch (program) {
            case MasterWeights masters -> part(masters.held(), tensor, whole);
            case ShardedProgram sharded -> sharded.part(tensor, whole);
            default -> whole;
        };
    }

    /** The manifest with whole shapes; places are those of what this rank holds. */
    @Override
    public Manifest manifest() {
        return whole;
    }

    @Override
    public HostTensor read(String tensor) {
        return whole(tensor, held().read(tensor));
    }

    private HostTensor whole(String tensor, HostTensor part) {
        var result = part;
        for (var cut : cutsOf(tensor).reversed()) {
            result = gather(result, cut);
        }
        return result;
    }

    private List<Cut> cutsOf(String tensor) {
        return cuts.getOrDefault(tensor, List.of());
    }

    private HostTensor gather(HostTensor part, Cut cut) {
        var group = rank.group(cut.axis());
        if (group == null || group.size() == 1) {
            return part;
        }
        var arena = Arena.ofAuto();
        var bytes = part.data().byteSize();
        var send = arena.allocate(bytes, Manifest.ALIGNMENT);
        send.copyFrom(part.data());
        var received = arena.allocate(bytes * group.size(), Manifest.ALIGNMENT);
        group.allGather(send, received, DeviceTensors.deviceType(part.dtype()));
        var joined = arena.allocate(bytes * group.size(), Manifest.ALIGNMENT);
        var run = run(cut, part.dtype().bytes());
        for (var turn = 0L; turn < bytes / run; turn++) {
            for (var r = 0; r < group.size(); r++) {
                var to = (turn * group.size() + r) * run;
                MemorySegment.copy(received, r * bytes + turn * run, joined, to, run);
            }
        }
        return new HostTensor(part.dtype(), DeviceTensors.hostShape(cut.before().shape()), joined);
    }

    /** Bytes of a rank's share that lie together in the whole. */
    private long run(Cut cut, int width) {
        var shape = cut.before().shape();
        var size = rank.mesh().size(cut.axis());
        return shape.elements(cut.dim(), shape.rank()) / cut.parts() / size * width;
    }

    @Override
    public void write(String tensor, HostTensor value) {
        held().write(tensor, part(tensor, value));
    }

    private HostTensor part(String tensor, HostTensor whole) {
        var part = whole;
        for (var cut : cutsOf(tensor)) {
            part = slice(tensor, part, cut);
        }
        return part;
    }

    private HostTensor slice(String tensor, HostTensor whole, Cut cut) {
        if (!whole.shape().equals(DeviceTensors.hostShape(cut.before().shape()))) {
            throw new DeviceException(
                    "'" + tensor + "' must be " + cut.before() + ", not " + DeviceTensors.describe(whole));
        }
        var size = rank.mesh().size(cut.axis());
        var run = run(cut, whole.dtype().bytes());
        var data = Arena.ofAuto().allocate(whole.data().byteSize() / size, Manifest.ALIGNMENT);
        for (var turn = 0L; turn < data.byteSize() / run; turn++) {
            var from = (turn * size + rank.coordinate(cut.axis())) * run;
            MemorySegment.copy(whole.data(), from, data, turn * run, run);
        }
        var shape = new ArrayList<>(whole.shape());
        shape.set(cut.dim(), shape.get(cut.dim()) / size);
        return new HostTensor(whole.dtype(), shape, data);
    }

    /** Sets of the elements named those that this rank holds. */
    @Override
    public void write(String tensor, long from, HostTensor part) {
        write(tensor, from, part, cutsOf(tensor));
    }

    /** @param cuts that lie between the tensor of which {@code part} is a part and what this rank holds */
    private void write(String tensor, long from, HostTensor part, List<Cut> cuts) {
        if (cuts.isEmpty()) {
            held().write(tensor, from, part);
            return;
        }
        var cut = cuts.getFirst();
        var width = part.dtype().bytes();
        var run = run(cut, width) / width;
        var size = rank.mesh().size(cut.axis());
        var end = from + part.elementCount();
        for (var at = from; at < end; ) {
            var turn = at / run;
            var next = Math.min(end, (turn + 1) * run);
            if (turn % size == rank.coordinate(cut.axis())) {
                var bytes = part.data().asSlice((at - from) * width, (next - at) * width);
                var elements = new HostTensor(part.dtype(), List.of(next - at), bytes);
                write(tensor, turn / size * run + at % run, elements, cuts.subList(1, cuts.size()));
            }
            at = next;
        }
    }
}
