/**
 * Makes one program for many ranks of a graph for one: sharding propagation in the manner of GSPMD (Xu et al. 2021,
 * arXiv:2105.04663), with collectives where shardings disagree.
 */
@NullMarked
package org.clipc.compiler.shard;

import org.jspecify.annotations.NullMarked;
