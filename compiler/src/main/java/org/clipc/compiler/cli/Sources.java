package org.clipc.compiler.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.regex.Pattern;

/** Arguments of commands: files, folders that stand for the {@code .clip} files in them, and {@code key=value}. */
record Sources(List<Path> files, List<String> overrides) {

    private static final Pattern OVERRIDE = Pattern.compile("[A-Za-z_][A-Za-z0-9_.-]*=.*", Pattern.DOTALL);

    static boolean isOverride(String argument) {
        return OVERRIDE.matcher(argument).matches();
    }

    /** @throws Failure if a folder holds no {@code .clip} file, or no file is named at all */
    static Sources of(List<String> arguments) throws IOException {
        var files = new LinkedHashSet<Path>();
        var overrides = new ArrayList<String>();
        for (var argument : arguments) {
            if (isOverride(argument)) {
                overrides.add(argument);
            } else if (Files.isDirectory(Path.of(argument))) {
                files.addAll(in(Path.of(argument)));
            } else {
                files.add(Path.of(argument));
            }
        }
        if (files.isEmpty()) {
            throw new Failure("name the .clip files to work on");
        }
        return new Sources(List.copyOf(files), overrides);
    }

    private static List<Path> in(Path folder) throws IOException {
        try (var walk = Files.walk(folder)) {
            var found = walk.filter(p -> p.toString().endsWith(".clip") && Files.isRegularFile(p))
                    .sorted()
                    .toList();
            if (found.isEmpty()) {
                throw new Failure(folder + ": there is no .clip file in this folder");
            }
            return found;
        }
    }
}
