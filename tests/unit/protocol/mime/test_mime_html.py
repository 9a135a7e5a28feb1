from __future__ import annotations

import pytest

from postroad.protocol.mime.html import text_from_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("plain", "plain"),
        ("<p>One</p>\n<p>Two<br>three</p>", "One\n\nTwo\nthree"),
        ("<h1>T</h1>text  with\n  blanks&nbsp;&amp; <b>more</b>", "T\n\ntext with blanks & more"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ('To <a href="https://x.example/?a=1&amp;b">us</a>.', "To us [https://x.example/?a=1&b]."),
        ('<a href="https://x.example/">https://x.example</a>', "https://x.example"),
        ('<a href="mailto:a@x.example">a@x.example</a>', "a@x.example"),
        ('<a href="#top">up</a> <a href="javascript:x()">js</a>', "up js"),
        ('<a href="https://x.example"><img src="x" alt="Shop"></a>', "Shop [https://x.example]"),
        ('<a href="https://x.example"><img src="x"></a>end', "end"),
        ("<ul><li>one<li>two<ul><li>deep</ul></li></ul>after", "* one\n* two\n  * deep\n\nafter"),
        ("<ol><li>one</li><li>two</li></ol>", "1. one\n2. two"),
        ("<blockquote>they said<br>this</blockquote>ok", "> they said\n> this\n\nok"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>  x\n    y\n</pre>z", "  x\n    y\n\nz"),
        ("a<hr>b", "a\n\n--------------------\n\nb"),
        ("<style>p{}</style><script>if (a<b) {}</script>x<!-- no --><title>t</title>", "x"),
        ("<div style='display: none'>pre<div>header</div></div>shown", "shown"),
        ("<!DOCTYPE html><html><head><title>t</title></head><body>x</body></html>", "x"),
        ("1 < 2 &lt; 3 <3", "1 < 2 < 3 <3"),
        ("<p title='a > b'>x</p>", "x"),
        ("x<!--[if mso]>outlook<![endif]-->y", "xy"),
        ("cut <a href='", "cut"),
        ("", ""),
    ],
)  # fmt: skip
def test_text_from_html(html: str, text: str) -> None:
    assert text_from_html(html) == text
