package org.clipc.grammar.ast;

import java.util.List;
import org.clipc.grammar.diagnostic.SourceSpan;

/** One source file. */
public record CompilationUnit(List<Import> imports, List<Declaration> declarations, SourceSpan span) {
    public CompilationUnit {
        imports = List.copyOf(imports);
        declarations = List.copyOf(declarations);
    }

    /**
     * Another file whose declarations are visible in this one.
     *
     * @param path {@code std.vision} of the library, or the path of a file relative to the importing one
     * @param relative whether it was written as a string, that is as a relative path
     */
    public record Import(String path, boolean relative, SourceSpan span) {}
}
