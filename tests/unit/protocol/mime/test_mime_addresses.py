from __future__ import annotations

import pytest

from postroad.domain.address import Address, unique_addresses
from postroad.domain.errors import Invalid
from postroad.protocol.mime.addresses import addresses, format_addresses, wire_address
from postroad.protocol.mime.faults import Faults


@pytest.mark.parametrize(
    ("written", "found"),
    [
        # RFC 5322 appendix A.1.2, A.1.3, A.5, A.6.1
        (
            '"Joe Q. Public" <john.q.public@example.com>',
            [("john.q.public@example.com", "Joe Q. Public")],
        ),
        (
            "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
            [("mary@x.test", "Mary Smith"), ("jdoe@example.org", ""), ("one@y.test", "Who?")],
        ),
        (
            '<boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>',
            [("boss@nil.test", ""), ("sysservices@example.net", 'Giant; "Big" Box')],
        ),
        (
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            [("c@a.test", "Ed Jones"), ("joe@where.test", ""), ("jdoe@one.test", "John")],
        ),
        ("Undisclosed recipients:;", []),
        (
            "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
            [("pete@silly.test", "Pete")],
        ),
        (
            (
                "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n"
                "         joe@example.org,\r\n  John <jdoe@one.test> (my dear friend); "
                "(the end of the group)"
            ),
            [
                ("c@public.example", "Chris Jones"),
                ("joe@example.org", ""),
                ("jdoe@one.test", "John"),
            ],
        ),
        ("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", []),
        (
            "Joe Q. Public <john.q.public@example.com>",
            [("john.q.public@example.com", "Joe Q. Public")],
        ),
        (
            "Mary Smith <@node.test:mary@example.net>, , jdoe@test . example",
            [("mary@example.net", "Mary Smith"), ("jdoe@test.example", "")],
        ),
        # A comma inside an encoded word is no border
        ("=?utf-8?Q?M=C3=BCller=2C_Ann?= <ann@x.test>", [("ann@x.test", "Müller, Ann")]),
        # An address as a display name is a name
        ('"boss@bank.test" <evil@x.test>', [("evil@x.test", "boss@bank.test")]),
        ("boss@bank.test <evil@x.test>", [("evil@x.test", "boss@bank.test")]),
        # Old style: the name in a comment
        ("ann@x.test (Ann Other)", [("ann@x.test", "Ann Other")]),
        ("Ann Other ann@x.test", [("ann@x.test", "Ann Other")]),
        ('"john smith"@x.test', [('"john smith"@x.test', "")]),
        (
            "a@[IPv6:2001:db8::1], b@[192.0.2.1]",
            [("a@[IPv6:2001:db8::1]", ""), ("b@[192.0.2.1]", "")],
        ),
        ("a@x.test; b@x.test", [("a@x.test", ""), ("b@x.test", "")]),
        ("no address here, <>, @, a@, @b", []),
        ('"never closed <a@x.test>', [("a@x.test", '"never closed')]),
        ("jüri@exämple.test", [("jüri@exämple.test", "")]),
    ],
)
def test_read_lists(written: str, found: list[tuple[str, str]]) -> None:
    assert [(a.address, a.name) for a in addresses(written)] == found


@pytest.mark.parametrize(
    ("given", "spelled"),
    [
        ("ann@example.com", "ann@example.com"),
        ("o'hara+tag@EXAMPLE.com", "o'hara+tag@EXAMPLE.com"),
        ("info@exämple.com", "info@xn--exmple-cua.com"),
        ("info@faß.de", "info@xn--fa-hia.de"),  # IDNA 2008: not fass.de
        ("info@日本語。jp", "info@xn--wgv71a119e.jp"),  # UTS 46 maps the ideographic full stop
        ("a..b@docomo.example", '"a..b"@docomo.example'),
        ('"john smith"@example.com', '"john smith"@example.com'),
        ('"plain"@example.com', "plain@example.com"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
    ],
)
def test_ascii_local_parts_need_no_smtputf8(given: str, spelled: str) -> None:
    assert wire_address(given) == (spelled, False)


def test_local_part_beyond_ascii_needs_smtputf8_and_keeps_its_domain_readable() -> None:
    assert wire_address("jüri@EXÄMPLE.com") == ("jüri@exämple.com", True)
    assert wire_address("用户@xn--r8jz45g.jp") == ("用户@xn--r8jz45g.jp", True)


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "foo", "foo@", "@bar", "a@b>, <evil@x", "a@b, c@d", "a@b c", "john smith@b",
        "a b@c\r\n", "a\0@b",
        "a@b..c", "a@-ä-.com", "a@" + "ä" * 300, "x" * 600 + "@b", "=?utf-8?q?a?=@b", "a@[1.2",
        "a\u2028b@c", "ä\x7f@c", '""@b', "a@b\u00a0c", "\ud800@b", "a@b.",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        wire_address(text)
    assert [problem.key for problem in caught.value.fields] == ["address"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "a@b.example"),
        ("Ann Other", "Ann Other <a@b.example>"),
        ("Other, Ann", '"Other, Ann" <a@b.example>'),
        ('Ann "A" \\O', '"Ann \\"A\\" \\\\O" <a@b.example>'),
        ("Müller, Ann", "=?utf-8?B?TcO8bGxlciwgQW5u?= <a@b.example>"),
        ("=?utf-8?q?x?=", "=?utf-8?B?PT91dGYtOD9xP3g/PQ==?= <a@b.example>"),
        ("  ", "a@b.example"),
    ],
)
def test_display_names(name: str, shown: str) -> None:
    faults = Faults()
    line, is_utf8 = format_addresses("To", [Address("a@b.example", name)], key="to", faults=faults)
    assert line == f"To: {shown}\r\n"
    assert not is_utf8
    faults.settle()


def test_every_bad_entry_of_a_list_is_named() -> None:
    faults = Faults()
    people = [Address("a"), Address("b@c", "x\ny"), Address("d@e")]
    line, _ = format_addresses("Cc", people, key="cc", faults=faults)
    assert line == "Cc: d@e\r\n"
    with pytest.raises(Invalid) as caught:
        faults.settle()
    assert [p.key for p in caught.value.fields] == ["address", "name"]
    assert all(p.message.startswith("cc: ") for p in caught.value.fields)


def test_unique_addresses_ignore_case_and_keep_the_first_spelling() -> None:
    people = [Address("Ann@X.test", "A"), Address("ann@x.test", "B"), Address("bob@x.test")]
    assert unique_addresses(people) == [people[0], people[2]]
    assert unique_addresses(people, but=[Address("BOB@x.test")]) == [people[0]]
