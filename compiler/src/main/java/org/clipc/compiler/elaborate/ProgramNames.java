package org.clipc.compiler.elaborate;

import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.clipc.compiler.train.TrainStep;
import org.clipc.grammar.ast.Function;
import org.clipc.grammar.ast.Identifier;
import org.clipc.grammar.ast.Parameter;
import org.clipc.grammar.ast.TypeRef;
import org.clipc.grammar.diagnostic.Diagnostic;
import org.clipc.grammar.diagnostic.SourceSpan;
import org.clipc.program.EntryPoint;
import org.clipc.program.Manifest;

/**
 * Reports names that a program cannot carry: those that its file has no room for, and those that the compiler gives to
 * what it adds by itself, such as the inputs and results of a training step.
 */
final class ProgramNames {
    /** Entry points that the compiler makes. */
    private static final Pattern MADE = Pattern.compile("%s|%s|%s|%s_[0-9]+|(%s|%s|%s)(_[0-9]+)?"
            .formatted(
                    EntryPoint.LOSS_GRAD,
                    EntryPoint.TRAIN_LOSS,
                    EntryPoint.TRAIN_UPDATE,
                    EntryPoint.ENCODE_TEXT,
                    EntryPoint.TRAIN_STEP,
                    EntryPoint.TRAIN_FEATURES,
                    EntryPoint.TRAIN_BACKWARD));

    private static final Set<String> STEP_INPUTS = Set.of(TrainStep.LEARNING_RATE, TrainStep.STEP);
    private static final Set<String> STEP_RESULTS = Set.of(TrainStep.GRAD_NORM, TrainStep.SKIPPED);

    private final Map<String, ModelParameter> parameters;
    private final Reporter reporter;

    private ProgramNames(List<ModelParameter> parameters, Reporter reporter) {
        this.parameters = parameters.stream().collect(Collectors.toMap(ModelParameter::name, p -> p));
        this.reporter = reporter;
    }

    static void check(Collection<Function> entries, List<ModelParameter> parameters, Reporter reporter) {
        var check = new ProgramNames(parameters, reporter);
        parameters.forEach(check::parameter);
        entries.forEach(check::entry);
    }

    private void parameter(ModelParameter parameter) {
        String name = parameter.name();
        if (!Manifest.isTensorName(TrainStep.GRADIENT_SUM + name)) {
            reporter.report(impossible(parameter.span(), "a parameter", name)
                    .note("`name(\"…\")` behind a `param` gives it another name"));
        } else if (name.equals(Emission.SEED)
                || STEP_INPUTS.contains(name)
                || STEP_RESULTS.contains(name)
                || name.equals(EntryPoint.LOSS)) {
            reporter.error(
                    parameter.span(),
                    "a parameter cannot be named `" + name + "`: an input or a result of training is named so");
        }
    }

    private void entry(Function entry) {
        String name = entry.name().text();
        SourceSpan at = entry.name().span();
        if (!Manifest.isEntryName(name)) {
            reporter.report(
                    Diagnostic.error(at, "an entry point cannot be named `" + name + "`")
                            .note(
                                    "its name has the letters a to z, digits and _, begins with a letter and ends within 64 characters"));
        } else if (MADE.matcher(name).matches()) {
            reporter.error(
                    at, "an entry point cannot be named `" + name + "`: the compiler itself makes one of that name");
        }
        boolean trains = name.equals(EntryPoint.LOSS);
        for (Parameter input : entry.parameters()) {
            input(input.name(), trains);
        }
        Set<String> seen = new LinkedHashSet<>();
        if (entry.result() instanceof TypeRef.Tuple tuple) {
            for (TypeRef.Element element : tuple.elements()) {
                Identifier result = element.name();
                if (result != null) {
                    result(result, trains, seen);
                }
            }
        }
    }

    private void input(Identifier input, boolean trains) {
        String name = input.text();
        ModelParameter parameter = parameters.get(name);
        if (!Manifest.isTensorName(name)) {
            reporter.report(impossible(input.span(), "an input", name));
        } else if (name.equals(Emission.SEED) || (trains && STEP_INPUTS.contains(name))) {
            reporter.error(
                    input.span(), "an input cannot be named `" + name + "`: the compiler itself adds one of that name");
        } else if (parameter != null) {
            reporter.report(Diagnostic.error(
                            input.span(), "`" + name + "` is a parameter of the model, too: name one differently")
                    .label(parameter.span(), "the parameter"));
        }
    }

    private void result(Identifier result, boolean trains, Set<String> seen) {
        String name = result.text();
        ModelParameter parameter = parameters.get(name);
        if (!Manifest.isTensorName(name)) {
            reporter.report(impossible(result.span(), "a result", name));
        } else if (!seen.add(name)) {
            reporter.error(result.span(), "two results are named `" + name + "`");
        } else if (trains && STEP_RESULTS.contains(name)) {
            reporter.error(
                    result.span(), "a result cannot be named `" + name + "`: a training step adds one of that name");
        } else if (trains && parameter != null && parameter.type().rank() == 0) {
            reporter.report(Diagnostic.error(
                            result.span(),
                            "a result cannot be named `" + name
                                    + "`: a training step gives every parameter that is one number by its name")
                    .label(parameter.span(), "the parameter"));
        }
    }

    private static Diagnostic impossible(SourceSpan at, String what, String name) {
        return Diagnostic.error(at, what + " cannot be named `" + name + "`")
                .note(
                        "a program's names have the letters A to Z and a to z, digits, _ and dots, and not too many of them");
    }
}
