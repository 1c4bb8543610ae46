/** What can be known of the NCCL backend without a GPU. */
@NullMarked
package org.clipc.runtime.collective.nccl;

import org.jspecify.annotations.NullMarked;
