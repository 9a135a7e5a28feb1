"""The server itself: health, metrics, its own description."""

from __future__ import annotations

from postroad.domain.token import TokenScope
from postroad.surfaces import metrics
from postroad.surfaces.api.context import Context, Raw
from postroad.surfaces.api.errors import error_body
from postroad.surfaces.api.operation import operation

JSON = "application/json; charset=utf-8"

_LANDING = b"""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Postroad</title>
<h1>Postroad</h1>
<p>Sends and reads mail for any account, over HTTP.</p>
<ul>
<li><a href="/swagger.json">swagger.json</a>: every operation of this server (OpenAPI)
<li><a href="/health">health</a>: whether it can do its work
</ul>
</html>
"""


@operation("GET", "/health", tag="Service", scope=None, is_documented=False)
async def get_health(ctx: Context) -> Raw:
    """Tell whether accounts and the store are served."""
    if await ctx.engine.health():
        return Raw(b'{"success":true}', JSON)
    return Raw(error_body(500, "The store does not answer"), JSON, 500)


@operation("GET", "/metrics", tag="Service", scope=TokenScope.METRICS, is_documented=False)
async def get_metrics(ctx: Context) -> Raw:
    """Numbers in the Prometheus text format."""
    return Raw(await metrics.scrape(ctx.engine), metrics.CONTENT_TYPE)


@operation("GET", "/swagger.json", tag="Service", scope=None, is_documented=False)
async def get_document(ctx: Context) -> Raw:
    """This server's operations as an OpenAPI document."""
    return Raw(ctx.document(), JSON)


@operation("GET", "/", tag="Service", scope=None, is_documented=False)
async def get_landing(ctx: Context) -> Raw:
    """A page for people who open the address in a browser."""
    return Raw(_LANDING, "text/html; charset=utf-8")


@operation("GET", "/robots.txt", tag="Service", scope=None, is_documented=False)
async def get_robots(ctx: Context) -> Raw:
    """Nothing here is for search engines."""
    return Raw(b"User-agent: *\nDisallow: /\n", "text/plain; charset=utf-8")
