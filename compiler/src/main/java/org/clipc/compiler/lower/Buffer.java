package org.clipc.compiler.lower;

/**
 * Memory for one tensor, or for several that share it one after the other.
 *
 * @param role decides the region of the arena
 * @param name of the input that lives there, or of the node that computes it, for reports
 */
public record Buffer(int id, Role role, String name, long bytes) {

    /** Region of the arena. */
    public enum Role {
        PARAMETER,
        /** State, and what is carried from one entry point of a training step to the next. */
        STATE,
        WORKSPACE
    }
}
