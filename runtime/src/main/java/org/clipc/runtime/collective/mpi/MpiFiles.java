package org.clipc.runtime.collective.mpi;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.clipc.runtime.collective.CollectiveException;
import org.jspecify.annotations.Nullable;

/** Finds and loads the machine's MPI library. */
final class MpiFiles {

    /** Names a file to be loaded instead of what is found. */
    static final String OVERRIDE = "CLIPC_MPI_LIBRARY";

    private static final List<String> OPEN_MPI = List.of("libmpi.so.40", "libmpi.40.dylib");
    private static final List<String> MPICH =
            List.of("libmpich.so.12", "libmpi.so.12", "libmpich.12.dylib", "libmpi.12.dylib");
    private static final List<String> ANY = List.of("libmpi.so", "libmpich.so", "libmpi.dylib");

    private static final int RTLD_LAZY = 1;
    private static final int RTLD_GLOBAL = System.getProperty("os.name").startsWith("Mac") ? 8 : 0x100;

    private MpiFiles() {}

    @SuppressWarnings("restricted")
    static SymbolLookup load(Map<String, String> environment) {
        keepSignalsOfTheJvm();
        var names = names(environment);
        for (var name : names) {
            // Plug-ins of Open MPI look for its symbols among the global ones.
            if (open(name)) {
                return SymbolLookup.libraryLookup(name, Arena.global());
            }
        }
        throw new CollectiveException(
                ("no MPI library found (looked for %s): install Open MPI (Debian: apt-get install openmpi-bin) or MPICH (mpich),"
                                + " or set %s to the library's file")
                        .formatted(String.join(", ", names), OVERRIDE),
                List.of());
    }

    /** The library must be of the family whose mpirun started this process, which shows in its environment. */
    static List<String> names(Map<String, String> environment) {
        @Nullable String override = environment.get(OVERRIDE);
        if (override != null && !override.isBlank()) {
            return List.of(override.strip());
        }
        var mpichFirst = environment.containsKey("PMI_RANK") && !environment.containsKey("OMPI_COMM_WORLD_RANK");
        var names = new ArrayList<>(mpichFirst ? MPICH : OPEN_MPI);
        names.addAll(mpichFirst ? OPEN_MPI : MPICH);
        names.addAll(ANY);
        return names;
    }

    /** UCX, which both may load, would take over the signals that the JVM lives on. */
    private static void keepSignalsOfTheJvm() {
        try (var arena = Arena.ofConfined()) {
            var setenv = function(
                    "setenv", ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
            var _ = (int) setenv.invokeExact(arena.allocateFrom("UCX_ERROR_SIGNALS"), arena.allocateFrom(""), 0);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean open(String name) {
        try (var arena = Arena.ofConfined()) {
            var dlopen = function("dlopen", ValueLayout.ADDRESS, ValueLayout.ADDRESS, ValueLayout.JAVA_INT);
            var handle = (MemorySegment) dlopen.invokeExact(arena.allocateFrom(name), RTLD_LAZY | RTLD_GLOBAL);
            return handle.address() != 0;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @SuppressWarnings("restricted")
    private static MethodHandle function(String name, MemoryLayout result, MemoryLayout... arguments) {
        var linker = Linker.nativeLinker();
        return linker.downcallHandle(
                linker.defaultLookup().findOrThrow(name), FunctionDescriptor.of(result, arguments));
    }
}
