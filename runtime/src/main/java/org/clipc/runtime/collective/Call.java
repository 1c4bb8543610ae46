package org.clipc.runtime.collective;

import java.lang.foreign.MemorySegment;

/**
 * One member's part in one collective, checked as far as a member alone can.
 *
 * @param number of the group's collectives, from 1
 * @param send what this member gives; the same as {@code receive} where there is one buffer
 * @param receive what this member gets
 * @param to the member that an exchange sends to, else this one
 * @param from the member that an exchange receives from, else this one
 */
public record Call(Operation operation, long number, MemorySegment send, MemorySegment receive, int to, int from) {}
