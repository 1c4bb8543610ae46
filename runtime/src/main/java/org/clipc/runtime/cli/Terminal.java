package org.clipc.runtime.cli;

/** Whether somebody is watching. */
final class Terminal {

    private Terminal() {}

    static boolean isPresent() {
        var console = System.console();
        return console != null && console.isTerminal();
    }
}
