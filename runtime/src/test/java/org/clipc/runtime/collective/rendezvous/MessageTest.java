package org.clipc.runtime.collective.rendezvous;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.clipc.runtime.collective.Failure;
import org.junit.jupiter.api.Test;

class MessageTest {

    private static byte[] write(Message message) throws IOException {
        var bytes = new ByteArrayOutputStream();
        message.write(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }

    private static Message read(byte[] bytes) throws IOException {
        return Message.read(new DataInputStream(new ByteArrayInputStream(bytes)));
    }

    @Provide
    Arbitrary<Message> messages() {
        var ints = Arbitraries.integers();
        var texts = Arbitraries.strings().ofMaxLength(40);
        return Arbitraries.oneOf(
                Combinators.combine(ints, ints).as(Message.Hello::new),
                Combinators.combine(texts, texts).as(Message.Put::new),
                Combinators.combine(texts, ints.list().ofMaxSize(5))
                        .as((reason, ranks) -> new Message.Failed(new Failure(reason, ranks))),
                ints.map(Message.Left::new),
                Arbitraries.of(new Message.Welcome(), new Message.Beat(), new Message.Bye()));
    }

    @Property
    void isReadAsItWasWritten(@ForAll("messages") Message message) throws IOException {
        assertThat(read(write(message))).isEqualTo(message);
    }

    @Property
    void damageIsRefused(@ForAll("messages") Message message, @ForAll int place, @ForAll byte value)
            throws IOException {
        var bytes = write(message);
        bytes[Math.floorMod(place, bytes.length)] = value;
        try {
            assertThat(read(bytes)).isNotNull();
        } catch (IOException e) {
            assertThat(e).isNotNull();
        }
    }

    @Property
    void anEndIsNoMessage(@ForAll("messages") Message message, @ForAll int place) throws IOException {
        var bytes = write(message);
        assertThatThrownBy(() -> read(Arrays.copyOf(bytes, Math.floorMod(place, bytes.length))))
                .isInstanceOf(IOException.class);
    }

    @Test
    void aReasonMayBeLong() throws IOException {
        var message = new Message.Failed(new Failure("€".repeat(100_000), List.of(1)));
        assertThat(read(write(message))).isInstanceOfSatisfying(Message.Failed.class, failed -> {
            assertThat(failed.failure().ranks()).containsExactly(1);
            assertThat(failed.failure().reason()).startsWith("€€€").hasSizeLessThan(30_000);
        });
    }

    @Test
    void whatIsTooLongIsNotRead() {
        assertThatThrownBy(() -> read("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.US_ASCII)))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("a message of");
    }
}
