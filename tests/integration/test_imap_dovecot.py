"""Our client and provider on a real Dovecot."""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from itertools import count

import pytest
from imapclient import IMAPClient, imap_utf7

from postroad.domain.account import Account, ImapSettings, Login, TlsOptions
from postroad.domain.errors import NotFound, RemoteFailure
from postroad.domain.mailbox import SpecialUse
from postroad.domain.secret import Secret
from postroad.engine.providers.base import Octets
from postroad.engine.providers.imap import ImapProvider, connector
from postroad.protocol.imap import utf7
from postroad.protocol.imap.numset import NumSet
from postroad.transport.imap import (
    AuthenticationRefused,
    DialError,
    ImapConnection,
    ImapTimeouts,
    ToAppend,
)
from support import dovecot
from support.mailbox_numbers import MemoryNumbers
from support.provider_suite import file, octets, plain

pytestmark = [pytest.mark.integration]

TIMEOUTS = ImapTimeouts(connect_s=10, open_s=20, silence_s=20, command_s=60, close_s=2)
_users = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[dovecot.Dovecot]:
    if dovecot.find_program() is None:
        pytest.skip(dovecot.MISSING)
    with dovecot.Dovecot() as running:
        yield running


@pytest.fixture
def user() -> str:
    """A user whose mailboxes nobody has touched."""
    return f"user{next(_users)}"


def settings(server: dovecot.Dovecot, user: str, *, secure: bool = False) -> ImapSettings:
    return ImapSettings(
        host="localhost" if secure else "127.0.0.1",
        port=server.tls_port if secure else server.port,
        secure=secure,
        login=Login(user, Secret(server.password)),
        tls=TlsOptions(extra={"ca": server.ca}),
    )


async def connected(wanted: ImapSettings, *, compress: bool = True) -> ImapConnection:
    return await ImapConnection.open(
        wanted, client_id={"name": "Postroad"}, timeouts=TIMEOUTS, compress=compress
    )


def account(wanted: ImapSettings) -> Account:
    return Account(account="a", name="A", email="a@example.test", created_at=0, imap=wanted)


def provider_for(wanted: ImapSettings, *, warm_s: float = 60.0) -> ImapProvider:
    owner = account(wanted)
    return ImapProvider(
        owner,
        numbers=MemoryNumbers(),
        connect=connector(owner, timeouts=TIMEOUTS),
        warm_s=warm_s,
    )


@pytest.fixture
async def imap(server: dovecot.Dovecot, user: str) -> AsyncIterator[ImapConnection]:
    connection = await connected(settings(server, user))
    yield connection
    await connection.close()


@pytest.fixture
async def mailbox(server: dovecot.Dovecot, user: str) -> AsyncIterator[ImapProvider]:
    provider = provider_for(settings(server, user))
    yield provider
    await provider.close()


# Getting in


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("secure", [True, False])
async def test_every_road_leads_in_encrypted(
    server: dovecot.Dovecot, user: str, secure: bool, compress: bool
) -> None:
    connection = await connected(settings(server, user, secure=secure), compress=compress)
    assert connection.is_encrypted
    assert connection.is_compressed is compress
    assert connection.server_id["name"] == "Dovecot"
    await connection.noop()
    await connection.close()


@pytest.mark.parametrize("secure", [True, False])
async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    server: dovecot.Dovecot, user: str, secure: bool
) -> None:
    wanted = replace(settings(server, user, secure=secure), tls=TlsOptions())
    with pytest.raises(DialError) as caught:
        await connected(wanted)
    assert caught.value.code == "ETLS"


async def test_a_certificate_need_not_be_checked(server: dovecot.Dovecot, user: str) -> None:
    wanted = replace(settings(server, user, secure=True), tls=TlsOptions(verify=False))
    await (await connected(wanted)).close()


async def test_a_wrong_password_is_refused_in_the_servers_words(
    server: dovecot.Dovecot, user: str
) -> None:
    wanted = replace(settings(server, user), login=Login(user, Secret("wrong")))
    with pytest.raises(AuthenticationRefused) as caught:
        await connected(wanted)
    assert caught.value.code == "AUTHENTICATIONFAILED"
    assert "Authentication failed" in caught.value.response


async def test_a_server_that_wants_tls_before_the_login_gets_it(user: str) -> None:
    if dovecot.find_program() is None:
        pytest.skip(dovecot.MISSING)
    with dovecot.Dovecot(needs_tls=True, compress=False) as strict:
        connection = await connected(settings(strict, user))
        assert connection.is_encrypted
        assert not connection.is_compressed
        await connection.close()


# Commands


