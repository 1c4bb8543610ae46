package org.clipc.runtime.collective.nccl;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A line to a port of this machine that can be cut, as it is when a process dies. */
public final class Line implements AutoCloseable {

    private final ServerSocket listening;
    private final int to;
    private final List<Socket> ends = new CopyOnWriteArrayList<>();

    public Line(int to) throws IOException {
        this.to = to;
        listening = new ServerSocket(0);
        Thread.ofVirtual().start(this::accept);
    }

    public int port() {
        return listening.getLocalPort();
    }

    private void accept() {
        try {
            while (true) {
                var near = listening.accept();
                var far = new Socket("localhost", to);
                ends.add(near);
                ends.add(far);
                Thread.ofVirtual().start(() -> pass(near, far));
                Thread.ofVirtual().start(() -> pass(far, near));
            }
        } catch (IOException e) {
            // It was closed.
        }
    }

    private void pass(Socket from, Socket to) {
        try (from;
                to) {
            from.getInputStream().transferTo(to.getOutputStream());
        } catch (IOException e) {
            // It was cut.
        }
    }

    @Override
    public void close() throws IOException {
        listening.close();
        for (var end : ends) {
            end.close();
        }
    }
}
