"""Thin asyncio shells around the protocols: read, feed, write, time out."""
