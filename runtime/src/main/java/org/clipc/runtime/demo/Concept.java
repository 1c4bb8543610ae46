package org.clipc.runtime.demo;

import java.util.List;
import java.util.Locale;

/**
 * What an emoji stands for, in the Unicode consortium's words. Skin-tone variants are not concepts of their own, and
 * neither are flags (their pictures are the same with every artist).
 *
 * @param codePoints of the emoji without variation selectors, in lower-case hexadecimal, joined by hyphens
 * @param description such as {@code grinning face}
 * @param group such as {@code Smileys & Emotion}
 */
public record Concept(String codePoints, String description, String group, List<String> keywords) {

    public Concept {
        keywords = List.copyOf(keywords);
    }

    /** The description as icon sets spell it: {@code grinning-face}. */
    public String slug() {
        return description
                .toLowerCase(Locale.ROOT)
                .replaceAll("[’']", "")
                .replace("&", "and")
                .replace("ñ", "n")
                .replaceAll("[^a-z0-9]+", "-")
                .replaceAll("^-|-$", "");
    }

    /** What a training picture of this concept is captioned. */
    public String caption() {
        return description.toLowerCase(Locale.ROOT);
    }
}
