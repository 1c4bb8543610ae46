package org.clipc.runtime.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

class ClipTokenizerTest {
    private static final ClipTokenizer TOKENIZER = new ClipTokenizer();
    private static final BytePairs PAIRS = BytePairs.ofClip();

    @Test
    void equalsTheReferenceOnItsGoldenTexts() throws IOException {
        JsonNode golden = read("/golden/tokenizer.json");
        int context = golden.get("context_length").intValue();
        for (int i = 0; i < golden.get("texts").size(); i++) {
            String text = golden.get("texts").get(i).textValue();
            assertThat(TOKENIZER.tokenize(text, context))
                    .as(text)
                    .containsExactly(ints(golden.get("ids").get(i)));
            assertThat(TOKENIZER.encode(text))
                    .as(text)
                    .containsExactly(ints(golden.get("raw_encode").get(i)));
        }
    }

    /** 420 more texts, encoded by open_clip 3.3.0 with ftfy 6.3.1: odd punctuation, scripts, escapes, random characters. */
    @Test
    void equalsTheReferenceOnOddTexts() throws IOException {
        var wrong = new ArrayList<String>();
        for (JsonNode row : read("/golden/tokenizer_more.json")) {
            String text = row.get("text").textValue();
            if (!Arrays.equals(TOKENIZER.encode(text), ints(row.get("ids")))) {
                wrong.add(text);
            }
        }
        assertThat(wrong).isEmpty();
    }

    /** Python's regex module, told to ignore case, takes U+0345 for the letter iota, but only where letters are left out. */
    @Test
    void leavesOutTheCharacterThatTheReferenceLosesSightOf() {
        assertThat(TOKENIZER.encode("x\u0345 1")).containsExactly(TOKENIZER.encode("x 1"));
        assertThat(TOKENIZER.encode("\u0345")).isEmpty();
    }

    @Test
    void knowsTheIdsThatEveryoneQuotes() {
        assertThat(TOKENIZER.tokenize("a diagram", 4)).containsExactly(49406, 320, 22697, 49407);
        assertThat(TOKENIZER.tokenize("", 3)).containsExactly(49406, 49407, 0);
    }

    @Test
    void cutsLongTextButKeepsItsEnd() {
        int[] whole = TOKENIZER.tokenize("a photo of a cat", 8);
        for (int length = 2; length < 8; length++) {
            int[] cut = TOKENIZER.tokenize("a photo of a cat", length);
            assertThat(cut).hasSize(length).startsWith(Arrays.copyOf(whole, length - 1));
            assertThat(cut[Math.min(length - 1, 6)]).isEqualTo(ClipTokenizer.END_OF_TEXT);
            assertThat(ClipTokenizer.usedLength(cut)).isEqualTo(Math.min(length, 7));
        }
        assertThatThrownBy(() -> TOKENIZER.tokenize("a", 1)).hasMessageContaining("context of 1");
    }

    @Test
    void rowsOfABatchLieOneAfterTheOther() {
        int[] batch = TOKENIZER.tokenize(List.of("a cat", "", "dogs"), 5);
        assertThat(batch).hasSize(15);
        assertThat(Arrays.copyOfRange(batch, 0, 5)).containsExactly(TOKENIZER.tokenize("a cat", 5));
        assertThat(Arrays.copyOfRange(batch, 10, 15)).containsExactly(TOKENIZER.tokenize("dogs", 5));
    }

    @Property(tries = 500)
    void decodingGivesTheCleanedTextBack(@ForAll Random random) {
        String text = randomText(random);
        int[] row = TOKENIZER.tokenize(text, 400);
        String decoded = TOKENIZER.decode(ClipTokenizer.content(row));
        assertThat(decoded.replace(" ", "")).isEqualTo(TextCleaner.clean(text).replace(" ", ""));
    }

    @Test
    void decodeRefusesWhatIsNoText() {
        assertThatThrownBy(() -> TOKENIZER.decode(320, ClipTokenizer.END_OF_TEXT))
                .hasMessageContaining("49407");
        assertThatThrownBy(() -> TOKENIZER.decode(-1)).hasMessageContaining("-1");
        assertThat(TOKENIZER.decode(163)).isEqualTo("\ufffd");
    }

    /** The obvious algorithm of the reference: merge every occurrence of the best pair, pass by pass. */
    @Property(tries = 300)
    void mergesAsTheReferenceDoesPassByPass(@ForAll Random random) {
        var letters = "abenorstin".substring(0, 2 + random.nextInt(8));
        String word = random.ints(1 + random.nextInt(40), 0, letters.length())
                .collect(StringBuilder::new, (b, i) -> b.append(letters.charAt(i)), StringBuilder::append)
                .toString();
        assertThat(PAIRS.encode(word)).as(word).containsExactly(PassByPassBytePairs.encode(word));
    }

    @Test
    void aHugeWordDoesNotStallIt() {
        assertThat(TOKENIZER.encode("ab".repeat(40_000))).isNotEmpty();
        assertThat(TOKENIZER.encode("&" + "amp;".repeat(5_000))).isNotEmpty();
    }

    @Test
    void threadsMayShareOne() {
        var texts = IntStream.range(0, 2000)
                .mapToObj(i -> "photo " + i % 50 + " of a house")
                .toList();
        var alone = texts.stream().map(t -> TOKENIZER.tokenize(t, 16)).toList();
        var fresh = new ClipTokenizer();
        var together = texts.parallelStream().map(t -> fresh.tokenize(t, 16)).toList();
        for (int i = 0; i < texts.size(); i++) {
            assertThat(together.get(i)).containsExactly(alone.get(i));
        }
    }

    private static String randomText(Random random) {
        int[][] ranges = {{0x20, 0x7e}, {0xc0, 0x17f}, {0x400, 0x45f}, {0x3041, 0x3090}, {0x1f600, 0x1f640}};
        var text = new StringBuilder();
        for (int i = random.nextInt(40); i > 0; i--) {
            int[] range = ranges[random.nextInt(10) < 6 ? 0 : random.nextInt(ranges.length)];
            text.appendCodePoint(range[0] + random.nextInt(range[1] - range[0] + 1));
        }
        return text.toString();
    }

    private static int[] ints(JsonNode array) {
        return IntStream.range(0, array.size())
                .map(i -> array.get(i).intValue())
                .toArray();
    }

    private static JsonNode read(String resource) throws IOException {
        try (var in = ClipTokenizerTest.class.getResourceAsStream(resource)) {
            return new ObjectMapper().readTree(in);
        }
    }
}
