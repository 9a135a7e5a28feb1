"""What a message refers to, fetched through a provider."""

from __future__ import annotations

import pytest

from postroad.domain.errors import NotFound
from postroad.engine.submit.refer import without_mailbox
from postroad.engine.submit.request import AttachmentRequest, ReferenceRequest, SubmitRequest


def test_without_a_mailbox_a_message_that_may_be_missing_is_missing() -> None:
    wanted = ReferenceRequest("AAAAAQAAAAE", ignore_missing=True)
    found = without_mailbox(SubmitRequest(reference=wanted, attachments=(AttachmentRequest(),)))
    assert found.message is None
    assert found.attached == (None,)
    assert found.result is not None
    assert not found.result.success
    assert found.result.error


@pytest.mark.parametrize(
    "request_",
    [
        SubmitRequest(reference=ReferenceRequest("AAAAAQAAAAE")),
        SubmitRequest(attachments=(AttachmentRequest(reference="AAAAAQAAAAEy"),)),
        SubmitRequest(
            reference=ReferenceRequest("AAAAAQAAAAE", ignore_missing=True),
            attachments=(AttachmentRequest(reference="AAAAAQAAAAEy"),),
        ),
    ],
)
def test_without_a_mailbox_what_must_be_there_is_not_found(request_: SubmitRequest) -> None:
    with pytest.raises(NotFound) as caught:
        without_mailbox(request_)
    assert caught.value.code == "ReferenceNotFound"
