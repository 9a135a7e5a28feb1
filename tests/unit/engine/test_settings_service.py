"""The settings service on a real store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.errors import MAX_PROBLEMS, Invalid
from postroad.domain.event import EventName
from postroad.engine.settings import Settings
from postroad.engine.wakeup import Hint


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[stores.Store]:
    opened = await stores.open(tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def settings(store: stores.Store) -> Settings:
    service = Settings(store)
    await service.load()
    return service


async def test_never_set_is_null_and_secrets_are_booleans(settings: Settings) -> None:
    assert await settings.read(["webhooks", "webhooksEnabled", "serviceSecret"]) == {
        "webhooks": None,
        "webhooksEnabled": None,
        "serviceSecret": False,
    }


async def test_update_holds_at_once_and_after_a_restart(
    settings: Settings, store: stores.Store
) -> None:
    updated = await settings.update({"webhooksEnabled": "true", "deliveryAttempts": "3"})
    assert updated == ["webhooksEnabled", "deliveryAttempts"]
    assert settings.snapshot.webhooks_enabled
    again = Settings(store)
    await again.load()
    assert again.snapshot == settings.snapshot
    assert again.snapshot.delivery_attempts == 3


async def test_one_wrong_value_stores_nothing_and_all_are_told(settings: Settings) -> None:
    with pytest.raises(Invalid) as refused:
        await settings.update({"webhooksEnabled": True, "nope": 1, "webhooks": "ftp://x"})
    assert [problem.key for problem in refused.value.fields] == ["nope", "webhooks"]
    assert not settings.snapshot.webhooks_enabled


async def test_so_many_wrong_values_are_not_all_told(settings: Settings) -> None:
    with pytest.raises(Invalid) as caught:
        await settings.update({f"{n}" + "x" * 10_000: 1 for n in range(1_000)})
    assert len(caught.value.fields) == MAX_PROBLEMS
    assert all(len(field.message) < 200 for field in caught.value.fields)


async def test_unknown_key_cannot_be_read(settings: Settings) -> None:
    with pytest.raises(Invalid):
        await settings.read(["openAiModel"])


async def test_null_returns_to_the_default(settings: Settings) -> None:
    await settings.update({"deliveryHorizon": "5d"})
    assert await settings.read(["deliveryHorizon"]) == {"deliveryHorizon": 432_000_000}
    await settings.update({"deliveryHorizon": None})
    assert settings.snapshot.delivery_horizon_ms is None
    assert await settings.read(["deliveryHorizon"]) == {"deliveryHorizon": None}


async def test_masked_value_written_back_changes_nothing(settings: Settings) -> None:
    await settings.update(
        {
            "webhooks": "https://u:p@example.com/",
            "webhooksCustomHeaders": [{"key": "A", "value": "s"}],
            "serviceSecret": "secret",
        }
    )
    shown = await settings.read(["webhooks", "webhooksCustomHeaders"])
    assert await settings.update({**shown, "serviceSecret": ""}) == []
    assert settings.snapshot.webhooks == "https://u:p@example.com/"
    assert settings.snapshot.webhooks_custom_headers[0][1].reveal() == "s"


@pytest.mark.parametrize(
    "values",
    [
        {"webhooks": "https://u:******@elsewhere.example/"},
        {"webhooksCustomHeaders": [{"key": "B", "value": "******"}]},
    ],
)
async def test_masked_value_that_differs_is_refused(
    settings: Settings, values: dict[str, object]
) -> None:
    await settings.update({"webhooks": "https://u:p@example.com/"})
    with pytest.raises(Invalid):
        await settings.update(values)


async def test_service_secret_is_made_once(settings: Settings, store: stores.Store) -> None:
    made = await settings.service_secret()
    assert len(made.reveal()) == 32
    assert await settings.service_secret() == made
    other = Settings(store)  # has not read anything yet
    assert await other.service_secret() == made


async def test_first_values_are_written_once_and_never_over_a_choice(settings: Settings) -> None:
    first = {"smtpServerEnabled": True, "smtpServerPort": 2525}
    applied = await settings.apply_at_start({"smtpServerPort": 2526}, first=first)
    assert applied == ["smtpServerEnabled", "smtpServerPort"]
    await settings.update({"smtpServerEnabled": False})
    assert await settings.apply_at_start({}, first=first) == []
    assert settings.snapshot.smtp_server.enabled is False
    assert settings.snapshot.smtp_server.port == 2526


async def test_watchers_hear_of_a_new_snapshot(settings: Settings) -> None:
    hint = Hint()
    with settings.watching(hint):
        await settings.update({"smtpServerHost": "::1"})
        assert hint.take()
    await settings.update({"smtpServerHost": "127.0.0.1"})
    assert not hint.is_set


async def test_event_types_can_be_read(settings: Settings) -> None:
    shown = await settings.read(["eventTypes"])
    assert shown["eventTypes"] == [name.value for name in EventName]
