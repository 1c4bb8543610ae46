package org.clipc.compiler.elaborate;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.clipc.grammar.diagnostic.DiagnosticPrinter;
import org.clipc.ir.Graph;
import org.clipc.ir.Verifier;
import org.jspecify.annotations.Nullable;

/** Whatever is done to a source of the standard library, elaboration ends with a legal model or with diagnostics. */
class ElaboratorFuzzTest {
    private static @Nullable Path folder;

    @BeforeContainer
    static void copy() throws IOException {
        Path copy = Files.createTempDirectory("clip-graphs");
        Path std = Files.createDirectories(copy.resolve("std"));
        try (var files = Files.list(Repository.graphs().resolve("std"))) {
            for (Path file : files.toList()) {
                Files.copy(file, std.resolve(file.getFileName()));
            }
        }
        Files.copy(Repository.graphs().resolve("tiny.clip"), copy.resolve("tiny.clip"));
        folder = copy;
    }

    @AfterContainer
    static void delete() throws IOException {
        if (folder != null) {
            try (var files = Files.walk(folder)) {
                for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    @Property(tries = 200)
    void mutatedTokens(@ForAll Random random) throws IOException {
        Path graphs = folder;
        if (graphs == null) {
            throw new IllegalStateException("no sources");
        }
        List<Path> sources;
        try (var files = Files.walk(graphs)) {
            sources = files.filter(f -> f.toString().endsWith(".clip")).sorted().toList();
        }
        Path victim = sources.get(random.nextInt(sources.size()));
        String original = Files.readString(victim);
        try {
            String mutated = mutate(original, random);
            Files.writeString(victim, mutated);
            Elaborated result = Elaborator.load(graphs.resolve("tiny.clip"), graphs, Repository.settings());
            if (result.model() == null) {
                assertThat(result.diagnostics()).isNotEmpty();
                assertThat(DiagnosticPrinter.plain().print(result.diagnostics()))
                        .contains("error: ");
            } else {
                for (String entry : result.model().entryNames()) {
                    Graph graph = result.model().entry(entry, 2, true);
                    assertThat(Verifier.verify(graph)).isEmpty();
                }
            }
        } finally {
            Files.writeString(victim, original);
        }
    }

    /** Replaces, swaps, drops or doubles a few words, numbers and signs, mostly so that it still parses. */
    private static String mutate(String text, Random random) {
        List<String> tokens = new ArrayList<>(Arrays.asList(text.split("(?<=\\W)|(?=\\W)")));
        List<Integer> words = new ArrayList<>();
        for (int i = 0; i < tokens.size(); i++) {
            if (tokens.get(i).matches("\\w+")) {
                words.add(i);
            }
        }
        for (int i = 0; i <= random.nextInt(3); i++) {
            int at = words.get(random.nextInt(words.size()));
            String other = tokens.get(words.get(random.nextInt(words.size())));
            switch (random.nextInt(6)) {
                case 0 -> tokens.set(at, "");
                case 1 -> tokens.set(at, tokens.get(at) + " " + other);
                case 2 -> tokens.set(at, String.valueOf(random.nextInt(5)));
                case 3 ->
                    tokens.set(
                            at,
                            List.of("x", "c", "1.5", "true", "B", "[1]", "\"s\"")
                                    .get(random.nextInt(7)));
                default -> tokens.set(at, other);
            }
        }
        return String.join("", tokens);
    }
}
