package org.clipc.ir;

/** How a reduction combines elements. */
public enum ReduceFn {
    SUM,
    MAX,
    MIN;

    /** What combines two elements. */
    public BinaryFn ofTwo() {
        return switch (this) {
            case SUM -> BinaryFn.ADD;
            case MAX -> BinaryFn.MAX;
            case MIN -> BinaryFn.MIN;
        };
    }
}
