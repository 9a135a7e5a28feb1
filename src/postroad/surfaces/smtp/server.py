"""The submission server as a service: follows its settings without a restart.

Switching it on or off and another port or address take effect when the setting is written; TLS,
the login, the PROXY header and the rest count for every connection that begins after it.
Clients of a listener that goes away are asked to go too, each behind the message that it is
handing over.
"""

from __future__ import annotations

import asyncio
import errno
import ssl
import time
from pathlib import Path

from postroad.config.smtp_server import SmtpServerConfig
from postroad.domain.setting import SmtpServerValues
from postroad.engine.delivery.relay import ehlo_name
from postroad.engine.engine import Engine
from postroad.engine.wakeup import Hint, Wakeup
from postroad.observe import get_logger, metrics
from postroad.protocol.smtp.server import Terms
from postroad.surfaces.smtp.conversation import Conversation, House, Patience
from postroad.surfaces.smtp.gate import Gate
from postroad.surfaces.smtp.reception import Reception
from postroad.surfaces.smtp.spool import SpoolRoom
from postroad.surfaces.smtp.throttle import Throttle
from postroad.transport.certificate import Certificate, make_self_signed
from postroad.transport.smtp_listener import Door, Guest, Listener

log = get_logger(__name__)

RETRY_S = 5.0  # until a port that was taken is tried again
_REBIND_S = 0.05  # the event loop closes a socket with a little delay
_REBINDS = 40

_Place = tuple[str, int]


class SmtpServer:
    """Listens while the settings say so. ``data`` is the data directory."""

    def __init__(self, engine: Engine, config: SmtpServerConfig, *, data: Path) -> None:
        self._engine = engine
        self._config = config
        self._data = data
        self._stop = Hint()
        gate = Gate(
            engine, Throttle(time.monotonic), max_per_account=config.max_sessions_per_account
        )
        self._house = House(
            gate=gate,
            reception=Reception(engine, gate),
            room=SpoolRoom(data / "spool", monotonic=time.monotonic),
            patience=Patience(
                idle_s=config.idle_timeout_s,
                message_s=config.message_timeout_s,
                session_s=config.session_timeout_s,
            ),
            min_free_bytes=config.min_free_bytes,
            tls=self._context,
        )
        self._certificate: Certificate | None = None
        self._listener: Listener | None = None
        self._place: _Place | None = None  # where it listens; None while it does not
        self._conversations: set[Conversation] = set()
        self.port: int | None = None  # as bound

    def stop(self) -> None:
        """Let nobody in any more, and end :meth:`run` once the messages under way are answered."""
        self._stop.set()

    async def run(self) -> None:
        """Follow the settings until stopped or cancelled."""
        changed = Hint()
        async with asyncio.TaskGroup() as sessions:
            try:
                with (
                    self._engine.settings.watching(changed),
                    Wakeup(changed, poll_s=RETRY_S, stop=self._stop) as wakeup,
                ):
                    while not wakeup.is_stopping:
                        await self._follow(sessions)
                        await wakeup.wait()
            finally:
                self._close()

    @property
    def _values(self) -> SmtpServerValues:
        return self._engine.settings.snapshot.smtp_server

    async def _follow(self, sessions: asyncio.TaskGroup) -> None:
        values = self._values
        wanted = (values.host, values.port) if values.enabled else None
        had = self._place
        if wanted != had:
            self._close()
        if wanted is None:
            return
        try:
            if self._certificate is None or wanted != had:
                await asyncio.to_thread(self._prepare, values)
            if wanted != had:
                await self._open(sessions, wanted, patient=had is not None)
        except OSError as error:
            log.error(
                "smtp server cannot listen", host=wanted[0], port=wanted[1], reason=str(error)
            )

    def _prepare(self, values: SmtpServerValues) -> None:
        self._house.room.prepare()
        config = self._config
        file, key = config.certificate, config.key
        if file is None:
            if not (config.self_signed or values.tls_enabled or values.tls_required):
                return
            file, key = self._data / "smtp-self-signed.pem", None
            make_self_signed(file, self._host)
            log.warning("smtp server uses a certificate of its own making", file=str(file))
        if self._certificate is None:
            self._certificate = Certificate(
                file,
                key,
                min_version=config.tls_min_version,
                ciphers=config.tls_ciphers,
                monotonic=time.monotonic,
            )
        self._certificate.context()

    async def _open(self, sessions: asyncio.TaskGroup, wanted: _Place, *, patient: bool) -> None:
        host, port = wanted
        config = self._config
        door = Door(
            max_sessions=config.max_sessions,
            max_sessions_per_address=config.max_sessions_per_address,
            proxy_networks=config.proxy_addresses,
            has_proxy=lambda: self._values.proxy,
            has_tls=lambda: self._values.tls_enabled,
            tls=self._context,
        )
        listener = Listener(sessions, door, self._serve)
        for left in range(_REBINDS if patient else 0, -1, -1):
            try:
                self.port = await listener.open(host, port)
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE or not left:
                    raise
                await asyncio.sleep(_REBIND_S)
        self._listener, self._place = listener, wanted
        metrics.smtp_listening(is_listening=True)
        log.info("smtp server is listening", host=host, port=self.port)

    def _close(self) -> None:
        if self._listener is None:
            return
        self._listener.close()
        self._listener = self._place = self.port = None
        metrics.smtp_listening(is_listening=False)
        log.info("smtp server has stopped listening")
        for conversation in list(self._conversations):
            conversation.dismiss()

    async def _serve(self, guest: Guest) -> None:
        conversation = Conversation(guest, self._terms(), self._house)
        self._conversations.add(conversation)
        try:
            await conversation.run()
        finally:
            self._conversations.discard(conversation)

    def _terms(self) -> Terms:
        """What holds for a connection that begins now."""
        values, config = self._values, self._config
        return Terms(
            self._host,
            max_octets=config.max_message_bytes,
            max_recipients=config.max_recipients,
            max_bad_commands=config.max_bad_commands,
            max_logins=config.max_logins,
            has_login=values.auth_enabled,
            has_tls=self._context() is not None,
            needs_tls=values.tls_required,
            normalises=values.normalise,
        )

    def _context(self) -> ssl.SSLContext | None:
        return None if self._certificate is None else self._certificate.context()

    @property
    def _host(self) -> str:
        return ehlo_name(self._engine.settings.snapshot)
