package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.clipc.compiler.kernel.CallSink.Argument;

/** The names of a kernel's arguments in order: what its renderer reads and its planner passes. */
record ArgumentLayout(List<String> names) {

    ArgumentLayout {
        names = List.copyOf(names);
        if (Set.copyOf(names).size() != names.size()) {
            throw new IllegalArgumentException("an argument is named twice: " + names);
        }
    }

    static ArgumentLayout of(String... names) {
        return new ArgumentLayout(List.of(names));
    }

    /** The argument as an expression of type long. */
    CodeBlock read(String name) {
        var index = names.indexOf(name);
        if (index < 0) {
            throw new IllegalArgumentException("no argument is named " + name + ": " + names);
        }
        return CodeBlock.of("args[$L]", index);
    }

    /** Statements that declare int variables named as the arguments they hold. */
    CodeBlock declareInts(String... ints) {
        var code = CodeBlock.builder();
        for (var name : ints) {
            code.addStatement("final int $L = (int) $L", name, read(name));
        }
        return code.build();
    }

    CodeBlock declareLongs(String... longs) {
        var code = CodeBlock.builder();
        for (var name : longs) {
            code.addStatement("final long $L = $L", name, read(name));
        }
        return code.build();
    }

    CodeBlock declareFloats(String... floats) {
        var code = CodeBlock.builder();
        for (var name : floats) {
            code.addStatement("final float $L = Float.intBitsToFloat((int) $L)", name, read(name));
        }
        return code.build();
    }

    CodeBlock declareDoubles(String... doubles) {
        var code = CodeBlock.builder();
        for (var name : doubles) {
            code.addStatement("final double $L = Double.longBitsToDouble($L)", name, read(name));
        }
        return code.build();
    }

    /** The arguments of a call, in order. */
    List<Argument> bind(Map<String, Argument> values) {
        if (!values.keySet().equals(Set.copyOf(names))) {
            throw new IllegalArgumentException("the kernel takes " + names + ", not " + values.keySet());
        }
        return names.stream().map(values::get).toList();
    }
}
