package org.clipc.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBarBuilder;
import org.clipc.runtime.train.TrainListener;
import org.junit.jupiter.api.Test;

class TrainProgressTest {

    @Test
    void theTimeLeftIsThatOfTheStepsOfThisRun() throws InterruptedException {
        List<String> shown = new CopyOnWriteArrayList<>();
        var builder = new ProgressBarBuilder().setConsumer(new DelegatingProgressBarConsumer(shown::add, 200));
        try (var progress = new TrainProgress(1, 1000, builder)) {
            progress.began(900);
            TimeUnit.MILLISECONDS.sleep(300);
            progress.stepped(new TrainListener.Step(901, 1000, 8, 1, 1e-3, 1, 14, 30, 0.5, 0, false));
        }
        // 99 more steps of 0.3 s and more; by the number of all steps it would be none.
        assertThat(shown.getLast())
                .contains("901/1000", "30.0 samples/s, MFU 50%")
                .doesNotContain("/ 0:00:00");
    }
}
