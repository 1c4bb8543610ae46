package org.clipc.runtime.device.tornado;

import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.clipc.runtime.device.DeviceException;

/**
 * TornadoVM's way to have others launch work on a device, in the order of its own and as part of its graphs: a library task
 * names a library and a function, and the library is whatever class a service file names. Ours is made here, since the
 * interface that it implements is there only where TornadoVM is; all that it does is to call {@link #dispatch}.
 */
public final class TornadoLibrary {

    /** What library tasks call the library. */
    static final String NAME = "clipc";

    private static final String SPI = "uk.ac.manchester.tornado.runtime.library.spi.";
    private static final String DEVICE = "uk.ac.manchester.tornado.runtime.common.TornadoXPUDevice";

    private static final Map<String, Function> FUNCTIONS = new ConcurrentHashMap<>();

    private TornadoLibrary() {}

    /** Starts work on a device. */
    @FunctionalInterface
    public interface Function {

        /** @param invocation TornadoVM's object that tells of device and plan */
        void run(Object invocation);
    }

    /** Has library tasks of this name call a function, until {@link #remove}. */
    public static void add(String name, Function function) {
        if (FUNCTIONS.putIfAbsent(name, function) != null) {
            throw new IllegalStateException("there is a function " + name);
        }
    }

    static void remove(String name) {
        FUNCTIONS.remove(name);
    }

    /** What the generated class calls. */
    public static void dispatch(String name, Object invocation) {
        var function = FUNCTIONS.get(name);
        if (function == null) {
            throw new DeviceException("a library task calls " + name + ", which is gone");
        }
        function.run(invocation);
    }

    /** Defines the class that the service file names. */
    static void define() {
        var context = ClassDesc.of(SPI + "LibraryContext");
        var device = ClassDesc.of(DEVICE);
        var invocation = ClassDesc.of(SPI + "LibraryInvocation");
        TornadoTypes.define(
                "LibraryTasks",
                List.of(ClassDesc.of(SPI + "TornadoLibraryProvider"), context),
                type -> type.withMethodBody(
                                "libraryName",
                                MethodTypeDesc.of(ConstantDescs.CD_String),
                                ClassFile.ACC_PUBLIC,
                                code -> code.ldc(NAME).areturn())
                        .withMethodBody(
                                "canHandle",
                                MethodTypeDesc.of(ConstantDescs.CD_boolean, device),
                                ClassFile.ACC_PUBLIC,
                                code -> code.iconst_1().ireturn())
                        .withMethodBody(
                                "createContext",
                                MethodTypeDesc.of(context, device, ConstantDescs.CD_long),
                                ClassFile.ACC_PUBLIC,
                                code -> code.aload(0).areturn())
                        .withMethodBody(
                                "dispatch",
                                MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_String, invocation),
                                ClassFile.ACC_PUBLIC,
                                code -> code.aload(1)
                                        .aload(2)
                                        .invokestatic(
                                                ClassDesc.of(TornadoLibrary.class.getName()),
                                                "dispatch",
                                                MethodTypeDesc.of(
                                                        ConstantDescs.CD_void,
                                                        ConstantDescs.CD_String,
                                                        ConstantDescs.CD_Object))
                                        .return_())
                        .withMethodBody(
                                "destroyContext",
                                MethodTypeDesc.of(ConstantDescs.CD_void, context),
                                ClassFile.ACC_PUBLIC,
                                code -> code.return_()));
    }
}
