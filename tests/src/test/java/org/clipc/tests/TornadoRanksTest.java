package org.clipc.tests;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.kernel.Target;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.precision.Precision;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.compiler.tornado.TornadoSdk;
import org.clipc.compiler.tornado.TornadoTarget;
import org.clipc.ir.Mesh;
import org.clipc.runtime.device.Device;
import org.clipc.runtime.device.DeviceOptions;
import org.clipc.runtime.device.Devices;
import org.clipc.runtime.device.TornadoVm;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Ranks that are threads train on TornadoVM's device as one rank does on the JVM. */
@Tag("kernels")
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class TornadoRanksTest {

    private static final int STEPS = 4;

    /** As among ways to train on the JVM. */
    private static final double TOLERANCE = 1e-5;

    private static final double EPSILON = 1e-2;

    private static final double DROPPED = 0.2;

    /** Tokens of all texts, and of those that a step for shorter ones takes. */
    private static final long CONTEXT = 16;

    private static final int SHORT = 8;

    @TempDir
    Path folder = Path.of("");

    /** Each rank has the device for itself, or shares it with others. */
    private static final MeshTraining.Watch ON_TORNADO = new MeshTraining.Watch() {
        @Override
        public Device device() {
            return Devices.open("tornado", DeviceOptions.DEFAULT);
        }
    };

    @BeforeEach
    void requireTornado() {
        assumeTrue(TornadoVm.isPresent(), "TornadoVM is not here: TORNADOVM_HOME is not set");
    }

    private static Target target() throws IOException {
        return new TornadoTarget(TornadoSdk.apiJar(System.getenv(TornadoSdk.HOME)), TornadoTarget.Kind.CPU);
    }

    private static ElaboratedModel tiny(long length) {
        return Golden.model(
                "tiny",
                "text.vocab_size",
                96L,
                "text.encoder_seq_length",
                length,
                "text.max_position_embeddings",
                CONTEXT,
                "vision.class_token_length",
                4L,
                "vision.hidden_dropout",
                DROPPED,
                "vision.attention_dropout",
                DROPPED,
                "text.hidden_dropout",
                DROPPED,
                "text.drop_path_rate",
                DROPPED,
                "vision.drop_patch_rate",
                0.5);
    }

    private static ModelSource model() {
        var shorter = new TreeMap<Integer, ElaboratedModel>();
        shorter.put(SHORT, tiny(SHORT));
        return ModelSource.of(tiny(CONTEXT), shorter);
    }

    /** With small buckets, so that gradients travel beside kernels. */
    private static Parallelism parallelism(int data, int tensor, boolean sequence, boolean zero) {
        return new Parallelism(new Mesh(data, tensor), sequence, zero, 1 << 14, true);
    }

    @ParameterizedTest
    @CsvSource({"1, 2, false, false", "2, 1, false, false", "2, 2, true, true"})
    void trainsAsOneRankOnTheJvm(int data, int tensor, boolean sequence, boolean zero)
            throws IOException, InterruptedException {
        var alone = MeshTraining.compile(folder, model(), Parallelism.NONE);
        var expected = MeshTraining.train(alone, STEPS);
        var together = MeshTraining.compile(
                folder,
                model(),
                parallelism(data, tensor, sequence, zero),
                Precision.F32,
                OptionalLong.empty(),
                EPSILON,
                target());
        MeshTraining.train(together, STEPS, ON_TORNADO).isClose(expected, TOLERANCE);
    }
}
