package org.clipc.runtime.cli;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.clipc.program.ProgramFile;
import org.clipc.program.ProgramFormatException;
import org.clipc.runtime.collective.CollectiveException;
import org.clipc.runtime.device.DeviceException;
import org.clipc.runtime.io.DataFormatException;
import org.clipc.runtime.model.RecipeException;
import org.clipc.runtime.train.TrainingFailedException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.Spec;

/** The entry to all commands. Exit codes: 0 done, 1 a fault of this program, 2 something wrong with what it was given. */
@Command(
        name = "clip-run",
        description = "Trains and serves contrastive image-text models that clipc compiled.",
        mixinStandardHelpOptions = true,
        version = "clip-run 0.1",
        subcommands = {
            TrainCommand.class,
            EmbedCommand.class,
            ZeroShotCommand.class,
            RetrievalCommand.class,
            RunCommand.class,
            ExportCommand.class,
            BenchCommand.class,
            ProfileCommand.class,
            TuneCommand.class,
            DevicesCommand.class,
            DemoCommand.class
        })
public final class ClipRun implements Callable<Integer> {

    private static final int FAULT = 1;
    private static final int BAD_INPUT = 2;

    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--graph", paramLabel = "PROGRAM", description = "A compiled program: print what it offers.")
    private @Nullable Path graph;

    public static void main(String[] args) {
        System.exit(execute(writer(System.out), writer(System.err), args));
    }

    private static PrintWriter writer(PrintStream stream) {
        return new PrintWriter(stream, true, stream.charset());
    }

    /** Runs a command and returns its exit code. */
    public static int execute(PrintWriter out, PrintWriter err, String... args) {
        var command = new CommandLine(new ClipRun())
                .setOut(out)
                .setErr(err)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler(ClipRun::failed)
                .setParameterExceptionHandler(ClipRun::misused);
        try {
            return command.execute(args);
        } catch (OutOfMemoryError e) {
            say(
                    err,
                    "the Java heap is too small: set CLIPC_JAVA_OPTS=-Xmx… to more than "
                            + (Runtime.getRuntime().maxMemory() >> 20) + "m");
            return FAULT;
        }
    }

    @Override
    public Integer call() throws IOException {
        var commandLine = Objects.requireNonNull(spec).commandLine();
        if (graph == null) {
            commandLine.usage(commandLine.getErr());
            return BAD_INPUT;
        }
        try (var file = ProgramFile.open(graph)) {
            commandLine.getOut().print(ProgramSummary.of(file));
            commandLine.getOut().flush();
        }
        return 0;
    }

    private static int misused(ParameterException e, String[] args) {
        var command = e.getCommandLine();
        say(
                command.getErr(),
                e.getMessage() + " (see '" + command.getCommandSpec().qualifiedName() + " --help')");
        return BAD_INPUT;
    }

    private static int failed(Exception e, CommandLine command, ParseResult result) {
        if (e instanceof CollectiveException) {
            say(command.getErr(), String.valueOf(e.getMessage()));
            return FAULT;
        }
        var message = userMessage(e);
        if (message == null) {
            say(command.getErr(), "internal error, please report it:");
            e.printStackTrace(command.getErr());
            return FAULT;
        }
        say(command.getErr(), message);
        return BAD_INPUT;
    }

    private static void say(PrintWriter err, String message) {
        err.println("clip-run: " + message);
        err.flush();
    }

    /** The message for the user if what was given is at fault; null if this program is. */
    private static @Nullable String userMessage(Throwable e) {
        return switch (e) {
            case ProgramFormatException _,
                    DataFormatException _,
                    DeviceException _,
                    RecipeException _,
                    TrainingFailedException _,
                    CliException _ -> e.getMessage();
            case NoSuchFileException file -> file.getFile() + ": no such file or directory";
            case NotDirectoryException file -> file.getFile() + ": is not a directory";
            case AccessDeniedException file -> file.getFile() + ": permission denied";
            case FileAlreadyExistsException file -> file.getFile() + ": exists already";
            case FileSystemException file -> file.getMessage();
            case FileNotFoundException file -> file.getMessage();
            case IOException io when io.getMessage() != null -> "cannot read or write: " + io.getMessage();
            default -> null;
        };
    }
}
