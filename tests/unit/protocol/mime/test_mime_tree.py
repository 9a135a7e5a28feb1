from __future__ import annotations

from postroad.protocol.mime.parameters import filename
from postroad.protocol.mime.tree import tree

NESTED = (
    b"Subject: outer\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"
    b"--a\r\n\r\nplain\r\n"
    b"--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: text/plain\r\n\r\none\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>one\r\n--b--\r\n"
    b"--a\r\nContent-Type: message/rfc822\r\n\r\n"
    b"Subject: inner\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n"
    b'--c\r\n\r\ninside\r\n--c\r\nContent-Type: image/png; name="=?utf-8?q?=E2=82=AC.png?="\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--c--\r\n"
    b"--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: alone\r\n\r\nbody\r\n"
    b"--a--\r\n"
)


def test_parts_are_numbered_as_imap_numbers_them() -> None:
    found = tree(NESTED)
    kinds = [(node.part, node.content_type) for node in found.root.walk()]
    assert kinds == [
        ("", "multipart/mixed"),
        ("1", "text/plain"),
        ("2", "multipart/alternative"),
        ("2.1", "text/plain"),
        ("2.2", "text/html"),
        ("3", "message/rfc822"),
        ("3", "multipart/mixed"),
        ("3.1", "text/plain"),
        ("3.2", "image/png"),
        ("4", "message/rfc822"),
        ("4.1", "text/plain"),
    ]


def test_spans_hold_the_encoded_contents() -> None:
    found = tree(NESTED)
    start, end = found.spans["2.2"]
    assert NESTED[start:end] == b"<p>one"
    start, end = found.spans["3.2"]
    assert NESTED[start:end] == b"AAAA"
    image = found.root.find("3.2")
    assert image is not None
    assert (image.size, image.encoding) == (4, "base64")
    assert image.parameters == {"name": b"=?utf-8?q?=E2=82=AC.png?="}


def test_message_without_parts_is_part_one() -> None:
    found = tree(b"Subject: x\r\n\r\nbody\r\n")
    assert (found.root.part, found.root.content_type, found.root.size) == ("1", "text/plain", 6)


def test_multipart_without_a_boundary_is_text() -> None:
    found = tree(b"Content-Type: multipart/mixed\r\n\r\nbody")
    assert (found.root.part, found.root.content_type) == ("1", "text/plain")


def test_extended_parameters_keep_their_form() -> None:
    found = tree(
        b"Content-Disposition: attachment; filename*0*=utf-8''%E2%82%AC; filename*1=.pdf\r\n"
        b"Content-Type: application/pdf\r\n\r\nx"
    )
    assert filename(found.root) == "€.pdf"
    assert found.root.disposition == "attachment"


def test_deep_nesting_ends() -> None:
    message = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(5000)
    )
    assert sum(1 for _ in tree(message).root.walk()) < 1100
