package org.clipc.runtime.data.image;

import java.io.IOException;
import java.util.EnumMap;
import java.util.Iterator;
import java.util.Map;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.spi.ImageReaderSpi;

/** The ImageIO reader of each format: TwelveMonkeys' for JPEG and WebP, the JDK's for PNG and GIF. */
final class Readers {
    private static final String TWELVE_MONKEYS = "com.twelvemonkeys.";
    private static final Map<ImageFormat, ImageReaderSpi> PROVIDERS = find();

    private Readers() {}

    static ImageReader create(ImageFormat format) throws IOException {
        ImageReaderSpi provider = PROVIDERS.get(format);
        if (provider == null) {
            throw new IllegalStateException("no reader for " + format + " is on the class path");
        }
        return provider.createReaderInstance();
    }

    private static Map<ImageFormat, ImageReaderSpi> find() {
        var providers = new EnumMap<ImageFormat, ImageReaderSpi>(ImageFormat.class);
        for (ImageFormat format : ImageFormat.values()) {
            boolean fromLibrary = format == ImageFormat.JPEG || format == ImageFormat.WEBP;
            Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format.imageIoName());
            while (readers.hasNext()) {
                ImageReaderSpi provider = readers.next().getOriginatingProvider();
                if (provider.getClass().getName().startsWith(TWELVE_MONKEYS) == fromLibrary) {
                    providers.putIfAbsent(format, provider);
                }
            }
        }
        return providers;
    }
}
