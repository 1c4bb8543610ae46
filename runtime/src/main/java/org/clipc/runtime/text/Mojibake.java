package org.clipc.runtime.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Repairs UTF-8 that was read as Latin-1 or Windows-1252, such as {@code cafÃ©} for {@code café}. A line is taken for
 * such when all of it turns into valid UTF-8 by going back, and the UTF-8 it turns into is telling: it has a sequence of
 * three or four bytes, one that starts with {@code Â} or {@code Ã}, or at least three sequences. Correct text practically
 * never passes this; {@code É…} and the like, which could by accident, do not tell enough.
 */
final class Mojibake {
    private static final int TELLING_PAIRS = 3;

    /** {@code Ã} before a space was {@code à}, as a word of its own but for these Portuguese words. */
    private static final Pattern A_GRAVE_WORD = Pattern.compile("\u00c3 (?! |quele|quela|quilo|s )");

    /** UTF-8 but for a space in the place of byte A0, which some software takes for a space. */
    private static final Pattern LOST_A0 = Pattern.compile("[\u00c2\u00c3\u00c5\u00ce\u00d0\u00d9] "
            + "|[\u00e2\u00e3] [\u0080-\u0084\u0086-\u009f\u00a1-\u00bf]"
            + "|[\u00e0-\u00e3][\u0080-\u0084\u0086-\u009f\u00a1-\u00bf] "
            + "|\u00f0 [\u0080-\u00bf]{2}|\u00f0[\u0080-\u00bf] [\u0080-\u00bf]|\u00f0[\u0080-\u00bf]{2} ");

    private static final Charset WINDOWS_1252 = Charset.forName("windows-1252");

    /** The byte that Windows-1252 shows as each character; 0 for characters it lacks. */
    private static final byte[] BYTE_OF = new byte[0x2123];

    static {
        for (int b = 0x80; b < 0x100; b++) {
            // Latin-1's meaning too: its controls stand for the bytes that Windows-1252 leaves open or has moved.
            BYTE_OF[b] = (byte) b;
            char shown = new String(new byte[] {(byte) b}, WINDOWS_1252).charAt(0);
            if (shown < BYTE_OF.length) {
                BYTE_OF[shown] = (byte) b;
            }
        }
    }

    private Mojibake() {}

    /** The line as it was meant, through several layers of damage, or as it is. */
    static String repair(String line) {
        String text = line;
        for (String better = repairOnce(text); better != null; better = repairOnce(text)) {
            text = better;
        }
        return text;
    }

    private static @Nullable String repairOnce(String line) {
        byte[] bytes = bytesOf(line);
        return bytes == null || !isTelling(bytes) ? null : decode(restoreA0(bytes));
    }

    private static byte @Nullable [] bytesOf(String line) {
        var bytes = new byte[line.length()];
        boolean ascii = true;
        for (int i = 0; i < bytes.length; i++) {
            char c = line.charAt(i);
            if (c < 0x80) {
                bytes[i] = (byte) c;
            } else if (c < BYTE_OF.length && BYTE_OF[c] != 0) {
                bytes[i] = BYTE_OF[c];
                ascii = false;
            } else {
                return null;
            }
        }
        return ascii ? null : bytes;
    }

    private static byte[] restoreA0(byte[] bytes) {
        String each = new String(bytes, StandardCharsets.ISO_8859_1);
        if (!LOST_A0.matcher(each).find()) {
            return bytes;
        }
        String words = A_GRAVE_WORD.matcher(each).replaceAll("\u00c3\u00a0 ");
        String restored = LOST_A0.matcher(words).replaceAll(m -> m.group().replace(' ', '\u00a0'));
        return restored.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static boolean isTelling(byte[] bytes) {
        int pairs = 0;
        for (byte signed : bytes) {
            int b = Byte.toUnsignedInt(signed);
            if (b >= 0xe0 || b == 0xc2 || b == 0xc3) {
                return true;
            }
            if (b >= 0xc4) {
                pairs++;
            }
        }
        return pairs >= TELLING_PAIRS;
    }

    private static @Nullable String decode(byte[] bytes) {
        try {
            CharBuffer text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
            return text.toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }
}
