package org.clipc.grammar.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.clipc.grammar.ClipSyntax;
import org.clipc.grammar.Parsed;
import org.clipc.grammar.Samples;
import org.clipc.grammar.TreeText;
import org.clipc.grammar.diagnostic.SourceFile;
import org.junit.jupiter.api.Test;

class FormatterTest {
    private static final Pattern TOKEN = Pattern.compile(
            "//[^\n]*\n|/\\*.*?\\*/|\"(?:[^\"\\\\\n]|\\\\.)*\"|\\d+\\.\\d+e-\\d+|\\d+\\.\\d+|\\w+|\\.\\.|->|[<>=!]=|\\S",
            Pattern.DOTALL);

    private static String format(String text) {
        var formatted = Formatter.format(new SourceFile("t.clip", text));
        assertThat(formatted.diagnostics()).isEmpty();
        return formatted.text();
    }

    private static String tree(String text) {
        Parsed parsed = ClipSyntax.parse(new SourceFile("t.clip", text));
        assertThat(parsed.diagnostics()).isEmpty();
        return TreeText.of(parsed.unit());
    }

    private static List<String> comments(String text) {
        List<String> found = new ArrayList<>();
        Matcher matcher = TOKEN.matcher(text + "\n");
        while (matcher.find()) {
            if (matcher.group().startsWith("//") || matcher.group().startsWith("/*")) {
                found.add(matcher.group().strip());
            }
        }
        return found;
    }

    private static void check(String text) {
        String once = format(text);
        assertThat(format(once)).isEqualTo(once);
        assertThat(tree(once)).isEqualTo(tree(text));
        assertThat(comments(once)).isEqualTo(comments(text));
        assertThat(once).doesNotContain(" \n").doesNotContain("\n\n\n").doesNotContain("\t");
    }

    @Test
    void samples() {
        Samples.ALL.forEach(FormatterTest::check);
    }

    @Test
    void canonicalTextStays() {
        String canonical = Samples.FULL.replace(" // ", "  // ");
        String formatted = format(canonical);
        assertThat(formatted.lines().filter(line -> !canonical.contains(line))).isEmpty();
    }

    @Test
    void messyTextIsLaidOut() {
        assertThat(format("""
                                import a.b
                                // about f
                                fn f(x:[B,  2],n:int=3)->[B] { let y=x+ -n  // why
                                   if n==3 {return y[ : ,0]} else
                                   {
                                     return f( x ,
                                     n = 2 )   }}
                                fn g ( )=1
                                module M(a:int){param w:[a..,2]=normal( 0.1 )shard(tp,0)
                                  fn(x:[a])=
                                  x


                                  // tail
                                }
                                /// last
                                model  Z{config v:V{a=1 b=2}x=repeat i in 3{M( i )}}
                                """)).isEqualTo("""
                        import a.b
                        // about f
                        fn f(x: [B, 2], n: int = 3) -> [B] {
                          let y = x + -n  // why
                          if n == 3 { return y[:, 0] } else {
                            return f(x,
                              n = 2)
                          }
                        }

                        fn g() = 1

                        module M(a: int) {
                          param w: [a.., 2] = normal(0.1) shard(tp, 0)
                          fn (x: [a]) =
                            x

                          // tail
                        }

                        /// last
                        model Z {
                          config v: V { a = 1 b = 2 }
                          x = repeat i in 3 { M(i) }
                        }
                        """);
    }

    @Test
    void restsOfAxesAreItemsLikeOthers() {
        assertThat(format("fn f(x:[A,D..]) = x[0 ,.. ,:2]")).isEqualTo("fn f(x: [A, D..]) = x[0, .., :2]\n");
    }

    @Test
    void aSourceWithErrorsIsLeftAlone() {
        var formatted = Formatter.format(new SourceFile("t.clip", "fn  f( = "));
        assertThat(formatted.text()).isEqualTo("fn  f( = ");
        assertThat(formatted.diagnostics()).isNotEmpty();
    }

    /** Any white space between any two tokens, and comments strewn in, must not matter. */
    @Property(tries = 400)
    void anyLayout(@ForAll Random random) {
        String source = Samples.ALL.get(random.nextInt(Samples.ALL.size()));
        var text = new StringBuilder();
        Matcher matcher = TOKEN.matcher(source + "\n");
        int comments = 0;
        while (matcher.find()) {
            text.append(matcher.group());
            String after = switch (random.nextInt(12)) {
                case 0 -> "\n";
                case 1 -> "\n\n\n";
                case 2 -> "   ";
                case 3 -> "\t";
                case 4 -> "\r\n";
                case 5 -> " // c" + comments++ + "  \n";
                case 6 -> " /* c" + comments++ + " */ ";
                case 7 -> "\n  /* c" + comments++ + "\n  more */\n";
                case 8 -> "\n// c" + comments++ + "\n";
                default -> " ";
            };
            text.append(after);
        }
        check(text.toString());
    }
}
