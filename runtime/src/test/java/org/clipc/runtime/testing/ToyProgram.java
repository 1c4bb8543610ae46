package org.clipc.runtime.testing;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.clipc.ir.DType;
import org.clipc.ir.TensorType;
import org.clipc.program.EntryPoint;
import org.clipc.program.KernelCall;
import org.clipc.program.Manifest;
import org.clipc.program.Parameter;
import org.clipc.program.Parameter.Initializer;
import org.clipc.program.Parameter.Kind;
import org.clipc.program.Program;
import org.clipc.program.ProgramFile;
import org.clipc.program.Schedule;
import org.clipc.program.TensorSlot;
import org.jspecify.annotations.Nullable;

/**
 * A contrastive model small enough to be one hand-written kernel: image features are a linear map of the pixels, text
 * features the sum of the tokens' embeddings, both normalised; softmax cross-entropy both ways; AdamW. It has the entry
 * points, and so the input and output names, that compiled models have.
 */
public final class ToyProgram {

    public static final int BATCH = 4;
    public static final int SIZE = 8;
    public static final int CONTEXT = 6;
    public static final int DIM = 8;
    public static final int PIXELS = 3 * SIZE * SIZE;

    /** What every call claims to take. */
    public static final long FLOPS = 30_000;

    public static final long BYTES = 20_000;

    /** A stand-in: what the kernel computes takes more than one node. */
    private static final String GRAPH = """
            graph "ENTRY" {
              %0 = constant {type = f32[4,8], value = 1.0}
              %1 = unary.tanh(%0) : f32[4,8] @ "toy.3.head" "toy.clip:5"
              output "y" = %1
            }
            """;

    private static final String KERNEL = "org.clipc.kernels.jvm128.Toy";

