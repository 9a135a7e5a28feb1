"""Where a session stands, and what moves it: every transition in one table. RFC 9051 §3."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from postroad.domain.errors import LocalProtocolError
from postroad.protocol.imap.status import Condition


class State(StrEnum):
    GREETING = "greeting"  # nothing was heard yet
    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"
    LOGOUT = "logout"  # BYE was heard, or LOGOUT completed


@dataclass(frozen=True, slots=True)
class Rule:
    """Where a command is allowed and where its completion leads; ``None`` stays."""

    allowed: frozenset[State]
    on_ok: State | None = None
    on_failure: State | None = None
    is_alone: bool = False  # nothing may be in flight beside it


_ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
_BEFORE = frozenset({State.NOT_AUTHENTICATED})
_AFTER = frozenset({State.AUTHENTICATED, State.SELECTED})
_BETWEEN = frozenset({State.AUTHENTICATED})
_SELECTED = frozenset({State.SELECTED})

RULES: dict[str, Rule] = {
    "CAPABILITY": Rule(_ANY),
    "NOOP": Rule(_ANY),
    "ID": Rule(_ANY),
    "LOGOUT": Rule(_ANY, on_ok=State.LOGOUT),
    "STARTTLS": Rule(_BEFORE, is_alone=True),
    "AUTHENTICATE": Rule(_BEFORE, on_ok=State.AUTHENTICATED, is_alone=True),
    "LOGIN": Rule(_BEFORE, on_ok=State.AUTHENTICATED, is_alone=True),
    "COMPRESS": Rule(_AFTER, is_alone=True),
    # Before a mailbox is selected, because it changes what SELECT means. RFC 5161 §3.1
    "ENABLE": Rule(_BETWEEN, is_alone=True),
    "IDLE": Rule(_AFTER, is_alone=True),
    "NOTIFY": Rule(_AFTER),
    "NAMESPACE": Rule(_AFTER),
    "LIST": Rule(_AFTER),
    "XLIST": Rule(_AFTER),
    "LSUB": Rule(_AFTER),
    "STATUS": Rule(_AFTER),
    "CREATE": Rule(_AFTER),
    "RENAME": Rule(_AFTER),
    "DELETE": Rule(_AFTER),
    "SUBSCRIBE": Rule(_AFTER),
    "UNSUBSCRIBE": Rule(_AFTER),
    "GETQUOTAROOT": Rule(_AFTER),
    "APPEND": Rule(_AFTER, is_alone=True),
    # A SELECT that fails leaves no mailbox selected. RFC 9051 §6.3.2
    "SELECT": Rule(_AFTER, on_ok=State.SELECTED, on_failure=State.AUTHENTICATED, is_alone=True),
    "EXAMINE": Rule(_AFTER, on_ok=State.SELECTED, on_failure=State.AUTHENTICATED, is_alone=True),
    "UNSELECT": Rule(_SELECTED, on_ok=State.AUTHENTICATED, is_alone=True),
    "CLOSE": Rule(_SELECTED, on_ok=State.AUTHENTICATED, is_alone=True),
    "UID FETCH": Rule(_SELECTED),
    "UID STORE": Rule(_SELECTED),
    "UID SEARCH": Rule(_SELECTED),
    "UID SORT": Rule(_SELECTED),
    "UID COPY": Rule(_SELECTED),
    # It counts by message number, which may move under whatever runs beside it. RFC 9051 §5.5
    "FETCH": Rule(_SELECTED, is_alone=True),
    # Message numbers move under whatever runs beside these.
    "UID MOVE": Rule(_SELECTED, is_alone=True),
    "UID EXPUNGE": Rule(_SELECTED, is_alone=True),
    "EXPUNGE": Rule(_SELECTED, is_alone=True),
}


def rule_for(name: str, state: State) -> Rule:
    """The rule of a command that is about to be sent. Raises :exc:`LocalProtocolError`."""
    rule = RULES.get(name)
    if rule is None:
        raise LocalProtocolError(f"no such command: {name[:40]}")
    if state not in rule.allowed:
        raise LocalProtocolError(f"{name} is not allowed while {state}")
    return rule


def after(name: str, condition: Condition, state: State) -> State:
    """The state that a tagged response leads to."""
    if state is State.LOGOUT:
        return state  # BYE was heard; nothing leads back
    rule = RULES[name]
    target = rule.on_ok if condition is Condition.OK else rule.on_failure
    return state if target is None else target