async def test_a_bare_server_is_enough(user: str) -> None:
    if dovecot.find_program() is None:
        pytest.skip(dovecot.MISSING)
    bare = dovecot.Dovecot(
        special_use=False, compress=False, prefix="INBOX.", capability="IMAP4rev1"
    )
    with bare:
        provider = provider_for(settings(bare, user))
        paths = {one.path: one for one in await provider.mailboxes()}
        assert paths["INBOX"].special_use is SpecialUse.INBOX
        sent = await provider.find_mailbox(SpecialUse.SENT)
        assert sent is not None
        assert (sent.path, sent.special_use_source) == ("INBOX.Sent", "name")
        message = await file(provider, plain(), path=sent.path)
        await provider.add_flags(message, ["\\Answered", "$Forwarded"])
        flags = (await provider.read_reference(message)).flags
        assert set(flags) == {"\\Answered", "$Forwarded"}
        await provider.close()


async def test_mailboxes_have_their_uses_and_subscriptions(imap: ImapConnection) -> None:
    listing = await imap.list_mailboxes()
    by_path = {entry.path: entry for entry in listing.entries}
    assert by_path["Sent"].has("\\Sent")
    assert listing.subscribed is not None
    assert b"Sent" in listing.subscribed
    assert (await imap.namespace()).personal[0].delimiter == "/"


@pytest.mark.parametrize("name", ["Entwürfe & Co", "台北/日本語", "📮", 'quo"te', "back\\slash"])
async def test_mailboxes_of_any_name_can_be_used(
    server: dovecot.Dovecot, user: str, mailbox: ImapProvider, name: str
) -> None:
    with IMAPClient(server.host, server.port, ssl=False) as other:
        other.starttls(dovecot._trusting())
        other.login(user, server.password)
        other.create_folder(name)
    assert imap_utf7.encode(name) == utf7.encode(name)
    assert name in [one.path for one in await mailbox.mailboxes()]
    await file(mailbox, plain(), path=name)
    assert await mailbox.find_by_message_id(name, "<one@example.test>") is not None


async def test_what_is_appended_is_what_another_client_reads(
    server: dovecot.Dovecot, user: str, imap: ImapConnection
) -> None:
    message = plain(body="Grüße\r\n..\r\n".encode() * 100)
    code = await imap.append(
        b"Sent", octets(message), flags=["\\Seen", "$Own"], date_ms=837596665000
    )
    assert code is not None
    assert server.messages(user, "Sent") == [(message, ("\\Seen", "$Own"))]
    await imap.select(b"Sent", read_only=True)
    (row,) = await imap.uid_fetch(code.uids, ["INTERNALDATE", "RFC822.SIZE"])
    assert (row.internal_date, row.size) == (837596665000, len(message))


async def test_several_messages_are_filed_at_once(
    server: dovecot.Dovecot, user: str, imap: ImapConnection
) -> None:
    assert imap.can("MULTIAPPEND")
    messages = [plain(f"<{n}@example.test>") for n in range(20)]
    code = await imap.append_many(b"Sent", [ToAppend(octets(one)) for one in messages])
    assert code is not None
    assert len(code.uids) == 20
    assert [octets_ for octets_, _ in server.messages(user, "Sent")] == messages


