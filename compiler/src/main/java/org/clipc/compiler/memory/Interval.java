package org.clipc.compiler.memory;

/**
 * A buffer's need of memory.
 *
 * @param first step that writes it; -1 if it is there from the start
 * @param last step that uses it, inclusive; the number of steps if it is wanted after the last
 */
public record Interval(int buffer, String name, long bytes, int first, int last) {

    public boolean overlaps(Interval other) {
        return first <= other.last && other.first <= last;
    }
}
