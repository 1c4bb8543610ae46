package org.clipc.compiler.jvm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class JvmKernelCompilerTest {

    private static final String CALLER = "public class Caller { static int value() { return Helper.VALUE; } }";

    @Test
    void whatWasCompiledBeforeIsTheSame() {
        var sources = Map.of("p.Caller", "package p; " + CALLER, "p.Helper", "package p; " + helper(1));
        var first = JvmKernelCompiler.compile(sources);
        var bytes = bytes(first, "p.Caller").clone();
        // Whoever changes what was handed out spoils it for nobody.
        bytes(first, "p.Caller")[0] = 0;
        var again = JvmKernelCompiler.compile(sources);
        assertThat(again.keySet()).containsExactly("p.Caller", "p.Helper");
        assertThat(bytes(again, "p.Caller")).isEqualTo(bytes);
    }

    /** javac puts constants of other classes into a class file. */
    @Test
    void aChangedClassChangesThoseThatNameIt() {
        var one = JvmKernelCompiler.compile(
                Map.of("q.Caller", "package q; " + CALLER, "q.Helper", "package q; " + helper(1)));
        var two = JvmKernelCompiler.compile(
                Map.of("q.Caller", "package q; " + CALLER, "q.Helper", "package q; " + helper(2)));
        assertThat(bytes(two, "q.Caller")).isNotEqualTo(bytes(one, "q.Caller"));
    }

    @Test
    void newClassesMayNameKnownOnes() {
        var helper = Map.of("r.Helper", "package r; " + helper(1));
        var known = JvmKernelCompiler.compile(helper);
        var sources = new TreeMap<>(helper);
        sources.put("r.Caller", "package r; " + CALLER);
        var both = JvmKernelCompiler.compile(sources);
        assertThat(both.keySet()).containsExactly("r.Caller", "r.Helper");
        assertThat(bytes(both, "r.Helper")).isEqualTo(bytes(known, "r.Helper"));
    }

    @Test
    void nestedClassesBelongToTheirSource() {
        var sources = Map.of("s.Outer", "package s; public class Outer { static class Inner {} }");
        assertThat(JvmKernelCompiler.compile(sources).keySet()).containsExactly("s.Outer", "s.Outer$Inner");
        assertThat(JvmKernelCompiler.compile(sources).keySet()).containsExactly("s.Outer", "s.Outer$Inner");
    }

    @Test
    void aFaultIsToldEachTime() {
        for (var i = 0; i < 2; i++) {
            assertThatThrownBy(() -> JvmKernelCompiler.compile(Map.of("t.Bad", "package t; class Bad { int x = y; }")))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("t/Bad.java:1");
        }
    }

    @Test
    void theLongestUnusedAreForgottenFirst() {
        var known = new KnownClasses(10);
        known.put("a", classes(4));
        known.put("b", classes(4));
        assertThat(known.get("a")).isPresent();
        known.put("c", classes(4));
        assertThat(known.get("a")).isPresent();
        assertThat(known.get("b")).isEmpty();
        known.put("c", classes(6));
        assertThat(known.get("a")).isPresent();
        known.put("d", classes(11));
        assertThat(known.get("a")).isEmpty();
        assertThat(known.get("d")).isEmpty();
    }

    private static String helper(int value) {
        return "public class Helper { static final int VALUE = " + value + "; }";
    }

    private static SortedMap<String, byte[]> classes(int bytes) {
        return new TreeMap<>(Map.of("K", new byte[bytes]));
    }

    private static byte[] bytes(SortedMap<String, byte[]> classes, String name) {
        return Objects.requireNonNull(classes.get(name));
    }
}
