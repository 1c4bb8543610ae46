package org.clipc.compiler.draw;

/**
 * Widths of text without a font at hand: the advance widths of Helvetica, of which Arial is a metric copy, and some more
 * for the wider fonts of systems that have neither.
 */
final class TextWidth {

    /** For the characters from space to tilde, in thousandths of the font size (Adobe's font metrics for Helvetica). */
    private static final int[] ADVANCE = {
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
                556,
        556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556,
                833,
        722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500,
                556,
        556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500,
                334,
        260, 334, 584
    };

    private static final double BOLD = 1.08;
    private static final double RESERVE = 1.14;

    private TextWidth() {}

    static double of(String text, double size, boolean bold) {
        var sum = text.chars()
                .map(c -> c >= ' ' && c <= '~' ? ADVANCE[c - ' '] : c == 0x2026 ? 1000 : 600)
                .sum();
        return sum * size / 1000 * RESERVE * (bold ? BOLD : 1);
    }
}
