package org.clipc.runtime.device;

import java.io.IOException;
import java.util.Collection;
import org.clipc.program.ProgramFile;

/** Something that runs programs. Closing it ends its threads; its programs must be closed before. */
public interface Device extends AutoCloseable {

    /** How {@code --device} calls it, such as {@code jvm}. */
    String name();

    /** One line on what it is, for people. */
    String description();

    /** What measurements of speed hold for: the same whenever the device and its use are. */
    default String identity() {
        return description();
    }

    /**
     * Prepares entry points of a program to run. The program file is not needed afterwards.
     *
     * @param entries names of entry points; only these can run, and only what they need takes memory. With an entry point
     *     come those that do the same for shorter texts: they run in its stead when all texts of a batch are short enough.
     * @throws IOException if the file cannot be read or is damaged
     * @throws org.clipc.runtime.io.DataFormatException if the program is not one that may run
     * @throws DeviceException if this device cannot run it
     */
    default DeviceProgram load(ProgramFile program, Collection<String> entries) throws IOException {
        return MasterWeights.of(load(program, entries, MeshRank.alone()), entries);
    }

    /**
     * As {@link #load(ProgramFile, Collection)}, for one of several ranks, which do the same at the same time. The program
     * holds what this rank has of parameters and state, as it is stored: see {@link ShardedProgram} for all of it, and
     * {@link MasterWeights} for its full precision.
     */
    DeviceProgram load(ProgramFile program, Collection<String> entries, MeshRank rank) throws IOException;

    @Override
    void close();
}
