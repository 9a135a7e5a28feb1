"""What every way into a mailbox must do, whatever stands behind it.

A provider joins by a subclass of :class:`ProviderSuite` in a test module, with a fixture
``provider`` that gives an empty mailbox of its own for each test.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Sequence

import pytest

from postroad.domain.errors import NotFound, TooLarge
from postroad.domain.mailbox import SpecialUse
from postroad.engine.providers.base import MailProvider, Octets

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PNG_BASE64 = base64.encodebytes(PNG).replace(b"\n", b"\r\n")


def plain(message_id: str = "<one@example.test>", body: bytes = b"Hello\r\n") -> bytes:
    return (
        b"From: A <a@example.test>\r\nTo: b@example.test\r\nSubject: One\r\n"
        b"Message-ID: " + message_id.encode() + b"\r\nDate: Mon, 16 Aug 2021 15:00:00 +0000\r\n"
        b"\r\n" + body
    )


def with_parts() -> bytes:
    return (
        b"From: a@example.test\r\nMessage-ID: <parts@example.test>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="outer"\r\n\r\n'
        b'--outer\r\nContent-Type: multipart/related; boundary="inner"\r\n\r\n'
        b"--inner\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<img src='cid:i@x'>\r\n"
        b"--inner\r\nContent-Type: image/png\r\nContent-ID: <i@x>\r\n"
        b"Content-Disposition: inline; filename=i.png\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + PNG_BASE64 + b"--inner--\r\n"
        b"--outer\r\nContent-Type: application/pdf\r\n"
        b"Content-Disposition: attachment; filename*=utf-8''%E2%82%AC.pdf\r\n"
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\nten=3D10\r\n"
        b"--outer--\r\n"
    )


def octets(message: bytes, *, piece: int = 1000) -> Octets:
    """A message that arrives in small pieces."""

    async def reading() -> AsyncIterator[bytes]:
        for start in range(0, len(message), piece):
            yield message[start : start + piece]

    return Octets(len(message), reading)


async def file(
    provider: MailProvider, message: bytes, *, path: str = "INBOX", flags: Sequence[str] = ()
) -> str:
    """Append and give the message id."""
    await provider.append(path, octets(message), flags=flags)
    message_id = message.partition(b"Message-ID: ")[2].partition(b"\r\n")[0].decode()
    found = await provider.find_by_message_id(path, message_id)
    assert found is not None
    return found


class ProviderSuite:
    """The suite. Subclasses give ``provider``."""

    @pytest.fixture
    async def provider(self) -> MailProvider:
        raise NotImplementedError("a subclass gives the provider")

    async def test_there_is_an_inbox_and_a_place_for_sent_mail(
        self, provider: MailProvider
    ) -> None:
        paths = {mailbox.path: mailbox.special_use for mailbox in await provider.mailboxes()}
        assert paths["INBOX"] is SpecialUse.INBOX
        sent = await provider.find_mailbox(SpecialUse.SENT)
        assert sent is not None
        assert paths[sent.path] is SpecialUse.SENT

    async def test_use_that_no_mailbox_has_is_found_nowhere(self, provider: MailProvider) -> None:
        assert await provider.find_mailbox(SpecialUse.FLAGGED) is None

    async def test_filed_message_is_found_by_its_message_id(self, provider: MailProvider) -> None:
        appended = await provider.append("INBOX", octets(plain()), flags=())
        found = await provider.find_by_message_id("INBOX", "<one@example.test>")
        assert appended.path == "INBOX"
        assert found is not None
        assert appended.message in (found, None)

    async def test_several_messages_are_filed_in_one_stroke(self, provider: MailProvider) -> None:
        names = [b"first", b"second", b"third"]
        several = [octets(plain().replace(b"<one@", b"<" + name + b"@")) for name in names]
        await provider.append_all("INBOX", several, flags=["\\Seen"])
        found = [
            await provider.find_by_message_id("INBOX", f"<{name.decode()}@example.test>")
            for name in names
        ]
        assert None not in found
        assert len(set(found)) == 3
        for message in found:
            assert message is not None
            assert "\\Seen" in (await provider.read_reference(message)).flags

    async def test_message_id_that_is_nowhere_is_not_found(self, provider: MailProvider) -> None:
        assert await provider.find_by_message_id("INBOX", "<none@example.test>") is None

    async def test_message_is_looked_for_in_the_named_mailbox_alone(
        self, provider: MailProvider
    ) -> None:
        await file(provider, plain())
        sent = await provider.find_mailbox(SpecialUse.SENT)
        assert sent is not None
        assert await provider.find_by_message_id(sent.path, "<one@example.test>") is None

    async def test_newest_of_two_with_the_same_message_id_is_found(
        self, provider: MailProvider
    ) -> None:
        first = await file(provider, plain())
        second = await file(provider, plain(body=b"Again\r\n"))
        assert first != second
        assert (await provider.find_by_message_id("INBOX", "<one@example.test>")) == second

    async def test_headers_come_back_octet_for_octet(self, provider: MailProvider) -> None:
        message = await file(provider, plain())
        reference = await provider.read_reference(message)
        assert reference.message == message
        assert reference.headers.rstrip(b"\r\n") == plain().partition(b"\r\n\r\n")[0]
        assert list(reference.parts) == []

    async def test_attachable_parts_are_listed_and_bodies_are_not(
        self, provider: MailProvider
    ) -> None:
        reference = await provider.read_reference(await file(provider, with_parts()))
        image, pdf = reference.parts
        assert (image.part, image.content_type, image.filename) == ("1.2", "image/png", "i.png")
        assert (image.disposition, image.content_id) == ("inline", "<i@x>")
        assert (pdf.part, pdf.content_type, pdf.filename) == ("2", "application/pdf", "€.pdf")
        assert pdf.disposition == "attachment"

    async def test_part_is_read_without_its_transfer_encoding(self, provider: MailProvider) -> None:
        message = await file(provider, with_parts())
        image = await provider.read_part(message, "1.2", max_bytes=10_000)
        pdf = await provider.read_part(message, "2", max_bytes=10_000)
        assert image.data == PNG
        assert pdf.data == b"ten=10"
        assert pdf.info.filename == "€.pdf"

    async def test_part_of_a_message_without_parts_is_its_body(
        self, provider: MailProvider
    ) -> None:
        part = await provider.read_part(await file(provider, plain()), "1", max_bytes=100)
        assert part.data == b"Hello\r\n"

    async def test_part_beyond_the_limit_is_refused(self, provider: MailProvider) -> None:
        message = await file(provider, with_parts())
        with pytest.raises(TooLarge):
            await provider.read_part(message, "1.2", max_bytes=100)

    async def test_part_that_is_not_there_is_not_found(self, provider: MailProvider) -> None:
        message = await file(provider, with_parts())
        with pytest.raises(NotFound):
            await provider.read_part(message, "7.1", max_bytes=100)

    async def test_flags_are_kept_and_added_to(self, provider: MailProvider) -> None:
        message = await file(provider, plain(), flags=("\\Seen",))
        await provider.add_flags(message, ("\\Answered", "\\Seen"))
        flags = (await provider.read_reference(message)).flags
        assert sorted(flag for flag in flags if flag != "\\Recent") == ["\\Answered", "\\Seen"]

    async def test_reading_marks_nothing_as_seen(self, provider: MailProvider) -> None:
        message = await file(provider, with_parts())
        await provider.read_reference(message)
        await provider.read_part(message, "2", max_bytes=1000)
        assert "\\Seen" not in (await provider.read_reference(message)).flags

    @pytest.mark.parametrize("message", ["AAAAYwAAAAE", "", "not an id", "AAAA"])
    async def test_message_that_is_not_there_is_not_found(
        self, provider: MailProvider, message: str
    ) -> None:
        with pytest.raises(NotFound) as caught:
            await provider.read_reference(message)
        assert caught.value.code == "MessageNotFound"
        with pytest.raises(NotFound):
            await provider.read_part(message, "1", max_bytes=100)
        with pytest.raises(NotFound):
            await provider.add_flags(message, ("\\Seen",))

    async def test_mailbox_that_is_not_there_is_not_found(self, provider: MailProvider) -> None:
        with pytest.raises(NotFound) as caught:
            await provider.append("No such mailbox", octets(plain()), flags=())
        assert caught.value.code == "FolderNotFound"
        with pytest.raises(NotFound):
            await provider.find_by_message_id("No such mailbox", "<one@example.test>")

    async def test_inbox_is_found_in_any_case(self, provider: MailProvider) -> None:
        await file(provider, plain())
        assert await provider.find_by_message_id("inbox", "<one@example.test>") is not None

    async def test_large_message_comes_back_whole(self, provider: MailProvider) -> None:
        body = b"".join(b"%07d" % n + b"x" * 60 + b"\r\n" for n in range(12_000))
        message = await file(provider, plain(body=body))
        part = await provider.read_part(message, "1", max_bytes=len(body))
        assert part.data == body
