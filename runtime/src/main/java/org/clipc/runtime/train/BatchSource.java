package org.clipc.runtime.train;

import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import org.clipc.runtime.device.MeshRank;
import org.clipc.runtime.tensor.HostTensor;

/**
 * Batches in an order that depends on nothing but a seed, so that training resumed at a position sees the same batches as
 * training that never stopped.
 */
public interface BatchSource extends AutoCloseable {

    /** A place to begin. */
    @FunctionalInterface
    interface Opener {

        /** @param position what {@link #position} said earlier; empty for the beginning */
        BatchSource open(String position) throws IOException;
    }

    /**
     * The next batch, or micro-batch if a step takes several, by the names of the training step's inputs; empty when all data
     * has been seen as often as asked. Later calls leave the tensors alone.
     */
    Optional<Map<String, HostTensor>> next() throws IOException;

    /** Where the batch after the last one drawn begins. */
    String position();

    /**
     * What ranks open at to go on, each at what its {@link #position} said; all of them ask.
     *
     * @param position of this rank
     */
    default String together(String position, MeshRank rank) {
        return position;
    }

    @Override
    void close() throws IOException;
}
