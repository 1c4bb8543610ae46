package org.clipc.runtime.collective;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.clipc.ir.DType;
import org.jspecify.annotations.Nullable;

/**
 * What a world of four ranks is put through. Scenarios are named, so that they can be asked of ranks that are processes
 * of their own. Those that break a world leave through the exception that its ranks get.
 */
public enum Scenario {
    /** All operations on groups of every form. */
    OPERATIONS {
        @Override
        public void run(Rank rank) {
            for (var ranks : GROUPS) {
                if (ranks.contains(rank.ends.rank())) {
                    var checks = new OperationChecks(rank.ends.group(ranks), rank.tolerance);
                    SIZES.forEach(checks::run);
                }
            }
        }
    },
    /** A row and a column of a mesh, used by two threads of each rank at the same time. */
    GROUPS_AT_ONCE {
        @Override
        public void run(Rank rank) throws InterruptedException {
            var me = rank.ends.rank();
            var row = rank.ends.group(List.of(me / 2 * 2, me / 2 * 2 + 1));
            var column = rank.ends.group(List.of(me % 2, me % 2 + 2));
            var sameRow = rank.ends.group(row.ranks());
            var failure = new AtomicReference<@Nullable Throwable>();
            var threads = IntStream.range(0, 3)
                    .mapToObj(i -> Thread.ofPlatform()
                            .uncaughtExceptionHandler((_, e) -> failure.compareAndSet(null, e))
                            .start(() ->
                                    checkOften(List.of(row, column, sameRow).get(i), rank.tolerance)))
                    .toList();
            for (var thread : threads) {
                thread.join();
            }
            if (failure.get() != null) {
                throw new AssertionError("a thread failed: " + failure.get(), failure.get());
            }
        }

        private void checkOften(Group group, double tolerance) {
            for (var i = 0; i < 3; i++) {
                new OperationChecks(group, tolerance).run(300 + i);
            }
        }
    },
    /** Members that have different amounts to do between collectives. */
    UNEVEN_PACE {
        @Override
        public void run(Rank rank) throws InterruptedException {
            for (var i = 0; i < 40; i++) {
                if (i % 4 == rank.ends.rank()) {
                    TimeUnit.MILLISECONDS.sleep(i % 8);
                }
                sum(rank.ends.world(), 10 + i);
            }
        }
    },
    DISAGREEING_SIZES {
        @Override
        public void run(Rank rank) {
            sum(rank.ends.world(), 8);
            sum(rank.ends.world(), rank.ends.rank() == 1 ? 5 : 8);
        }
    },
    DISAGREEING_OPERATIONS {
        @Override
        public void run(Rank rank) {
            if (rank.ends.rank() == 3) {
                rank.ends.world().broadcast(tensor(8), DType.F32, 0);
            } else {
                sum(rank.ends.world(), 8);
            }
        }
    },
    DISAGREEING_ROOTS {
        @Override
        public void run(Rank rank) {
            rank.ends.world().broadcast(tensor(8), DType.F32, rank.ends.rank() == 2 ? 1 : 0);
        }
    },
    /** Rank 2 sends less than rank 3 expects. */
    DISAGREEING_EXCHANGE {
        @Override
        public void run(Rank rank) {
            var me = rank.ends.rank();
            rank.ends.world().exchange(tensor(me == 2 ? 7 : 8), (me + 1) % 4, tensor(8), (me + 3) % 4, DType.F32);
            rank.ends.world().barrier();
        }
    },
    /** Work that does not end by itself. */
    WORKING {
        @Override
        public void run(Rank rank) {
            for (var i = 0; i < LONG; i++) {
                sum(rank.ends.world(), 1000);
            }
        }
    },
    /** Rank 2 ends without a word, in the middle of the others' work. */
    DYING {
        @Override
        public void run(Rank rank) {
            for (var i = 0; i < LONG; i++) {
                if (rank.ends.rank() == 2 && i == 20) {
                    rank.die.run();
                }
                sum(rank.ends.world(), 1000);
            }
        }
    },
    /** Rank 1 never gets as far as the others; when it comes at last, the world is over for it too. */
    STALLING {
        @Override
        public void run(Rank rank) throws InterruptedException {
            sum(rank.ends.world(), 8);
            if (rank.ends.rank() == 1) {
                TimeUnit.SECONDS.sleep(8);
            }
            sum(rank.ends.world(), 8);
        }
    },
    /** As the one before, in a group that not all are in: who is outside is told all the same. */
    STALLING_IN_A_PAIR {
        @Override
        public void run(Rank rank) throws InterruptedException {
            var me = rank.ends.rank();
            var pair = rank.ends.group(List.of(me / 2 * 2, me / 2 * 2 + 1));
            if (me == 1) {
                TimeUnit.SECONDS.sleep(8);
            }
            while (true) {
                sum(pair, 8);
                TimeUnit.MILLISECONDS.sleep(10);
            }
        }
    },
    /** Rank 3 thinks that the work is done. */
    LEAVING {
        @Override
        public void run(Rank rank) {
            sum(rank.ends.world(), 8);
            if (rank.ends.rank() != 3) {
                sum(rank.ends.world(), 8);
            }
        }
    },
    /** Rank 0 says that it cannot go on. */
    ABORTING {
        @Override
        public void run(Rank rank) {
            sum(rank.ends.world(), 8);
            if (rank.ends.rank() == 0) {
                rank.ends.abort("its disk is full");
            }
            sum(rank.ends.world(), 8);
        }
    };

    public static final int RANKS = 4;

    private static final int LONG = 10_000_000;

    /** Empty, odd, prime, around the grain of slices, and longer than the parts that reductions are done in. */
    private static final List<Integer> SIZES = List.of(0, 1, 2, 3, 31, 64, 65, 257, 1009, 4999);

    /** The world, another order of it, halves, pairs across, three of four, and singletons. */
    private static final List<List<Integer>> GROUPS = List.of(
            List.of(0, 1, 2, 3),
            List.of(2, 0, 3, 1),
            List.of(0, 1),
            List.of(2, 3),
            List.of(0, 2),
            List.of(3, 1),
            List.of(0, 1, 3),
            List.of(0),
            List.of(1),
            List.of(2),
            List.of(3));

    public abstract void run(Rank rank) throws InterruptedException;

    /**
     * Who goes through a scenario.
     *
     * @param tolerance of sums, relative to the sum of magnitudes; 0 for the same bits
     * @param die ends the rank in the worst way that it can end; does not return
     */
    public record Rank(Collectives ends, double tolerance, Runnable die) {}

    private static MemorySegment tensor(int elements) {
        return Arena.ofAuto().allocate(DType.F32.bytes() * (long) elements, 64);
    }

    private static void sum(Group group, int elements) {
        group.allReduce(tensor(elements), DType.F32, Reduction.SUM);
    }
}
