package org.clipc.compiler.elaborate;

import java.util.List;
import org.clipc.grammar.ast.Expr;
import org.clipc.grammar.diagnostic.SourceSpan;

/**
 * A place in the model where a module can be created.
 *
 * @param path of the instance, and so the beginning of its parameters' names; an {@code inline} module has its parent's
 * @param frozen whether it lies in something frozen
 */
record Site(Instantiator instantiator, String path, boolean frozen) {

    Site child(String name) {
        return new Site(instantiator, join(path, name), frozen);
    }

    static String join(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    Val create(Val.ModuleType module, List<Calls.Given> arguments, Expr.Call call) {
        return instantiator.instantiate(module, arguments, this, call);
    }

    /** Where a message about creating modules elsewhere points. */
    static Fault nowhere(SourceSpan span) {
        return new Fault(span, "a module can only be created as a member of another: `name = Module(…)`");
    }
}
