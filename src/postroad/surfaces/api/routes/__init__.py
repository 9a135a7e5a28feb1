"""One module per tag. Importing this package fills the operation table."""

from postroad.surfaces.api.routes import (
    accounts,
    mailboxes,
    messages,
    multi,
    outbox,
    service,
    settings,
    submit,
    tokens,
)

__all__ = [
    "accounts",
    "mailboxes",
    "messages",
    "multi",
    "outbox",
    "service",
    "settings",
    "submit",
    "tokens",
]
