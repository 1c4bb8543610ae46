@NullMarked
package org.clipc.compiler.shard;

import org.jspecify.annotations.NullMarked;
