package org.clipc.runtime.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import org.clipc.runtime.io.AtomicFile;
import org.clipc.runtime.io.DataFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SourcesTest {
    @TempDir
    Path folder;

    @Test
    void filesOfOneKeyAreOneSample() throws IOException {
        Path shard = shard(
                "a.tar",
                "one.jpg",
                "J",
                "one.txt",
                "first",
                "two.JSON",
                "{\"caption\":\"second\"}",
                "two.Png",
                "P",
                "skip.txt",
                "no picture",
                "d.x/three.cls",
                "7",
                "d.x/three.webp",
                "W",
                "d.x/three.seg.png",
                "mask",
                ".hidden",
                "?",
                "five.gif",
                "G",
                "five.txt",
                "",
                "five.txt",
                "again");
        SampleSource source = DataSources.open(shard.toString());
        assertThat(source.parts()).isEqualTo(1);
        assertThat(source.samples(0)).isEqualTo(4);
        assertSample(source.load(0, 0), "one", "J", List.of("first"), OptionalInt.empty());
        assertSample(source.load(0, 1), "two", "P", List.of("second"), OptionalInt.empty());
        assertSample(source.load(0, 2), "d.x/three", "W", List.of(), OptionalInt.of(7));
        assertSample(source.load(0, 3), "five", "G", List.of(""), OptionalInt.empty());
        assertThat(source.countSamples()).isEqualTo(4);
        assertThatThrownBy(() -> source.load(0, 4)).hasMessageContaining("has no sample 4");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            {"captions":["a","b",3]}        | a,b
            {"text":"t","caption":"c"}      | c
            {"caption":3,"texts":["x"]}     | x
            """)
    void captionsInJson(String json, String captions) throws IOException {
        SampleSource source =
                DataSources.open(shard("j.tar", "k.png", "x", "k.json", json).toString());
        assertThat(source.load(0, 0).captions()).containsExactly(captions.split(",", -1));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            k.json | {"a"                | sample 'k': its JSON is damaged
            k.json | {"title":"x"}       | sample 'k': its JSON has no caption
            k.cls  | cat                 | sample 'k': its label 'cat' is no number
            k.txt  | far too long a text | sample 'k': its caption file has 19 bytes; at most 15
            """)
    void aDamagedSampleSaysSo(String name, String content, String problem) throws IOException {
        Path shard = shard("bad.tar", "k.png", "x", name, content);
        SampleSource source = ShardSource.open(List.of(shard), new Limits(10, 15));
        assertThatThrownBy(() -> source.load(0, 0))
                .isInstanceOf(IOException.class)
                .hasMessageStartingWith(problem);
    }

    @Test
    void aHugePictureIsNotRead() throws IOException {
        SampleSource source =
                ShardSource.open(List.of(shard("big.tar", "k.png", "01234567890", "k.txt", "t")), new Limits(10, 10));
        assertThatThrownBy(() -> source.load(0, 0)).hasMessageContaining("picture file has 11 bytes; at most 10");
    }

    @Test
    void missingShardsStopBeforeTheStart() throws IOException {
        shard("s1.tar", "k.png", "x", "k.txt", "t");
        assertThatThrownBy(() -> DataSources.open(folder + "/s{0..5}.tar"))
                .isInstanceOf(DataFormatException.class)
                .hasMessageStartingWith("data: 5 of 6 shards are missing or unreadable: ")
                .hasMessageContaining("s0.tar, ")
                .hasMessageEndingWith("and 2 more");
    }

    @Test
    void aDamagedShardGivesWhatComesBeforeTheDamage() throws IOException {
        Path shard = shard("cut.tar", "a.png", "x", "a.txt", "t", "b.png", "x", "b.txt", "t");
        byte[] whole = Files.readAllBytes(shard);
        Files.write(shard, java.util.Arrays.copyOf(whole, 5 * 512 + 100));
        SampleSource source = DataSources.open(shard.toString());
        assertThat(source.samples(0)).isEqualTo(1);
        Files.write(shard, new byte[] {1, 2, 3});
        assertThat(DataSources.open(shard.toString()).samples(0)).isZero();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            pipe:cat x.tar          | only files are read
            https://host/x.tar      | only files are read
            x.tar.gz                | compressed shards are not read
            ''                      | names no shards
            """)
    void whatIsNotReadSaysSo(String data, String problem) {
        assertThatThrownBy(() -> DataSources.open(data)).hasMessageContaining(problem);
    }

    @Test
    void csvWithQuotesAndLineEnds() throws IOException {
        Files.writeString(folder.resolve("a.png"), "A");
        Files.writeString(folder.resolve("b.png"), "B");
        Path table =
                write("t.csv", "id,filepath,title\r\n1,a.png,\"a \"\"cat\"\",\nsitting\"\r\n2,sub/../b.png,Ünï\r\n");
        SampleSource source = DataSources.open(table.toString());
        assertThat(source.parts()).isEqualTo(2);
        assertSample(source.load(0, 0), "a.png", "A", List.of("a \"cat\",\nsitting"), OptionalInt.empty());
        assertSample(source.load(1, 0), "sub/../b.png", "B", List.of("Ünï"), OptionalInt.empty());
    }

    @Test
    void tsvWithNamedColumnsAndAnotherRoot() throws IOException {
        Path images = Files.createDirectories(folder.resolve("images"));
        Files.writeString(images.resolve("a.png"), "A");
        Path table = write("t.tsv", "pic\twords\na.png\tone, two\n");
        var options = new TableSource.Options(Optional.of("pic"), Optional.of("words"), Optional.of(images));
        assertSample(
                TableSource.open(table, options, Limits.DEFAULT).load(0, 0),
                "a.png",
                "A",
                List.of("one, two"),
                OptionalInt.empty());
        assertThatThrownBy(() -> DataSources.open(table.toString()))
                .hasMessageContaining("header: has no column filepath or image")
                .hasMessageContaining("only pic, words; rename the one that is meant");
    }

    @Test
    void jsonLines() throws IOException {
        Files.writeString(folder.resolve("a.png"), "A");
        Path table = write(
                "t.jsonl",
                "{\"image\":\"a.png\",\"captions\":[\"x\",\"y\"]}\n\n{\"path\":\"none.png\",\"text\":\"z\"}\n");
        SampleSource source = DataSources.open(table.toString());
        assertSample(source.load(0, 0), "a.png", "A", List.of("x", "y"), OptionalInt.empty());
        assertThatThrownBy(() -> source.load(1, 0)).hasMessage("there is no such file");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            t.csv   | filepath,title¶../../etc/passwd,x           | line 2: the path '../../etc/passwd' leaves the folder
            t.csv   | filepath,title¶/etc/passwd,x                | put the table into a folder above the pictures
            t.csv   | filepath,title¶,x                           | line 2: the path '' leaves
            t.csv   | filepath,title¶a.png                        | line 2: has too few columns
            t.csv   | filepath,title                               | has no rows
            t.csv   | filepath,filepath¶a,b                       | header
            t.csv   | filepath,title¶a,"b                         | EOF
            t.jsonl | {"image":"../a","text":"x"}                  | line 1: the path '../a' leaves
            t.jsonl | {"image":"a"}                                | line 1: needs a path
            t.jsonl | {"image                                      | line 1: is no JSON object
            """)
    void malformedTables(String name, String content, String problem) throws IOException {
        Path table = write(name, content.strip().replace("¶", "\n"));
        assertThatThrownBy(() -> DataSources.open(table.toString()))
                .isInstanceOf(DataFormatException.class)
                .hasMessageStartingWith(table.toString())
                .hasMessageContaining(problem);
    }

    @Test
    void aFolderOfClasses() throws IOException {
        for (String name : List.of("dog/1.png", "cat_big/a/2.JPG", "cat_big/3.png", "notes.md", "top.png")) {
            Path file = folder.resolve("f").resolve(name);
            Files.createDirectories(file.getParent());
            Files.writeString(file, name);
        }
        Files.writeString(folder.resolve("f/dog/1.txt"), "a dog called One");
        SampleSource source = DataSources.open(folder.resolve("f").toString());
        assertThat(source.parts()).isEqualTo(3);
        assertSample(source.load(0, 0), "cat_big/3.png", "cat_big/3.png", List.of("cat big"), OptionalInt.of(0));
        assertSample(source.load(1, 0), "cat_big/a/2.JPG", "cat_big/a/2.JPG", List.of("cat big"), OptionalInt.of(0));
        assertSample(source.load(2, 0), "dog/1.png", "dog/1.png", List.of("a dog called One"), OptionalInt.empty());
        assertThat(FolderSource.classNames(folder.resolve("f"))).containsExactly("cat big", "dog");
    }

    @Test
    void aFolderOfShards() throws IOException {
        shard("b.tar", "k.png", "x", "k.txt", "t");
        shard("a.tar", "k.png", "x", "k.txt", "t");
        SampleSource source = DataSources.open(folder.toString());
        assertThat(source.parts()).isEqualTo(2);
        assertThat(source.identity(0)).isEqualTo("a.tar");
        assertThatThrownBy(() -> DataSources.open(
                        Files.createDirectory(folder.resolve("empty")).toString()))
                .hasMessageContaining("holds no pictures");
    }

    @Test
    void classFoldersWithoutPicturesKeepTheirPlace() throws IOException {
        Path root = folder.resolve("f");
        for (String name : List.of("apple", "bee", "cow")) {
            Files.createDirectories(root.resolve(name));
        }
        Files.writeString(root.resolve("bee/1.png"), "x");
        Files.writeString(root.resolve("cow/1.png"), "x");
        SampleSource source = DataSources.open(root.toString());
        List<String> names = FolderSource.classNames(root);
        for (int part = 0; part < source.parts(); part++) {
            RawSample sample = source.load(part, 0);
            assertThat(names.get(sample.label().orElseThrow()))
                    .isEqualTo(sample.captions().getFirst());
        }
    }

    @Test
    void aReaderThatIsStoppedDoesNotTakeAShardForDamaged() throws IOException {
        SampleSource source = DataSources.open(shard("s.tar", "a.png", "x", "a.txt", "t", "b.png", "x", "b.txt", "t")
                .toString());
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> source.samples(0)).isInstanceOf(UncheckedIOException.class);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(source.samples(0)).isEqualTo(2);
    }

    @Test
    void tablesMayStartWithAByteOrderMarkAndHoldBlankLines() throws IOException {
        Files.writeString(folder.resolve("a.png"), "A");
        for (String name : List.of("t.csv", "t.tsv")) {
            String comma = name.endsWith("csv") ? "," : "\t";
            Path table = write(name, "\ufefffilepath,title\r\n\r\na.png,one\r\n\r\n".replace(",", comma));
            SampleSource source = DataSources.open(table.toString());
            assertThat(source.parts()).isEqualTo(1);
            assertSample(source.load(0, 0), "a.png", "A", List.of("one"), OptionalInt.empty());
        }
        Path lines = write("t.jsonl", "\ufeff{\"image\":\"a.png\",\"text\":\"one\"}\n");
        assertSample(DataSources.open(lines.toString()).load(0, 0), "a.png", "A", List.of("one"), OptionalInt.empty());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            t.csv   | filepath,title¶a.png,café
            t.tsv   | filepath\ttitle¶a.png\tcafé
            t.jsonl | {"image":"a.png","text":"tea"}¶{"image":"a.png","text":"café"}
            """)
    void tablesThatAreNotUtf8SaySo(String name, String content) throws IOException {
        Path table = folder.resolve(name);
        Files.writeString(table, content.replace("¶", "\n").replace("\\t", "\t"), StandardCharsets.ISO_8859_1);
        assertThatThrownBy(() -> DataSources.open(table.toString()))
                .isInstanceOf(DataFormatException.class)
                .hasMessage(table + ": line 2: is not UTF-8: convert the file, as iconv -t UTF-8 does");
    }

    private static void assertSample(
            RawSample sample, String key, String image, List<String> captions, OptionalInt label) {
        assertThat(sample.key()).isEqualTo(key);
        assertThat(sample.image()).isEqualTo(image.getBytes(StandardCharsets.UTF_8));
        assertThat(sample.captions()).isEqualTo(captions);
        assertThat(sample.label()).isEqualTo(label);
    }

    private Path write(String name, String content) throws IOException {
        return Files.writeString(folder.resolve(name), content);
    }

    /** Names and contents in turn. */
    private Path shard(String file, String... namesAndContents) throws IOException {
        Path shard = folder.resolve(file);
        AtomicFile.write(shard, channel -> {
            var writer = new ShardWriter(channel);
            for (int i = 0; i < namesAndContents.length; i += 2) {
                String name = namesAndContents[i];
                int dot = name.lastIndexOf('.');
                byte[] content = namesAndContents[i + 1].getBytes(StandardCharsets.UTF_8);
                writer.add(name.substring(0, dot), new TreeMap<>(Map.of(name.substring(dot + 1), content)));
            }
            writer.finish();
        });
        return shard;
    }
}
