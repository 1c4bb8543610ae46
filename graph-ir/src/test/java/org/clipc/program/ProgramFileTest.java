package org.clipc.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.SortedMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.clipc.ir.Mesh;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProgramFileTest {

    @TempDir
    Path folder;

    @Test
    void readsWhatItWrote() throws IOException {
        var seed = new Random().nextLong();
        var random = new Random(seed);
        for (var i = 0; i < 30; i++) {
            var program = SamplePrograms.random(random);
            var path = write(program);
            try (var file = ProgramFile.open(path)) {
                var read = file.program();
                assertThat(read.manifest().withChecksums(Map.of()))
                        .as("seed %d", seed)
                        .isEqualTo(program.manifest());
                assertThat(read.graphs()).isEqualTo(program.graphs());
                assertThat(read.schedules()).containsExactlyInAnyOrderElementsOf(program.schedules());
                assertThat(read.prebuilt()).isEqualTo(program.prebuilt());
                assertThat(file.prebuilt("jvm128", "org.clipc.kernels.jvm128.Softmax"))
                        .hasValue("kernel void Softmax() {}\n");
                assertThat(file.prebuilt("jvm256", "org.clipc.kernels.jvm256.Softmax"))
                        .isEmpty();
                assertThat(read.sources()).isEqualTo(program.sources());
                assertThat(read.kernels().keySet()).isEqualTo(program.kernels().keySet());
                read.kernels()
                        .forEach((key, bytes) ->
                                assertThat(bytes).isEqualTo(program.kernels().get(key)));
            }
        }
    }

    @Test
    void readsProgramsOfAsManyRanksAsAMeshMayHave() throws IOException {
        var program = SamplePrograms.small();
        var one = program.manifest();
        var manifest = new Manifest(
                one.formatVersion(),
                one.model(),
                one.config(),
                new Mesh(Mesh.MOST_RANKS, 1),
                one.parameters(),
                one.state(),
                one.carried(),
                one.entries(),
                one.parameterBytes(),
                one.workspaceBytes(),
                one.stateBytes(),
                one.targets(),
                one.checksums());
        var path = write(new Program(
                manifest,
                program.graphs(),
                program.schedules(),
                program.kernels(),
                program.prebuilt(),
                program.sources()));
        try (var file = ProgramFile.open(path)) {
            assertThat(file.manifest().mesh()).isEqualTo(manifest.mesh());
        }
        assertThatThrownBy(() -> new Mesh(Mesh.MOST_RANKS + 1, 1)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void equalProgramsGiveEqualBytes() throws IOException {
        var program = SamplePrograms.small();
        var first = Files.readAllBytes(write(program));
        try (var file = ProgramFile.open(folder.resolve("p.bin"))) {
            var copy = file.program();
            var shuffled = new Program(
                    copy.manifest(),
                    new HashMap<>(copy.graphs()),
                    copy.schedules().reversed(),
                    new HashMap<>(copy.kernels()),
                    copy.prebuilt(),
                    copy.sources());
            ProgramFile.write(folder.resolve("q.bin"), shuffled);
        }
        assertThat(folder.resolve("q.bin")).hasBinaryContent(first);
        try (var files = Files.list(folder)) {
            assertThat(files.map(p -> p.getFileName().toString())).containsExactlyInAnyOrder("p.bin", "q.bin");
        }
    }

    /** Where a zip says how much of it is to come, Java's reader may run into the end of the file. */
    @Test
    void damageToTheArchivesEndIsToldOrHarmless() throws IOException {
        var program = SamplePrograms.small();
        var whole = Files.readAllBytes(write(program));
        var path = folder.resolve("damaged.bin");
        for (var bit = 0; bit < 22 * Byte.SIZE; bit++) {
            var bytes = whole.clone();
            bytes[bytes.length - 22 + bit / Byte.SIZE] ^= (byte) (1 << bit % Byte.SIZE);
            Files.write(path, bytes);
            try (var file = ProgramFile.open(path)) {
                assertThat(file.program().manifest().withChecksums(Map.of()))
                        .as("bit %d", bit)
                        .isEqualTo(program.manifest());
            } catch (ProgramFormatException e) {
                assertThat(e).hasMessageContaining("damaged.bin: ");
            }
        }
    }

    @Test
    void damageAnywhereIsToldOrHarmless() throws IOException {
        var program = SamplePrograms.small();
        var whole = Files.readAllBytes(write(program));
        var path = folder.resolve("damaged.bin");
        var seed = new Random().nextLong();
        var random = new Random(seed);
        var told = 0;
        for (var i = 0; i < 400; i++) {
            var bytes = whole.clone();
            if (i % 4 == 0) {
                bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
            } else {
                for (var flips = 1 + random.nextInt(3); flips > 0; flips--) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
                }
            }
            Files.write(path, bytes);
            try (var file = ProgramFile.open(path)) {
                assertThat(file.program().manifest().withChecksums(Map.of()))
                        .as("seed %d, case %d", seed, i)
                        .isEqualTo(program.manifest());
            } catch (ProgramFormatException e) {
                assertThat(e).hasMessageContaining("damaged.bin: ");
                told++;
            }
        }
        assertThat(told).isGreaterThan(200);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../evil.json",
                "/etc/passwd",
                "graphs/../x.cir",
                "kernels/jvm256/A$B.class",
                "notes.txt",
                "graphs/a\nb.cir"
            })
    void refusesForeignMembers(String name) throws IOException {
        assertProblem(members -> with(members, name, new byte[1]), "is not the name of a program's member");
    }

    @Test
    void refusesUnlistedMissingAndTamperedMembers() throws IOException {
        assertProblem(
                members -> with(members, "kernels/jvm256/Extra.class", new byte[1]),
                "manifest.json: does not list the member 'kernels/jvm256/Extra.class'");
        assertProblem(members -> without(members, "kernels/jvm256/Softmax.class"), "that the file lacks");
        assertProblem(members -> without(members, "manifest.json"), "manifest.json: is missing");
        assertProblem(
                members -> with(members, "kernels/jvm256/Softmax.class", new byte[100]),
                "kernels/jvm256/Softmax.class: is damaged: its checksum");
    }

    @Test
    void refusesToInflateWithoutEnd() throws IOException {
        var bomb = new byte[(4 << 20) + 1];
        assertProblem(
                members -> resealed(members, "kernels/jvm256/Softmax.class", bomb),
                "kernels/jvm256/Softmax.class: inflates to more than the 4194304 bytes allowed");
    }

    @Test
    void refusesWhatIsNoZip() throws IOException {
        var path = folder.resolve("p.bin");
        Files.writeString(path, "hello");
        assertThatThrownBy(() -> ProgramFile.open(path))
                .isInstanceOf(ProgramFormatException.class)
                .hasMessageContaining("is not a program file");
        assertThatThrownBy(() -> ProgramFile.open(folder.resolve("none.bin")))
                .isInstanceOf(ProgramFormatException.class)
                .hasMessageContaining("no such file");
    }

    /** Each row: what to replace in the manifest, by what, and what the message then says. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "\"format\" : 6|\"format\" : 7|format version 7, this runtime reads 6",
                "\"model\" : |\"colour\" : 3, \"model\" : |has a field 'colour' that this version does not know",
                "\"model\" : \"Sample\",||lacks the field 'model'",
                "\"model\" : \"Sample\"|\"model\" : 4|model must be a string",
                "\"format\" : 6|\"format\" : 6, \"format\" : 6|Duplicate field",
                "\"name\" : \"tokens\"|\"name\" : \"images\"|'images' occurs twice",
                "f32[2,3,4,4]|f32[2,3,4,400000000]|outside of its region",
                "f32[2,3,4,4]|f32[2,3,4,4000000000]|has an impossible shape",
                "f32[2,3,4,4]|f32[2147483647,2147483647,2147483647,4]|has an impossible shape",
                "f32[2,3,4,4]|f32[2,0]|has an impossible shape",
                "\"data\" : 1|\"data\" : 0|must be between 1 and",
                "\"tensor\" : 1|\"tensor\" : 70000|must be between 1 and",
                "f32[2,3,4,4]|f33[2]|must be a tensor type such as f32[2,3]",
                "\"batch\" : 2|\"batch\" : 0|batch must be between 1 and",
                "\"batch\" : 2|\"batch\" : 2.5|batch must be a whole number",
                "\"state_bytes\" : 64|\"state_bytes\" : -64|state_bytes must be between 0 and",
                "\"workspace_bytes\" : 512|\"workspace_bytes\" : 9223372036854775807|workspace_bytes must be between",
                "\"workspace_bytes\" : 512|\"workspace_bytes\" : 99223372036854775807|must be a whole number of 64 bits",
                "\"state_bytes\" : 64|\"state_bytes\" : 0|state: 'adam.m.blocks.0.weight' (bf16[3] at byte",
                "\"decay\" : |\"decay\" : 1, \"x\" : |has a field 'x'",
                "\"kind\" : \"|\"kind\" : \"un|is no initialiser",
                "\"shard_axis\" : 0|\"shard_axis\" : 2|shard_axis must be between -1 and 1",
                "\"jvm128\"|\"jvm512\"|needs the member 'schedule/jvm512/encode_image.json'",
                "\"encode_image\"|\"../image\"|has the impossible name '../image'",
                "\"name\" : \"blocks.0.weight\"|\"name\" : \"blocks 0\"|has the impossible name",
            })
    void refusesDishonestManifests(String part, String replacement, String message) throws IOException {
        assertProblem(
                members -> {
                    var text = new String(members.get("manifest.json"), UTF_8);
                    assertThat(text).contains(part);
                    var changed = text.replaceFirst(
                            Pattern.quote(part), Matcher.quoteReplacement(replacement == null ? "" : replacement));
                    return with(members, "manifest.json", changed.getBytes(UTF_8));
                },
                message);
    }

    @Test
    void refusesOffsetsThatDoNotFit() {
        var manifest = SamplePrograms.small().manifest();
        var first = manifest.parameters().getFirst();
        assertOffsetProblem(manifest, first.offset() + 4, "is no multiple of 64");
        assertOffsetProblem(manifest, manifest.parameterBytes(), "lies outside of its region");
        assertOffsetProblem(manifest, manifest.parameters().get(1).offset(), "overlaps the tensor before it");
    }

    private static void assertOffsetProblem(Manifest manifest, long offset, String message) {
        var first = manifest.parameters().getFirst();
        var moved = new ArrayList<>(manifest.parameters());
        moved.set(
                0,
                new Parameter(
                        first.name(),
                        first.type(),
                        first.initializer(),
                        first.decay(),
                        first.trainable(),
                        first.clamp(),
                        first.shardAxis(),
                        offset));
        var changed = new Manifest(
                manifest.formatVersion(),
                manifest.model(),
                manifest.config(),
                moved,
                manifest.state(),
                manifest.entries(),
                manifest.parameterBytes(),
                manifest.workspaceBytes(),
                manifest.stateBytes(),
                manifest.targets(),
                manifest.checksums());
        assertThatThrownBy(() -> ManifestChecks.check(changed, Set.of()))
                .isInstanceOf(InvalidMemberException.class)
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '~',
            value = {
                "{}|must have the fields workspace_bytes, ints, places, constants, kernels, calls, choices",
                "[]|expected an object, found '['",
                "{\"workspace_bytes\":513,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[]}|expected a number between 0 and 512",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"broadcast\",\"data\",\"sum\",\"f32\",0,0,0,0,1]]}|expected one of all_reduce, all_gather, reduce_scatter, permute",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"all_reduce\",\"data\",\"sum\",\"f32\",0,0]]}|has a collective of nothing",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"all_reduce\",\"data\",\"sum\",\"f32\",0,0,2,2,1]]}|outside of the arena or across its elements",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"all_reduce\",\"data\",\"sum\",\"f32\",0,0,0,0,900]]}|outside of the arena or across its elements",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"all_gather\",\"data\",\"sum\",\"f32\",0,0,0,900,100]]}|outside of the arena or across its elements",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"all_gather\",\"data\",\"sum\",\"f32\",0,0,0,4,4]]}|gives and gets the same bytes",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"await\",0,0]]}|awaits call 0, which is no collective that is under way by then",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"await\",0,1],[\"all_reduce\",\"data\",\"sum\",\"f32\",0,0,0,0,1]]}|awaits call 1, which is no collective",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0],[\"await\",0,0]]}|awaits call 0, which is no collective",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"all_reduce\",\"data\",\"sum\",\"f32\",0,0,0,0,1],[\"await\",0,0],[\"await\",0,0]]}|awaits call 0, which is no collective",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[[\"all_reduce\",\"data\",\"sum\",\"f32\",0,0,0,0,1],[\"await\",0,0,7]]}|expected the end of the call, found '7'",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Missing\"],\"calls\":[]}|calls the kernel 'Missing' that the file lacks",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"../Softmax\"],\"calls\":[]}|that the file lacks",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[1,0,1,1,0,0]]}|expected a number between 0 and 0",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,-1,1,0,0]]}|expected a number between 0 and 2147483647",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,999999999,0]]}|expected a number between 0 and 536870912",
                "{\"workspace_bytes\":1,\"ints\":-1}|expected a number between 0 and 2147483647",
                "{\"workspace_bytes\":1,\"ints\":1,\"places\":{\"a\":-1}}|expected a number between 0 and 2147483647",
                "{\"workspace_bytes\":1,\"ints\":1,\"places\":[]}|expected an object",
                "{\"workspace_bytes\":1,\"ints\":1,\"places\":{},\"constants\":[4294967296]}|expected a number between",
                "{\"workspace_bytes\":1,\"ints\":1,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,0,0,0]]}|expected a number between 1 and 1024",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1]]}|expected a whole number, found ']'",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,1.5]]}|expected a whole number, found '1.5'",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,99999999999999999999]]}|is not the JSON expected",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,-1,0]]}|expected a number between 0 and 9007199254740992",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,9007199254740993]]}|expected a number between 0 and 9007199254740992",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0]]}|expected a whole number, found ']'",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[],\"more\":1}|has a field 'more'",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[],\"choices\":[]}{}|goes on behind its end",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":{}}|expected a list, found",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[3]]}|expected the name of a choice or option",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a/b\"]]}|expected the name of a choice or option",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[1],{\"o\":[[1,0,0]]}]]}|of call 1, which does not exist or has another",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0]]}],[\"b\",[0],{\"o\":[[1,0,0]]}]]}|of call 0, which does not exist or has another",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0]]}],[\"a\",[],{\"o\":[[1,0,0]]}]]}|has the choice 'a' twice",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0]],\"p\":[]}]]}|with options of different numbers of calls",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{}]]}|with options of different numbers of calls",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0,1,7]]}]]}|that changes argument 1 of a call, which has 1",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0,0]]}]]}|expected a whole number",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[-1,0,0]]}]]}|expected a number between 0 and 2147483647",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0]]},1]]}|expected the end of a choice",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0]]},{\"16\":\"p\"}]]}|with a default that is none of its options",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0]]},{\"x\":\"o\"}]]}|expected a device's figure",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0]]},{\"16\":3}]]}|expected the name of a choice or option",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[\"Softmax\"],\"calls\":[[0,0,1,1,0,0,0,0,5]],\"choices\":[[\"a\",[0],{\"o\":[[1,0,0]]},{\"16\":\"o\"},1]]}|expected the end of a choice",
                "{\"workspace_bytes\":1,\"ints\":3,\"places\":{},\"constants\":[],\"kernels\":[],\"calls\":[|is not the JSON expected here",
            })
    void refusesDishonestSchedules(String json, String message) throws IOException {
        assertProblem(
                members -> resealed(members, "schedule/jvm256/train_step.json", json.getBytes(UTF_8)),
                "schedule/jvm256/train_step.json: ",
                message);
    }

    @Test
    void doesNotReadSchedulesOfOtherTargets() throws IOException {
        var members = SamplePrograms.unzip(Files.readAllBytes(write(SamplePrograms.small())));
        var path = folder.resolve("p.bin");
        Files.write(path, SamplePrograms.zip(with(members, "schedule/jvm128/train_step.json", new byte[3])));
        try (var file = ProgramFile.open(path)) {
            assertThat(file.schedule("jvm256", "train_step").target()).isEqualTo("jvm256");
            assertThatThrownBy(() -> file.schedule("jvm128", "train_step")).isInstanceOf(ProgramFormatException.class);
        }
    }

    @Test
    void namesTheNodesOfItsGraphs() throws IOException {
        var sample = SamplePrograms.small();
        var graphs = new HashMap<>(sample.graphs());
        graphs.put("encode_image", """
                graph "encode_image" {
                  %0 = input.data {name = "images", type = f32[2,3]}
                  %1 = unary.tanh(%0) : f32[2,3] @ "visual.head" "vision.clip:9"
                  output "loss" = %1
                }
                """);
        var path = write(new Program(
                sample.manifest(), graphs, sample.schedules(), sample.kernels(), sample.prebuilt(), sample.sources()));
        try (var file = ProgramFile.open(path)) {
            assertThat(file.nodes("encode_image"))
                    .containsExactly(
                            new NodeInfo("input", "", ""), new NodeInfo("tanh", "visual.head", "vision.clip:9"));
            assertThatThrownBy(() -> file.nodes("train_step"))
                    .isInstanceOf(ProgramFormatException.class)
                    .hasMessageContaining("p.bin: graphs/train_step.cir:1:");
            assertThat(file.checksum()).hasSize(64);
        }
    }

    @Test
    void refusesToWriteWhatItCouldNotRead() {
        var program = SamplePrograms.small();
        var headless =
                new Program(program.manifest(), Map.of(), program.schedules(), program.kernels(), Map.of(), Map.of());
        assertThatThrownBy(() -> ProgramFile.write(folder.resolve("p.bin"), headless))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("needs the member 'graphs/encode_image.cir'");
        assertThat(folder).isEmptyDirectory();
    }

    private Path write(Program program) throws IOException {
        var path = folder.resolve("p.bin");
        ProgramFile.write(path, program);
        return path;
    }

    private interface Tampering {
        Map<String, byte[]> apply(SortedMap<String, byte[]> members);
    }

    private void assertProblem(Tampering tampering, String... messages) throws IOException {
        var members = SamplePrograms.unzip(Files.readAllBytes(write(SamplePrograms.small())));
        var path = folder.resolve("bad.bin");
        Files.write(path, SamplePrograms.zip(tampering.apply(members)));
        assertThatThrownBy(() -> {
                    try (var file = ProgramFile.open(path)) {
                        file.program();
                    }
                })
                .isInstanceOf(ProgramFormatException.class)
                .hasMessageStartingWith(path + ": ")
                .hasMessageContainingAll(messages)
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
    }

    private static Map<String, byte[]> with(SortedMap<String, byte[]> members, String name, byte[] bytes) {
        members.put(name, bytes);
        return members;
    }

    private static Map<String, byte[]> without(SortedMap<String, byte[]> members, String name) {
        members.remove(name);
        return members;
    }

    /** A changed member under a manifest that knows its new checksum. */
    private static Map<String, byte[]> resealed(SortedMap<String, byte[]> members, String name, byte[] bytes) {
        var text = new String(members.get("manifest.json"), UTF_8);
        var sealed = text.replace(Archive.sha256(Objects.requireNonNull(members.get(name))), Archive.sha256(bytes));
        members.put("manifest.json", sealed.getBytes(UTF_8));
        return with(members, name, bytes);
    }
}
