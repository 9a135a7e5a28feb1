"""Markup brought to a depth that every parser handles."""

from __future__ import annotations

from postroad.protocol.mime.markup import MAX_DEPTH, calm


def test_ordinary_pages_are_left_alone() -> None:
    table = "<table>" + "<tr><td><p>cell<br></td></tr>" * 3_000 + "</table>"

    assert calm(table) == table
    assert calm('<img src="data:image/png;base64,' + "A" * 10_000 + '">').count("A") == 10_000


def test_elements_beyond_the_depth_lose_their_tags_and_keep_their_text() -> None:
    calmed = calm("<div>a" * 5_000 + "</div>" * 5_000)

    assert calmed.count("<div>") == MAX_DEPTH
    assert calmed.count("a") == 5_000


def test_a_tag_with_hundreds_of_attributes_loses_them() -> None:
    attributes = " ".join(f"a{n}=1" for n in range(2_000))

    assert calm(f"<p>x</p><div {attributes}>y</div>") == "<p>x</p><div>y</div>"


def test_a_tag_that_never_ends_is_no_trouble() -> None:
    assert calm("<div " * 5_000).startswith("<div")
    assert calm("<" * 10_000) == "<" * 10_000
