package org.clipc.runtime.cli;

/** Whether somebody is watching. */
final class Terminal {

    private Terminal() {}

    @SuppressWarnings("SystemConsoleNull") // null where the JDK is told to have no console
    static boolean isPresent() {
        var console = System.console();
        return console != null && console.isTerminal();
    }
}
