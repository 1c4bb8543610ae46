package org.clipc.runtime.demo;

import java.awt.Color;
import java.awt.Component;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Draws SVG with the jsvg library out of a fetched jar: only the demo needs it, so the runtime does not depend on it and
 * calls it by method handles.
 */
final class SvgRasterizer implements AutoCloseable {

    private static final String PACKAGE = "com.github.weisj.jsvg.";

    private final URLClassLoader library;
    private final MethodHandle newLoader;
    private final MethodHandle load;
    private final MethodHandle render;
    private final MethodHandle newViewBox;
    private final Object context;

    SvgRasterizer(Path jar) throws IOException {
        library = new URLClassLoader(new URL[] {jar.toUri().toURL()}, SvgRasterizer.class.getClassLoader());
        try {
            var loader = library.loadClass(PACKAGE + "parser.SVGLoader");
            var loaderContext = library.loadClass(PACKAGE + "parser.LoaderContext");
            var document = library.loadClass(PACKAGE + "SVGDocument");
            var viewBox = library.loadClass(PACKAGE + "view.ViewBox");
            var lookup = MethodHandles.publicLookup();
            newLoader = lookup.findConstructor(loader, MethodType.methodType(void.class));
            load = lookup.findVirtual(
                    loader, "load", MethodType.methodType(document, InputStream.class, URI.class, loaderContext));
            render = lookup.findVirtual(
                    document, "render", MethodType.methodType(void.class, Component.class, Graphics2D.class, viewBox));
            newViewBox = lookup.findConstructor(
                    viewBox, MethodType.methodType(void.class, float.class, float.class, float.class, float.class));
            context = lookup.findStatic(loaderContext, "createDefault", MethodType.methodType(loaderContext))
                    .invoke();
        } catch (Throwable e) {
            library.close();
            throw new IOException(jar + ": is not the SVG library that the demo needs; delete it to fetch it anew", e);
        }
    }

    /** The drawing on white, {@code size} pixels square; nothing if the library cannot draw it. */
    Optional<BufferedImage> draw(String svg, int size) {
        var image = new BufferedImage(size, size, BufferedImage.TYPE_INT_RGB);
        var graphics = image.createGraphics();
        try {
            graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
            graphics.setColor(Color.WHITE);
            graphics.fillRect(0, 0, size, size);
            var bytes = new ByteArrayInputStream(svg.getBytes(StandardCharsets.UTF_8));
            var document = load.invoke(newLoader.invoke(), (InputStream) bytes, (URI) null, context);
            if (document == null) {
                return Optional.empty();
            }
            render.invoke(document, (Component) null, graphics, newViewBox.invoke(0f, 0f, (float) size, (float) size));
            return Optional.of(image);
        } catch (Throwable e) {
            if (e instanceof VirtualMachineError error) {
                throw error;
            }
            return Optional.empty();
        } finally {
            graphics.dispose();
        }
    }

    @Override
    public void close() throws IOException {
        library.close();
    }
}
