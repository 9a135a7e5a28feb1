"""``postroad demo``: the whole road in front of your eyes, with nothing but this program.

Starts a server on a free port with a data directory of its own, registers two sandbox accounts,
sends three messages over HTTP (now, in five seconds, and to an address that refuses), prints the
webhooks as they arrive, and looks into the mailboxes at the end. Every step is printed as the
command that would do it by hand. Fails when anything expected did not happen.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shlex
import signal
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from postroad.config import Config, load
from postroad.domain.errors import PostroadError, TimedOut
from postroad.domain.mailbox import SpecialUse
from postroad.engine.access import Access, TokenDraft
from postroad.engine.providers.sandbox import Listed, SandboxProvider
from postroad.protocol.mime.headers import parse_headers
from postroad.store import Store
from postroad.surfaces.cli.demo_receiver import Delivery, Receiver
from postroad.surfaces.cli.demo_server import Client, Running, free_port, running
from postroad.surfaces.cli.storeroom import opened

SENDER, RECIPIENT = "example", "friend"
DELAY_S = 5
LIMIT_S = 20.0  # for all events to arrive

_TOLD = ("response", "smtpResponse", "error")  # what of an event's data says most


@click.command()
@click.option("--keep", is_flag=True, help="Go on serving until interrupted.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep everything in this directory; without it a temporary one is used and removed.",
)
def demo(keep: bool, data: Path | None) -> None:
    """See the whole road: three sends in a sandbox, with their webhooks.

    Needs no mail server and no network, and takes about ten seconds.
    """
    with ExitStack() as cleanup:
        if data is None:
            data = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="postroad-demo-")))
        data.mkdir(parents=True, exist_ok=True)
        asyncio.run(_Demo(data, keep=keep).run())


class _Demo:
    """One run. What arrives is kept by event, so that each step can wait for its own."""

    def __init__(self, data: Path, *, keep: bool) -> None:
        self._data = data
        self._keep = keep
        self._port = free_port()
        self._secret = secrets.token_hex(16)
        self._token = ""
        self._started = time.monotonic()
        self._arrived: list[tuple[float, Delivery]] = []
        self._news = asyncio.Event()
        self._step = 0

    async def run(self) -> None:
        click.echo("Everything below happens on this machine; no message leaves it.")
        config = load({}, overrides={"store.data": str(self._data)})
        async with Receiver(self._secret, self._take) as receiver:
            settings = {
                "webhooksEnabled": True,
                "webhooks": receiver.url,
                "webhookEvents": ["*"],
                "serviceSecret": self._secret,
            }
            variables = {"POSTROAD_SETTINGS": json.dumps(settings)}
            self._title("Start a server, with this terminal as its webhook target")
            self._shell(f"postroad serve --data {self._data} --port {self._port}")
            log = self._data / "demo.log"
            self._started = time.monotonic()
            async with running(self._data, self._port, variables, log) as server:
                click.echo(f"   ready after {server.ready_s:.1f} s")
                await self._walk(config)
                if self._keep:
                    click.echo(f"\nServing on; stop with Ctrl-C.\n   TOKEN={self._token}")
                    await _until_stopped(server)

    async def _walk(self, config: Config) -> None:
        """The steps, in their order, with what each must lead to."""
        await self._issue(config)
        client = Client(f"http://127.0.0.1:{self._port}", self._token)
        await self._accounts(client)
        now = await self._send(client, "Send a message now", f"{RECIPIENT}@sandbox.test")
        await self._until("messageSent", now)
        first = time.monotonic() - self._started
        later = await self._send(
            client,
            f"Send one in {DELAY_S} seconds",
            f"{RECIPIENT}@sandbox.test",
            send_at=datetime.now(UTC) + timedelta(seconds=DELAY_S),
        )
        refused = await self._send(
            client, "Send one to an address that refuses mail", "reject@elsewhere.test"
        )
        await self._until("messageDeliveryError", refused)
        await self._until("messageFailed", refused)
        self._title("Look at what waits")
        self._shell_curl(client, "GET", "/v1/outbox")
        for entry in await client.outbox():
            state = f"due {entry['nextAttempt']}" if entry["nextAttempt"] else "failed"
            click.echo(f"   {entry['queueId']}  {state}  {entry['subject']}")
        click.echo("   waiting for the scheduled message ...")
        await self._until("messageSent", later)
        await self._look(config)
        self._close(client, first)

    async def _issue(self, config: Config) -> None:
        self._title("Issue an access token")
        self._shell(
            f"TOKEN=$(postroad tokens issue --data {self._data} --description demo --scope '*'"
            " | tail -1)"
        )
        async with opened(config) as store:
            self._token, _ = await Access(store).issue(TokenDraft("demo", scopes=("*",)))

    async def _accounts(self, client: Client) -> None:
        self._title("Register two accounts of type sandbox: mailboxes inside Postroad")
        for account, name in ((SENDER, "Example"), (RECIPIENT, "A Friend")):
            body: dict[str, object] = {
                "account": account,
                "name": name,
                "email": f"{account}@sandbox.test",
                "type": "sandbox",
            }
            await self._call(client, "POST", "/v1/account", body)

    async def _send(
        self, client: Client, title: str, to: str, send_at: datetime | None = None
    ) -> str:
        """Submit one message; its queue id."""
        self._title(title)
        body: dict[str, object] = {
            "to": {"address": to},
            "subject": title,
            "text": "Hello from the road!",
            "html": "<p>Hello from the <b>road</b>!</p>",
        }
        if send_at is not None:
            body["sendAt"] = send_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answer = await self._call(client, "POST", f"/v1/account/{SENDER}/submit", body)
        return str(answer["queueId"])

    async def _look(self, config: Config) -> None:
        """Show both mailboxes. Raises when a delivered message is not in them."""
        self._title("Look into the mailboxes")
        async with opened(config) as store:
            for account, use in ((RECIPIENT, SpecialUse.INBOX), (SENDER, SpecialUse.SENT)):
                path = "INBOX" if use is SpecialUse.INBOX else "Sent"
                self._shell(f"postroad accounts mail {account} {path} --data {self._data}")
                found = await self._settled(store, account, path, expected=2)
                for listed in reversed(found):
                    headers = parse_headers(listed.headers)
                    click.echo(
                        f"   {listed.message}  from {headers.get('From')}: {headers.get('Subject')}"
                    )
                if len(found) != 2:
                    raise PostroadError(
                        f"{path} of {account} has {len(found)} messages; expected 2"
                    )

    async def _settled(
        self, store: Store, account: str, path: str, *, expected: int
    ) -> list[Listed]:
        """The newest messages, once there are as many as expected or a moment has passed."""
        found = await store.read(lambda tx: tx.accounts.get(account))
        provider = SandboxProvider(found, store=store)
        deadline = time.monotonic() + 3.0  # the Sent copy is filed after the webhook is due
        while True:
            listed = await provider.newest(path, limit=10)
            if len(listed) >= expected or time.monotonic() > deadline:
                return listed
            await asyncio.sleep(0.05)

    def _close(self, client: Client, first: float) -> None:
        total = time.monotonic() - self._started
        forged = [delivery for _, delivery in self._arrived if not delivery.is_signed]
        if forged:
            raise PostroadError(f"{len(forged)} webhooks had a wrong signature")
        click.echo(
            f"\nDone: 2 messages delivered, 1 refused, {len(self._arrived)} webhooks with a valid"
            f" signature.\nThe first was delivered {first:.2f} s after the start, all of it took"
            f" {total:.1f} s.\n\nWhere to look further, with --keep while the demo serves on:"
            f"\n   {client.url}/swagger.json   every operation"
            f"\n   {client.url}/v1/outbox      what waits, and what failed"
            f"\n   {client.url}/metrics        numbers"
            "\n   docs/index.md                         how to do things, and the reference"
        )

    async def _call(
        self, client: Client, method: str, path: str, body: dict[str, object]
    ) -> dict[str, object]:
        self._shell_curl(client, method, path, body)
        answer = await client.call(method, path, body)
        click.echo(f"   {json.dumps(answer, ensure_ascii=False)}")
        return answer

    def _shell_curl(
        self, client: Client, method: str, path: str, body: dict[str, object] | None = None
    ) -> None:
        command = f"curl {'' if method == 'GET' else f'-X {method} '}{client.url}{path} \\"
        command += '\n     -H "Authorization: Bearer $TOKEN"'
        if body is not None:
            command += " -H 'Content-Type: application/json' \\"
            command += f"\n     -d {shlex.quote(json.dumps(body, ensure_ascii=False))}"
        self._shell(command)

    def _take(self, delivery: Delivery) -> None:
        at = time.monotonic() - self._started
        self._arrived.append((at, delivery))
        words = next((delivery.data[key] for key in _TOLD if delivery.data.get(key)), "")
        mark = "signature valid" if delivery.is_signed else "SIGNATURE WRONG"
        click.echo(
            f"   <- webhook after {at:.2f} s: {delivery.event} of {delivery.account}"
            f" ({mark}) {words}".rstrip()
        )
        self._news.set()

    async def _until(self, event: str, queue_id: str) -> None:
        """Wait for the event about this submission. Raises :exc:`TimedOut`."""
        try:
            async with asyncio.timeout(LIMIT_S - (time.monotonic() - self._started)):
                while not any(
                    delivery.event == event and delivery.data.get("queueId") == queue_id
                    for _, delivery in self._arrived
                ):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise TimedOut(f"The event {event} about {queue_id} did not arrive in time") from None

    def _title(self, words: str) -> None:
        self._step += 1
        click.echo(f"\n{self._step}. {words}")

    def _shell(self, command: str) -> None:
        click.echo(f"   $ {command}")


async def _until_stopped(server: Running) -> None:
    """Wait for Ctrl-C or SIGTERM, or for the server to end by itself."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, server.process.terminate)
    await server.process.wait()
