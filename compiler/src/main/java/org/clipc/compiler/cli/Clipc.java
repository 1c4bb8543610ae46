package org.clipc.compiler.cli;

import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.clipc.compiler.accumulate.AccumulationException;
import org.clipc.compiler.config.ConfigException;
import org.clipc.compiler.elaborate.ElaborationException;
import org.clipc.compiler.pass.TensorSizeException;
import org.clipc.compiler.recompute.Rematerialize;
import org.clipc.compiler.shard.PartitionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help.Ansi;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The compiler's command line. Exit codes: 0 done, 2 something is wrong with what the user gave (each fault said in one
 * message, all that can be found at once), 1 a fault of clipc itself.
 */
@Command(
        name = "clipc",
        description = "Compiles contrastive image-text models.",
        mixinStandardHelpOptions = true,
        versionProvider = Clipc.Version.class,
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            CheckCommand.class,
            FormatCommand.class,
            CompileCommand.class,
            GraphCommand.class,
            ExplainCommand.class,
            PlanCommand.class
        })
public final class Clipc implements Callable<Integer> {

    static final int OK = 0;
    static final int FAULT = 1;
    static final int WRONG_INPUT = 2;

    @Spec
    private @Nullable CommandSpec spec;

    @Option(
            names = "--stacktrace",
            scope = ScopeType.INHERIT,
            description = "Show where in clipc an internal error comes from.")
    private boolean stackTrace;

    public static void main(String[] args) {
        // Numbers in messages and files must not depend on where the user lives.
        Locale.setDefault(Locale.ROOT);
        System.exit(run(writer(System.out), writer(System.err), args));
    }

    private static PrintWriter writer(PrintStream stream) {
        return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), true);
    }

    /** Runs one command, and returns its exit code. */
    public static int run(PrintWriter out, PrintWriter err, String... args) {
        var clipc = new Clipc();
        var line = new CommandLine(clipc)
                .setOut(out)
                .setErr(err)
                .setUsageHelpAutoWidth(true)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler((e, _) -> misused(e))
                .setExecutionExceptionHandler((e, command, _) -> clipc.failed(e, command));
        try {
            return line.execute(args);
        } catch (OutOfMemoryError e) {
            err.println("clipc: Java ran out of memory; give it more with CLIPC_JAVA_OPTS=-Xmx16g");
            return FAULT;
        } catch (StackOverflowError e) {
            err.println("clipc: internal error: the stack overflowed; CLIPC_JAVA_OPTS=-Xss256m may help");
            return FAULT;
        } finally {
            out.flush();
            err.flush();
        }
    }

    @Override
    public Integer call() {
        if (spec != null) {
            spec.commandLine().usage(spec.commandLine().getErr());
        }
        return WRONG_INPUT;
    }

    private static int misused(ParameterException e) {
        var command = e.getCommandLine();
        var err = command.getErr();
        err.println("clipc: " + e.getMessage());
        if (!UnmatchedArgumentException.printSuggestions(e, err)) {
            err.println("See '" + command.getCommandSpec().qualifiedName() + " --help'.");
        }
        return WRONG_INPUT;
    }

    private int failed(Exception e, CommandLine command) {
        var console = Console.of(command);
        switch (e) {
            case SaidAlready _ -> {}
            case Failure failure -> console.error(String.valueOf(failure.getMessage()));
            case ConfigException config -> config.problems().forEach(console::error);
            case ElaborationException wrong -> console.diagnostics(wrong.diagnostics());
            case PartitionException partition -> console.error(String.valueOf(partition.getMessage()));
            case AccumulationException accumulation -> console.error(String.valueOf(accumulation.getMessage()));
            case TensorSizeException size -> console.error(String.valueOf(size.getMessage()));
            case Rematerialize.BudgetException budget -> console.error(String.valueOf(budget.getMessage()));
            case IOException io -> console.error(Console.describe(io));
            default -> {
                console.error("internal error: " + e
                        + (stackTrace ? "" : " (run it again with --stacktrace to see where, and report it)"));
                if (stackTrace) {
                    e.printStackTrace(command.getErr());
                }
                return FAULT;
            }
        }
        return WRONG_INPUT;
    }

    /** The version that the jar's manifest carries. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            var version = Clipc.class.getPackage().getImplementationVersion();
            return new String[] {"clipc " + (version == null ? "(development)" : version)};
        }
    }

    static boolean colors() {
        return Ansi.AUTO.enabled();
    }
}
