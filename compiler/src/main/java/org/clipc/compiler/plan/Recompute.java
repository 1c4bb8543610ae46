package org.clipc.compiler.plan;

import java.util.List;
import org.clipc.compiler.config.ByteSize;

/** What the backward pass computes again, in the recipe's words. */
public sealed interface Recompute {

    /** How it is called in tables. */
    String text();

    /** Overrides of a recipe. Keys without a value take back what the recipe says. */
    List<String> overrides();

    /** A mode of Megatron, for both towers. */
    enum Mode implements Recompute {
        NONE("none", "none"),
        SELECTIVE("selective", "uniform"),
        FULL("full", "uniform");

        private final String granularity;
        private final String method;

        Mode(String granularity, String method) {
            this.granularity = granularity;
            this.method = method;
        }

        @Override
        public String text() {
            return granularity;
        }

        @Override
        public List<String> overrides() {
            return List.of(
                    "model.activations_checkpoint_granularity=" + granularity,
                    "model.activations_checkpoint_method=" + method,
                    "model.activations_checkpoint_num_layers=1",
                    "model.memory_budget=");
        }
    }

    /** What the compiler chooses so that the workspace takes {@code bytes} at most. */
    record Budget(long bytes) implements Recompute {

        @Override
        public String text() {
            return "budget " + ByteSize.format(bytes);
        }

        @Override
        public List<String> overrides() {
            return List.of(
                    "model.activations_checkpoint_granularity=none",
                    "model.activations_checkpoint_method=none",
                    "model.activations_checkpoint_num_layers=1",
                    "model.memory_budget=" + bytes);
        }
    }
}
