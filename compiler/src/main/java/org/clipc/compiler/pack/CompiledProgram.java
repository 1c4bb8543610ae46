package org.clipc.compiler.pack;

import org.clipc.program.Program;

/** A program, and what it took to make it. */
public record CompiledProgram(Program program, CompileReport report) {}
