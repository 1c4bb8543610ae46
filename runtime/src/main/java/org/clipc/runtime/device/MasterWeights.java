package org.clipc.runtime.device;

import java.util.Collection;
import java.util.Set;
import java.util.stream.Collectors;
import org.clipc.ir.DType;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.TrainingStep;
import org.clipc.runtime.tensor.HostTensor;

/**
 * A program whose optimizer keeps f32 masters of bf16 parameters, as the outside sees it: its parameters are the masters.
 * What is read of them has all bits, so that nothing is lost between training and a file; what is written becomes the
 * master, and rounded the parameter.
 */
public final class MasterWeights extends ForwardingProgram {

    private final Set<String> mastered;
    private final Manifest manifest;

    private MasterWeights(DeviceProgram held, Set<String> mastered) {
        super(held);
        this.mastered = mastered;
        var of = held.manifest();
        manifest = new Manifest(
                of.formatVersion(),
                of.model(),
                of.config(),
                of.mesh(),
                of.parameters().stream()
                        .map(p -> mastered.contains(p.name())
                                ? p.withType(p.type().withDtype(DType.F32))
                                : p)
                        .toList(),
                of.state().stream()
                        .filter(slot -> !slot.name().startsWith(Parameter.MASTER))
                        .toList(),
                of.carried(),
                of.entries(),
                of.parameterBytes(),
                of.workspaceBytes(),
                of.stateBytes(),
                of.targets(),
                of.checksums());
    }

    /** @param entries that the program was loaded with; the optimizer's state comes with the training step only */
    public static DeviceProgram of(DeviceProgram program, Collection<String> entries) {
        var mastered = program.manifest().state().stream()
                .filter(slot -> slot.name().startsWith(Parameter.MASTER))
                .map(slot -> slot.name().substring(Parameter.MASTER.length()))
                .collect(Collectors.toUnmodifiableSet());
        return mastered.isEmpty() || entries.stream().noneMatch(TrainingStep::needsState)
                ? program
                : new MasterWeights(program, mastered);
    }

    /** The tensor of {@code program}, or of what it is a view of, that holds a parameter's bits. */
    public static String tensor(DeviceProgram program, String parameter) {
        return program instanceof MasterWeights masters ? masters.tensor(parameter) : parameter;
    }

    private String tensor(String name) {
        return mastered.contains(name) ? Parameter.MASTER + name : name;
    }

    /** With masters for parameters; places are those of what is a rounded copy. */
    @Override
    public Manifest manifest() {
        return manifest;
    }

    @Override
    public HostTensor read(String tensor) {
        return held().read(tensor(tensor));
    }

    @Override
    public void write(String tensor, HostTensor value) {
        held().write(tensor, value);
        if (mastered.contains(tensor)) {
            held().write(tensor(tensor), value);
        }
    }

    @Override
    public void write(String tensor, long from, HostTensor part) {
        held().write(tensor, from, part);
        if (mastered.contains(tensor)) {
            held().write(tensor(tensor), from, part);
        }
    }
}
