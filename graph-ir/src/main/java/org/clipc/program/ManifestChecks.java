package org.clipc.program;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.clipc.ir.Mesh;

/** Whether the parts of a manifest fit each other: names, offsets, regions and members. */
final class ManifestChecks {

    static final Pattern NAME = Pattern.compile("[A-Za-z0-9_.\\-]{1,500}");

    private ManifestChecks() {}

    /**
     * @param members all members of the file
     * @throws InvalidMemberException saying what does not fit
     */
    static void check(Manifest manifest, Set<String> members) throws InvalidMemberException {
        unique("entry point", manifest.entries().stream().map(EntryPoint::name));
        unique("parameter", manifest.parameters().stream().map(Parameter::name));
        var kept = new ArrayList<>(manifest.state());
        kept.addAll(manifest.carried());
        unique("state tensor", kept.stream().map(TensorSlot::name));
        unique("target", manifest.targets().stream());
        for (var word : Stream.concat(
                        manifest.targets().stream(), manifest.entries().stream().map(EntryPoint::name))
                .toList()) {
            if (!Members.isWord(word)) {
                throw new InvalidMemberException(
                        "has an entry point or target with the impossible name " + Archive.printable(word));
            }
        }
        disjoint(
                "parameters",
                0,
                manifest.parameterBytes(),
                manifest.parameters().stream()
                        .map(p -> new TensorSlot(p.name(), p.type(), p.offset()))
                        .toList());
        for (var parameter : manifest.parameters()) {
            shards(parameter, manifest.mesh());
        }
        disjoint("state", manifest.stateOffset(), manifest.arenaBytes(), kept);
        for (var entry : manifest.entries()) {
            var what = "entry point '" + entry.name() + "': ";
            unique(what + "input", entry.inputs().stream().map(TensorSlot::name));
            unique(what + "output", entry.outputs().stream().map(TensorSlot::name));
            disjoint(
                    what + "inputs",
                    manifest.workspaceOffset(),
                    manifest.workspaceOffset() + manifest.workspaceBytes(),
                    entry.inputs());
            for (var output : entry.outputs()) {
                inside(what + "outputs", 0, manifest.arenaBytes(), output);
            }
        }
        TrainingStep.check(manifest);
        membersMatch(manifest, members);
    }

    private static void shards(Parameter p, Mesh mesh) throws InvalidMemberException {
        if (p.shardAxis() >= 0 && p.type().dim(p.shardAxis()) % p.shardParts() != 0) {
            throw new InvalidMemberException("parameter '%s' (%s) cannot have %d parts along axis %d"
                    .formatted(p.name(), p.type(), p.shardParts(), p.shardAxis()));
        }
        if (p.shardAxis() >= 0 && (long) p.type().dim(p.shardAxis()) * mesh.tensor() > Integer.MAX_VALUE) {
            throw new InvalidMemberException(
                    "parameter '%s' (%s) is too large for %d ranks".formatted(p.name(), p.type(), mesh.tensor()));
        }
        if (p.stateAxis() >= 0 && p.type().dim(p.stateAxis()) % mesh.data() != 0) {
            throw new InvalidMemberException(
                    "the state of parameter '%s' (%s) cannot be split over %d ranks along axis %d"
                            .formatted(p.name(), p.type(), mesh.data(), p.stateAxis()));
        }
    }

    private static void unique(String what, Stream<String> names) throws InvalidMemberException {
        var seen = new HashSet<String>();
        for (var name : names.toList()) {
            if (!NAME.matcher(name).matches()) {
                throw new InvalidMemberException(what + " has the impossible name " + Archive.printable(name));
            }
            if (!seen.add(name)) {
                throw new InvalidMemberException(what + " '" + name + "' occurs twice");
            }
        }
    }

    private static void inside(String what, long from, long to, TensorSlot slot) throws InvalidMemberException {
        if (slot.offset() % Manifest.ALIGNMENT != 0) {
            throw new InvalidMemberException("%s: '%s' begins at byte %d, which is no multiple of %d"
                    .formatted(what, slot.name(), slot.offset(), Manifest.ALIGNMENT));
        }
        // Sizes and offsets are below 2^56 each, so this cannot overflow.
        if (slot.offset() < from || slot.offset() + slot.type().bytes() > to) {
            throw new InvalidMemberException("%s: '%s' (%s at byte %d) lies outside of its region, bytes %d to %d"
                    .formatted(what, slot.name(), slot.type(), slot.offset(), from, to));
        }
    }

    private static void disjoint(String what, long from, long to, List<TensorSlot> slots)
            throws InvalidMemberException {
        var sorted = new ArrayList<>(slots);
        sorted.sort(Comparator.comparingLong(TensorSlot::offset));
        var end = 0L;
        for (var slot : sorted) {
            inside(what, from, to, slot);
            if (slot.offset() < end) {
                throw new InvalidMemberException("%s: '%s' at byte %d overlaps the tensor before it"
                        .formatted(what, slot.name(), slot.offset()));
            }
            end = slot.offset() + slot.type().bytes();
        }
    }

    private static void membersMatch(Manifest manifest, Set<String> members) throws InvalidMemberException {
        var listed = manifest.checksums().keySet();
        for (var member : members) {
            if (!member.equals(Members.MANIFEST) && !listed.contains(member)) {
                throw new InvalidMemberException("does not list the member '" + member + "' that the file has");
            }
        }
        for (var member : listed) {
            if (!members.contains(member)) {
                throw new InvalidMemberException(
                        "lists the member " + Archive.printable(member) + " that the file lacks");
            }
        }
        for (var entry : manifest.entries()) {
            require(members, Members.graph(entry.name()));
            for (var target : manifest.targets()) {
                require(members, Members.schedule(target, entry.name()));
            }
        }
    }

    private static void require(Set<String> members, String member) throws InvalidMemberException {
        if (!members.contains(member)) {
            throw new InvalidMemberException("needs the member '" + member + "' that the file lacks");
        }
    }
}
