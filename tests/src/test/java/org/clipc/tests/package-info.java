/** Tests of what crosses modules. */
@NullMarked
package org.clipc.tests;

import org.jspecify.annotations.NullMarked;
