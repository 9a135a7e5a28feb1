"""The client side of SMTP as pure dialogues. RFC 5321 and the extensions in use today."""

from postroad.protocol.smtp.dotstuff import DotStuffer
from postroad.protocol.smtp.extensions import Extensions, parse_extensions
from postroad.protocol.smtp.failure import Dialogue, RelayFailure, refused
from postroad.protocol.smtp.opening import (
    authenticate,
    goodbye,
    greet,
    hello,
    simple,
    starttls,
)
from postroad.protocol.smtp.paths import encode_path
from postroad.protocol.smtp.replies import ReplyParser
from postroad.protocol.smtp.transaction import Plan, begin, finish, plan_transaction

__all__ = [
    "Dialogue",
    "DotStuffer",
    "Extensions",
    "Plan",
    "RelayFailure",
    "ReplyParser",
    "authenticate",
    "begin",
    "encode_path",
    "finish",
    "goodbye",
    "greet",
    "hello",
    "parse_extensions",
    "plan_transaction",
    "refused",
    "simple",
    "starttls",
]
