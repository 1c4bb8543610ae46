package org.clipc.compiler.jvm;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.FileObject;
import javax.tools.ForwardingJavaFileManager;
import javax.tools.JavaFileManager;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.StandardLocation;
import javax.tools.ToolProvider;

/**
 * Compiles rendered sources to class files, in this process and in memory. The same sources give the same bytes under
 * the same JDK, so what was compiled not long before is not compiled again. Local variables are kept in the class files:
 * TornadoVM needs them, and stack traces read better.
 */
public final class JvmKernelCompiler {

    private static final List<String> OPTIONS =
            List.of("--add-modules", "jdk.incubator.vector", "-g", "-proc:none", "-Xlint:none", "-implicit:none");

    /** Some thousand kernels. */
    private static final KnownClasses KNOWN = new KnownClasses(32 << 20);

    private JvmKernelCompiler() {}

    /**
     * @param sources by binary class name
     * @return class files by binary name
     * @throws IllegalStateException if this Java has no compiler, or a source does not compile (a fault of its renderer)
     */
    public static SortedMap<String, byte[]> compile(Map<String, String> sources) {
        return compile(sources, List.of());
    }

    /**
     * As {@link #compile(Map)}.
     *
     * @param classPath what the sources need besides the JDK
     */
    public static SortedMap<String, byte[]> compile(Map<String, String> sources, List<Path> classPath) {
        var all = new KnownClasses.Sources(sources, classPath);
        var classes = new TreeMap<String, byte[]>();
        var missing = new TreeMap<String, String>();
        for (var name : sources.keySet()) {
            var key = all.key(name);
            KNOWN.get(key).ifPresentOrElse(classes::putAll, () -> missing.put(name, key));
        }
        if (!missing.isEmpty()) {
            var units = new TreeMap<String, String>();
            missing.keySet()
                    .forEach(name -> all.needed(name).forEach(needed -> units.put(needed, source(sources, needed))));
            var compiled = javac(units, classPath);
            missing.forEach((name, key) -> {
                var own = ofSource(name, compiled);
                KNOWN.put(key, own);
                classes.putAll(own);
            });
        }
        return classes;
    }

    private static String source(Map<String, String> sources, String name) {
        return Objects.requireNonNull(sources.get(name));
    }

    /** The class, and those nested in it. */
    private static SortedMap<String, byte[]> ofSource(String name, SortedMap<String, byte[]> classes) {
        var own = new TreeMap<>(classes.subMap(name + "$", name + "%"));
        own.put(name, Objects.requireNonNull(classes.get(name)));
        return own;
    }

    private static SortedMap<String, byte[]> javac(SortedMap<String, String> sources, List<Path> classPath) {
        var classes = new TreeMap<String, byte[]>();
        var javac = ToolProvider.getSystemJavaCompiler();
        if (javac == null) {
            throw new IllegalStateException("this Java runtime (" + System.getProperty("java.home")
                    + ") has no compiler module jdk.compiler: run clipc with a full JDK");
        }
        var diagnostics = new DiagnosticCollector<JavaFileObject>();
        var units = new ArrayList<JavaFileObject>();
        sources.forEach((name, source) -> units.add(new Source(name, source)));
        try (var standard = javac.getStandardFileManager(diagnostics, Locale.ROOT, StandardCharsets.UTF_8);
                var memory = new MemoryFiles(standard)) {
            standard.setLocationFromPaths(StandardLocation.CLASS_PATH, classPath);
            var succeeded = javac.getTask(null, memory, diagnostics, OPTIONS, null, units)
                    .call();
            if (!succeeded) {
                throw new IllegalStateException("a generated kernel does not compile: " + errors(diagnostics));
            }
            memory.outputs.forEach((name, bytes) -> classes.put(name, bytes.toByteArray()));
        } catch (IOException e) {
            throw new IllegalStateException("cannot run the Java compiler: " + e.getMessage(), e);
        }
        return classes;
    }

    private static String errors(DiagnosticCollector<JavaFileObject> diagnostics) {
        return diagnostics.getDiagnostics().stream()
                .filter(d -> d.getKind() == Diagnostic.Kind.ERROR)
                .limit(5)
                .map(d -> (d.getSource() == null ? "" : d.getSource().getName() + ":" + d.getLineNumber() + ": ")
                        + d.getMessage(Locale.ROOT))
                .collect(Collectors.joining("\n"));
    }

    private static final class Source extends SimpleJavaFileObject {

        private final String text;

        Source(String className, String text) {
            super(URI.create("string:///" + className.replace('.', '/') + Kind.SOURCE.extension), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }

    private static final class MemoryFiles extends ForwardingJavaFileManager<JavaFileManager> {

        private final Map<String, ByteArrayOutputStream> outputs = new TreeMap<>();

        MemoryFiles(JavaFileManager standard) {
            super(standard);
        }

        @Override
        public JavaFileObject getJavaFileForOutput(
                Location location, String className, JavaFileObject.Kind kind, FileObject sibling) {
            var uri = URI.create("mem:///" + className.replace('.', '/') + kind.extension);
            return new SimpleJavaFileObject(uri, kind) {
                @Override
                public OutputStream openOutputStream() {
                    var bytes = new ByteArrayOutputStream();
                    outputs.put(className, bytes);
                    return bytes;
                }
            };
        }
    }
}
