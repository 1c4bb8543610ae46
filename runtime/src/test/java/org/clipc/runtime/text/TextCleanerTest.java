package org.clipc.runtime.text;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TextCleanerTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', textBlock = """
            A  Photo\tof   a DOG                  | a photo of a dog
            It’s “fine”                           | it's "fine"
            caf&eacute; &AMP; P&EACUTE;REZ        | café & pérez
            &amp;amp;lt;b&gt;                     | <b>
            <i>&amp;eacute;</i>                   | <i>é</i>
            &#233;&#xe9;&#x80;&notin; &notit;     | éé€∉ ¬it;
            sÃ³ voilÃ  le cafÃ©                   | só voilà le café
            â€œquotedâ€\u009d Ð¿Ñ€Ð¸Ð²ÐµÑ‚        | "quoted" привет
            ﬁne ﬂow ＷＩＤＥ ﾊﾝ                    | fine flow wide ハン
            e\u0301te\u0301                       | été
            is \u001b[31mred\u001b[0m\u0007!      | is red!
            """)
    void cleansAsTheReferenceDoes(String text, String clean) {
        assertThat(TextCleaner.clean(text)).isEqualTo(clean);
    }

    @ParameterizedTest
    @ValueSource(strings = {"naïve ñandú", "É… ok", "5×3 ±2° ÷", "Ó»", "日本語", "où ça? à la", "über größe"})
    void leavesCorrectTextAlone(String text) {
        assertThat(TextCleaner.clean(text)).isEqualTo(text.toLowerCase(java.util.Locale.ROOT));
    }

    @ParameterizedTest
    @ValueSource(strings = {"\ud800", "\udc00x", "a\ud83d b"})
    void unpairedSurrogatesBecomeTheReplacementCharacter(String text) {
        assertThat(TextCleaner.clean(text)).contains("\ufffd");
    }
}
