package org.clipc.runtime.device.tornado;

import java.lang.classfile.ClassBuilder;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.invoke.MethodHandles;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.clipc.runtime.device.DeviceException;
import org.jspecify.annotations.Nullable;

/** TornadoVM's classes, as far as they are used here, and how to call them: by reflection, see {@link TornadoVm}. */
final class TornadoTypes {

    static final String API = "uk.ac.manchester.tornado.api.";
    static final String RUNTIME = "uk.ac.manchester.tornado.runtime.";

    final Class<?> taskGraph = type("TaskGraph");
    final Class<?> immutableTaskGraph = type("ImmutableTaskGraph");
    final Class<?> executionPlan = type("TornadoExecutionPlan");
    final Class<?> gridScheduler = type("GridScheduler");
    final Class<?> workerGrid = type("WorkerGrid");
    final Class<?> workerGrid1D = type("WorkerGrid1D");
    final Class<?> floatArray = type("types.arrays.FloatArray");
    final Class<?> intArray = type("types.arrays.IntArray");
    final Class<?> device = type("common.TornadoDevice");
    final Class<?> task5 = type("common.TornadoFunctions$Task5");
    final Class<?> libraryTask = type("common.TornadoFunctions$LibraryTask1");
    final Class<?> descriptor = type("common.LibraryTaskDescriptor");
    final Class<?> accessors = type("AccessorParameters");
    final Class<?> access = type("common.Access");

    static Class<?> type(String name) {
        return typeOf(API + name);
    }

    static Class<?> typeOf(String name) {
        try {
            return Class.forName(name);
        } catch (ClassNotFoundException | LinkageError e) {
            throw new DeviceException("this TornadoVM is none of version 5.2.0: it lacks " + name, e);
        }
    }

    /**
     * Defines a class that implements TornadoVM's interfaces, which are there only where TornadoVM is; returns its name.
     *
     * @param methods adds all but the constructor
     */
    static String define(String simpleName, List<ClassDesc> interfaces, Consumer<ClassBuilder> methods) {
        var name = TornadoTypes.class.getPackageName() + "." + simpleName;
        var bytes = ClassFile.of().build(ClassDesc.of(name), type -> {
            type.withFlags(ClassFile.ACC_PUBLIC)
                    .withInterfaceSymbols(interfaces)
                    .withMethodBody(
                            ConstantDescs.INIT_NAME,
                            ConstantDescs.MTD_void,
                            ClassFile.ACC_PUBLIC,
                            code -> code.aload(0)
                                    .invokespecial(
                                            ConstantDescs.CD_Object, ConstantDescs.INIT_NAME, ConstantDescs.MTD_void)
                                    .return_());
            methods.accept(type);
        });
        try {
            MethodHandles.lookup().defineClass(bytes);
            return name;
        } catch (IllegalAccessException | LinkageError e) {
            throw new DeviceException("this TornadoVM is none of version 5.2.0: " + e.getMessage(), e);
        }
    }

    static Object create(Class<?> type, Object... arguments) {
        try {
            for (var constructor : type.getConstructors()) {
                if (constructor.getParameterCount() == arguments.length
                        && accepts(constructor.getParameterTypes(), arguments)) {
                    return constructor.newInstance(arguments);
                }
            }
        } catch (InvocationTargetException e) {
            throw failed(Objects.requireNonNullElse(e.getCause(), e));
        } catch (ReflectiveOperationException e) {
            throw failed(e);
        }
        throw new DeviceException(
                "this TornadoVM is none of version 5.2.0: " + type.getName() + " has other constructors");
    }

    private static boolean accepts(Class<?>[] types, Object[] arguments) {
        for (var i = 0; i < types.length; i++) {
            var isInt = types[i] == int.class && arguments[i] instanceof Integer;
            if (!isInt && !types[i].isInstance(arguments[i])) {
                return false;
            }
        }
        return true;
    }

    static Object call(
            @Nullable Object target, Class<?> owner, String name, List<Class<?>> types, Object... arguments) {
        Method method;
        try {
            method = owner.getMethod(name, types.toArray(new Class<?>[0]));
        } catch (NoSuchMethodException e) {
            throw new DeviceException("this TornadoVM is none of version 5.2.0: it lacks " + e.getMessage(), e);
        }
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw failed(Objects.requireNonNullElse(e.getCause(), e));
        } catch (IllegalAccessException e) {
            throw failed(e);
        }
    }

    private static DeviceException failed(Throwable cause) {
        var root = cause;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        // Its messages are in colours.
        var message = String.valueOf(root.getMessage()).replaceAll("\u001b\\[[0-9;]*m", "");
        return new DeviceException("TornadoVM failed: " + root.getClass().getSimpleName() + ": " + message, cause);
    }
}
