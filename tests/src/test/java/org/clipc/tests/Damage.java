package org.clipc.tests;

import java.util.Arrays;
import java.util.Random;

/** What may happen to a file on its way. */
final class Damage {

    private Damage() {}

    /** The bytes cut short, with a few bits flipped, with a stretch overwritten, or with one moved. */
    static byte[] some(byte[] whole, Random random) {
        var at = random.nextInt(whole.length);
        var length = Math.min(1 + random.nextInt(16), whole.length - at);
        return switch (random.nextInt(4)) {
            case 0 -> Arrays.copyOf(whole, at);
            case 1 -> flipped(whole, 1 + random.nextInt(3), random);
            case 2 -> {
                var bytes = whole.clone();
                for (var i = at; i < at + length; i++) {
                    bytes[i] = (byte) random.nextInt();
                }
                yield bytes;
            }
            default -> {
                var bytes = Arrays.copyOf(whole, whole.length + length);
                System.arraycopy(whole, at, bytes, at + length, whole.length - at);
                yield bytes;
            }
        };
    }

    private static byte[] flipped(byte[] whole, int bits, Random random) {
        var bytes = whole.clone();
        for (var i = 0; i < bits; i++) {
            bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
        }
        return bytes;
    }
}
