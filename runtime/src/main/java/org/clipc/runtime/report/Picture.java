package org.clipc.runtime.report;

import java.util.Base64;

/** A PNG inside a page, as a base64 text; empty for no picture. */
public record Picture(String base64) {

    public static final Picture NONE = new Picture("");

    public static Picture of(byte[] png) {
        return new Picture(Base64.getEncoder().encodeToString(png));
    }

    boolean isNone() {
        return base64.isEmpty();
    }

    /** An {@code img} element that carries its own bytes; nothing where there is no picture. */
    String html(String title) {
        return isNone()
                ? ""
                : "<img src=\"data:image/png;base64,%s\" alt=\"%2$s\" title=\"%2$s\">"
                        .formatted(base64, Html.escape(title));
    }
}
