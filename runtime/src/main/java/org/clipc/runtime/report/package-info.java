/** Pages for people: one self-contained HTML file with tables, curves and pictures. */
@NullMarked
package org.clipc.runtime.report;

import org.jspecify.annotations.NullMarked;
