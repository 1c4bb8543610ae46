package org.clipc.runtime.collective.rendezvous;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.ArrayList;
import org.clipc.runtime.collective.Failure;

/**
 * What ranks and rank 0's server say to each other. On the wire: the length of what follows in 4 bytes, the kind in 1, and
 * its fields, big-endian as {@link DataOutputStream} writes them.
 */
sealed interface Message {

    /** A rank's first, to the server. */
    record Hello(int rank, int worldSize) implements Message {}

    /** The server's, once all ranks are there. */
    record Welcome() implements Message {}

    /** From a rank to the server, and from there to all. */
    record Put(String key, String value) implements Message {}

    /** That the sender is alive. The server answers with the same. */
    record Beat() implements Message {}

    /** The world is over: from a rank to the server, and from there to all. */
    record Failed(Failure failure) implements Message {}

    /** The server's: a rank has left in good order. */
    record Left(int rank) implements Message {}

    /** A rank's last. */
    record Bye() implements Message {}

    /** The first of a connection, so that whoever else comes to the port is told apart. */
    int MAGIC = 0x434c_4950;

    /** Of the messages' form: ranks of different builds do not go together. */
    int VERSION = 1;

    /** More than any message has. */
    int MOST_BYTES = 1 << 18;

    /** Of a reason, which may quote anything; {@link DataOutputStream#writeUTF} takes 65535 bytes. */
    int MOST_CHARS = 20_000;

    default void write(DataOutputStream out) throws IOException {
        var bytes = new ByteArrayOutputStream();
        writeFields(new DataOutputStream(bytes));
        out.writeInt(bytes.size());
        bytes.writeTo(out);
        out.flush();
    }

    private void writeFields(DataOutputStream out) throws IOException {
        switch (this) {
            case Hello(var rank, var worldSize) -> {
                out.writeByte('h');
                out.writeInt(MAGIC);
                out.writeInt(VERSION);
                out.writeInt(rank);
                out.writeInt(worldSize);
            }
            case Welcome() -> out.writeByte('w');
            case Put(var key, var value) -> {
                out.writeByte('p');
                out.writeUTF(key);
                out.writeUTF(value);
            }
            case Beat() -> out.writeByte('b');
            case Failed(Failure(var reason, var ranks)) -> {
                out.writeByte('f');
                out.writeUTF(reason.substring(0, Math.min(reason.length(), MOST_CHARS)));
                out.writeInt(ranks.size());
                for (var rank : ranks) {
                    out.writeInt(rank);
                }
            }
            case Left(var rank) -> {
                out.writeByte('l');
                out.writeInt(rank);
            }
            case Bye() -> out.writeByte('e');
        }
    }

    /**
     * @throws EOFException if the connection ends
     * @throws IOException if it breaks, or what comes is no message
     */
    static Message read(DataInputStream in) throws IOException {
        var length = in.readInt();
        if (length < 1 || length > MOST_BYTES) {
            throw new IOException("a message of " + length + " bytes");
        }
        var bytes = in.readNBytes(length);
        if (bytes.length < length) {
            throw new EOFException("the connection ended within a message");
        }
        try {
            return readFields(new DataInputStream(new ByteArrayInputStream(bytes)));
        } catch (EOFException e) {
            throw new IOException("a message that ends too early", e);
        }
    }

    private static Message readFields(DataInputStream in) throws IOException {
        var kind = in.readByte();
        return switch (kind) {
            case 'h' -> readHello(in);
            case 'w' -> new Welcome();
            case 'p' -> new Put(in.readUTF(), in.readUTF());
            case 'b' -> new Beat();
            case 'f' -> readFailed(in);
            case 'l' -> new Left(in.readInt());
            case 'e' -> new Bye();
            default -> throw new IOException("a message of unknown kind " + kind);
        };
    }

    private static Message readHello(DataInputStream in) throws IOException {
        if (in.readInt() != MAGIC) {
            throw new IOException("not a rank");
        }
        var version = in.readInt();
        if (version != VERSION) {
            throw new IOException("a rank of another build: its messages have version " + version + ", not " + VERSION);
        }
        return new Hello(in.readInt(), in.readInt());
    }

    private static Message readFailed(DataInputStream in) throws IOException {
        var reason = in.readUTF();
        var count = in.readInt();
        if (count < 0 || count > in.available() / Integer.BYTES) {
            throw new IOException("a message that names " + count + " ranks");
        }
        var ranks = new ArrayList<Integer>(count);
        for (var i = 0; i < count; i++) {
            ranks.add(in.readInt());
        }
        return new Failed(new Failure(reason, ranks));
    }
}
