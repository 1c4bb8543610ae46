package org.clipc.runtime.text;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The printable stand-ins for bytes in the merges file (GPT-2's {@code bytes_to_unicode}): printable Latin-1 bytes stand
 * for themselves, the others for the characters from U+0100 on. Printable bytes come first in the vocabulary.
 */
final class ByteAlphabet {
    private final List<Character> inVocabularyOrder = new ArrayList<>();
    private final int[] positionOfByte = new int[256];
    private final Map<Character, Integer> byteOf = new HashMap<>();

    ByteAlphabet() {
        for (int b = 0; b < 256; b++) {
            if (isPrintable(b)) {
                add(b, (char) b);
            }
        }
        int others = 0;
        for (int b = 0; b < 256; b++) {
            if (!isPrintable(b)) {
                add(b, (char) (256 + others++));
            }
        }
    }

    private void add(int b, char standIn) {
        positionOfByte[b] = inVocabularyOrder.size();
        inVocabularyOrder.add(standIn);
        byteOf.put(standIn, b);
    }

    private static boolean isPrintable(int b) {
        return (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    }

    List<Character> inVocabularyOrder() {
        return inVocabularyOrder;
    }

    /** Place of a byte's stand-in in the vocabulary. */
    int position(byte b) {
        return positionOfByte[Byte.toUnsignedInt(b)];
    }

    int byteOf(char standIn) {
        Integer b = byteOf.get(standIn);
        if (b == null) {
            throw new IllegalArgumentException("'" + standIn + "' stands for no byte");
        }
        return b;
    }
}
