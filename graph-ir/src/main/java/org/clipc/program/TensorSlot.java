package org.clipc.program;

import org.clipc.ir.TensorType;

/**
 * A named tensor at a fixed place of the device's arena.
 *
 * @param offset byte offset into the arena, a multiple of 64
 */
public record TensorSlot(String name, TensorType type, long offset) {}
