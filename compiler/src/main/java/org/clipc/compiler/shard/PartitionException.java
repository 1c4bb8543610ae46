package org.clipc.compiler.shard;

/** A model that cannot be divided among so many ranks. */
public final class PartitionException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    PartitionException(String message) {
        super(message);
    }
}
