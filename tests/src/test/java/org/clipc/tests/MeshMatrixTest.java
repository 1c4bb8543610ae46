package org.clipc.tests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.clipc.compiler.elaborate.ElaboratedModel;
import org.clipc.compiler.pack.ModelSource;
import org.clipc.compiler.recompute.Rematerialize;
import org.clipc.compiler.shard.Parallelism;
import org.clipc.ir.Mesh;
import org.clipc.program.EntryPoint;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Ways to train change nothing but the time and the memory that training takes: the losses of twenty steps and the weights
 * behind them are those of one rank, the masks of all that is dropped included, and computing again changes no bit.
 *
 * <p>Every two choices occur together in some setup, and few ways to compute again are tried;
 * {@code -Dclipc.test.meshes=all} tries all 600 ways with each other, which takes a quarter of an hour on two cores.
 */
class MeshMatrixTest {

    private static final int STEPS = 20;

    /** Of f32; AdamW's epsilon is such that it does not make much of gradients that are next to nothing. */
    private static final double TOLERANCE = 1e-5;

    /** Of steps that do not descend the loss, as gradients between ranks are left out of them: roundings grow faster there. */
    private static final double LOOSE_TOLERANCE = 5e-5;

    private static final double DROPPED = 0.2;

    /** Of the memory that a training step takes when it keeps all. */
    private static final double BUDGET = 0.95;

    /** What is computed again in the backward pass. */
    enum Again {
        NOTHING,
        SELECTIVE,
        UNIFORM,
        BLOCK,
        BUDGET
    }

    /** A model that every mesh divides, and its texts' lengths. */
    @SuppressWarnings("ImmutableEnumChecker") // Lists that List.of makes cannot be changed.
    enum Model {
        TINY(
                "tiny",
                16,
                List.of(Again.NOTHING, Again.SELECTIVE, Again.UNIFORM, Again.BLOCK),
                "text.vocab_size",
                96L,
                "vision.class_token_length",
                4L),
        EMOJI(
                "emoji",
                12,
                List.of(Again.NOTHING, Again.UNIFORM),
                "text.vocab_size",
                512L,
                "text.hidden_size",
                64L,
                "vision.img_h",
                24L,
                "vision.img_w",
                24L,
                "vision.channels",
                32L,
                "vision.hidden_size",
                64L,
                "vision.num_attention_heads",
                4L);

        /** Tokens of a short text. */
        private static final int SHORT = 8;

        private final String file;
        private final int context;
        /** Those of setups that are not all. */
        private final List<Again> agains;

        private final List<Object> keys;

        Model(String file, int context, List<Again> agains, Object... keys) {
            this.file = file;
            this.context = context;
            this.agains = agains;
            this.keys = List.of(keys);
        }

        private ElaboratedModel load(Setup setup, int length) {
            var all = new ArrayList<>(keys);
            all.addAll(setup.keys(this == TINY));
            if (length < context) {
                all.addAll(List.of(
                        "text.encoder_seq_length", (long) length, "text.max_position_embeddings", (long) context));
            }
            return Golden.model(file, all.toArray());
        }

        ModelSource source(Setup setup) {
            var shorter = new TreeMap<Integer, ElaboratedModel>();
            if (setup.lengths()) {
                shorter.put(SHORT, load(setup, SHORT));
            }
            return ModelSource.of(load(setup, context), shorter);
        }
    }

