/** Recipes: YAML files with NeMo's key names, interpolation, and overrides from the command line. */
@NullMarked
package org.clipc.compiler.config;

import org.jspecify.annotations.NullMarked;
