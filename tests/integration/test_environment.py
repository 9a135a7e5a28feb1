"""An existing deployment's environment: its names do at our server what they always did."""

from __future__ import annotations

import json
import shlex
import smtplib
import subprocess
from pathlib import Path

import pytest

from postroad import store as stores
from postroad.domain.account import ImapSettings, Login, TlsOptions
from postroad.domain.secret import Secret
from postroad.engine.providers.route import MailboxRoute
from postroad.engine.settings import Settings
from postroad.engine.trust import Trust
from postroad.transport.imap import ImapTimeouts
from support import dovecot
from support.certificate import localhost_contexts
from support.connect_proxy import ConnectProxy
from support.receiver import Receiver
from support.road import new_server, tell
from support.server import Server, free_port

pytestmark = pytest.mark.integration

SANDBOX = {"account": "toy", "name": "T", "email": "toy@sandbox.test", "type": "sandbox"}


def setting(server: Server, key: str) -> object:
    return server.ok("GET", f"/v1/settings?{key}=true")[key]


@pytest.mark.parametrize("form", ["path", "file", "text"])
def test_smtp_server_shows_the_certificate_of_the_environment(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    _, context = localhost_contexts(folder)
    pem = folder / "localhost.pem"
    given = {
        "path": {"EENGINE_SMTP_TLS_CERT": str(pem), "EENGINE_SMTP_TLS_KEY": str(pem)},
        "file": {"EENGINE_SMTP_TLS_CERT_FILE": str(pem)},
        "text": {"EENGINE_SMTP_TLS_CERT": pem.read_text().replace("\n", "\\n")},
    }[form]
    port = free_port()
    env = {
        "EENGINE_SMTP_ENABLED": "true",
        "EENGINE_SMTP_PORT": str(port),
        "EENGINE_SMTP_SECRET": "saladus",
        "EENGINE_SMTP_TLS_MIN_VERSION": "TLSv1.2",
        "EENGINE_SMTP_TLS_CIPHERS": "ECDHE+AESGCM",
        **given,
    }
    context.maximum_version = context.maximum_version.TLSv1_2
    with new_server(tmp_path / "server", env=env) as server:
        server.ok("POST", "/v1/account", SANDBOX)
        server.wait_until(lambda: "smtp server is listening" in server.log, 10, "SMTP listens")
        with smtplib.SMTP("localhost", port) as client:
            client.starttls(context=context)
            client.login("toy", "saladus")
            assert client.sock is not None
            cipher = client.sock.cipher()  # type: ignore[attr-defined]  # it is a TLS socket now
            assert "GCM" in cipher[0]
        assert "BEGIN" not in server.log


def test_http_proxy_of_the_environment_overrides_the_settings(tmp_path: Path) -> None:
    with ConnectProxy() as proxy, Receiver() as receiver:
        env = {
            "EENGINE_HTTP_PROXY_ENABLED": "true",
            "EENGINE_HTTP_PROXY_URL": f"http://user:hunter2@127.0.0.1:{proxy.port}",
        }
        with new_server(tmp_path, env=env) as server:
            tell(server, receiver)
            server.ok("POST", "/v1/account", SANDBOX)
            receiver.wait_for("accountAdded")
            assert proxy.targets
            assert str(setting(server, "httpProxyUrl")).startswith("http://user:******@")
            server.ok("POST", "/v1/settings", {"httpProxyEnabled": False})
            server.stop()
            server.start()
            assert setting(server, "httpProxyEnabled") is True
            assert "hunter2" not in server.log


def test_first_values_give_way_to_what_was_chosen_since(tmp_path: Path) -> None:
    env = {"EENGINE_API_PROXY": "false", "EENGINE_QUEUE_KEEP_FAILED_AGE": "86401"}
    with new_server(tmp_path, env=env) as server:
        assert setting(server, "enableApiProxy") is False
        assert setting(server, "failedRetention") == 2
        server.ok("POST", "/v1/settings", {"enableApiProxy": True, "failedRetention": 5})
        server.stop()
        server.start()
        assert setting(server, "enableApiProxy") is True
        assert setting(server, "failedRetention") == 5


@pytest.mark.parametrize("is_off", [False, True])
async def test_imap_compression_can_be_switched_off(tmp_path: Path, is_off: bool) -> None:
    if dovecot.find_program() is None:
        pytest.skip(dovecot.MISSING)
    store = await stores.open(tmp_path)
    settings = Settings(store)
    await settings.load()
    route = MailboxRoute(
        settings,
        Trust(settings, min_version="TLSv1.2"),
        timeouts=ImapTimeouts(silence_s=20),
        compresses=not is_off,
    )
    with dovecot.Dovecot() as mail:
        way = ImapSettings(
            "127.0.0.1",
            mail.port,
            login=Login("anna", Secret(mail.password)),
            tls=TlsOptions(extra={"ca": mail.ca}),
        )
        connection = await route.open_imap(way, proxy=None)
        assert connection.is_compressed is not is_off
        await connection.close()
    await store.close()


PAGE = """curl -sS -XPOST "localhost:3000/v1/account/example/submit" \
-H "content-type: application/json" -d '{
    "from": {
        "name": "Example Sender",
        "address": "sender@example.com"
    },
    "to": [{
        "name": "Andris Reinman",
        "address": "andris@example.net"
    }],
    "subject": "Scheduled email",
    "text": "test",
    "html": "<p>test</p>",
    "sendAt": "2021-08-18T06:42:25.408Z"
}'"""


def test_commands_work_as_printed_where_no_token_is_asked_for(tmp_path: Path) -> None:
    with new_server(tmp_path, env={"EENGINE_REQUIRE_API_AUTH": "false"}) as server:
        server.ok("POST", "/v1/account", SANDBOX | {"account": "example"})
        command = shlex.split(PAGE.replace("3000", str(server.port)))
        done = subprocess.run(command, capture_output=True, check=True, timeout=30)
        answer = json.loads(done.stdout)
        assert list(answer) == ["response", "messageId", "sendAt", "queueId"]
        # A token that is shown is checked all the same, and without one none is made.
        assert server.call("GET", "/v1/accounts", token="ab" * 32)[0] == 401
        body = {"account": "example", "description": "d", "scopes": ["api"]}
        nobody = {"authorization": "None"}
        assert server.call("POST", "/v1/tokens", body, headers=nobody)[0] == 403
        assert server.call("GET", "/v1/accounts", headers=nobody)[0] == 200
