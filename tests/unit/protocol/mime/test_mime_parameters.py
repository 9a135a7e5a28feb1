from __future__ import annotations

import pytest

from postroad.protocol.mime.parameters import content_id, filename, parameter
from postroad.protocol.mime.part import BodyPart


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"filename": b"a.png"}, "a.png"),
        ({"filename*": b"utf-8''%E2%82%AC.pdf"}, "€.pdf"),
        ({"filename*": b"iso-8859-1'en'%A3%20rates"}, "£ rates"),
        ({"filename*": b"plain%20one"}, "plain one"),
        ({"filename*0*": b"utf-8''%E2%82", "filename*1*": b"%AC", "filename*2": b".pdf"}, "€.pdf"),
        ({"filename*0": b"one ", "filename*1": b"two"}, "one two"),
        ({"filename": b"=?utf-8?B?4oKsLnBkZg==?="}, "€.pdf"),
        ({"filename": "€.pdf".encode()}, "€.pdf"),
        ({"filename": b"old.txt", "filename*": b"utf-8''new.txt"}, "new.txt"),
        ({"filename": b"a\r\nb\x00c"}, "a b c"),
        ({"filename": b""}, None),
        ({"filename*": b"no-such-charset''%FF"}, "ÿ"),
        ({}, None),
    ],
)
def test_names_however_they_are_written(parameters: dict[str, bytes], name: str | None) -> None:
    assert parameter(parameters, "filename") == name


def test_the_disposition_names_the_file_before_the_type() -> None:
    part = BodyPart("1", "image", "png", parameters={"name": b"type.png"})
    assert filename(part) == "type.png"
    both = BodyPart(
        "1",
        "image",
        "png",
        parameters={"name": b"type.png"},
        disposition_parameters={"filename": b"disposition.png"},
    )
    assert filename(both) == "disposition.png"


@pytest.mark.parametrize(
    ("raw", "shown"), [(b"<a@b>", "<a@b>"), (b" a@b ", "<a@b>"), (b"<>", None), (None, None)]
)
def test_content_ids_have_one_pair_of_brackets(raw: bytes | None, shown: str | None) -> None:
    assert content_id(BodyPart("1", "image", "png", content_id=raw)) == shown
