"""The composition root: configuration, store, engine, surfaces, and their orderly end.

The only module that imports everything. One process, one event loop; every long-running service
is a task of one group, so that a service that fails unexpectedly ends the process instead of
leaving it half alive.
"""

from __future__ import annotations

import asyncio
import gc
import math
import secrets
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from postroad import __version__
from postroad.config import Config
from postroad.config.smtp_server import SmtpServerConfig
from postroad.domain.egress import EgressPolicy
from postroad.domain.errors import ConfigError
from postroad.domain.token import TokenScope
from postroad.engine.access import Access, TokenDraft
from postroad.engine.accounts.connector import AccountConnector
from postroad.engine.accounts.credentials import StoredCredentials
from postroad.engine.accounts.directory import Directory
from postroad.engine.accounts.registry import Accounts
from postroad.engine.accounts.supervisor import Supervisor
from postroad.engine.accounts.verify import Verifier
from postroad.engine.delivery.finish import Finisher
from postroad.engine.delivery.outbox import Outbox
from postroad.engine.delivery.pace import Limits as PaceLimits
from postroad.engine.delivery.pool import RelayPool
from postroad.engine.delivery.relay import Relay
from postroad.engine.delivery.sandbox_relay import SandboxRelay
from postroad.engine.delivery.worker import DeliveryWorker
from postroad.engine.engine import Engine
from postroad.engine.housekeeping import Housekeeping
from postroad.engine.mail.service import Mail
from postroad.engine.node import Node
from postroad.engine.protocol_log import ProtocolLog
from postroad.engine.providers.registry import Providers
from postroad.engine.providers.route import MailboxRoute
from postroad.engine.settings import Settings
from postroad.engine.submit.accept import Submit
from postroad.engine.suppression.service import Suppression
from postroad.engine.sync.describe import MessageDescriber
from postroad.engine.trust import Trust
from postroad.engine.wakeup import Hint
from postroad.engine.webhooks.dispatch import Dispatcher
from postroad.observe import get_logger
from postroad.store import Store
from postroad.store import open as open_store
from postroad.surfaces.api.app import Api
from postroad.surfaces.api.app import Limits as ApiLimits
from postroad.surfaces.api.connection import BoundedHttp
from postroad.surfaces.api.cors import Cors
from postroad.surfaces.api.operation import OPERATIONS
from postroad.surfaces.smtp import SmtpServer
from postroad.transport.http import HttpClient
from postroad.transport.imap import ImapTimeouts

log = get_logger("postroad")

KEEP_ALIVE_S = 75


async def serve(config: Config) -> None:
    """Run the server until SIGTERM or SIGINT. Raises :exc:`ConfigError` when it cannot start."""
    stop = Hint()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    listener = _listen(config.http.host, config.http.port)
    node_id = secrets.token_hex(8)
    old = config.store.secret_old
    store = await open_store(
        config.store.location,
        secret=config.store.secret,
        old_secrets=[] if old is None else [old],
        node_id=node_id,
        is_exclusive=True,
    )
    try:
        await store.check_secret()
        await _Server(config, store, node_id).run(listener, stop)
    finally:
        await store.close()
        listener.close()


@dataclass(slots=True)
class _Services:
    """What runs, and what has to be closed at the end."""

    engine: Engine
    node: Node
    supervisor: Supervisor
    worker: DeliveryWorker
    finisher: Finisher
    dispatcher: Dispatcher
    housekeeping: Housekeeping
    providers: Providers
    relay_pool: RelayPool
    http_client: HttpClient
    smtp_server: SmtpServer


