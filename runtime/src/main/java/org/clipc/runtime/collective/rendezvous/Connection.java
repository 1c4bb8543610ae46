package org.clipc.runtime.collective.rendezvous;

import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.time.Duration;
import java.util.concurrent.locks.ReentrantLock;

/** One end of a connection between a rank and the server. One thread reads, any may write. */
final class Connection implements AutoCloseable {

    private final Socket socket;
    private final DataInputStream in;
    private final DataOutputStream out;
    private final ReentrantLock writing = new ReentrantLock();

    /** @param silence that ends the connection, since the other is taken for gone */
    Connection(Socket socket, Duration silence) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        setSilence(silence);
        in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
        out = new DataOutputStream(new BufferedOutputStream(socket.getOutputStream()));
    }

    void setSilence(Duration silence) throws IOException {
        socket.setSoTimeout(Math.toIntExact(Math.max(1, silence.toMillis())));
    }

    Message read() throws IOException {
        return Message.read(in);
    }

    /** Says it, if the other still listens: who does not is found out by the thread that reads. */
    void tell(Message message) {
        writing.lock();
        try {
            if (!socket.isOutputShutdown()) {
                message.write(out);
            }
        } catch (IOException e) {
            close();
        } finally {
            writing.unlock();
        }
    }

    /** Says nothing more; what the other says can still be read, until it does the same. */
    void finish() {
        writing.lock();
        try {
            if (!socket.isClosed() && !socket.isOutputShutdown()) {
                socket.shutdownOutput();
            }
        } catch (IOException e) {
            close();
        } finally {
            writing.unlock();
        }
    }

    /** At once: what the other has said and is not read yet, or said to it and not read by it, may be lost. */
    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
