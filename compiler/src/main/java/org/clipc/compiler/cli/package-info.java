/** The command {@code clipc}: one class per sub-command, and what they share. */
@NullMarked
package org.clipc.compiler.cli;

import org.jspecify.annotations.NullMarked;
