"""Mail over HTTP as a client sees it: the whole server, a real Dovecot, sockets."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import hashlib
import http.client
import itertools
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.dovecot import Dovecot
from support.followed import message
from support.server import Server

pytestmark = pytest.mark.integration
_users = itertools.count(1)
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("mail-api"))
    running.start()
    yield running
    running.stop()


class Box:
    """One account on both ends."""

    def __init__(self, server: Server, dovecot: Dovecot) -> None:
        self.server, self.dovecot = server, dovecot
        self.user = f"reader{next(_users)}"
        self.path = f"/v1/account/{self.user}"

    def connect(self) -> None:
        body = {"account": self.user, "name": self.user, "email": f"{self.user}@x.test"}
        status, answer = self.server.call(
            "POST", "/v1/account", body | {"imap": self.dovecot.imap(self.user)}
        )
        assert status == 200, answer
        self.server.wait_until(self._is_connected, 20, "the account is connected")

    def _is_connected(self) -> bool:
        return bool(self.server.call("GET", self.path)[1]["state"] == "connected")

    def get(self, path: str) -> Any:
        status, answer = self.server.call("GET", f"{self.path}/{path}".rstrip("/"))
        assert status == 200, answer
        return answer

    def do(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self.server.call(method, f"{self.path}/{path}", body)
        assert status == 200, answer
        return answer

    @contextlib.contextmanager
    def download(self, path: str) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        headers = {"authorization": f"Bearer {self.server.token}"}
        try:
            connection.request("GET", f"{self.path}/{path}", headers=headers)
            with connection.getresponse() as response:
                yield response
        finally:
            connection.close()


@pytest.fixture
def box(server: Server, dovecot: Dovecot) -> Box:
    return Box(server, dovecot)


def mail(n: int) -> bytes:
    return (
        f"From: Sender {n} <s{n}@x.test>\r\nTo: me@x.test\r\nSubject: Mail {n}\r\n"
        f"Message-ID: <{n}@x.test>\r\nDate: Mon, 16 Aug 2021 15:00:{n % 60:02} +0000\r\n\r\n"
        f"Text {n}\r\n"
    ).encode()


def with_attachment(data: bytes, name: str) -> bytes:
    encoded = base64.encodebytes(data).replace(b"\n", b"\r\n")
    return (
        b"From: a@x.test\r\nTo: b@x.test\r\nSubject: Large\r\nMessage-ID: <large@x.test>\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nSee below\r\n--b\r\nContent-Type: application/octet-stream\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''" + name.encode() + b"\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + encoded + b"--b--\r\n"
    )


def test_mail_is_listed_read_changed_moved_and_removed(box: Box) -> None:
    for n in range(3):
        box.dovecot.deliver(box.user, mail(n))
    box.connect()
    page = box.get("messages?path=inbox&pageSize=2")
    assert (page["total"], page["pages"], page["page"]) == (3, 2, 0)
    assert [m["subject"] for m in page["messages"]] == ["Mail 2", "Mail 1"]
    rest = box.get(f"messages?path=INBOX&pageSize=2&cursor={page['nextPageCursor']}")
    assert [m["subject"] for m in rest["messages"]] == ["Mail 0"]
    message = page["messages"][0]
    assert message["unseen"] is True
    details = box.get(f"message/{message['id']}?textType=*&markAsSeen=true")
    assert details["text"]["plain"] == "Text 2\n"
    assert "unseen" not in details
    assert details["headers"]["message-id"] == ["<2@x.test>"]
    text = box.get(f"text/{message['text']['id']}?textType=plain")
    assert text == {"plain": "Text 2\n", "hasMore": False}
    flags = {"flags": {"add": ["\\Flagged"], "delete": ["\\Seen"]}}
    assert box.do("PUT", f"message/{message['id']}", flags) == {
        "flags": {"add": True, "delete": True}
    }
    found = box.do("POST", "search?path=INBOX", {"search": {"flagged": True}})
    assert [m["id"] for m in found["messages"]] == [message["id"]]
    moved = box.do("PUT", f"message/{message['id']}/move", {"path": "\\Junk"})
    assert moved["path"] == "Junk"
    assert box.server.call("GET", f"{box.path}/message/{message['id']}")[0] == 404
    assert box.do("DELETE", f"message/{moved['id']}") == {"deleted": True}
    gone = box.do("DELETE", f"message/{rest['messages'][0]['id']}")
    assert gone["deleted"] is False
    assert gone["moved"]["destination"] == "Trash"


def test_a_text_is_shown_as_it_is_asked_for(box: Box) -> None:
    """Contract B-055 to B-059, and what an author wrote told from the quote."""
    png = "iVBORw0KGgo="
    quote = "words of somebody else, and a good many of them. " * 8
    html = '<p>Mine</p><script>x()</script><img src="cid:i@x">'
    html += f'<blockquote type="cite">{quote}</blockquote>'
    parts = (
        "From: a@x.test\r\nSubject: Re: texts\r\nMIME-Version: 1.0\r\n"
        "Content-Type: multipart/related; boundary=r\r\n\r\n"
        "--r\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n"
        f"--a\r\n\r\nMine\r\n\r\nOn 1 Jan 2024, Bob <b@x.test> wrote:\r\n> {quote}\r\n"
        f"--a\r\nContent-Type: text/html\r\n\r\n{html}\r\n--a--\r\n"
        "--r\r\nContent-Type: image/png\r\nContent-ID: <i@x>\r\n"
        f"Content-Transfer-Encoding: base64\r\n\r\n{png}\r\n--r--\r\n"
    )
    box.dovecot.deliver(box.user, parts.encode())
    box.connect()
    (listed,) = box.get("messages?path=INBOX")["messages"]

    def text(wish: str) -> dict[str, Any]:
        shown: dict[str, Any] = box.get(f"message/{listed['id']}?{wish}")["text"]
        assert shown.pop("id") == listed["text"]["id"]
        del shown["encodedSize"]
        return shown

    assert text("") == {}
    assert text("textType=plain&maxBytes=4") == {"plain": "Mine", "hasMore": True}
    split = text("textType=plain&splitReply=true")
    assert split["reply"].strip() == "Mine"
    assert quote.strip() in split["quoted"]
    assert set(split) == {"plain", "reply", "quoted", "hasMore"}
    safe = text("webSafeHtml=true")
    assert (safe["webSafe"], safe["hasMore"], "plain" in safe) == (True, False, True)
    assert f"data:image/png;base64,{png}" in safe["html"]
    assert "script" not in safe["html"]
    assert safe["html"].count('<details class="ee-collapsed-thread">') == 1
    assert "cid:i@x" in text("webSafeHtml=true&embedAttachedImages=false")["html"]
    embedded = text("textType=html&embedAttachedImages=true")
    assert f"data:image/png;base64,{png}" in embedded["html"]
    assert "<script>" in embedded["html"]
    processed = text("textType=html&preProcessHtml=true")
    assert (processed["webSafe"], "script" in processed["html"]) == (True, False)
    assert "cid:i@x" in processed["html"]
    alone = box.get(f"text/{listed['text']['id']}?webSafeHtml=true")
    assert alone == {"html": safe["html"], "webSafe": True, "hasMore": False}


def test_a_message_of_thousands_of_parts_is_read_in_full(box: Box) -> None:
    parts = "".join(f"--b\r\n\r\npart {n}\r\n" for n in range(3000))
    head = (
        "Subject: parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    )
    box.dovecot.deliver(box.user, f"{head}{parts}--b--\r\n".encode())
    box.connect()
    (listed,) = box.get("messages?path=INBOX")["messages"]
    text = box.get(f"message/{listed['id']}?textType=plain")["text"]
    assert text["plain"].split("\n")[:2999] == [f"part {n}" for n in range(2999)]


def test_a_page_shown_before_tells_what_has_changed_since(box: Box) -> None:
    for n in range(3):
        box.dovecot.deliver(box.user, mail(n))
    box.connect()
    first = {m["subject"]: m for m in box.get("messages?path=INBOX")["messages"]}
    with box.dovecot.client(box.user) as imap:
        imap.select("INBOX")
        imap.store("1", "+FLAGS", "(\\Flagged \\Seen)")
        imap.store("2", "+FLAGS", "\\Deleted")
        imap.expunge()
    box.dovecot.deliver(box.user, mail(3))
    for _ in range(2):
        again = box.get("messages?path=INBOX")["messages"]
        assert [m["subject"] for m in again] == ["Mail 3", "Mail 2", "Mail 0"]
        assert again[1] == first["Mail 2"]
        changed = first["Mail 0"] | {"flags": again[2]["flags"], "flagged": True}
        del changed["unseen"]
        assert again[2] == changed
        assert set(again[2]["flags"]) == {"\\Flagged", "\\Seen"}


def test_a_mailbox_made_anew_shows_nothing_of_its_former_life(box: Box) -> None:
    box.connect()
    for life in ("first", "second"):
        with box.dovecot.client(box.user) as imap:
            imap.delete("Again")
            imap.create("Again")
            for n in range(2):
                imap.append("Again", "", None, f"Subject: {life} {n}\r\n\r\nx\r\n".encode())
        for _ in range(2):
            listed = box.get("messages?path=Again")["messages"]
            assert [(m["uid"], m["subject"]) for m in listed] == [
                (2, f"{life} 1"),
                (1, f"{life} 0"),
            ]
        box.get("messages?path=INBOX")


def test_draft_is_filed_and_found(box: Box) -> None:
    box.connect()
    body = {
        "path": "\\Drafts",
        "flags": ["\\Draft"],
        "internalDate": "2021-08-16T15:00:00.000Z",
        "subject": "A draft",
        "html": "<p>Hello</p>",
    }
    filed = box.do("POST", "message", body)
    assert filed["path"] == "Drafts"
    details = box.get(f"message/{filed['id']}?textType=*")
    assert (details["subject"], details["draft"], details["specialUse"]) == (
        "A draft",
        True,
        "\\Drafts",
    )
    assert details["date"] == "2021-08-16T15:00:00.000Z"
    assert "from" not in details
    assert details["messageId"] == filed["messageId"]


def test_mailboxes_are_made_renamed_counted_and_deleted(box: Box) -> None:
    box.dovecot.deliver(box.user, mail(1))
    box.connect()
    assert box.do("POST", "mailbox", {"path": ["Kunden", "Größe"]}) == {
        "path": "Kunden/Größe",
        "created": True,
    }
    assert box.do("POST", "mailbox", {"path": "Kunden/Größe"})["created"] is False
    renamed = box.do("PUT", "mailbox", {"path": "Kunden/Größe", "newPath": ["Neu"]})
    assert renamed == {
        "path": "Kunden/Größe",
        "newPath": "Neu",
        "renamed": True,
        "subscribed": True,
    }
    listed = box.get("mailboxes?counters=true")["mailboxes"]
    assert (listed[0]["path"], listed[0]["status"]) == ("INBOX", {"messages": 1, "unseen": 1})
    assert listed[0]["specialUse"] == "\\Inbox"
    assert "Neu" in [one["path"] for one in listed]
    assert box.server.call("DELETE", f"{box.path}/mailbox?path=Neu")[1] == {
        "path": "Neu",
        "deleted": True,
    }
    assert box.server.call("DELETE", f"{box.path}/mailbox?path=Neu")[1]["deleted"] is False
    status, refused = box.server.call("PUT", f"{box.path}/mailbox", {"path": "No", "newPath": "X"})
    assert status == 400
    assert refused["code"] in ("NONEXISTENT", "RenameFailed")
    assert "response" in refused["details"]


def test_a_mailbox_that_cannot_be_deleted_is_forgotten_and_known_anew(box: Box) -> None:
    """Contract B-080; and no old mail is announced again."""
    box.connect()

    def told() -> dict[str, int]:
        counted: dict[str, int] = box.get("")["counters"]["events"]
        return counted

    box.dovecot.deliver(box.user, message("known"))
    box.server.wait_until(lambda: "messageNew" in told(), 20, "mail is told")
    before = told()
    refused = box.server.call("DELETE", f"{box.path}/mailbox?path=inbox")
    assert refused == (200, {"path": "INBOX", "deleted": False})
    box.dovecot.deliver(box.user, message("later"))
    box.server.wait_until(lambda: told()["messageNew"] > 1, 20, "new mail is told")
    after = told()
    assert after["mailboxDeleted"] == 1
    assert after["mailboxNew"] == before["mailboxNew"] + 1
    with box.dovecot.client(box.user) as imap:
        imap.select("INBOX")
        imap.store("1", "+FLAGS", "\\Flagged")
    box.server.wait_until(lambda: "messageUpdated" in told(), 20, "old mail is known again")
    assert box.server.call("DELETE", f"{box.path}/mailbox?path=Nowhere")[1]["deleted"] is False
    assert (told()["mailboxDeleted"], told()["messageNew"]) == (1, 2)


def test_all_matches_are_changed_at_once(box: Box) -> None:
    for n in range(4):
        box.dovecot.deliver(box.user, mail(n))
    box.connect()
    search = {"search": {"subject": "Mail"}}
    update = box.do("PUT", "messages?path=INBOX", search | {"update": {"flags": {"add": ["$x"]}}})
    assert update == {"flags": {"add": True}}
    ids = [m["id"] for m in box.get("messages?path=INBOX")["messages"]]
    moved = box.do("PUT", "messages/move?path=INBOX", search | {"path": "Archive"})
    assert sorted(pair[0] for pair in moved["idMap"]) == sorted(ids)
    there = box.get("messages?path=Archive")["messages"]
    assert {m["id"] for m in there} == {pair[1] for pair in moved["idMap"]}
    assert all("$x" in m["flags"] for m in there)
    removed = box.do("PUT", "messages/delete?path=Archive", {"search": {}})
    assert removed["deleted"] is False
    assert removed["moved"]["destination"] == "Trash"
    assert box.do("PUT", "messages/delete?path=Trash", {"search": {}}) == {"deleted": True}


def test_attachment_and_source_arrive_octet_for_octet(box: Box) -> None:
    data = os.urandom(3 * MIB)
    message = with_attachment(data, "gr%C3%B6%C3%9Fe.bin")
    box.dovecot.deliver(box.user, message)
    box.connect()
    (listed,) = box.get("messages?path=INBOX")["messages"]
    (attachment,) = listed["attachments"]
    with box.download(f"attachment/{attachment['id']}") as response:
        assert response.status == 200
        assert response.getheader("content-type") == "application/octet-stream"
        assert response.getheader("content-disposition") == (
            "attachment; filename=\"gr__e.bin\"; filename*=utf-8''gr%C3%B6%C3%9Fe.bin"
        )
        assert response.read() == data
    with box.download(f"message/{listed['id']}/source") as source:
        assert source.getheader("content-type") == "message/rfc822"
        assert source.read().endswith(message)
    assert box.server.call("GET", f"{box.path}/attachment/AAAAAQAAACcz")[0] == 404


def test_large_attachment_costs_little_memory(box: Box) -> None:
    piece = os.urandom(MIB)
    data = piece * 100
    box.dovecot.deliver(box.user, with_attachment(data, "a"))
    box.connect()
    (listed,) = box.get("messages?path=INBOX")["messages"]
    path = f"attachment/{listed['attachments'][0]['id']}"
    with box.download(path) as given_up:
        given_up.read(MIB)
    before = _resident(box.server)
    digest, peak = hashlib.sha256(), 0
    with box.download(path) as response:
        while block := response.read(4 * MIB):
            digest.update(block)
            peak = max(peak, _resident(box.server))
    assert digest.digest() == hashlib.sha256(data).digest()
    assert peak - before < 8 * MIB


def test_clients_that_go_away_or_stall_keep_nobody_waiting(box: Box) -> None:
    box.dovecot.deliver(box.user, with_attachment(os.urandom(12 * MIB), "a"))
    box.connect()
    (listed,) = box.get("messages?path=INBOX")["messages"]
    stalled = []
    for _ in range(10):
        raw = socket.create_connection(("127.0.0.1", box.server.port), timeout=30)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        raw.sendall(
            f"GET {box.path}/message/{listed['id']}/source HTTP/1.1\r\nhost: x\r\n"
            f"authorization: Bearer {box.server.token}\r\n\r\n".encode()
        )
        assert raw.recv(12) == b"HTTP/1.1 200"
        stalled.append(raw)
    assert box.get("messages?path=INBOX")["total"] == 1
    for raw in stalled[:5]:
        raw.close()
    assert box.get(f"message/{listed['id']}")["subject"] == "Large"
    for raw in stalled[5:]:
        raw.close()


def test_fifty_reads_at_once_on_one_account(box: Box) -> None:
    for n in range(20):
        box.dovecot.deliver(box.user, mail(n))
    box.connect()
    listed = box.get("messages?path=INBOX&pageSize=20")["messages"]

    def one(n: int) -> bool:
        message = listed[n % 20]
        if n % 3 == 0:
            return bool(box.get("messages?path=INBOX")["total"] == 20)
        if n % 3 == 1:
            return bool(box.get(f"message/{message['id']}")["id"] == message["id"])
        return "plain" in box.get(f"text/{message['text']['id']}")

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        assert all(pool.map(one, range(300)))


def test_account_that_cannot_be_read_says_why(box: Box) -> None:
    body = {
        "account": box.user,
        "name": "x",
        "imap": {"host": "127.0.0.1", "port": 1, "auth": {"user": "u", "pass": "p"}},
    }
    box.server.call("POST", "/v1/account", body)
    box.server.wait_until(
        lambda: box.server.call("GET", box.path)[1]["state"] == "connectError", 20, "it fails"
    )
    status, refused = box.server.call("GET", f"{box.path}/messages?path=INBOX")
    assert (status, refused["code"], refused["state"]) == (503, "ConnectionError", "connectError")
    status, refused = box.server.call("PUT", f"{box.path}/sync", {"sync": True})
    assert (status, refused["code"], refused["state"]) == (503, "ConnectionError", "connectError")
    sender = {"account": f"{box.user}-s", "name": "x", "smtp": {"host": "127.0.0.1", "port": 1}}
    box.server.call("POST", "/v1/account", sender)
    status, refused = box.server.call("GET", f"{box.path}-s/messages?path=INBOX")
    assert (status, refused["code"]) == (503, "NotSyncing")
    assert box.server.call("GET", "/v1/account/nobody/messages?path=INBOX")[0] == 404


def _resident(server: Server) -> int:
    assert server.process is not None
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