class _Server:
    """One life of the server on an open store."""

    def __init__(self, config: Config, store: Store, node_id: str) -> None:
        self._config = config
        self._store = store
        self._node_id = node_id

    async def run(self, listener: socket.socket, stop: Hint) -> None:
        services = await self._prepare()
        http = _http_server(self._config, services.engine)
        host, port = listener.getsockname()[:2]
        log.info(
            "postroad is starting",
            version=__version__,
            url=f"http://{host}:{port}",
            database=self._store.engine.value,
        )
        if not self._store.is_sealing:
            log.warning(
                "no secret is configured: passwords and tokens are stored in clear text; "
                "set POSTROAD_SECRET"
            )
        _spare_the_collector()
        async with asyncio.TaskGroup() as group:
            web = group.create_task(http.serve(sockets=[listener]), name="http")
            draining = [
                group.create_task(services.smtp_server.run(), name="smtp server"),
                group.create_task(services.worker.run(), name="delivery"),
                group.create_task(services.finisher.run(), name="finishing"),
                group.create_task(services.dispatcher.run(), name="webhooks"),
            ]
            background = [
                group.create_task(services.node.run(), name="node"),
                group.create_task(services.supervisor.run(), name="accounts"),
                group.create_task(services.housekeeping.run(), name="housekeeping"),
                group.create_task(services.engine.settings.run(), name="settings"),
                group.create_task(services.engine.access.run(), name="access"),
                group.create_task(services.engine.log.run(services.supervisor.renew), name="logs"),
                group.create_task(services.engine.suppression.run(), name="suppression"),
            ]
            await stop.wait()
            await self._end(services, http, web, draining, background)
        await services.providers.close_all()
        await services.relay_pool.close()
        await services.http_client.close()
        await services.engine.log.close()
        await services.node.end()
        log.info("postroad has stopped")

    async def _prepare(self) -> _Services:
        """Build everything and bring the store to where serving can begin."""
        config, store = self._config, self._store
        settings = Settings(store)
        await settings.load()
        await settings.apply_at_start(_start_settings(config), first=_first_settings(config))
        access = Access(store, require_auth=config.http.require_auth)
        if config.start.prepared_token is not None:
            draft = TokenDraft(description="prepared at start", scopes=(TokenScope.ALL,))
            await access.adopt(config.start.prepared_token.reveal(), draft)
        node = Node(store, self._node_id, is_alone=store.engine.value == "sqlite")
        await node.start()
        await store.write(lambda tx: tx.accounts.reset_states())

        directory = Directory(store)
        credentials = StoredCredentials()
        protocol_log = ProtocolLog(store, settings, node_id=self._node_id)
        mail = config.mail
        trust = Trust(settings, min_version=mail.tls_min_version, ciphers=mail.tls_ciphers)
        route = MailboxRoute(
            settings,
            trust,
            timeouts=ImapTimeouts(silence_s=mail.imap_silence_s),
            compresses=not mail.uncompressed,
            log=protocol_log,
        )
        providers = Providers(store, credentials, route, settings=settings)
        supervisor = Supervisor(
            store,
            AccountConnector(
                store,
                settings,
                credentials,
                route,
                providers,
                MessageDescriber(settings, folds=not config.mail.show_quotes),
            ),
            node_id=self._node_id,
            refused_limit_ms=int(config.mail.refused_limit_s * 1000),
            on_change=directory.forget,
            let_go=providers.forget,
        )
        relay_pool = RelayPool(max_connections=config.delivery.per_account)
        relay = Relay(
            store,
            directory,
            credentials,
            settings,
            trust,
            relay_pool,
            SandboxRelay(store, settings=settings, slow_s=config.sandbox.slow_s),
            attempt_limit_s=config.delivery.attempt_timeout_s,
        )
        suppression = Suppression(store, settings)
        http_client = HttpClient(policy=EgressPolicy(config.webhooks.egress_policy))
        engine = Engine(
            store=store,
            accounts=Accounts(
                store,
                directory,
                Verifier(settings, trust, route, providers),
                connections_of=supervisor.connections_of,
                reconnect=supervisor.reconnect,
                default_indexer=lambda: settings.snapshot.imap_indexer,
            ),
            submit=Submit(store, directory, settings, providers.get, suppression),
            outbox=Outbox(store),
            mail=Mail(
                store,
                directory,
                providers.get,
                look_again=supervisor.ask,
                folds=not config.mail.show_quotes,
                threading=settings.computes_threads,
            ),
            access=access,
            settings=settings,
            suppression=suppression,
            log=protocol_log,
        )
        return _Services(
            engine=engine,
            node=node,
            supervisor=supervisor,
            worker=DeliveryWorker(
                store,
                relay,
                node_id=self._node_id,
                directory=directory,
                screen=suppression,
                limits=PaceLimits(
                    total=config.delivery.concurrency,
                    per_lane=config.delivery.per_account,
                    per_host=config.delivery.per_relay,
                ),
            ),
            finisher=Finisher(store, directory, providers.get, node_id=self._node_id),
            dispatcher=Dispatcher(
                store,
                settings,
                http_client,
                node_id=self._node_id,
                clock=store.now,
                concurrency=config.webhooks.concurrency,
                timeout_s=config.webhooks.timeout_s,
            ),
            housekeeping=Housekeeping(store, settings, node_id=self._node_id),
            providers=providers,
            relay_pool=relay_pool,
            http_client=http_client,
            smtp_server=SmtpServer(engine, config.smtp, data=config.store.data),
        )

    async def _end(
        self,
        services: _Services,
        http: uvicorn.Server,
        web: asyncio.Task[None],
        draining: list[asyncio.Task[None]],
        background: list[asyncio.Task[None]],
    ) -> None:
        """Take nothing new, let what is under way come to its end, then stop the rest."""
        log.info("postroad is stopping")
        http.should_exit = True
        services.smtp_server.stop()
        services.worker.stop()
        services.finisher.stop()
        services.dispatcher.stop()
        await asyncio.wait((web, *draining), timeout=self._config.delivery.grace_s)
        for task in (web, *draining, *background):
            task.cancel()


