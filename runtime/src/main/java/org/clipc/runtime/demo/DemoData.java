package org.clipc.runtime.demo;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * The demonstration's pictures, split by artist and by concept. Models train on {@link #TRAIN_ARTISTS}' drawings of the
 * seen concepts; they are judged on {@link #TEST_ARTISTS}' drawings of these, and of concepts held out altogether.
 *
 * @param folder that holds the shards
 * @param concepts by code points, all of them
 * @param heldOut code points of the concepts that nobody's training drawings show
 */
public record DemoData(Path folder, Map<String, Concept> concepts, Set<String> heldOut) {

    /** The fluent sets are near copies of each other, and so are each artist's generations: they stay on one side. */
    public static final List<String> TRAIN_ARTISTS =
            List.of("noto", "noto-v1", "fluent-emoji", "fluent-emoji-flat", "emojione", "emojione-v1");

    /** Twemoji draws much like the artists trained on; openmoji, with its black outlines, does not. */
    public static final List<String> TEST_ARTISTS = List.of("twemoji", "openmoji");

    /** Width and height of a picture, in pixels. */
    public static final int PIXELS = 64;

    static final int TRAIN_SHARDS = 8;

    private static final String ICONS = "org.webjars.npm:iconify__json:2.2.378";
    private static final String CATALOGUE = "net.fellbaum:jemoji:2.0.0";
    private static final String RASTERIZER = "com.github.weisj:jsvg:2.1.0";
    private static final int HELD_OUT_SHARE = 10;

    public DemoData {
        concepts = Map.copyOf(concepts);
        heldOut = Set.copyOf(heldOut);
    }

    /**
     * The data under {@code folder}: fetched and drawn unless an earlier call did.
     *
     * @param progress told, in a line, what is being done
     * @throws IOException if the sources cannot be fetched or the shards not written; the message says how to go on
     */
    public static DemoData prepare(Path folder, Consumer<String> progress) throws IOException {
        var sources = folder.resolve("sources");
        progress.accept("fetching emoji sources through Maven (about 90 MB, once)");
        var catalogue = MavenArtifacts.fetch(CATALOGUE, sources);
        var icons = MavenArtifacts.fetch(ICONS, sources);
        var rasterizer = MavenArtifacts.fetch(RASTERIZER, sources);
        var concepts = ConceptReader.read(catalogue);
        var data = new DemoData(folder.resolve("shards"), concepts, heldOut(concepts));
        new ShardMaker(data, icons, rasterizer, progress).make();
        return data;
    }

    /** Every tenth concept of each group, in an order that has nothing to do with the catalogue's. */
    private static Set<String> heldOut(Map<String, Concept> concepts) {
        var groups = new LinkedHashMap<String, List<String>>();
        concepts.values().stream()
                .sorted(Comparator.comparingInt((Concept c) -> mixed(c.codePoints()))
                        .thenComparing(Concept::codePoints))
                .forEach(c -> groups.computeIfAbsent(c.group(), _ -> new ArrayList<>())
                        .add(c.codePoints()));
        var heldOut = new HashSet<String>();
        groups.values()
                .forEach(group -> IntStream.range(0, group.size())
                        .filter(i -> i % HELD_OUT_SHARE == 0)
                        .forEach(i -> heldOut.add(group.get(i))));
        return heldOut;
    }

    static int mixed(String text) {
        return Integer.reverse(text.hashCode() * 0x9E3779B9);
    }

    public List<Path> trainShards() {
        return IntStream.range(0, TRAIN_SHARDS)
                .mapToObj(i -> folder.resolve("train-%02d.tar".formatted(i)))
                .toList();
    }

    /** All drawings by {@code artist}, one of {@link #TEST_ARTISTS}. */
    public List<Drawing> test(String artist) throws IOException {
        return DrawingShard.read(testShard(artist), concepts);
    }

    /** All drawings to train on. */
    public List<Drawing> train() throws IOException {
        var drawings = new ArrayList<Drawing>();
        for (var shard : trainShards()) {
            drawings.addAll(DrawingShard.read(shard, concepts));
        }
        return drawings;
    }

    Path testShard(String artist) {
        return folder.resolve("test-" + artist + ".tar");
    }

    public boolean isHeldOut(Concept concept) {
        return heldOut.contains(concept.codePoints());
    }
}
