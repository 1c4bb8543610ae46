/**
 * How to train a model on a cluster that is not here: every way to divide it, compiled as far as memory plan and exchanges
 * go, and how long a step of each should take. In reading order: a {@link org.clipc.compiler.plan.Cluster}, a
 * {@link org.clipc.compiler.plan.Candidate}, what the compiler makes of it ({@link org.clipc.compiler.plan.Outcome}), its
 * {@link org.clipc.compiler.plan.StepTime}, and the search ({@link org.clipc.compiler.plan.Planner}).
 */
@NullMarked
package org.clipc.compiler.plan;

import org.jspecify.annotations.NullMarked;
