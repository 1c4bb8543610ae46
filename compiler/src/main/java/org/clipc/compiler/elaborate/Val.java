package org.clipc.compiler.elaborate;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.clipc.grammar.ast.Declaration;
import org.clipc.grammar.ast.Function;
import org.clipc.ir.DType;
import org.clipc.ir.Value;
import org.jspecify.annotations.Nullable;

/** What an expression means while a model is elaborated. */
sealed interface Val {

    /** What went wrong already; whatever touches it becomes it, without another message. */
    enum Poison implements Val {
        POISON
    }

    record Int(long value) implements Val {}

    record Real(double value) implements Val {}

    record Bool(boolean value) implements Val {}

    record Text(String value) implements Val {}

    record Element(DType dtype) implements Val {}

    record Items(List<Val> elements) implements Val {
        public Items {
            elements = List.copyOf(elements);
        }
    }

    record Tuple(List<Val> elements) implements Val {
        public Tuple {
            elements = List.copyOf(elements);
        }
    }

    /**
     * An instance of a configuration type.
     *
     * @param types the type's name and those of the types it extends
     */
    record Config(List<String> types, Map<String, Val> values) implements Val {
        public Config {
            types = List.copyOf(types);
        }

        String type() {
            return types.getFirst();
        }
    }

    /** A value of the graph under construction. */
    record Tensor(Value value, DType dtype, List<Dim> dims) implements Val {
        public Tensor {
            dims = List.copyOf(dims);
        }

        int rank() {
            return dims.size();
        }

        String show() {
            return (dtype == DType.F32 ? "" : dtype.text()) + Dim.sizes(dims);
        }
    }

    /** A parameter; becomes a tensor when a graph uses it. */
    record Param(ModelParameter parameter, List<Dim> dims) implements Val {
        public Param {
            dims = List.copyOf(dims);
        }
    }

    /** A configuration type. */
    record ConfigType(Declaration.ConfigType declaration, Scope scope) implements Val {}

    /** A module that can be instantiated. */
    record ModuleType(Declaration.Module declaration, Scope scope) implements Val {}

    /** Instances of {@code repeat}. */
    record Stack(List<Instance> instances) implements Val {
        public Stack {
            instances = List.copyOf(instances);
        }
    }

    /** An instance of a module. */
    record Module(Instance instance) implements Val {}

    /** A function with the scope it is declared in, and the path of the instance it belongs to, if any. */
    record Callable(
            Function function, Scope scope, @Nullable String path) implements Val {}

    record Primitive(Builtin builtin) implements Val {}

    /** What a value is, for messages: "an int", "a tensor [8, 50]". */
    default String describe() {
        return switch (this) {
            case Poison _ -> "an error";
            case Int i -> "the int " + i.value;
            case Real r -> "the float " + r.value;
            case Bool b -> "the bool " + b.value;
            case Text t -> "the string \"" + t.value + "\"";
            case Element e -> "the element type " + e.dtype.text();
            case Items items ->
                items.elements.stream().allMatch(v -> v instanceof Int)
                        ? items.elements.stream()
                                .map(v -> String.valueOf(((Int) v).value))
                                .collect(Collectors.joining(", ", "the list [", "]"))
                        : "a list of " + items.elements.size();
            case Tuple tuple -> "a tuple of " + tuple.elements.size();
            case Config c -> "a " + c.type();
            case Tensor t -> "a tensor " + t.show();
            case Param p -> "the parameter " + p.parameter.name() + " " + Dim.sizes(p.dims);
            case ConfigType c -> "the configuration type " + c.declaration.name();
            case ModuleType m -> "the module " + m.declaration.name();
            case Stack s -> "a stack of " + s.instances.size() + " modules";
            case Module m -> "an instance of " + m.instance.type();
            case Callable c -> c.function.isAnonymous() ? "a function" : "the function " + c.function.name();
            case Primitive p -> "the built-in function " + p.builtin.name();
        };
    }
}
