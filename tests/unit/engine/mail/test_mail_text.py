"""Bodies as text: joined, cut, cleaned, split. Contract B-054 to B-058."""

from __future__ import annotations

from dataclasses import replace

from postroad.domain.message import MessageText, TextWish
from postroad.domain.message_id import pack_message
from postroad.engine.mail.layout import layout
from postroad.engine.mail.text import MAX_TEXT_BYTES, assemble, wanted_parts
from postroad.engine.mail.text_id import TextKey, pack_text, unpack_text
from postroad.protocol.mime.parser import parse_message
from postroad.protocol.mime.part import BodyPart
from support.reading import BOTH, MAILS, bodies_of, text_of

TWO_TEXTS = (
    b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    b"--b\r\n\r\none\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>1\r\n"
    b"--b\r\n\r\ntwo\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>2\r\n--b--\r\n"
)
ONLY_PLAIN = b"Subject: x\r\n\r\nHello.\r\n\r\nOn 5 Jan, Ann wrote:\r\n> Hi?\r\n"


def test_parts_of_one_type_are_joined_with_a_newline() -> None:
    assert text_of(TWO_TEXTS) == MessageText(plain="one\ntwo", html="<p>1\n<p>2")


def test_a_type_that_was_not_asked_for_is_not_fetched() -> None:
    wish = TextWish(plain=True)
    root = parse_message(TWO_TEXTS).root

    assert [wanted.part for wanted in wanted_parts(root, wish)] == ["1", "3"]
    assert text_of(TWO_TEXTS, wish) == MessageText(plain="one\ntwo")


def test_each_type_is_cut_after_so_many_characters() -> None:
    text = text_of(TWO_TEXTS, replace(BOTH, max_chars=4))

    assert text == MessageText(plain="one\n", html="<p>1", has_more=True)
    assert not text_of(TWO_TEXTS, replace(BOTH, max_chars=9)).has_more
    assert text_of(TWO_TEXTS, replace(BOTH, max_chars=0)) == MessageText("", "", has_more=True)


def test_characters_are_counted_after_decoding() -> None:
    euros = "€" * 100_000
    mail = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + euros.encode()
    parsed = parse_message(mail)
    wish = TextWish(plain=True, max_chars=50_000)

    (wanted,) = wanted_parts(parsed.root, wish)
    assert wanted.max_bytes is not None
    assert wanted.max_bytes < len(mail)
    text = assemble(parsed.root, bodies_of(parsed, wish), wish)
    assert text == MessageText(plain=euros[:50_000], has_more=True)


def test_no_text_is_fetched_beyond_all_reason() -> None:
    huge = BodyPart("1", "text", "plain", size=MAX_TEXT_BYTES * 3)

    assert [wanted.max_bytes for wanted in wanted_parts(huge, BOTH)] == [MAX_TEXT_BYTES]


def test_a_text_id_limits_which_parts_are_read() -> None:
    parsed = parse_message(TWO_TEXTS)
    bodies = bodies_of(parsed, BOTH)

    assert [one.part for one in wanted_parts(parsed.root, BOTH, only={"3", "4"})] == ["3", "4"]
    assert assemble(parsed.root, bodies, BOTH, only={"3", "4"}) == MessageText("two", "<p>2")


def test_clean_html_shows_the_attached_image() -> None:
    mail = MAILS["html-with-inline-image"].read_bytes()
    text = text_of(mail, replace(BOTH, is_web_safe=True))

    assert text.is_web_safe
    assert text.html is not None
    assert 'src="data:image/png;base64,iVBORw0KGgo' in text.html
    without = text_of(mail, replace(BOTH, is_web_safe=True, embed_images=False))
    assert without.html is not None
    assert 'src="cid:pic%201@example.com"' in without.html


def test_images_are_put_in_without_cleaning_too() -> None:
    text = text_of(MAILS["html-with-inline-image"].read_bytes(), replace(BOTH, embed_images=True))

    assert text.html is not None
    assert text.html.startswith('<p>Hello &euro;, see <img src="data:image/png;base64,')
    assert not text.is_web_safe


def test_clean_html_is_made_of_plain_text_where_there_is_no_other() -> None:
    text = text_of(ONLY_PLAIN, TextWish(html=True, is_web_safe=True))

    assert text.plain is None
    assert text.html is not None
    assert text.html.startswith("<div>Hello.<br>")


def test_the_reply_is_told_from_the_quote() -> None:
    text = text_of(ONLY_PLAIN, TextWish(plain=True, split_reply=True))

    assert (text.reply, text.quoted) == ("Hello.", "On 5 Jan, Ann wrote:\n> Hi?")
    page = b"Content-Type: text/html\r\n\r\n<p>Hello.</p><p>On 5 Jan, Ann wrote:</p><p>&gt; Hi?</p>"
    assert text_of(page, TextWish(html=True, split_reply=True)).reply == "Hello."


def test_a_part_that_the_server_keeps_is_empty() -> None:
    root = parse_message(TWO_TEXTS).root

    assert assemble(root, [], BOTH) == MessageText("\n", "\n")


def test_text_ids_are_those_of_the_contract() -> None:
    message = pack_message(12, 1838)
    text = pack_text(message, ["1", "2.1"], ["2.2"])

    # Eight octets, then the array of arrays in MessagePack.
    assert text == "AAAADAAABy6TkqExozIuMZGjMi4ykA"
    assert unpack_text(text) == TextKey(message, ("1", "2.1"), ("2.2",))


def test_what_is_no_text_id_is_none() -> None:
    good = pack_text(pack_message(1, 1), ["1"], [])

    for wrong in ("", "AAAAAQAAAAE", "!" * 20, good[:-4], good + "====", "A" * 10_241):
        assert unpack_text(wrong) is None
    assert unpack_text(pack_text(pack_message(1, 1), ["1) BODY[2"], [])) is None


def test_signatures_and_encrypted_parts_are_attachments() -> None:
    signed = layout(parse_message(MAILS["signed-with-smime"].read_bytes()).root)
    encrypted = layout(parse_message(MAILS["encrypted-with-pgp"].read_bytes()).root)

    assert [one.part.subtype for one in signed.attachments] == ["pdf", "pkcs7-signature"]
    assert [one.part.subtype for one in encrypted.attachments] == ["pgp-encrypted", "octet-stream"]
