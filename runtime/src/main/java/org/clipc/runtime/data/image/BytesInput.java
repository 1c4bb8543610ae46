package org.clipc.runtime.data.image;

import javax.imageio.stream.ImageInputStreamImpl;

/**
 * A picture file in memory as ImageIO reads it. A reader that keeps on reading past the end, as some do on damaged files
 * for minutes, is stopped.
 */
final class BytesInput extends ImageInputStreamImpl {
    private static final int MOST_READS_PAST_END = 1000;

    private final byte[] bytes;
    private int readsPastEnd;

    BytesInput(byte[] bytes) {
        this.bytes = bytes;
    }

    @Override
    public int read() {
        bitOffset = 0;
        if (atEnd()) {
            return -1;
        }
        return Byte.toUnsignedInt(bytes[(int) streamPos++]);
    }

    @Override
    public int read(byte[] target, int offset, int length) {
        bitOffset = 0;
        if (length == 0) {
            return 0;
        }
        if (atEnd()) {
            return -1;
        }
        int count = (int) Math.min(length, bytes.length - streamPos);
        System.arraycopy(bytes, (int) streamPos, target, offset, count);
        streamPos += count;
        return count;
    }

    private boolean atEnd() {
        if (streamPos < bytes.length) {
            return false;
        }
        if (++readsPastEnd > MOST_READS_PAST_END) {
            throw new IllegalStateException("the file ends too early");
        }
        return true;
    }

    @Override
    public long length() {
        return bytes.length;
    }

    @Override
    public boolean isCached() {
        return true;
    }

    @Override
    public boolean isCachedMemory() {
        return true;
    }
}
