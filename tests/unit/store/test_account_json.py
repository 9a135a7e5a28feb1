"""An account's configuration in its row."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from postroad.domain.account import Account, ImapSettings, Login, SmtpSettings, TlsOptions
from postroad.domain.secret import Secret
from postroad.store.account_json import AccountJson
from postroad.store.sealed import Sealer

SEALING = AccountJson("a", Sealer(Secret("secret")))
PLAIN = AccountJson("a", Sealer())

names = st.text(max_size=8)
secrets = st.none() | st.builds(Secret, names)
logins = st.builds(Login, names, secrets, secrets)
tls = st.builds(
    TlsOptions,
    st.booleans(),
    st.none() | names,
    st.dictionaries(names, st.recursive(names | st.none() | st.integers(), st.lists), max_size=2),
)
accounts = st.builds(
    Account,
    account=st.just("a"),
    name=names,
    email=st.none() | names,
    created_at=st.integers(0, 2**50),
    version=st.integers(1, 9),
    is_sandbox=st.booleans(),
    imap=st.none()
    | st.builds(ImapSettings, names, st.integers(), login=st.none() | logins, tls=tls),
    smtp=st.none()
    | st.builds(SmtpSettings, names, st.integers(), login=st.none() | logins, tls=tls),
    paths=st.none() | st.tuples(names, names) | st.just(()),
    subconnections=st.tuples() | st.tuples(names),
    webhook_headers=st.tuples() | st.tuples(st.tuples(names, st.builds(Secret, names))),
    copy=st.none() | st.booleans(),
    notify_from=st.none() | st.integers(),
    proxy=secrets,
)


@given(accounts)
def test_any_account_comes_back_sealed_or_plain(account: Account) -> None:
    for form in (SEALING, PLAIN):
        text = form.write(account)
        back = form.read(account.name, account.email, account.created_at, account.version, text)
        assert back == account


def test_only_what_differs_from_the_default_is_written() -> None:
    account = Account("a", "A", "a@example.com", 1, smtp=SmtpSettings("h", 25))
    assert json.loads(PLAIN.write(account)) == {"smtp": {"host": "h", "port": 25}}


def test_every_secret_is_sealed() -> None:
    login = Login("u", Secret("hunter2"), Secret("hunter2"))
    account = Account(
        "a",
        "A",
        None,
        1,
        imap=ImapSettings("h", 1, login=login),
        smtp=SmtpSettings("h", 1, login=login),
        webhook_headers=(("X", Secret("hunter2")),),
        proxy=Secret("hunter2"),
    )
    assert "hunter2" not in SEALING.write(account)
    assert PLAIN.write(account).count("hunter2") == 6
    assert SEALING.is_current(SEALING.write(account))
    assert not SEALING.is_current(PLAIN.write(account))