async def test_twenty_five_mebibytes_are_streamed(
    server: dovecot.Dovecot, user: str, imap: ImapConnection
) -> None:
    line = b"x" * 76 + b"\r\n"
    head = plain(body=b"")
    lines = 25 * 1024 * 1024 // len(line)

    async def reading() -> AsyncIterator[bytes]:
        yield head
        piece = line * 800
        for _ in range(lines // 800):
            yield piece
        yield line * (lines % 800)

    content = Octets(len(head) + lines * len(line), reading)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code = await imap.append(b"Sent", content)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert code is not None
    unit = 1024 if sys.platform == "linux" else 1
    assert grown * unit < 8 * 1024 * 1024
    await imap.select(b"Sent", read_only=True)
    (row,) = await imap.uid_fetch(code.uids, ["RFC822.SIZE"])
    assert row.size == content.size


async def test_our_reading_agrees_with_another_clients(
    server: dovecot.Dovecot, user: str, imap: ImapConnection
) -> None:
    for n in range(3):
        server.deliver(user, plain(f"<{n}@example.test>"))
    await imap.select(b"INBOX")
    ours = await imap.uid_fetch(NumSet.of(range(1, 10)), ["FLAGS", "ENVELOPE", "RFC822.SIZE"])
    with IMAPClient(server.host, server.port, ssl=False) as other:
        other.login(user, server.password)
        other.select_folder("INBOX", readonly=True)
        theirs = other.fetch([1, 2, 3], ["ENVELOPE", "RFC822.SIZE"])
    assert sorted(theirs) == [row.uid for row in ours] == [1, 2, 3]
    for row in ours:
        assert row.uid is not None
        assert row.envelope is not None
        other_row = theirs[row.uid]
        assert row.size == other_row[b"RFC822.SIZE"]
        assert row.envelope.message_id == other_row[b"ENVELOPE"].message_id
        assert row.envelope.subject == other_row[b"ENVELOPE"].subject
        assert row.envelope.from_[0].mailbox == other_row[b"ENVELOPE"].from_[0].mailbox


async def test_new_mail_is_told_between_commands(
    server: dovecot.Dovecot, user: str, imap: ImapConnection
) -> None:
    selected = await imap.select(b"INBOX")
    assert selected.exists == 0
    server.deliver(user, plain())
    await imap.noop()
    assert selected.exists == 1
    await imap.uid_store(NumSet.of([1]), "+FLAGS", ["\\Flagged"])
    assert await imap.uid_search(["FLAGGED"]) == [1]
    assert await imap.uid_search(["SUBJECT", "Grüße".encode()]) == []


# The provider


async def test_a_mailbox_in_its_second_life_answers_no_id_of_its_first(
    server: dovecot.Dovecot, user: str, mailbox: ImapProvider
) -> None:
    server.create(user, "Work")
    message = await file(mailbox, plain(), path="Work")
    with server.client(user) as other:
        other.delete("Work")
    server.create(user, "Work")
    again = await file(mailbox, plain(), path="Work")
    with pytest.raises(NotFound):
        await mailbox.read_reference(message)
    assert (await mailbox.read_reference(again)).message == again


async def test_a_folder_chosen_by_the_user_wins(server: dovecot.Dovecot, user: str) -> None:
    server.create(user, "Mine")
    provider = provider_for(replace(settings(server, user), sent_path="Mine"))
    sent = await provider.find_mailbox(SpecialUse.SENT)
    assert sent is not None
    assert (sent.path, sent.special_use_source) == ("Mine", "user")
    await provider.close()


async def test_fifty_reads_at_once_share_two_connections(
    server: dovecot.Dovecot, user: str, mailbox: ImapProvider
) -> None:
    message = await file(mailbox, plain())
    found = await asyncio.gather(*[mailbox.read_reference(message) for _ in range(50)])
    assert {one.message for one in found} == {message}


async def test_nothing_can_be_flagged_that_is_gone(
    server: dovecot.Dovecot, user: str, mailbox: ImapProvider
) -> None:
    message = await file(mailbox, plain())
    with server.client(user) as other:
        other.select("INBOX")
        other.store("1", "+FLAGS", "\\Deleted")
        other.expunge()
    with pytest.raises(NotFound):
        await mailbox.add_flags(message, ["\\Seen"])
    with pytest.raises(NotFound):
        await mailbox.read_reference(message)


async def test_a_message_that_the_server_refuses_is_a_remote_failure(
    mailbox: ImapProvider,
) -> None:
    with pytest.raises((RemoteFailure, NotFound)):
        await mailbox.append("a//b", octets(plain()), flags=[])


async def test_a_runner_can_lend_its_connection_for_learning(
    imap: ImapConnection, mailbox: ImapProvider
) -> None:
    await mailbox.learn(imap)
    sent = await mailbox.find_mailbox(SpecialUse.SENT)
    assert sent is not None
    assert not mailbox.traits.files_sent


async def test_an_enclosed_message_is_one_part_that_can_be_read(
    server: dovecot.Dovecot, user: str, mailbox: ImapProvider
) -> None:
    inner = plain("<inner@example.test>")
    outer = (
        b"From: a@example.test\r\nMessage-ID: <outer@example.test>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nSee below\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--b--\r\n"
    )
    message = await file(mailbox, outer)
    (part,) = (await mailbox.read_reference(message)).parts
    assert (part.part, part.content_type) == ("2", "message/rfc822")
    assert (await mailbox.read_part(message, "2", max_bytes=10_000)).data == inner
    assert (await mailbox.read_part(message, "2.1", max_bytes=10_000)).data == b"Hello\r\n"


async def test_mail_delivered_a_moment_ago_is_found(
    server: dovecot.Dovecot, user: str, mailbox: ImapProvider
) -> None:
    assert await mailbox.find_by_message_id("INBOX", "<one@example.test>") is None
    server.deliver(user, plain())
    assert await mailbox.find_by_message_id("INBOX", "<one@example.test>") is not None
