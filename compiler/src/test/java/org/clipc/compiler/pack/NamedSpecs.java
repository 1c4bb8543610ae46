package org.clipc.compiler.pack;

import java.util.ArrayList;
import java.util.List;
import org.clipc.compiler.kernel.CallSink;
import org.clipc.compiler.kernel.CallSink.Argument;
import org.clipc.compiler.kernel.Launch;
import org.clipc.compiler.kernel.RenderedKernel;
import org.clipc.compiler.kernel.Target;

/** A target whose kernels do nothing: one class per spec, one call per launch, a temporary now and then. */
record NamedSpecs(String name) implements Target {

    @Override
    public void plan(Launch launch, CallSink sink) {
        var arguments = new ArrayList<Argument>();
        launch.inputs().forEach(view -> arguments.add(Argument.of(view)));
        launch.outputs().forEach(view -> arguments.add(Argument.of(view)));
        if (launch.outputs().size() > 1) {
            arguments.add(new Argument.Address(sink.temporary(100), 0));
            arguments.add(new Argument.Address(sink.temporary(8), 4));
        }
        var className = "K_" + Integer.toHexString(launch.spec().toString().hashCode());
        var source = "package org.clipc.kernels.%s; public final class %s {}".formatted(name, className);
        sink.call(
                new RenderedKernel("org.clipc.kernels." + name + "." + className, () -> source),
                List.copyOf(arguments),
                1,
                0,
                0);
    }
}
