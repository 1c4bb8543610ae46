/**
 * Mixed precision (Micikevicius et al. 2018, arXiv:1710.03740, with the range of bf16: Kalamkar et al. 2019,
 * arXiv:1905.12322): what is stored in 16 bits while all arithmetic stays in 32.
 */
@NullMarked
package org.clipc.compiler.precision;

import org.jspecify.annotations.NullMarked;
