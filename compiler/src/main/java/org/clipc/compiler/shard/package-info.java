/**
 * Makes one program for many ranks of a graph for one: sharding propagation in the manner of GSPMD (Xu et al. 2021,
 * arXiv:2105.04663), with collectives where shardings disagree. What does not divide is not split: a parameter whose extent
 * the ranks cannot share is whole on each of them, and so is an attention whose heads they cannot share, for which queries,
 * keys and values are gathered.
 */
@NullMarked
package org.clipc.compiler.shard;

import org.jspecify.annotations.NullMarked;
