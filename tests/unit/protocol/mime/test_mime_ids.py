from __future__ import annotations

import pytest

from postroad.domain.errors import Invalid
from postroad.protocol.mime.ids import make_message_id, normalise_message_id


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("ann@example.com", "example.com"),
        ("ann@exämple.com", "xn--exmple-cua.com"),
        ("jüri@exämple.com", "xn--exmple-cua.com"),
        ("", "localhost"),
        ("ann@[192.0.2.1]", "localhost"),
        ("ann@a b", "localhost"),
    ],
)
def test_made_from_the_sender_domain(sender: str, domain: str) -> None:
    assert make_message_id("0-1", sender) == f"<0-1@{domain}>"


@pytest.mark.parametrize("given", ["a@b", "<a@b>", " <<a@b>> ", "<a@b"])
def test_supplied_ids_get_one_pair_of_brackets(given: str) -> None:
    assert normalise_message_id(given) == "<a@b>"


@pytest.mark.parametrize("given", ["", "<>", "a b@c", "a@b\r\nX: y", "ä@b", "a@b> <c@d", "x" * 996])
def test_what_is_no_id_is_refused(given: str) -> None:
    with pytest.raises(Invalid) as caught:
        normalise_message_id(given)
    assert [problem.key for problem in caught.value.fields] == ["messageId"]
