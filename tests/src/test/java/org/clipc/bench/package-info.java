/** Measurements against other libraries, to be run by hand: CONTRIBUTING.md says how. */
@NullMarked
package org.clipc.bench;

import org.jspecify.annotations.NullMarked;
