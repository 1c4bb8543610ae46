package org.clipc.runtime.collective.mpi;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.locks.ReentrantLock;
import org.clipc.runtime.collective.CollectiveException;

/**
 * The functions of MPI that are used here. None of them blocks but those that start and end it. Calls are made one at a
 * time, which is MPI_THREAD_SERIALIZED.
 */
final class MpiLibrary {

    private static final int SUCCESS = 0;
    private static final int THREAD_SERIALIZED = 2;

    /** More than MPI_MAX_ERROR_STRING and MPI_MAX_LIBRARY_VERSION_STRING are in either library. */
    private static final int LONGEST_TEXT = 1 << 14;

    private static final MemoryLayout INT = ValueLayout.JAVA_INT;
    private static final MemoryLayout ADDRESS = ValueLayout.ADDRESS;
    private static final MemoryLayout NUMBER = ValueLayout.JAVA_LONG;

    private final SymbolLookup symbols;
    private final Abi abi;
    private final ReentrantLock calling = new ReentrantLock();
    private final MemorySegment result = Arena.global().allocate(ValueLayout.JAVA_INT);
    private final MethodHandle isend;
    private final MethodHandle irecv;
    private final MethodHandle test;
    private final MethodHandle iprobe;

    private MpiLibrary(SymbolLookup symbols) {
        this.symbols = symbols;
        this.abi = Abi.of(symbols);
        isend = function("MPI_Isend", NUMBER, INT, abi.handle(), INT, INT, abi.handle(), NUMBER);
        irecv = function("MPI_Irecv", NUMBER, INT, abi.handle(), INT, INT, abi.handle(), NUMBER);
        test = function("MPI_Test", NUMBER, ADDRESS, NUMBER);
        iprobe = function("MPI_Iprobe", INT, INT, abi.handle(), ADDRESS, NUMBER);
    }

    /**
     * Loads the machine's library and starts it in this process.
     *
     * @param environment as of {@link System#getenv()}
     * @throws CollectiveException if there is none, or it cannot be used
     */
    static MpiLibrary start(Map<String, String> environment) {
        var symbols = MpiFiles.load(environment);
        try {
            var library = new MpiLibrary(symbols);
            library.init();
            library.requireWorldOf(environment);
            return library;
        } catch (NoSuchElementException e) {
            throw new CollectiveException(
                    "the MPI library lacks a function of MPI 3 (" + e.getMessage() + "); set " + MpiFiles.OVERRIDE
                            + " to another",
                    List.of(),
                    e);
        }
    }

    private void init() {
        var init = function("MPI_Init_thread", ADDRESS, ADDRESS, INT, ADDRESS);
        check("MPI_Init_thread", () ->
                (int) init.invokeExact(MemorySegment.NULL, MemorySegment.NULL, THREAD_SERIALIZED, result));
        var provided = result.get(ValueLayout.JAVA_INT, 0);
        if (provided < THREAD_SERIALIZED) {
            throw new CollectiveException(
                    "%s does not let threads take turns (it offers MPI thread level %d, and %d is needed); install one that does"
                            .formatted(version(), provided, THREAD_SERIALIZED),
                    List.of());
        }
        var setHandler = function("MPI_Comm_set_errhandler", abi.handle(), abi.handle());
        check("MPI_Comm_set_errhandler", () -> (int) setHandler.invokeExact(abi.world(), abi.errorsReturn()));
    }

    /** A library that another mpirun does not know makes a world of one of each process. */
    private void requireWorldOf(Map<String, String> environment) {
        for (var variable : List.of("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")) {
            var told = environment.getOrDefault(variable, "1");
            if (size() == 1 && !told.equals("1")) {
                throw new CollectiveException(
                        "mpirun started %s ranks, but %s does not see them: it is of another MPI than mpirun. Set %s to the library that belongs to mpirun"
                                .formatted(told, version(), MpiFiles.OVERRIDE),
                        List.of());
            }
        }
    }

