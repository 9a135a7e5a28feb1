"""Message-IDs that relays reveal."""

from __future__ import annotations

import pytest

from postroad.domain.reply import SmtpReply
from postroad.engine.delivery.rewritten import rewritten_message_id


@pytest.mark.parametrize(
    ("host", "line", "expected"),
    [
        (
            "smtp.office365.com",
            "2.0.0 OK <AM0PR01@AM0PR01.eurprd01.prod.outlook.com> [Hostname=AM0PR01]",
            "<AM0PR01@AM0PR01.eurprd01.prod.outlook.com>",
        ),
        (
            "email-smtp.eu-west-1.amazonaws.com",
            "Ok 0102018b0c8f1c2d-3a4b5c6d-000000",
            "<0102018b0c8f1c2d-3a4b5c6d-000000@eu-west-1.amazonses.com>",
        ),
        (
            "email-smtp.us-east-1.amazonaws.com",
            "Ok 0100018b0c8f1c2d-3a4b5c6d-000000",
            "<0100018b0c8f1c2d-3a4b5c6d-000000@email.amazonses.com>",
        ),
        (
            "smtp.mail.eu-central-1.awsapps.com",
            "Ok 0102018b0c8f1c2d-3a4b5c6d-000000",
            "<0102018b0c8f1c2d-3a4b5c6d-000000@eu-central-1.amazonses.com>",
        ),
        ("relay.example.com", "Ok 0102018b0c8f1c2d-3a4b5c6d-000000", None),
        ("smtp.gmail.com", "2.0.0 OK  1629126286 z8sm965227lfs.177 - gsmtp", None),
        ("mx.example.com", "2.0.0 Ok: queued as 4F3B21", None),
    ],
)
def test_a_new_message_id_is_read_from_the_final_reply(
    host: str, line: str, expected: str | None
) -> None:
    assert rewritten_message_id(host, SmtpReply(250, (line,))) == expected
