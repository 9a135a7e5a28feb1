from __future__ import annotations

from postroad.protocol.mime.fold import fold_list, fold_text, fold_tokens, fold_verbatim


def test_short_text_stays_as_it_is() -> None:
    assert fold_text("Subject", "Your order has shipped") == "Subject: Your order has shipped\r\n"


def test_fold_replaces_a_single_space_before_column_76() -> None:
    text = "word " * 30 + "end"
    folded = fold_text("Subject", text)
    assert folded.replace("\r\n ", " ") == f"Subject: {text}\r\n"
    assert max(map(len, folded.split("\r\n"))) <= 76


def test_only_what_needs_it_is_encoded() -> None:
    assert fold_text("Subject", "Re: Grüße from us") == (
        "Subject: Re: =?utf-8?B?R3LDvMOfZQ==?= from us\r\n"
    )


def test_text_that_looks_like_an_encoded_word_is_encoded() -> None:
    assert "=?utf-8?q?x?=" not in fold_text("Subject", "about =?utf-8?q?x?= words")


def test_blanks_at_the_ends_survive_in_words() -> None:
    assert fold_text("Subject", "a ") == "Subject: =?utf-8?Q?a_?=\r\n"


def test_empty_subject_is_an_empty_field() -> None:
    assert fold_text("Subject", "") == "Subject: \r\n"


def test_long_token_is_encoded_in_text_and_left_whole_elsewhere() -> None:
    url = "https://example.com/" + "x" * 90
    assert max(map(len, fold_text("Subject", url).split("\r\n"))) <= 76
    assert fold_verbatim("List-Unsubscribe", f"<{url}>") == f"List-Unsubscribe: <{url}>\r\n"
    assert fold_tokens("References", [f"<{url}>", "<b@c>"]) == (
        f"References: <{url}>\r\n <b@c>\r\n"
    )


def test_first_token_moves_to_its_own_line_only_when_998_octets_would_be_passed() -> None:
    token = "x" * 990
    assert fold_tokens("Message-ID", [token]) == f"Message-ID:\r\n {token}\r\n"
    assert fold_tokens("Message-ID", [token[:980]]) == f"Message-ID: {token[:980]}\r\n"


def test_list_breaks_between_items_before_it_breaks_inside_one() -> None:
    items = [("Ann", "Other", f"<ann{i}@department.example.com>") for i in range(3)]
    assert fold_list("To", items) == (
        "To: Ann Other <ann0@department.example.com>,\r\n"
        " Ann Other <ann1@department.example.com>,\r\n"
        " Ann Other <ann2@department.example.com>\r\n"
    )
