/** The demonstration's data: emoji as many artists draw them, fetched through Maven when the demo first runs. */
@NullMarked
package org.clipc.runtime.demo;

import org.jspecify.annotations.NullMarked;
