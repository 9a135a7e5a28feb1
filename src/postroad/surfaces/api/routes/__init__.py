"""One module per tag. Importing this package fills the operation table."""

from postroad.surfaces.api.routes import (
    accounts,
    blocklists,
    logs,
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
    "blocklists",
    "logs",
    "mailboxes",
    "messages",
    "multi",
    "outbox",
    "service",
    "settings",
    "submit",
    "tokens",
]