def _start_settings(config: Config) -> dict[str, object]:
    """Settings that the configuration writes at every start."""
    given = dict(config.start.settings)
    if config.webhooks.proxy_enabled is not None:
        given["httpProxyEnabled"] = config.webhooks.proxy_enabled
    if config.webhooks.proxy_url is not None:
        given["httpProxyUrl"] = config.webhooks.proxy_url.reveal()
    return given


def _first_settings(config: Config) -> dict[str, object]:
    """What settings are until somebody changes them."""
    first = _first_smtp_settings(config.smtp)
    if config.http.api_proxy is not None:
        first["enableApiProxy"] = config.http.api_proxy
    if config.delivery.failed_age_s is not None:
        first["failedRetention"] = math.ceil(config.delivery.failed_age_s / 86_400)
    return first


def _first_smtp_settings(config: SmtpServerConfig) -> dict[str, object]:
    """What the SMTP server's settings are until somebody changes them. Contract B-171."""
    password = None if config.password is None else config.password.reveal()
    first = {
        "smtpServerEnabled": bool(config.enabled),
        "smtpServerHost": config.host or "127.0.0.1",
        "smtpServerPort": 2525 if config.port is None else config.port,
        "smtpServerProxy": bool(config.proxy),
        "smtpServerAuthEnabled": True,
    }
    return first if password is None else first | {"smtpServerPassword": password}


def _spare_the_collector() -> None:
    """Look for cycles of garbage less often, and never among what lives as long as the process.

    Nearly all that a message leaves behind is freed by counting references. The defaults look
    after every 700 objects, some times per message, and now and then at every code object.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket, before anything else is touched: a taken port is told at once."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        raise ConfigError(f"Cannot listen on {host} port {port}: {error.strerror}") from error
    listener.setblocking(False)
    return listener


class _HttpServer(uvicorn.Server):
    """Leaves signals to the composition root."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _http_server(config: Config, engine: Engine) -> uvicorn.Server:
    http = config.http
    api = Api(
        engine,
        limits=ApiLimits(
            max_upload_bytes=http.max_body_bytes,
            max_chars=http.max_text_chars,
            body_timeout_s=http.body_timeout_s,
            request_timeout_s=http.request_timeout_s,
        ),
        proxy_addresses=http.proxy_addresses,
    )
    cors = Cors(
        api,
        origins=http.cors_origins,
        methods=(item.method for item in OPERATIONS),
        max_age_s=http.cors_max_age_s,
    )
    return _HttpServer(
        uvicorn.Config(
            cors if http.cors_origins else api,
            http=BoundedHttp,
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=int(config.delivery.grace_s),
        )
    )
