package org.clipc.compiler.jvm;

import com.palantir.javapoet.CodeBlock;
import org.clipc.ir.DType;

/**
 * Code for one step of a loop along a row: for {@code LANES} elements from position {@code i} on, or for the one at
 * {@code i}. Rows are named by variables that hold the byte address of their first element, rows in scratch by variables
 * that hold its position.
 */
final class Strip extends LaneCode {

    private final JvmLibrary library;
    private final CodeBlock position;

    /** @param position of the step's first element: a variable or a parenthesised expression */
    Strip(JvmLibrary library, Lanes lanes, CodeBlock position, String prefix) {
        super(lanes, prefix);
        this.library = library;
        this.position = position;
    }

    JvmLibrary library() {
        return library;
    }

    CodeBlock position() {
        return position;
    }

    /** Loads from a row of unit stride. */
    CodeBlock load(DType dtype, String row) {
        return Memory.load(library, lanes(), dtype, address(dtype, row));
    }

    void store(DType dtype, String row, CodeBlock value) {
        Memory.store(library, this, dtype, address(dtype, row), value);
    }

    CodeBlock loadLocal(DType dtype, String row) {
        return Memory.loadLocal(lanes(), dtype, CodeBlock.of("$L + $L", row, position));
    }

    void storeLocal(DType dtype, String row, CodeBlock value) {
        run(Memory.storeLocal(lanes(), dtype, CodeBlock.of("$L + $L", row, position), value));
    }

    CodeBlock call(JvmVectorMath function, CodeBlock x) {
        return library.apply(this, function, x);
    }

    /** A float variable in every lane. */
    CodeBlock splat(String single) {
        return lanes().splat(CodeBlock.of("$L", single));
    }

    private CodeBlock address(DType dtype, String row) {
        return CodeBlock.of("$L + $LL * $L", row, dtype.bytes(), position);
    }
}
