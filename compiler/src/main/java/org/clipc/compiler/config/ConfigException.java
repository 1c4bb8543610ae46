package org.clipc.compiler.config;

import java.util.List;

/** One or more things wrong with a recipe or an override; each message names the place and the way out. */
public final class ConfigException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final transient List<String> problems;

    public ConfigException(List<String> problems) {
        super(String.join(System.lineSeparator(), problems));
        this.problems = List.copyOf(problems);
    }

    public ConfigException(Setting.Origin origin, String problem) {
        this(List.of(origin + ": " + problem));
    }

    public List<String> problems() {
        return problems;
    }
}
