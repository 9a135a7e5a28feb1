"""The command line on a store of its own: what it prints, and how it fails."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from postroad import __version__
from postroad import store as stores
from postroad.domain.suppression import RESERVED_LIST, Suppressed
from postroad.domain.token import token_id_of
from postroad.surfaces.cli import COMMANDS, cli


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def run(data: Path, *words: str, env: dict[str, str] | None = None, given: str = "") -> Result:
    clean = {"POSTROAD_DATA": str(data), "POSTROAD_SECRET": None, "POSTROAD_DATABASE": None}
    return CliRunner(env={**clean, **(env or {})}).invoke(cli, [*words], input=given)


def done(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS])
def test_every_command_has_help(name: str, data: Path) -> None:
    help_text = done(run(data, name, "--help"))
    sentence = next(text for command, _, text in COMMANDS if command == name)
    assert " ".join(sentence.split()) in " ".join(help_text.split())
    assert not data.exists()


def test_help_names_every_command(data: Path) -> None:
    listed = done(run(data, "--help"))
    assert all(f"  {name} " in listed for name, _, _ in COMMANDS)


def test_version_is_printed(data: Path) -> None:
    assert done(run(data, "version")) == f"postroad {__version__}\n"


def test_issued_token_stands_alone_on_the_last_line_and_is_listed(data: Path) -> None:
    token = done(run(data, "tokens", "issue", "--description", "first")).splitlines()[-1]
    token_id = token_id_of(token)
    assert token_id is not None
    listed = done(run(data, "tokens", "list"))
    assert token_id in listed
    assert "first" in listed
    assert token not in listed


@pytest.mark.parametrize("by_value", [True, False])
def test_token_is_revoked_by_value_or_id(data: Path, by_value: bool) -> None:
    token = done(run(data, "tokens", "issue", "--description", "x")).strip()
    named = token if by_value else str(token_id_of(token))
    assert done(run(data, "tokens", "revoke", named)) == "revoked\n"
    again = run(data, "tokens", "revoke", named)
    assert again.exit_code == 1
    assert "no such token" in again.stderr


def test_token_for_an_account_that_is_not_there_is_refused(data: Path) -> None:
    result = run(data, "tokens", "issue", "--description", "x", "--account", "nobody")
    assert result.exit_code == 1
    assert "Account record was not found" in result.stderr


def test_sandbox_account_is_added_shown_listed_and_deleted(data: Path) -> None:
    assert done(run(data, "accounts", "add-sandbox", "toy", "toy@sandbox.test")) == "added\n"
    assert done(run(data, "accounts", "add-sandbox", "toy", "toy@s.test")) == "overwritten\n"
    assert "toy@s.test" in done(run(data, "accounts", "list"))
    shown = done(run(data, "accounts", "show", "toy"))
    assert "sandbox" in shown
    assert "accountAdded: 1" in shown
    assert done(run(data, "accounts", "mail", "toy")).startswith("id")
    assert done(run(data, "accounts", "delete", "toy", "--yes")) == "deleted\n"
    missing = run(data, "accounts", "show", "toy")
    assert missing.exit_code == 1
    assert "Account record was not found" in missing.stderr


def test_deleting_an_account_asks_first(data: Path) -> None:
    run(data, "accounts", "add-sandbox", "toy", "toy@sandbox.test")
    assert run(data, "accounts", "delete", "toy", given="n\n").exit_code == 1
    assert "toy" in done(run(data, "accounts", "list"))


def test_mailbox_that_a_sandbox_does_not_have_is_named_as_missing(data: Path) -> None:
    run(data, "accounts", "add-sandbox", "toy", "toy@sandbox.test")
    result = run(data, "accounts", "mail", "toy", "Nowhere")
    assert result.exit_code == 1
    assert "folder" in result.stderr


def test_settings_are_set_and_shown(data: Path) -> None:
    result = run(data, "settings", "set", "webhooksEnabled=true", "webhooks=http://a.test/x")
    assert done(result) == "set webhooksEnabled, webhooks\n"
    assert done(run(data, "settings", "get", "webhooksEnabled", "webhookEvents")) == (
        "webhooksEnabled = true\nwebhookEvents = null\n"
    )


def test_all_settings_are_shown_and_secrets_are_not(data: Path) -> None:
    done(run(data, "settings", "set", "serviceSecret=hunter2"))
    listed = done(run(data, "settings", "get"))
    assert "serviceSecret = true" in listed
    assert "hunter2" not in listed


def test_every_wrong_setting_is_named_and_none_is_stored(data: Path) -> None:
    result = run(
        data, "settings", "set", "webhooksEnabled=true", "nonsense=1", "deliveryAttempts=-5"
    )
    assert result.exit_code == 1
    assert "nonsense" in result.stderr
    assert "deliveryAttempts" in result.stderr
    assert done(run(data, "settings", "get", "webhooksEnabled")) == "webhooksEnabled = null\n"


def test_migrate_tells_the_version_and_may_be_repeated(data: Path) -> None:
    assert "version" in done(run(data, "migrate"))
    assert "up to date" in done(run(data, "migrate"))


def test_encrypt_needs_a_secret(data: Path) -> None:
    result = run(data, "encrypt")
    assert result.exit_code == 2
    assert "POSTROAD_SECRET" in result.stderr


def test_encrypt_seals_what_was_plain_and_rotates(data: Path) -> None:
    done(run(data, "settings", "set", "serviceSecret=hunter2-in-plain"))
    assert _is_on_disk(data, b"hunter2-in-plain")
    done(run(data, "encrypt", env={"POSTROAD_SECRET": "first"}))
    done(run(data, "settings", "get", env={"POSTROAD_SECRET": "first"}))
    refused = run(data, "settings", "get", env={"POSTROAD_SECRET": "second"})
    assert refused.exit_code == 2
    both = {"POSTROAD_SECRET": "second", "POSTROAD_SECRET_OLD": "first"}
    done(run(data, "encrypt", env=both))
    done(run(data, "settings", "get", env={"POSTROAD_SECRET": "second"}))


def test_doctor_finds_nothing_wrong_on_a_sound_machine(data: Path) -> None:
    result = run(data, "doctor", "--port", "0", env={"POSTROAD_SECRET": "s"})
    assert result.exit_code == 0, result.output
    assert "SQLite is reached" in result.stdout
    assert "can be written" in result.stdout


def test_doctor_fails_when_the_data_directory_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    result = run(tmp_path / "file" / "data", "doctor", "--port", "0")
    assert result.exit_code == 1
    assert "cannot be written" in result.stdout


@pytest.mark.parametrize(
    ("words", "env", "expected"),
    [
        (("tokens", "list"), {"POSTROAD_PORT": "x"}, "POSTROAD_PORT: expected a whole number"),
        (("tokens", "list", "--database", "mysql://x"), {}, "--database: expected a URL"),
        (("serve", "--port", "99999"), {}, "--port: expected a whole number"),
        (("serve", "--set", "http.prot=1"), {}, "did you mean http.port"),
        (("serve", "--set", "nonsense"), {}, "expected SECTION.KEY=VALUE"),
        (("tokens", "issue"), {}, "Missing option '--description'"),
        (("tokens", "issue", "--description", "x", "--scope", "all"), {}, "'all' is not one of"),
        (("frobnicate",), {}, "No such command"),
    ],
)
def test_wrong_command_line_or_configuration_exits_with_2(
    data: Path, words: tuple[str, ...], env: dict[str, str], expected: str
) -> None:
    result = run(data, *words, env=env)
    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert not data.exists()


def test_store_that_cannot_be_opened_is_an_error_in_words(data: Path) -> None:
    data.mkdir()
    (data / "postroad.db").write_bytes(b"this is no database" * 100)
    result = run(data, "tokens", "list")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert "postroad.db" in result.stderr
    assert "Traceback" not in result.output


def _is_on_disk(data: Path, octets: bytes) -> bool:
    return any(octets in path.read_bytes() for path in data.rglob("*") if path.is_file())


def test_address_is_suppressed_shown_and_released(data: Path) -> None:
    done(run(data, "accounts", "add-sandbox", "toy", "toy@sandbox.test"))
    add = ("suppress", "add", "Gone@Bücher.example", "--account", "toy", "--reason", "asked for it")
    assert done(run(data, *add)) == "added\n"
    assert done(run(data, *add)) == "refreshed\n"
    assert done(run(data, "suppress", "list")).splitlines()[1].split() == [RESERVED_LIST, "1"]
    (line,) = done(run(data, "suppress", "list", RESERVED_LIST)).splitlines()[1:]
    assert line.startswith("Gone@Bücher.example  toy      toy        cli     asked for it  20")
    shown = done(run(data, "suppress", "show", "gone@xn--bcher-kva.example"))
    assert shown.startswith(f"list       {RESERVED_LIST}\naddress    Gone@Bücher.example\n")
    assert done(run(data, "suppress", "remove", "GONE@bücher.example")) == "removed\n"
    assert done(run(data, "suppress", "list")).splitlines() == ["list  addresses"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("add", "nobody", "--account", "toy"), "That is not an address"),
        (("add", "@x.test", "--account", "toy"), "That is not an address"),
        (("add", "a@x.test", "--account", "toy", "--list", "a list"), "must be a valid hostname"),
        (("add", "a@x.test", "--account", "no"), "Account record was not found"),
        (("add", "a@x.test", "--account", "toy", "--reason", "a\nb"), "A reason is one line"),
        (("add", "a@x.test", "--account", "toy", "--reason", "x" * 257), "at most 256 characters"),
        (("remove", "a@x.test"), "Requested blocklist was not found"),
        (("list", "news"), "Requested blocklist was not found"),
        (("show", "a@x.test"), f"The address is not on {RESERVED_LIST}"),
    ],
)
def test_suppress_says_what_is_wrong(data: Path, words: tuple[str, ...], why: str) -> None:
    done(run(data, "accounts", "add-sandbox", "toy", "toy@sandbox.test"))
    result = run(data, "suppress", *words)
    assert result.exit_code == 1
    assert why in result.output


def test_list_longer_than_a_page_is_listed_whole(data: Path) -> None:
    done(run(data, "accounts", "add-sandbox", "toy", "toy@sandbox.test"))

    async def fill() -> None:
        store = await stores.open(data)
        entries = [
            Suppressed("news", f"n{n}@x.test", "toy", "api", "block", 1) for n in range(1001)
        ]

        async def unit(tx: stores.Tx) -> None:
            for entry in entries:
                await tx.suppressions.put(entry)

        await store.write(unit)
        await store.close()

    asyncio.run(fill())
    assert len(done(run(data, "suppress", "list", "news")).splitlines()) == 1002


@pytest.mark.parametrize("name", ["01a2075945300000001", "<nobody@example.net>"])
def test_trace_of_an_unknown_message_says_so(data: Path, name: str) -> None:
    result = run(data, "trace", name)
    assert result.exit_code == 1
    assert "Nothing is known of such a message" in result.stderr
