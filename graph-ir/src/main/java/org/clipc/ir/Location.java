package org.clipc.ir;

/**
 * Where a node comes from.
 *
 * @param path the module instance that computes it, such as {@code visual.transformer.resblocks.3.attn}; empty at the root
 * @param source file and line in the {@code .clip} source, such as {@code vision.clip:41}; empty when a pass made the node
 * @param recompute name of the enclosing {@code recompute} region; empty outside of any
 */
public record Location(String path, String source, String recompute) {

    public static final Location NONE = new Location("", "", "");

    public static Location of(String path) {
        return new Location(path, "", "");
    }
}