    /** Such as {@code Open MPI v4.1.4}. */
    String version() {
        try (var arena = Arena.ofConfined()) {
            var get = function("MPI_Get_library_version", ADDRESS, ADDRESS);
            var text = arena.allocate(LONGEST_TEXT);
            check("MPI_Get_library_version", () -> (int) get.invokeExact(text, result));
            // Open MPI says "Open MPI v4.1.4, package: ...", MPICH "MPICH Version:      4.0.2" and more lines.
            var first = text.getString(0).lines().findFirst().orElse(abi.name());
            return first.split(",", 2)[0].replaceAll("\\s*Version:\\s*", " ").strip();
        }
    }

    int rank() {
        return ask("MPI_Comm_rank");
    }

    int size() {
        return ask("MPI_Comm_size");
    }

    private int ask(String name) {
        var function = function(name, abi.handle(), ADDRESS);
        check(name, () -> (int) function.invokeExact(abi.world(), result));
        return result.get(ValueLayout.JAVA_INT, 0);
    }

    /** Ends MPI; may wait for the other ranks. */
    void end() {
        var end = function("MPI_Finalize");
        check("MPI_Finalize", () -> (int) end.invokeExact());
    }

    /**
     * Begins to send.
     *
     * @param request where the request's handle is put: 8 bytes
     */
    void isend(long address, int bytes, int rank, int tag, long request) {
        calling.lock();
        try {
            require("MPI_Isend", (int) isend.invokeExact(address, bytes, abi.bytes(), rank, tag, abi.world(), request));
        } catch (Throwable e) {
            throw unexpected(e);
        } finally {
            calling.unlock();
        }
    }

    /** Begins to receive exactly so many bytes. */
    void irecv(long address, int bytes, int rank, int tag, long request) {
        calling.lock();
        try {
            require("MPI_Irecv", (int) irecv.invokeExact(address, bytes, abi.bytes(), rank, tag, abi.world(), request));
        } catch (Throwable e) {
            throw unexpected(e);
        } finally {
            calling.unlock();
        }
    }

    /** Whether a request is done, and with it its handle. */
    boolean test(long request) {
        calling.lock();
        try {
            require("MPI_Test", (int) test.invokeExact(request, result, abi.statusIgnore()));
            return result.get(ValueLayout.JAVA_INT, 0) != 0;
        } catch (Throwable e) {
            throw unexpected(e);
        } finally {
            calling.unlock();
        }
    }

    /** Lets MPI do what it has to do in the background. */
    void progress(int ownRank) {
        calling.lock();
        try {
            require("MPI_Iprobe", (int) iprobe.invokeExact(ownRank, 0, abi.world(), result, abi.statusIgnore()));
        } catch (Throwable e) {
            throw unexpected(e);
        } finally {
            calling.unlock();
        }
    }

    private interface Function {
        int call() throws Throwable;
    }

    private void check(String name, Function function) {
        calling.lock();
        try {
            require(name, function.call());
        } catch (Throwable e) {
            throw unexpected(e);
        } finally {
            calling.unlock();
        }
    }

    private void require(String name, int code) {
        if (code != SUCCESS) {
            throw new CollectiveException(name + " failed: " + errorText(code), List.of());
        }
    }

    private String errorText(int code) {
        try (var arena = Arena.ofConfined()) {
            var explain = function("MPI_Error_string", INT, ADDRESS, ADDRESS);
            var text = arena.allocate(LONGEST_TEXT);
            return (int) explain.invokeExact(code, text, result) == SUCCESS ? text.getString(0) : "error " + code;
        } catch (Throwable e) {
            throw unexpected(e);
        }
    }

    private static RuntimeException unexpected(Throwable e) {
        return switch (e) {
            case RuntimeException r -> r;
            case Error error -> throw error;
            default -> new IllegalStateException(e);
        };
    }

    /** A function that returns MPI's error code; handles are given to it as longs, whatever they are. */
    @SuppressWarnings("restricted")
    private MethodHandle function(String name, MemoryLayout... arguments) {
        var handle = Linker.nativeLinker()
                .downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments));
        var type = handle.type();
        for (var i = 0; i < arguments.length; i++) {
            if (arguments[i].equals(abi.handle())) {
                type = type.changeParameterType(i, long.class);
            }
        }
        return MethodHandles.explicitCastArguments(handle, type);
    }
}
