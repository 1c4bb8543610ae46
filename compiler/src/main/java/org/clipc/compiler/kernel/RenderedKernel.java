package org.clipc.compiler.kernel;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A kernel by name, and how to render its source when it is the first of that name.
 *
 * @param className binary name of the generated class: a function of the spec and the target alone
 * @param source renders the Java source (called at most once per program)
 * @param prebuilt prints the Java source in the language that devices of the target compile by themselves; null where Java
 *     is all there is
 * @param hasClass whether the source is compiled; if not, what {@code prebuilt} prints is all there is
 */
public record RenderedKernel(
        String className, Supplier<String> source, @Nullable UnaryOperator<String> prebuilt, boolean hasClass) {

    /** A kernel that is rendered in Java only. */
    public RenderedKernel(String className, Supplier<String> source) {
        this(className, source, null, true);
    }

    /**
     * The simple name of a kernel's class: the same for equal kernels only.
     *
     * @param stem what it begins with
     * @param description all that the kernel depends on, in a line of text
     */
    public static String simpleName(String stem, String description) {
        try {
            var digest = MessageDigest.getInstance("SHA-256").digest(description.getBytes(StandardCharsets.UTF_8));
            return stem + "_" + HexFormat.of().formatHex(digest, 0, 6);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