    /**
     * A way to train.
     *
     * @param random whether activations, paths and patches are dropped
     * @param lengths whether there are training steps for shorter texts
     */
    record Setup(
            int tensor,
            int data,
            boolean sequence,
            boolean zero,
            Again again,
            boolean localLoss,
            boolean withGrad,
            boolean random,
            boolean lengths) {

        /** Everything that can be chosen together: what one rank has not, it is not asked for. */
        static List<Setup> all(Model model, List<Again> agains) {
            var all = new ArrayList<Setup>();
            for (var bits = 0; bits < 64; bits++) {
                for (var again : agains) {
                    for (var tensor : List.of(1, 2, 4)) {
                        var setup = new Setup(
                                tensor,
                                (bits & 1) + 1,
                                (bits & 2) != 0,
                                (bits & 4) != 0,
                                again,
                                (bits & 8) != 0,
                                (bits & 16) == 0,
                                (bits & 32) != 0,
                                (bits + agains.indexOf(again) + tensor / 2) % 2 == 0);
                        // The larger model's loss has no choices.
                        if (setup.isSensible() && (model == Model.TINY || (setup.withGrad && !setup.localLoss))) {
                            all.add(setup);
                        }
                    }
                }
            }
            return all;
        }

        private boolean isSensible() {
            return (tensor > 1 || !sequence) && (data > 1 || (!zero && !localLoss && withGrad));
        }

        /** The numbers of the same training on the fewest ranks that it can be had on. */
        Setup reference() {
            // Without gradients between ranks they learn something else, and shorter texts have other masks.
            return withGrad
                    ? new Setup(1, 1, false, false, Again.NOTHING, false, true, random, random && lengths)
                    : new Setup(1, 2, false, false, Again.NOTHING, localLoss, false, random, random && lengths);
        }

        Setup keepingAll() {
            return new Setup(tensor, data, sequence, zero, Again.NOTHING, localLoss, withGrad, random, lengths);
        }

        Parallelism parallelism() {
            return new Parallelism(new Mesh(data, tensor), sequence, zero, 1 << 14, true);
        }

        List<Object> keys(boolean losses) {
            var keys = new ArrayList<Object>();
            if (losses) {
                keys.addAll(List.of("local_loss", localLoss, "gather_with_grad", withGrad));
            }
            for (var tower : List.of("vision.", "text.")) {
                if (random) {
                    keys.addAll(List.of(tower + "hidden_dropout", DROPPED, tower + "attention_dropout", DROPPED));
                    keys.addAll(List.of(tower + "drop_path_rate", DROPPED));
                }
                switch (again) {
                    case NOTHING, BUDGET -> {}
                    case SELECTIVE -> keys.addAll(List.of(tower + "activations_checkpoint_granularity", "selective"));
                    case UNIFORM, BLOCK ->
                        keys.addAll(List.of(
                                tower + "activations_checkpoint_granularity",
                                "full",
                                tower + "activations_checkpoint_method",
                                again == Again.BLOCK ? "block" : "uniform"));
                }
            }
            if (random && losses) {
                keys.addAll(List.of("vision.drop_patch_rate", 0.5));
            }
            return keys;
        }

        /** Each choice by its name, and each two of them. */
        private Set<String> pairs() {
            var choices = List.of(
                    "tensor=" + tensor,
                    "data=" + data,
                    "sequence=" + sequence,
                    "zero=" + zero,
                    "again=" + again,
                    "localLoss=" + localLoss,
                    "withGrad=" + withGrad,
                    "random=" + random,
                    "lengths=" + lengths);
            var pairs = new HashSet<String>();
            choices.forEach(a -> choices.forEach(b -> pairs.add(a + " " + b)));
            return pairs;
        }
    }

    /** Setups of which some has each pair of choices that any has: the one with most that are new, again and again. */
    private static List<Setup> covering(List<Setup> all) {
        var missing = new HashSet<String>();
        all.forEach(setup -> missing.addAll(setup.pairs()));
        var chosen = new ArrayList<Setup>();
        while (!missing.isEmpty()) {
            var best = all.getFirst();
            var most = 0L;
            for (var setup : all) {
                var count = setup.pairs().stream().filter(missing::contains).count();
                if (count > most) {
                    most = count;
                    best = setup;
                }
            }
            missing.removeAll(best.pairs());
            chosen.add(best);
        }
        return chosen;
    }

    private final Map<Setup, MeshTraining.Trained> trained = new ConcurrentHashMap<>();

    @TempDir
    Path folder = Path.of("");

    @ParameterizedTest
    @EnumSource
    void everyWayTrainsAlike(Model model) throws IOException, InterruptedException {
        var everything = System.getProperty("clipc.test.meshes", "").equals("all");
        var all = Setup.all(model, everything ? List.of(Again.values()) : model.agains);
        var setups = everything ? all : covering(all);
        var log = new StringBuilder();
        for (var setup : setups) {
            try {
                var result = train(model, setup);
                result.isClose(train(model, setup.reference()), setup.withGrad() ? TOLERANCE : LOOSE_TOLERANCE);
                result.isSame(train(model, setup.keepingAll()));
            } catch (AssertionError e) {
                log.append(setup).append(": ").append(e.getMessage()).append('\n');
            }
        }
        assertThat(log).as("of %d setups", setups.size()).isEmpty();
    }

    private MeshTraining.Trained train(Model model, Setup setup) throws IOException, InterruptedException {
        var known = trained.get(setup);
        if (known == null) {
            var source = model.source(setup);
            var budget = setup.again() == Again.BUDGET
                    ? OptionalLong.of(budget(source, setup.parallelism()))
                    : OptionalLong.empty();
            var program = MeshTraining.compile(folder, source, setup.parallelism(), budget);
            known = MeshTraining.train(program, STEPS);
            trained.put(setup, known);
            Files.delete(program);
        }
        return known;
    }

    /** A share of what a step takes that keeps all, or, where it cannot do with that, as little as it can do with. */
    private static long budget(ModelSource source, Parallelism parallelism) {
        var step = MeshTraining.plan(source, parallelism, OptionalLong.empty()).entries().stream()
                .filter(entry -> entry.entry().equals(EntryPoint.TRAIN_STEP))
                .mapToLong(entry -> entry.plan().bytes())
                .sum();
        var budget = (long) (BUDGET * step);
        while (true) {
            try {
                MeshTraining.plan(source, parallelism, OptionalLong.of(budget));
                return budget;
            } catch (Rematerialize.BudgetException e) {
                // More each time: other parts of the program may need more than the one that this tells of.
                budget = e.least();
            }
        }
    }
}