    /** Mode in args[0]: 0 encodes images, 1 texts, 2 computes the loss, 3 its gradient, 4 takes an AdamW step. */
    private static final String SOURCE = """
            package org.clipc.kernels.jvm128;

            import java.lang.foreign.MemorySegment;
            import java.lang.foreign.ValueLayout;

            public final class Toy {
                static final int B = 4, P = 192, T = 6, D = 8;

                public static void run(MemorySegment a, long[] args, int from, int to, float[] local, float[] shared) {
                    int mode = (int) args[0], vocab = (int) args[1];
                    long w = args[2], e = args[3], ls = args[4];
                    long images = args[5], tokens = args[6], imageOut = args[7], textOut = args[8];
                    float[] f = new float[B * D], g = new float[B * D], nf = new float[B], ng = new float[B];
                    if (mode != 1) {
                        for (int b = 0; b < B; b++)
                            for (int d = 0; d < D; d++)
                                for (int p = 0; p < P; p++)
                                    f[b * D + d] += get(a, images, b * P + p) * get(a, w, p * D + d);
                        normalise(f, nf);
                        for (int i = 0; i < B * D; i++) set(a, imageOut, i, f[i]);
                    }
                    if (mode != 0) {
                        for (int b = 0; b < B; b++)
                            for (int t = 0; t < T; t++) {
                                int id = token(a, tokens, b * T + t);
                                for (int d = 0; d < D; d++) g[b * D + d] += get(a, e, (long) id * D + d);
                            }
                        normalise(g, ng);
                        for (int i = 0; i < B * D; i++) set(a, textOut, i, g[i]);
                    }
                    if (mode < 2) return;
                    long logitsOut = args[9], lossOut = args[10];
                    float s = (float) Math.exp(get(a, ls, 0));
                    float[] logits = new float[B * B], dl = new float[B * B];
                    for (int i = 0; i < B; i++)
                        for (int j = 0; j < B; j++) {
                            for (int d = 0; d < D; d++) logits[i * B + j] += s * f[i * D + d] * g[j * D + d];
                            set(a, logitsOut, i * B + j, logits[i * B + j]);
                        }
                    float loss = crossEntropy(logits, dl, B, 1) + crossEntropy(logits, dl, 1, B);
                    set(a, lossOut, 0, loss);
                    if (mode == 2) return;
                    float[] df = new float[B * D], dg = new float[B * D];
                    float ds = 0;
                    for (int i = 0; i < B; i++)
                        for (int j = 0; j < B; j++) {
                            ds += dl[i * B + j] * logits[i * B + j];
                            for (int d = 0; d < D; d++) {
                                df[i * D + d] += s * dl[i * B + j] * g[j * D + d];
                                dg[j * D + d] += s * dl[i * B + j] * f[i * D + d];
                            }
                        }
                    denormalise(df, f, nf);
                    denormalise(dg, g, ng);
                    long dw = args[11], de = args[12], dls = args[13];
                    for (int p = 0; p < P; p++)
                        for (int d = 0; d < D; d++) {
                            float sum = 0;
                            for (int b = 0; b < B; b++) sum += get(a, images, b * P + p) * df[b * D + d];
                            set(a, dw, p * D + d, sum);
                        }
                    for (long i = 0; i < (long) vocab * D; i++) set(a, de, i, 0);
                    for (int b = 0; b < B; b++)
                        for (int t = 0; t < T; t++) {
                            long row = (long) token(a, tokens, b * T + t) * D;
                            for (int d = 0; d < D; d++) set(a, de, row + d, get(a, de, row + d) + dg[b * D + d]);
                        }
                    set(a, dls, 0, ds);
                    if (mode == 3) return;
                    long m = args[14], v = args[15], lr = args[16], step = args[17], norm = args[18], scaleOut = args[19];
                    long[] params = {w, e, ls}, grads = {dw, de, dls}, counts = {P * D, (long) vocab * D, 1};
                    float sum = 0;
                    for (int k = 0; k < 3; k++)
                        for (long i = 0; i < counts[k]; i++) sum += get(a, grads[k], i) * get(a, grads[k], i);
                    set(a, norm, 0, (float) Math.sqrt(sum));
                    float clip = Math.min(1, 1 / ((float) Math.sqrt(sum) + 1e-6f));
                    set(a, scaleOut, 0, get(a, ls, 0));
                    if (!Float.isFinite(sum)) return;
                    float t = get(a, step, 0), c1 = (float) (1 - Math.pow(0.9, t)), c2 = (float) (1 - Math.pow(0.98, t));
                    long at = 0;
                    for (int k = 0; k < 3; k++)
                        for (long i = 0; i < counts[k]; i++, at++) {
                            float x = get(a, params[k], i), grad = get(a, grads[k], i) * clip;
                            float mi = 0.9f * get(a, m, at) + 0.1f * grad, vi = 0.98f * get(a, v, at) + 0.02f * grad * grad;
                            set(a, m, at, mi);
                            set(a, v, at, vi);
                            if (k < 2) x -= get(a, lr, 0) * 0.2f * x;
                            x -= get(a, lr, 0) * (mi / c1) / ((float) Math.sqrt(vi / c2) + 1e-6f);
                            set(a, params[k], i, k < 2 ? x : Math.min(Math.max(x, 0), 4.6051702f));
                        }
                    set(a, scaleOut, 0, get(a, ls, 0));
                }

                static float get(MemorySegment a, long base, long i) { return a.get(ValueLayout.JAVA_FLOAT, base + 4 * i); }
                static int token(MemorySegment a, long base, long i) { return a.get(ValueLayout.JAVA_INT, base + 4 * i); }
                static void set(MemorySegment a, long base, long i, float x) { a.set(ValueLayout.JAVA_FLOAT, base + 4 * i, x); }

                static void normalise(float[] x, float[] norms) {
                    for (int b = 0; b < B; b++) {
                        float sum = 1e-12f;
                        for (int d = 0; d < D; d++) sum += x[b * D + d] * x[b * D + d];
                        norms[b] = (float) Math.sqrt(sum);
                        for (int d = 0; d < D; d++) x[b * D + d] /= norms[b];
                    }
                }

                static void denormalise(float[] dx, float[] x, float[] norms) {
                    for (int b = 0; b < B; b++) {
                        float dot = 0;
                        for (int d = 0; d < D; d++) dot += dx[b * D + d] * x[b * D + d];
                        for (int d = 0; d < D; d++) dx[b * D + d] = (dx[b * D + d] - x[b * D + d] * dot) / norms[b];
                    }
                }

                static float crossEntropy(float[] logits, float[] grad, int outer, int inner) {
                    float loss = 0;
                    for (int i = 0; i < B; i++) {
                        float max = -1e30f, sum = 0;
                        for (int j = 0; j < B; j++) max = Math.max(max, logits[i * outer + j * inner]);
                        for (int j = 0; j < B; j++) sum += (float) Math.exp(logits[i * outer + j * inner] - max);
                        loss += (max + (float) Math.log(sum) - logits[i * B + i]) / (2 * B);
                        for (int j = 0; j < B; j++) {
                            float p = (float) Math.exp(logits[i * outer + j * inner] - max) / sum;
                            grad[i * outer + j * inner] += (p - (i == j ? 1 : 0)) / (2 * B);
                        }
                    }
                    return loss;
                }
            }
            """;

