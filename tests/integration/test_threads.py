"""Computed threads as a client sees them: the whole server, a real Dovecot, webhooks."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from support.dovecot import Dovecot
from support.road import Road, road

pytestmark = pytest.mark.integration
_users = itertools.count(1)

LONG = "l" * 100_000
MANY = "\r\n ".join(f"<ref{number}.{'x' * 60}@many.test>" for number in range(10_000))

# What is above the Subject of messages that nobody should send. Each has a thread of its own,
# but for those that say otherwise below.
WEIRD = {
    "nameless": "",
    "nameless again": "",
    "nameless answer": "In-Reply-To: <root@weird.test>\r\n",
    "root": "Message-ID: <root@weird.test>\r\n",
    "root again": "Message-ID: <root@weird.test>\r\n",
    "blanks": "Message-ID: <a b @ weird.test>\r\n",
    "bare": "Message-ID: bare@weird.test\r\n",
    "nothing": "Message-ID: <>\r\n",
    "comment": "Message-ID: (no) <comment@weird.test> (really)\r\n",
    "folded": "Message-ID:\r\n <folded@weird.test>\r\n",
    "two": "Message-ID: <one@weird.test>\r\nMessage-ID: <other@weird.test>\r\n",
    "eight bits": "Message-ID: <gr\xfc\xdf@weird.test>\r\n",
    "utf": "Message-ID: <gr\u00fc\u00df@weird.test>\r\n",
    "controls": "Message-ID: <\x01\x02\x7f@weird.test>\r\n",
    "quotes": 'Message-ID: <"a\\"b"@weird.test>\r\n',
    "long": f"Message-ID: <{LONG}@weird.test>\r\n",
    "loop one": "Message-ID: <loop1@weird.test>\r\nReferences: <loop2@weird.test>\r\n",
    "loop two": "Message-ID: <loop2@weird.test>\r\nReferences: <loop1@weird.test>\r\n",
    "self": "Message-ID: <self@weird.test>\r\nReferences: <self@weird.test>\r\n",
    "many": f"Message-ID: <many@weird.test>\r\nReferences: {MANY}\r\n",
    "one of many": f"Message-ID: <ref3.{'x' * 60}@many.test>\r\n",
    "long references": f"Message-ID: <lr@weird.test>\r\nReferences: <{LONG}@x> <known@x.test>\r\n",
    "known": "Message-ID: <known@x.test>\r\n",
}
TOGETHER = [
    {"nameless answer", "root", "root again"},
    {"loop one", "loop two"},
    {"eight bits", "utf"},  # read as they are meant
    {"many", "one of many"},
    {"long references", "known"},
]


def weird(subject: str) -> bytes:
    encoding = "latin-1" if subject == "eight bits" else "utf-8"
    fields = f"From: a@x.test\r\nDate: Mon, 16 Aug 2021 15:00:00 +0000\r\n{WEIRD[subject]}"
    return f"{fields}Subject: {subject}\r\n\r\nText of {subject}\r\n".encode(encoding)


def mail(name: str, *refers: str) -> bytes:
    references = f"References: {' '.join(f'<{one}@t.test>' for one in refers)}\r\n"
    return (
        f"From: a@x.test\r\nMessage-ID: <{name}@t.test>\r\n{references if refers else ''}"
        f"Subject: {name}\r\nDate: Mon, 16 Aug 2021 15:00:00 +0000\r\n\r\nText\r\n"
    ).encode()


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Road]:
    with road(tmp_path_factory.mktemp("threads")) as running:
        events = ["*", "messageMoved"]  # the latter only by its name
        running.server.ok("POST", "/v1/settings", {"webhookEvents": events})
        yield running


class Box:
    """One account on both ends."""

    def __init__(self, way: Road, dovecot: Dovecot) -> None:
        self.way, self.server, self.dovecot = way, way.server, dovecot
        self.user = f"threaded{next(_users)}"
        self.path = f"/v1/account/{self.user}"

    def put(self, *mails: bytes, mailbox: str = "INBOX") -> None:
        with self.dovecot.client(self.user) as imap:
            for one in mails:
                status, answer = imap.append(mailbox, "", "", one)
                assert status == "OK", answer

    def connect(self, **more: object) -> None:
        body = {"account": self.user, "name": self.user, "email": f"{self.user}@x.test"}
        more = {"threading": True, "notifyFrom": "2000-01-01T00:00:00Z", **more}
        self.server.ok("POST", "/v1/account", body | more | {"imap": self.dovecot.imap(self.user)})
        self.server.wait_connected(self.user)

    def listed(self, path: str = "INBOX") -> dict[str, Any]:
        """Messages by subject."""
        found = self.server.ok("GET", f"{self.path}/messages?path={path}&pageSize=100")
        return {one["subject"]: one for one in found["messages"]}

    def threaded(self, count: int, path: str = "INBOX") -> dict[str, Any]:
        """Wait until so many messages have their threads; all that are listed by subject."""

        def are() -> dict[str, Any] | None:
            listed = self.listed(path)
            there = [one for one in listed.values() if "threadId" in one]
            return listed if len(there) == count else None

        found = self.server.wait_until(are, 20, f"{count} messages in their threads")
        assert isinstance(found, dict)
        return found

    def search(self, path: str = "INBOX", **search: object) -> list[str]:
        """Subjects of what is found."""
        answer = self.server.ok("POST", f"{self.path}/search?path={path}", {"search": search})
        return sorted(one["subject"] for one in answer["messages"])

    def found(self, thread: str, subjects: list[str], *, path: str) -> None:
        """Wait until a thread is found, which is once the mailbox was looked at."""
        self.server.wait_until(
            lambda: self.search(path, threadId=thread) == subjects, 20, f"{subjects} in {path}"
        )

    def told(self, subject: str, path: str) -> dict[str, Any]:
        """The data of the messageNew about a message."""
        receiver = self.way.receiver
        return receiver.wait_for("messageNew", subject=subject, path=path).data


@pytest.fixture
def box(way: Road, dovecot: Dovecot) -> Box:
    return Box(way, dovecot)


def ids(message: dict[str, Any]) -> tuple[Any, Any]:
    return message.get("threadId"), message.get("emailId")


def test_every_way_of_seeing_a_message_gives_the_same_ids(box: Box) -> None:
    box.dovecot.create(box.user, "Copies")
    box.put(*map(weird, WEIRD))
    box.connect(notifyFrom=None)  # read in the background, not announced
    listed = box.threaded(len(WEIRD))

    threads: dict[str, set[str]] = {}
    for subject, one in listed.items():
        threads.setdefault(one["threadId"], set()).add(subject)
        shown = box.server.ok("GET", f"{box.path}/message/{one['id']}")
        assert ids(shown) == ids(one), subject
        assert box.search(threadId=one["threadId"])
        assert box.search(emailId=one["emailId"]) == [subject]
    assert [one for one in threads.values() if len(one) > 1] == [
        one for one in threads.values() if one in TOGETHER
    ]
    assert all(one in threads.values() for one in TOGETHER)
    assert len({one["emailId"] for one in listed.values()}) == len(WEIRD)

    with box.dovecot.client(box.user) as imap:
        imap.select("INBOX")
        imap.uid("COPY", "1:*", "Copies")
    for subject, one in box.threaded(len(WEIRD), "Copies").items():
        assert ids(one) == ids(listed[subject]), subject
    for thread, subjects in threads.items():
        box.found(thread, sorted(subjects), path="Copies")


def test_new_mail_is_told_with_the_ids_by_which_it_is_listed(box: Box) -> None:
    box.connect()
    box.put(*map(weird, WEIRD))
    listed = box.threaded(len(WEIRD))

    for subject, one in listed.items():
        told = box.told(subject, "INBOX")
        assert told["emailId"] == one["emailId"], subject
        assert one["threadId"] == told["threadId"] or any(subject in some for some in TOGETHER)


def test_a_thousand_mails_of_one_name_are_one_thread_of_different_mails(box: Box) -> None:
    box.connect(notifyFrom=None)
    box.put(*[mail("same") + b"x" * number for number in range(1000)])
    box.threaded(1)  # they have one subject

    def found() -> bool:
        thread = box.listed()["same"]["threadId"]
        return len(box.search(threadId=thread)) == 20

    box.server.wait_until(found, 20, "a first page of the thread")
    answer = box.server.ok("GET", f"{box.path}/messages?path=INBOX&pageSize=1000")
    assert len({one["threadId"] for one in answer["messages"]}) == 1
    # Below the Message-ID 24 bits tell them apart.
    assert len({one["emailId"] for one in answer["messages"]}) > 990


def test_the_message_between_two_threads_makes_them_one_everywhere(box: Box) -> None:
    box.dovecot.create(box.user, "Other")
    box.connect()
    box.put(mail("first"))
    box.put(mail("third", "second"), mailbox="Other")
    early, late = box.told("first", "INBOX"), box.told("third", "Other")
    assert early["threadId"] != late["threadId"]
    box.put(mail("second", "first"))
    told = box.told("second", "INBOX")
    listed = {**box.listed(), **box.listed("Other")}
    assert {one["threadId"] for one in listed.values()} == {told["threadId"]}
    assert told["threadId"] == min(early["threadId"], late["threadId"], told["threadId"])
    for name in (early["threadId"], late["threadId"]):  # also who was told of it before finds it
        assert box.search(threadId=name) == ["first", "second"]
        assert box.search("Other", threadId=name) == ["third"]


def test_ids_outlive_a_move_and_another_life_of_the_mailbox(box: Box) -> None:
    box.dovecot.create(box.user, "Box")
    box.connect()
    box.put(mail("parent"), mail("child", "parent"), weird("nameless"))
    was = {subject: ids(one) for subject, one in box.threaded(3).items()}
    answer = box.server.ok(
        "PUT", f"{box.path}/messages/move?path=INBOX", {"search": {}, "path": "Box"}
    )
    assert answer
    now = box.threaded(3, "Box")
    assert {subject: ids(one) for subject, one in now.items()} == was
    assert box.search("INBOX", threadId=was["child"][0]) == []

    with box.dovecot.client(box.user) as imap:
        imap.rename("Box", "Kept")
        imap.create("Box")
        imap.select("Kept")
        imap.uid("COPY", "1:*", "Box")
    box.way.receiver.wait_for("mailboxReset", path="Box")

    def again() -> bool:
        listed = box.listed("Box")
        return {subject: ids(one) for subject, one in listed.items() if "threadId" in one} == was

    box.server.wait_until(again, 20, "the same ids in another life")
    box.found(was["child"][0], ["child", "parent"], path="Box")


def test_mail_that_came_while_threading_was_off_is_read_later(box: Box) -> None:
    box.connect()
    box.put(mail("early"))
    box.threaded(1)
    box.server.ok("PUT", box.path, {"threading": False})
    box.server.wait_connected(box.user)
    box.put(mail("between", "early"))
    assert "threadId" not in box.told("between", "INBOX")
    assert all("threadId" not in one for one in box.listed().values())

    box.server.ok("PUT", box.path, {"threading": True})
    box.server.wait_connected(box.user)
    listed = box.threaded(2)
    assert len({one["threadId"] for one in listed.values()}) == 1
    box.put(mail("late", "between"))
    assert box.told("late", "INBOX")["threadId"] == listed["early"]["threadId"]


def test_the_setting_is_followed_at_the_next_look_at_all_mailboxes(box: Box) -> None:
    box.connect(threading=None)
    box.put(mail("before"))
    box.told("before", "INBOX")
    box.server.ok("POST", "/v1/settings", {"threading": True})
    try:
        box.server.ok("PUT", f"{box.path}/sync", {"sync": True})
        box.threaded(1)
        box.put(mail("after", "before"))
        thread = box.told("after", "INBOX")["threadId"]
        assert {one["threadId"] for one in box.threaded(2).values()} == {thread}
    finally:
        box.server.ok("POST", "/v1/settings", {"threading": False})


def test_the_fast_indexer_has_threads_and_cannot_search_for_them(box: Box) -> None:
    box.put(mail("old"))
    box.connect(imapIndexer="fast")
    box.threaded(1)
    box.put(mail("new", "old"))
    thread = box.told("new", "INBOX")["threadId"]

    assert {one["threadId"] for one in box.threaded(2).values()} == {thread}
    status, answer = box.server.call(
        "POST", f"{box.path}/search?path=INBOX", {"search": {"threadId": thread}}
    )
    assert (status, answer["code"]) == (422, "MissingServerExtension")


def test_a_bulk_change_takes_the_messages_of_a_thread(box: Box) -> None:
    box.connect()
    box.put(mail("a"), mail("b", "a"), mail("stranger"))
    thread = box.threaded(3)["a"]["threadId"]
    box.server.ok(
        "PUT",
        f"{box.path}/messages?path=INBOX",
        {"search": {"threadId": thread}, "update": {"flags": {"add": ["\\Flagged"]}}},
    )
    assert box.search(flagged=True) == ["a", "b"]
    assert box.search(threadId="t" + "0" * 16) == []
    assert box.search("inbox", threadId=thread) == ["a", "b"]
    box.put(mail("sent", "b"), mailbox="Sent")
    box.found(thread, ["sent"], path="%5CSent")


def test_a_sandbox_account_has_threads_as_well(way: Road) -> None:
    base = {"account": "boxed", "name": "boxed", "email": "boxed@s.test", "type": "sandbox"}
    way.server.ok("POST", "/v1/account", {**base, "threading": True})
    for one in (mail("sand"), mail("castle", "sand"), mail("sea")):
        raw = base64.b64encode(one).decode()
        body = {"path": "INBOX", "raw": raw}
        way.server.ok("POST", "/v1/account/boxed/message", body)
    answer = way.server.ok("GET", "/v1/account/boxed/messages?path=INBOX")
    listed = {one["subject"]: one for one in answer["messages"]}

    assert listed["sand"]["threadId"] == listed["castle"]["threadId"] != listed["sea"]["threadId"]
    for subject, one in listed.items():
        shown = way.server.ok("GET", f"/v1/account/boxed/message/{one['id']}")
        assert ids(shown) == ids(one), subject


def test_a_move_is_told_with_the_id_of_the_message(box: Box) -> None:
    box.dovecot.create(box.user, "Box")
    box.connect()
    box.put(mail("mover"))
    was = box.told("mover", "INBOX")
    answer = box.server.ok("PUT", f"{box.path}/message/{was['id']}/move", {"path": "Box"})
    assert answer["path"] == "Box"
    box.server.ok("PUT", f"{box.path}/sync", {"sync": True})
    moved = box.way.receiver.wait_for("messageMoved", path="Box")
    assert moved.data["emailId"] == was["emailId"]
