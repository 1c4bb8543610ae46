package org.clipc.ir.text;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.clipc.ir.Op;
import org.clipc.ir.ShapeRules;

/**
 * How one op is spelled, derived from its record: the record's name in lower case, then its enum components after dots
 * ({@code reduce.sum}), then its other components as attributes in braces. A new op needs no entry here.
 */
record OpSyntax(String name, List<RecordComponent> components, Constructor<? extends Op> constructor) {

    private static final Map<Class<?>, OpSyntax> BY_CLASS = Op.all().stream()
            .map(OpSyntax::of)
            .collect(Collectors.toUnmodifiableMap(s -> s.constructor().getDeclaringClass(), Function.identity()));
    private static final Map<String, OpSyntax> BY_NAME =
            BY_CLASS.values().stream().collect(Collectors.toUnmodifiableMap(OpSyntax::name, Function.identity()));

    static OpSyntax of(Op op) {
        return Objects.requireNonNull(BY_CLASS.get(op.getClass()));
    }

    static Optional<OpSyntax> named(String name) {
        return Optional.ofNullable(BY_NAME.get(name));
    }

    private static OpSyntax of(Class<?> record) {
        var components = List.of(record.getRecordComponents());
        var types = components.stream().map(RecordComponent::getType).toArray(Class<?>[]::new);
        try {
            return new OpSyntax(
                    ShapeRules.spell(record),
                    components,
                    record.asSubclass(Op.class).getConstructor(types));
        } catch (NoSuchMethodException e) {
            throw new IllegalStateException("no canonical constructor in " + record, e);
        }
    }

    /** Components written as suffixes of the name. */
    Stream<RecordComponent> suffixes() {
        return components.stream().filter(OpSyntax::isSuffix);
    }

    /** Components written as attributes. */
    List<RecordComponent> attributes() {
        return components.stream().filter(c -> !isSuffix(c)).toList();
    }

    private static boolean isSuffix(RecordComponent component) {
        return component.getType().isEnum();
    }

    static Object get(Op op, RecordComponent component) {
        try {
            return component.getAccessor().invoke(op);
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException("cannot read " + component, e);
        }
    }

    /** @throws IllegalArgumentException if the record's constructor refuses the values */
    Op create(List<Object> values) {
        try {
            return constructor.newInstance(values.toArray());
        } catch (InvocationTargetException e) {
            throw new IllegalArgumentException(
                    e.getCause() == null ? name : e.getCause().getMessage(), e);
        } catch (InstantiationException | IllegalAccessException e) {
            throw new IllegalStateException("cannot create " + name, e);
        }
    }
}
