/**
 * How ranks that are processes find each other, and hear of each other's ends: rank 0 listens, all others connect to it
 * over TCP and stay connected until they leave.
 */
@NullMarked
package org.clipc.runtime.collective.rendezvous;

import org.jspecify.annotations.NullMarked;
