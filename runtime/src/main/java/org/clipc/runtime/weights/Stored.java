package org.clipc.runtime.weights;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.clipc.runtime.tensor.HostTensor;
import org.clipc.runtime.tensor.TensorDType;

/** How a file holds a parameter: the names of the tensors that make it up, and how they do. */
sealed interface Stored {

    /** As it is; numbers may have the shape [1]. */
    record Same(String name) implements Stored {}

    /** As the only one of a batch, in a dimension more. */
    record Batched(String name) implements Stored {}

    /** A matrix, its columns first. */
    record Transposed(String name) implements Stored {}

    /** Cut along the first dimension into equal parts; those of a matrix are square. */
    record Stacked(List<String> parts) implements Stored {}

    default List<String> names() {
        return switch (this) {
            case Same(var name) -> List.of(name);
            case Batched(var name) -> List.of(name);
            case Transposed(var name) -> List.of(name);
            case Stacked(var parts) -> parts;
        };
    }

    /** Whether a parameter of this shape can be held so. */
    default boolean suits(List<Long> parameter) {
        return switch (this) {
            case Same _, Batched _ -> true;
            case Transposed _ -> parameter.size() == 2;
            case Stacked(var parts) ->
                switch (parameter.size()) {
                    case 1 -> parameter.getFirst() % parts.size() == 0;
                    case 2 -> parameter.getFirst() == parts.size() * parameter.getLast();
                    default -> false;
                };
        };
    }

    /** Of each of the tensors that hold a parameter of a shape that suits. */
    default List<Long> shape(List<Long> parameter) {
        var shape = new ArrayList<>(parameter);
        switch (this) {
            case Same _ -> {}
            case Batched _ -> shape.addFirst(1L);
            case Transposed _ -> shape.addLast(shape.removeFirst());
            case Stacked(var parts) -> shape.set(0, parameter.getFirst() / parts.size());
        }
        return shape;
    }

    /**
     * The parameter.
     *
     * @param tensors in the order of {@link #names}; parts of different element types become f32
     */
    default HostTensor join(List<HostTensor> tensors, List<Long> parameter) {
        var first = tensors.getFirst();
        return switch (this) {
            case Same _, Batched _ -> new HostTensor(first.dtype(), parameter, first.data());
            case Transposed _ -> transposed(first);
            case Stacked _ -> stacked(tensors, parameter);
        };
    }

    /** The tensor that is called {@code names().get(index)}. */
    default HostTensor part(HostTensor parameter, int index) {
        var shape = shape(parameter.shape());
        return switch (this) {
            case Same _, Batched _ -> new HostTensor(parameter.dtype(), shape, parameter.data());
            case Transposed _ -> transposed(parameter);
            case Stacked(var parts) -> {
                var bytes = parameter.data().byteSize() / parts.size();
                yield new HostTensor(parameter.dtype(), shape, parameter.data().asSlice(index * bytes, bytes));
            }
        };
    }

    private static HostTensor transposed(HostTensor matrix) {
        var rows = matrix.shape().getFirst();
        var columns = matrix.shape().getLast();
        var width = matrix.dtype().bytes();
        var result = HostTensor.allocate(Arena.ofAuto(), matrix.dtype(), List.of(columns, rows));
        for (var row = 0L; row < rows; row++) {
            for (var column = 0L; column < columns; column++) {
                var from = (row * columns + column) * width;
                MemorySegment.copy(matrix.data(), from, result.data(), (column * rows + row) * width, width);
            }
        }
        return result;
    }

    private static HostTensor stacked(List<HostTensor> parts, List<Long> shape) {
        var type = elementType(parts.stream().map(HostTensor::dtype).toList());
        var result = HostTensor.allocate(Arena.ofAuto(), type, shape);
        var bytes = result.data().byteSize() / parts.size();
        for (var i = 0; i < parts.size(); i++) {
            var part = parts.get(i);
            part.copyTo(new HostTensor(type, part.shape(), result.data().asSlice(i * bytes, bytes)));
        }
        return result;
    }

    /** Of what tensors of these types make up. */
    static TensorDType elementType(List<TensorDType> parts) {
        return parts.stream().distinct().count() == 1 ? parts.getFirst() : TensorDType.F32;
    }
}
