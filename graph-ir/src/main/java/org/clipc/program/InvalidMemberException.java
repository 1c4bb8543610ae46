package org.clipc.program;

/** What is wrong with a member, before the file and the member are known. */
final class InvalidMemberException extends Exception {

    private static final long serialVersionUID = 1L;

    private final String problem;

    InvalidMemberException(String problem) {
        super(problem);
        this.problem = problem;
    }

    String problem() {
        return problem;
    }
}
