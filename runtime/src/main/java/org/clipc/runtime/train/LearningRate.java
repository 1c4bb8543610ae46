package org.clipc.runtime.train;

import org.clipc.runtime.model.Recipe;
import org.clipc.runtime.model.RecipeException;

/** The learning rate of each step, counted from 0. */
public sealed interface LearningRate {

    double at(long step);

    /** Reads {@code model.optim.lr} and {@code model.optim.sched}, for a training of {@code maxSteps} steps. */
    static LearningRate of(Recipe recipe, long maxSteps) {
        var base = recipe.number("model.optim.lr")
                .orElseThrow(() -> new RecipeException("the recipe has no learning rate: set model.optim.lr"));
        var name = recipe.text("model.optim.sched.name").orElse("Constant");
        var warmup = recipe.integer("model.optim.sched.warmup_steps").orElse(0L);
        var constant = recipe.integer("model.optim.sched.constant_steps").orElse(0L);
        var least = recipe.number("model.optim.sched.min_lr").orElse(0.0);
        if (warmup < 0 || constant < 0 || least < 0) {
            throw new RecipeException(
                    "warmup_steps, constant_steps and min_lr of model.optim.sched must not be negative");
        }
        if (least > base) {
            throw new RecipeException(
                    "model.optim.sched.min_lr (" + least + ") is above model.optim.lr (" + base + ")");
        }
        return switch (name) {
            case "CosineAnnealing" -> new CosineAnnealing(base, warmup, constant, least, maxSteps);
            case "Constant" -> new Constant(base, warmup, least, maxSteps);
            case "Linear" -> new Linear(base, warmup, least, maxSteps);
            case "cosine" -> new OpenClipCosine(base, warmup, maxSteps);
            case "const" -> new OpenClipConstant(base, warmup, maxSteps, 0, 1, 0);
            case "const-cooldown" -> new OpenClipConstant(base, warmup, maxSteps, constant, 1, least);
            default ->
                throw new RecipeException(
                        "model.optim.sched.name can be CosineAnnealing, Constant, Linear (as in NeMo),"
                                + " cosine, const or const-cooldown (as in open_clip), not '" + name + "'");
        };
    }

    /** NeMo's warm-up, which never reaches zero: (step + 1) / (warmup + 1) of the base. */
    private static double nemoWarmup(double base, long warmup, long step) {
        return base * (step + 1) / (warmup + 1);
    }

    private static double cosine(double progress) {
        return 0.5 * (1 + Math.cos(Math.PI * progress));
    }

    /**
     * NeMo's {@code CosineAnnealing}: warm-up, half a cosine down to {@code least}, and {@code constant} steps there at the
     * end. With such steps NeMo warms up from zero, as Megatron does.
     */
    record CosineAnnealing(double base, long warmup, long constant, double least, long maxSteps)
            implements LearningRate {
        @Override
        public double at(long step) {
            if (warmup > 0 && step <= warmup) {
                return constant == 0 ? nemoWarmup(base, warmup, step) : base * step / warmup;
            }
            var decaySteps = maxSteps - warmup - constant;
            if (step - warmup > decaySteps || decaySteps <= 0) {
                return least;
            }
            return least + (base - least) * cosine((double) (step - warmup) / decaySteps);
        }
    }

    /** NeMo's {@code WarmupPolicy}: warm-up, then the base until {@code maxSteps}. */
    record Constant(double base, long warmup, double least, long maxSteps) implements LearningRate {
        @Override
        public double at(long step) {
            if (warmup > 0 && step <= warmup) {
                return nemoWarmup(base, warmup, step);
            }
            return step > maxSteps ? least : base;
        }
    }

    /** NeMo's {@code PolynomialDecayAnnealing} of power 1: warm-up, then a line down to {@code least} at {@code maxSteps}. */
    record Linear(double base, long warmup, double least, long maxSteps) implements LearningRate {
        @Override
        public double at(long step) {
            if (warmup > 0 && step <= warmup) {
                return nemoWarmup(base, warmup, step);
            }
            if (step >= maxSteps) {
                return least;
            }
            return least + (base - least) * (1 - (double) (step - warmup) / (maxSteps - warmup));
        }
    }

    /** open_clip's {@code cosine_lr}. */
    record OpenClipCosine(double base, long warmup, long maxSteps) implements LearningRate {
        @Override
        public double at(long step) {
            if (step < warmup) {
                return base * (step + 1) / warmup;
            }
            return base * cosine(Math.min(1, (double) (step - warmup) / Math.max(1, maxSteps - warmup)));
        }
    }

    /** open_clip's {@code const_lr} and, with cool-down steps at the end, {@code const_lr_cooldown}. */
    record OpenClipConstant(double base, long warmup, long maxSteps, long cooldown, double power, double end)
            implements LearningRate {
        @Override
        public double at(long step) {
            if (step < warmup) {
                return base * (step + 1) / warmup;
            }
            var start = maxSteps - cooldown;
            if (step < start || cooldown == 0) {
                return base;
            }
            var left = Math.max(0, 1 - (double) (step - start) / cooldown);
            return end + (base - end) * Math.pow(left, power);
        }
    }
}
