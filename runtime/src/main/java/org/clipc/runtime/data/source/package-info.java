/** Where image-text pairs lie: tar shards, tables of paths, folders of pictures. */
@NullMarked
package org.clipc.runtime.data.source;

import org.jspecify.annotations.NullMarked;
