package org.clipc.tests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.clipc.tests.Commands.clipRun;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.constant.ClassDesc;
import java.lang.constant.ConstantDescs;
import java.lang.constant.MethodTypeDesc;
import java.lang.reflect.AccessFlag;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Programs that are damaged or mean harm: one message, exit code 2, nothing run and nothing written. */
class MalformedProgramTest {

    private static final int CASES = 60;
    private static final String MANIFEST = "manifest.json";

    @TempDir
    Path folder = Path.of("");

    private byte[] whole = {};
    private SortedMap<String, byte[]> members = new TreeMap<>();
    private Path program = Path.of("");
    private Path out = Path.of("");

    @BeforeEach
    void read() throws IOException {
        whole = Files.readAllBytes(Commands.tiny("--batch", "6", "--target", "jvm128", "--no-training"));
        members = unzip(whole);
        program = folder.resolve("p.bin");
        out = folder.resolve("out.safetensors");
    }

    private static SortedMap<String, byte[]> unzip(byte[] bytes) throws IOException {
        var members = new TreeMap<String, byte[]>();
        try (var zip = new ZipInputStream(new ByteArrayInputStream(bytes))) {
            for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                members.put(entry.getName(), zip.readAllBytes());
            }
        }
        return members;
    }

    private static byte[] zip(Map<String, byte[]> members) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            for (var member : members.entrySet()) {
                zip.putNextEntry(new ZipEntry(member.getKey()));
                zip.write(member.getValue());
                zip.closeEntry();
            }
        }
        return bytes.toByteArray();
    }

    private Commands.Result run(byte[] bytes) throws IOException {
        Files.write(program, bytes);
        Files.deleteIfExists(out);
        var result = clipRun(
                "run",
                "--graph",
                program,
                "--entry",
                "encode_text",
                "--weights",
                Golden.file("weights"),
                "--inputs",
                Golden.file("batch"),
                "--out",
                out);
        assertThat(Files.exists(out)).as(result.toString()).isEqualTo(result.code() == 0);
        try (var files = Files.list(folder)) {
            assertThat(files.map(p -> p.getFileName().toString())).noneMatch(name -> name.endsWith(".tmp"));
        }
        return result;
    }

    private void refuses(String... messages) throws IOException {
        run(zip(members)).isRefused(messages);
    }

    /** Replaces a member under a manifest that knows its checksum. */
    private void put(String name, byte[] bytes) {
        var text = new String(Objects.requireNonNull(members.get(MANIFEST)), UTF_8);
        members.put(
                MANIFEST,
                text.replace(sha256(Objects.requireNonNull(members.get(name))), sha256(bytes))
                        .getBytes(UTF_8));
        members.put(name, bytes);
    }

    private void changeManifest(String part, String replacement) {
        var text = new String(Objects.requireNonNull(members.get(MANIFEST)), UTF_8);
        assertThat(text).containsPattern(part);
        members.put(MANIFEST, text.replaceFirst(part, replacement).getBytes(UTF_8));
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void damageAnywhereIsToldOrHarmless() throws IOException {
        var seed = new Random().nextLong();
        var random = new Random(seed);
        run(whole).succeeds();
        var intact = Files.readAllBytes(out);
        var told = 0;
        for (var i = 0; i < CASES; i++) {
            var result = run(Damage.some(whole, random));
            assertThat(result.code())
                    .as("seed %d, case %d: %s", seed, i, result)
                    .isIn(0, 2);
            if (result.code() == 2) {
                result.isRefused("p.bin: ");
                told++;
            } else {
                assertThat(out).as("seed %d, case %d", seed, i).hasBinaryContent(intact);
            }
        }
        assertThat(told).as("seed %d", seed).isGreaterThan(CASES / 4);
    }

    @Test
    void membersThatShouldNotBeThere() throws IOException {
        members.put("../../../tmp/evil.class", new byte[8]);
        refuses("p.bin: '../../../tmp/evil.class': is not the name of a program's member");
        read();
        members.put("kernels/jvm128/Extra.class", new byte[8]);
        refuses("does not list the member 'kernels/jvm128/Extra.class'");
    }

    @Test
    void membersThatAreMissing() throws IOException {
        for (var name : members.keySet().toArray(String[]::new)) {
            read();
            members.remove(name);
            var result = run(zip(members));
            result.isRefused("p.bin: ");
        }
    }

    @Test
    void membersThatInflateWithoutEnd() throws IOException {
        put("schedule/jvm128/encode_text.json", new byte[300 << 20]);
        assertThat(zip(members)).hasSizeLessThan(2 << 20);
        refuses("p.bin: schedule/jvm128/encode_text.json: inflates to more than the");
        read();
        members.put(MANIFEST, new byte[300 << 20]);
        refuses("p.bin: manifest.json: inflates to more than the");
    }

    @Test
    void sizesAndPlacesThatDoNotFit() throws IOException {
        changeManifest("\"parameter_bytes\" : \\d+", "\"parameter_bytes\" : 64");
        refuses("p.bin: manifest.json: ", "lies outside of its region");
        read();
        changeManifest("\"workspace_bytes\" : \\d+", "\"workspace_bytes\" : 4611686018427387904");
        refuses("p.bin: manifest.json: ");
    }

    @Test
    void kernelsThatReachBeyondTheirArrays() throws IOException {
        var name = "schedule/jvm128/encode_text.json";
        var text = new String(Objects.requireNonNull(members.get(name)), UTF_8);
        var seed = new Random().nextLong();
        var random = new Random(seed);
        for (var i = 0; i < 20; i++) {
            read();
            var numbers = text.split("(?<=\\D)(?=\\d)", -1);
            var changed = 1 + random.nextInt(numbers.length - 1);
            numbers[changed] = numbers[changed].replaceFirst("\\d+", String.valueOf(random.nextInt(1 << 20)));
            put(name, String.join("", numbers).getBytes(UTF_8));
            var result = run(zip(members));
            assertThat(result.code())
                    .as("seed %d, case %d: %s", seed, i, result)
                    .isIn(0, 2);
        }
    }

    @Test
    void kernelsThatDoMoreThanCompute() throws IOException {
        var schedule = new String(Objects.requireNonNull(members.get("schedule/jvm128/encode_text.json")), UTF_8);
        var simple = schedule.replaceFirst("(?s).*?\"kernels\"\\s*:\\s*\\[\\s*\"([^\"]+)\".*", "$1");
        var kernel = "kernels/jvm128/" + simple + ".class";
        var original = Objects.requireNonNull(members.get(kernel));
        var model = ClassFile.of().parse(original);
        var evil = ClassFile.of()
                .build(
                        model.thisClass().asSymbol(),
                        body -> body.withMethodBody(
                                "run",
                                MethodTypeDesc.of(ConstantDescs.CD_void),
                                AccessFlag.PUBLIC.mask() | AccessFlag.STATIC.mask(),
                                code -> code.iconst_1()
                                        .invokestatic(
                                                ClassDesc.of("java.lang.System"),
                                                "exit",
                                                MethodTypeDesc.of(ConstantDescs.CD_void, ConstantDescs.CD_int))
                                        .return_()));
        put(kernel, evil);
        refuses("p.bin: ", simple, "java/lang/System");
        read();
        put(kernel, "class".getBytes(UTF_8));
        refuses("p.bin: ", simple);
        read();
        var other = members.keySet().stream()
                .filter(name -> name.startsWith("kernels/jvm128/") && !name.equals(kernel))
                .findFirst()
                .orElseThrow();
        put(kernel, Objects.requireNonNull(members.get(other)));
        refuses("p.bin: ");
    }

    @Test
    void filesThatAreNoPrograms() throws IOException {
        clipRun("--graph", folder).isRefused(folder.toString());
        clipRun("--graph", folder.resolve("none.bin")).isRefused("none.bin: no such file");
        Files.write(program, new byte[0]);
        clipRun("--graph", program).isRefused("p.bin: is not a program file");
        for (var command : new String[] {"train", "zeroshot", "retrieval"}) {
            var more = command.equals("zeroshot") ? new Object[] {"--classes", "cat,dog"} : new Object[0];
            clipRun(Stream.concat(Stream.of(command, "--graph", program, "--data", folder), Stream.of(more))
                            .toArray())
                    .isRefused("p.bin: is not a program file");
        }
        clipRun("bench", "--graph", Golden.file("weights")).isRefused("weights.safetensors: is not a program file");
        Files.write(program, zip(Map.of("word/document.xml", new byte[3])));
        clipRun("--graph", program).isRefused("is not the name of a program's member; this is no program file");
    }
}
