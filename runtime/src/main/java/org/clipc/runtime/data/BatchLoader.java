package org.clipc.runtime.data;

import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadFactory;
import org.clipc.runtime.data.source.SampleSource;
import org.clipc.runtime.io.DataFormatException;
import org.jspecify.annotations.Nullable;

/**
 * Makes batches ahead of time. One thread walks the order and puts batches together; workers read and decode. Batches are
 * the same, and in the same order, for any number of workers. Samples that are damaged are left out, counted, and logged
 * once per shard.
 */
public final class BatchLoader implements AutoCloseable {
    /** What the assembling thread hands over: a batch, the end, or why there is none. */
    private sealed interface Delivery {
        record Ready(Batch batch) implements Delivery {}

        record End() implements Delivery {}

        record Failed(Throwable cause) implements Delivery {}
    }

    private record InFlight(SampleRef ref, Future<PreparedSample> sample) {}

    private final SampleSource source;
    private final SamplePreparation preparation;
    private final LoaderOptions options;
    private final SampleStream stream;
    private final SkippedSamples skipped;
    private final ExecutorService workers;
    private final BlockingQueue<Delivery> ready;
    private final Thread assembler;

    /** Positions of the stream at some draws, the latest of which at or before a batch's end goes into it. */
    private final ArrayDeque<StreamPosition> snapshots = new ArrayDeque<>();

    private LoaderPosition position;
    private @Nullable Delivery last;

    private BatchLoader(
            SampleSource source, SamplePreparation preparation, LoaderOptions options, SampleStream stream) {
        this.source = source;
        this.preparation = preparation;
        this.options = options;
        this.stream = stream;
        this.skipped = new SkippedSamples(source);
        StreamPosition start = stream.position();
        this.position = new LoaderPosition(start, nextTurn(start.draws()));
        this.workers = Executors.newFixedThreadPool(options.workers(), threads("clip-data-worker"));
        this.ready = new ArrayBlockingQueue<>(options.prefetch());
        this.assembler = threads("clip-data-batches").newThread(this::assemble);
    }

    /** Starts from the beginning. */
    public static BatchLoader start(SampleSource source, SamplePreparation preparation, LoaderOptions options) {
        return start(source, preparation, options, null);
    }

    /**
     * Starts where another loader of the same data stood.
     *
     * @throws DataFormatException when the position belongs to other data
     */
    public static BatchLoader start(
            SampleSource source, SamplePreparation preparation, LoaderOptions options, @Nullable LoaderPosition from) {
        var stream = new SampleStream(source, options.stream());
        if (from != null) {
            stream.restore(from.stream());
            stream.skipTo(from.drawsOf(options.stream()));
        }
        var loader = new BatchLoader(source, preparation, options, stream);
        loader.assembler.start();
        return loader;
    }

    /**
     * The next batch, waiting for it if need be; none after the last of a single pass.
     *
     * @throws DataFormatException when the data gives no more usable samples
     * @throws InterruptedException when this thread is interrupted while it waits
     */
    public Optional<Batch> next() throws InterruptedException {
        Delivery delivery = last == null ? ready.take() : last;
        return switch (delivery) {
            case Delivery.Ready(Batch batch) -> {
                position = batch.position();
                yield Optional.of(batch);
            }
            case Delivery.End end -> {
                last = end;
                yield Optional.empty();
            }
            case Delivery.Failed failed -> {
                last = failed;
                if (failed.cause() instanceof DataFormatException bad) {
                    throw bad;
                }
                throw new IllegalStateException("the data loader failed", failed.cause());
            }
        };
    }

    /** Where the batch after the last one returned starts. */
    public LoaderPosition position() {
        return position;
    }

    /** Samples left out so far, those of batches made ahead among them. */
    public long skippedSamples() {
        return skipped.count();
    }

    /** Stops all threads; batches made ahead are dropped, and who waits for one gets none. */
    @Override
    public void close() {
        assembler.interrupt();
        workers.shutdownNow();
        ready.clear();
        ready.offer(new Delivery.End());
        skipped.tell();
    }

    private void assemble() {
        try {
            var inFlight = new ArrayDeque<InFlight>();
            while (true) {
                Optional<Batch> batch = nextBatch(inFlight);
                if (batch.isEmpty()) {
                    ready.put(new Delivery.End());
                    return;
                }
                ready.put(new Delivery.Ready(batch.get()));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException e) {
            deliverFailure(e.getCause() == null ? e : e.getCause());
        } catch (RuntimeException | Error e) {
            deliverFailure(e);
        }
    }

    private void deliverFailure(Throwable cause) {
        try {
            ready.put(new Delivery.Failed(cause));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Optional<Batch> nextBatch(ArrayDeque<InFlight> inFlight) throws InterruptedException, ExecutionException {
        var samples = new ArrayList<PreparedSample>(options.batchSize());
        long draws = -1;
        while (samples.size() < options.batchSize()) {
            submitAhead(inFlight);
            InFlight oldest = inFlight.poll();
            if (oldest == null) {
                break;
            }
            draws = oldest.ref().draw() + 1;
            PreparedSample sample = resultOf(oldest);
            if (sample != null) {
                samples.add(sample);
            }
        }
        return samples.isEmpty()
                ? Optional.empty()
                : Optional.of(new Batch(samples, options.batchSize(), positionAfter(nextTurn(draws))));
    }

    private void submitAhead(ArrayDeque<InFlight> inFlight) {
        long most = (long) options.prefetch() * options.batchSize() + options.workers();
        while (inFlight.size() < most) {
            if (snapshots.isEmpty() || stream.draws() >= snapshots.getLast().draws() + snapshotInterval()) {
                snapshots.add(stream.position());
            }
            Optional<SampleRef> ref = stream.next();
            if (ref.isEmpty()) {
                return;
            }
            inFlight.add(new InFlight(ref.get(), workers.submit(() -> prepare(ref.get()))));
        }
    }

    /** A snapshot costs as much as the shuffle buffer is long, so there is one per batch and not one per sample. */
    private long snapshotInterval() {
        return (long) options.batchSize() * options.stream().world();
    }

    private PreparedSample prepare(SampleRef ref) throws IOException {
        StreamOptions order = options.stream();
        int owner = order.split() == StreamOptions.Split.SHARDS ? order.rank() : 0;
        var random = CounterRandom.of(order.seed(), Purpose.AUGMENTATION, ref.draw(), owner);
        return preparation.prepare(source.load(ref.part(), ref.sample()), random);
    }

    private @Nullable PreparedSample resultOf(InFlight flight) throws InterruptedException, ExecutionException {
        try {
            PreparedSample sample = flight.sample().get();
            skipped.good();
            return sample;
        } catch (ExecutionException e) {
            if (e.getCause() instanceof IOException damaged) {
                skipped.skipped(flight.ref(), damaged);
                return null;
            }
            throw e;
        }
    }

    private LoaderPosition positionAfter(long draws) {
        StreamPosition base = snapshots.getFirst();
        while (!snapshots.isEmpty() && snapshots.getFirst().draws() <= draws) {
            base = snapshots.removeFirst();
        }
        snapshots.addFirst(base);
        return new LoaderPosition(base, draws);
    }

    private long nextTurn(long draws) {
        return options.stream().turnOf(options.stream().rank(), draws);
    }

    private static ThreadFactory threads(String name) {
        return Thread.ofPlatform().daemon().name(name, 0).factory();
    }
}
