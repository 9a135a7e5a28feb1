from __future__ import annotations

import pytest

from postroad.domain.mailbox import SpecialUse
from postroad.protocol.imap.listing import ListEntry
from postroad.protocol.imap.special_use import by_attribute, by_name


@pytest.mark.parametrize(
    ("attribute", "use"),
    [
        ("\\Sent", SpecialUse.SENT),
        ("\\JUNK", SpecialUse.JUNK),
        ("\\Spam", SpecialUse.JUNK),
        ("\\AllMail", SpecialUse.ALL),
        ("\\Starred", SpecialUse.FLAGGED),
    ],
)
def test_attributes_of_special_use_and_xlist(attribute: str, use: SpecialUse) -> None:
    assert by_attribute(ListEntry("LIST", ("\\HasNoChildren", attribute), "/", b"x")) is use


def test_other_attributes_say_nothing() -> None:
    assert by_attribute(ListEntry("LIST", ("\\Important",), "/", b"x")) is None


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("Sent Items", SpecialUse.SENT),
        ("sent_mail", SpecialUse.SENT),
        ("Gesendete Elemente", SpecialUse.SENT),
        ("Éléments envoyés", SpecialUse.SENT),
        ("E\u0301le\u0301ments envoye\u0301s", SpecialUse.SENT),
        ("Отправленные", SpecialUse.SENT),
        ("送信済み", SpecialUse.SENT),
        ("Entwürfe", SpecialUse.DRAFTS),
        ("Bulk Mail", SpecialUse.JUNK),
        ("Papierkorb", SpecialUse.TRASH),
        ("已刪除", SpecialUse.TRASH),
        ("Archiv", SpecialUse.ARCHIVE),
    ],
)
def test_well_known_names_in_any_spelling(name: str, use: SpecialUse) -> None:
    found = by_name(name)
    assert found is not None
    assert found[0] is use


@pytest.mark.parametrize("name", ["", "INBOX", "Sentinel", "Postausgang", "Projects"])
def test_other_names_say_nothing(name: str) -> None:
    assert by_name(name) is None


def test_commoner_names_are_likelier() -> None:
    sent, items = by_name("Sent"), by_name("Sent Items")
    assert sent is not None
    assert items is not None
    assert sent[1] < items[1]
