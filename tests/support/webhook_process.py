"""A process that delivers webhooks until it is killed: ``python webhook_process.py DIR URL``."""

from __future__ import annotations

import asyncio
import sys
import uuid

from postroad import store as stores
from postroad.domain.setting import SettingValues
from postroad.engine.node import Node
from postroad.engine.webhooks.dispatch import Dispatcher
from postroad.transport.http import HttpClient
from support.webhook_office import KnownSettings


async def main(database: str, url: str) -> None:
    node_id = uuid.uuid4().hex
    store = await stores.open(database, node_id=node_id)
    await Node(store, node_id, is_alone=True).start()  # its former lives are buried here
    settings = KnownSettings(
        SettingValues(webhooks_enabled=True, webhooks=url, webhook_events=("*",))
    )
    await Dispatcher(store, settings, HttpClient(), node_id=node_id, clock=store.now).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
