package org.clipc.runtime.device.program;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.clipc.ir.Mesh;
import org.clipc.ir.MeshAxis;
import org.clipc.program.CollectiveCall;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;
import org.clipc.program.Schedule;
import org.clipc.runtime.collective.Group;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.tensor.HostTensor;

/** A rank's part in running a program together with others, whatever the device. */
public final class RankedProgram {

    private final Path path;
    private final Manifest manifest;
    private final MeshRank rank;

    /** By entry point: the axes along which its ranks work together. */
    private final Map<String, Set<MeshAxis>> exchanging = new HashMap<>();

    /** @param rank what this process or thread is among the ranks, whose number need not be the program's yet */
    public RankedProgram(Path path, Manifest manifest, MeshRank rank, List<Schedule> schedules) {
        this.path = path;
        this.manifest = manifest;
        this.rank = rank;
        for (var schedule : schedules) {
            var axes = new TreeSet<MeshAxis>();
            for (var call : schedule.calls()) {
                if (call instanceof CollectiveCall collective) {
                    axes.add(collective.axis());
                }
            }
            exchanging.put(schedule.entry(), axes);
        }
    }

    public MeshRank rank() {
        return rank;
    }

    /**
     * Who takes part in a collective.
     *
     * @param beside whether it goes on beside other calls
     * @throws DeviceException if the program is for other ranks than there are
     */
    public Group group(Schedule schedule, CollectiveCall call, boolean beside) {
        var group = beside ? rank.background(call.axis()) : rank.group(call.axis());
        var mesh = manifest.mesh();
        if (group == null || group.size() != mesh.size(call.axis())) {
            throw new DeviceException(
                    "%s: entry point '%s' is for %d ranks (%d data-parallel x %d tensor-parallel) together: give --ranks %d where the command has it, or compile with trainer.devices=1"
                            .formatted(path, schedule.entry(), mesh.size(), mesh.data(), mesh.tensor(), mesh.size()));
        }
        return group;
    }

    /** The entry point to run: ranks that work together on one run it for the same length of texts. */
    public EntryPoint shortest(String entry, Map<String, HostTensor> inputs) {
        return TextLengths.shortest(
                manifest,
                entry,
                inputs,
                length -> exchanging.getOrDefault(entry, Set.of()).contains(MeshAxis.DATA)
                        ? rank.largest(MeshAxis.DATA, length)
                        : length);
    }

    /** The inputs of an entry point, its texts cut to its length, with what the rank knows itself. */
    public Map<String, HostTensor> inputs(EntryPoint point, Map<String, HostTensor> given) {
        var all = new LinkedHashMap<>(TextLengths.cut(given, point));
        for (var axis : MeshAxis.values()) {
            var name = Mesh.rankInput(axis);
            if (point.input(name).isPresent()) {
                all.put(name, HostTensor.of(new int[] {rank.coordinate(axis)}));
            }
        }
        return all;
    }
}