    private ToyProgram() {}

    /** Writes the program; a vocabulary of 49408 takes the CLIP tokenizer's ids. */
    public static Path write(Path path, int vocabulary) throws IOException {
        ProgramFile.write(path, program(vocabulary));
        return path;
    }

    public static Program program(int vocabulary) {
        var place = new Placement();
        var w = place.tensor("visual.proj", TensorType.f32(PIXELS, DIM));
        var e = place.tensor("token_embedding.weight", TensorType.f32(vocabulary, DIM));
        var scale = place.tensor("logit_scale", TensorType.scalar(DType.F32));
        var parameterBytes = place.end;
        var images = place.tensor("images", TensorType.f32(BATCH, 3, SIZE, SIZE));
        var tokens = place.tensor("tokens", TensorType.i32(BATCH, CONTEXT));
        var imageOut = place.tensor("image_features", TensorType.f32(BATCH, DIM));
        var textOut = place.tensor("text_features", TensorType.f32(BATCH, DIM));
        var logits = place.tensor("logits_per_image", TensorType.f32(BATCH, BATCH));
        var loss = place.tensor("loss", TensorType.scalar(DType.F32));
        var dw = place.tensor("grad.visual.proj", w.type());
        var de = place.tensor("grad.token_embedding.weight", e.type());
        var dscale = place.tensor("grad.logit_scale", scale.type());
        var lr = place.tensor("lr", TensorType.scalar(DType.F32));
        var step = place.tensor("step", TensorType.scalar(DType.F32));
        var seed = place.tensor("seed", TensorType.i32(2));
        var norm = place.tensor("grad_norm", TensorType.scalar(DType.F32));
        var scaleOut = place.tensor("logit_scale", TensorType.scalar(DType.F32));
        var workspaceBytes = place.end - parameterBytes;
        var count = PIXELS * DIM + vocabulary * DIM + 1;
        var m = place.tensor("adam.m", TensorType.f32(count));
        var v = place.tensor("adam.v", TensorType.f32(count));
        var stateBytes = place.end - parameterBytes - workspaceBytes;
        var entries = List.of(
                new EntryPoint(EntryPoint.ENCODE_IMAGE, BATCH, List.of(images), List.of(imageOut)),
                new EntryPoint(EntryPoint.ENCODE_TEXT, BATCH, List.of(tokens), List.of(textOut)),
                new EntryPoint(
                        EntryPoint.LOSS, BATCH, List.of(images, tokens), List.of(imageOut, textOut, logits, loss)),
                new EntryPoint(EntryPoint.LOSS_GRAD, BATCH, List.of(images, tokens), List.of(loss, dw, de, dscale)),
                new EntryPoint(
                        EntryPoint.TRAIN_STEP,
                        BATCH,
                        List.of(images, tokens, lr, step, seed),
                        List.of(loss, norm, scaleOut)));
        var schedules = new ArrayList<Schedule>();
        var args = new ArrayList<Long>();
        for (var slot : List.of(
                w, e, scale, images, tokens, imageOut, textOut, logits, loss, dw, de, dscale, m, v, lr, step, norm,
                scaleOut)) {
            args.add(slot.offset());
        }
        for (var mode = 0; mode < entries.size(); mode++) {
            var all = new ArrayList<>(List.of((long) mode, (long) vocabulary));
            all.addAll(args);
            schedules.add(new Schedule(
                    entries.get(mode).name(),
                    "jvm128",
                    workspaceBytes,
                    List.of(new KernelCall(KERNEL, all, 1, 1, 0, 0, 1, FLOPS, BYTES))));
        }
        var graphs = new TreeMap<String, String>();
        entries.forEach(entry -> graphs.put(entry.name(), GRAPH.replace("ENTRY", entry.name())));
        var manifest = new Manifest(
                Manifest.FORMAT_VERSION,
                "Toy",
                config(),
                List.of(
                        parameter(w, new Initializer(Kind.NORMAL, 0.05, 0), true, null),
                        parameter(e, new Initializer(Kind.NORMAL, 0.05, 0), true, null),
                        parameter(
                                scale,
                                new Initializer(Kind.CONSTANT, Math.log(1 / 0.07), 0),
                                false,
                                List.of(0.0, Math.log(100)))),
                List.of(m, v),
                entries,
                parameterBytes,
                workspaceBytes,
                stateBytes,
                List.of("jvm128"),
                Map.of());
        return new Program(
                manifest, graphs, schedules, Map.of("jvm128/Toy", Compiled.KERNEL_CLASS), Map.of(), Map.of());
    }

