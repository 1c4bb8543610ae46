package org.clipc.runtime.device.program;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Locale;
import org.clipc.program.Manifest;
import org.clipc.runtime.device.DeviceException;

/**
 * Zeroed memory outside of the Java heap. On Linux and macOS it is mapped, so that a page takes memory only once it is
 * touched; elsewhere it comes from {@link Arena#allocate}, which touches all of it.
 */
public final class OffHeap {

    private static final long HUGE_PAGE = 2L << 20;
    private static final int READ_AND_WRITE = 3;
    private static final int ADVICE_HUGE_PAGES = 14;

    /** MAP_PRIVATE, MAP_ANONYMOUS and MAP_NORESERVE, whose numbers differ between systems. */
    private static final int LINUX_FLAGS = 0x2 | 0x20 | 0x4000;

    private static final int MACOS_FLAGS = 0x2 | 0x1000 | 0x40;

    private OffHeap() {}

    /**
     * @param arena releases the memory when it closes
     * @throws DeviceException if the system does not give so much
     */
    public static MemorySegment allocate(long bytes, Arena arena) {
        var system = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        if (bytes > 0 && system.contains("linux")) {
            var memory = map(bytes, LINUX_FLAGS, arena);
            adviseHugePages(memory);
            return memory.asSlice(0, bytes);
        }
        if (bytes > 0 && system.contains("mac")) {
            return map(bytes, MACOS_FLAGS, arena).asSlice(0, bytes);
        }
        try {
            return arena.allocate(bytes, Manifest.ALIGNMENT);
        } catch (OutOfMemoryError e) {
            throw noMemory(bytes);
        }
    }

    /** At least {@code bytes}, beginning at the start of a huge page and ending at the end of one. */
    @SuppressWarnings("restricted") // the size and life of the segment are those of the mapping
    private static MemorySegment map(long bytes, int flags, Arena arena) {
        var mmap = function(
                "mmap",
                FunctionDescriptor.of(
                        ValueLayout.ADDRESS,
                        ValueLayout.ADDRESS,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG));
        var munmap = function(
                "munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
        var size = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
        var mappedSize = size + HUGE_PAGE;
        MemorySegment mapped;
        try {
            mapped = (MemorySegment) mmap.invokeExact(MemorySegment.NULL, mappedSize, READ_AND_WRITE, flags, -1, 0L);
        } catch (Throwable e) {
            throw new IllegalStateException("mmap cannot be called", e);
        }
        if (mapped.address() == -1) {
            throw noMemory(bytes);
        }
        var whole = mapped.reinterpret(mappedSize, arena, segment -> unmap(munmap, segment, mappedSize));
        return whole.asSlice(-whole.address() & (HUGE_PAGE - 1), size);
    }

    private static void unmap(MethodHandle munmap, MemorySegment segment, long size) {
        try {
            var _ = (int) munmap.invokeExact(segment, size);
        } catch (Throwable e) {
            throw new IllegalStateException("munmap cannot be called", e);
        }
    }

    /** Fewer, larger pages: kernels stream through the memory and would miss the TLB often. Only advice, so failure is no matter. */
    private static void adviseHugePages(MemorySegment memory) {
        var madvise = function(
                "madvise",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        try {
            var _ = (int) madvise.invokeExact(memory, memory.byteSize(), ADVICE_HUGE_PAGES);
        } catch (Throwable e) {
            throw new IllegalStateException("madvise cannot be called", e);
        }
    }

    @SuppressWarnings("restricted") // signatures as in POSIX
    private static MethodHandle function(String name, FunctionDescriptor descriptor) {
        var linker = Linker.nativeLinker();
        var address = linker.defaultLookup().find(name).orElseThrow();
        return linker.downcallHandle(address, descriptor);
    }

    private static DeviceException noMemory(long bytes) {
        return new DeviceException("the system gives no " + (bytes >> 20) + " MiB of memory, which this program needs");
    }
}
