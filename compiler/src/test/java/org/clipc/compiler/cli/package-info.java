@NullMarked
package org.clipc.compiler.cli;

import org.jspecify.annotations.NullMarked;