    private static Parameter parameter(
            TensorSlot slot, Initializer initializer, boolean decay, @Nullable List<Double> clamp) {
        return new Parameter(slot.name(), slot.type(), initializer, decay, true, clamp, -1, slot.offset());
    }

    private static Map<String, Object> config() {
        return Map.of(
                "exp_manager",
                Map.of(
                        "resume_if_exists",
                        false,
                        "checkpoint_callback_params",
                        Map.of("every_n_train_steps", 1000L, "save_top_k", 2L)),
                "trainer",
                Map.of(
                        "max_steps",
                        20L,
                        "gradient_clip_val",
                        1.0,
                        "log_every_n_steps",
                        1L,
                        "max_skipped_steps",
                        20L,
                        "val_check_interval",
                        0L),
                "model",
                Map.of(
                        "micro_batch_size",
                        (long) BATCH,
                        "seed",
                        1234L,
                        "output_dim",
                        (long) DIM,
                        "vision",
                        Map.of("img_size", (long) SIZE),
                        "text",
                        Map.of("max_position_embeddings", (long) CONTEXT),
                        "optim",
                        Map.of(
                                "name",
                                "adamw",
                                "lr",
                                1e-2,
                                "weight_decay",
                                0.2,
                                "betas",
                                List.of(0.9, 0.98),
                                "eps",
                                1e-6,
                                "sched",
                                Map.of(
                                        "name",
                                        "CosineAnnealing",
                                        "warmup_steps",
                                        2L,
                                        "constant_steps",
                                        0L,
                                        "min_lr",
                                        0.0))));
    }

    /** Compiled once, when first asked for. */
    private static final class Compiled {
        static final byte[] KERNEL_CLASS = TestKernels.compile(KERNEL, SOURCE);
    }

    private static final class Placement {
        private long end;

        TensorSlot tensor(String name, TensorType type) {
            var slot = new TensorSlot(name, type, end);
            end = Manifest.align(end + type.bytes());
            return slot;
        }
    }
}
