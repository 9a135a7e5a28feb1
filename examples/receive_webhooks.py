#!/usr/bin/env python3
"""Receives webhooks, checks who they are from, drops repeats, prints the rest.

Usage: receive_webhooks.py [PORT [SECRET]], by default 8080 and ``example-secret``, which must be
the server's setting ``serviceSecret``. Uses the standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MAX_BODY = 10 * 1024**2


def is_genuine(body: bytes, signature: str, secret: str) -> bool:
    """Whether the body was signed with our secret. The signature is over the octets as received."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    expected = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return hmac.compare_digest(expected, signature)


class Receiver(BaseHTTPRequestHandler):
    """Answers at once; whatever takes long belongs behind a queue of your own."""

    protocol_version = "HTTP/1.1"
    secret = "example-secret"
    # A real receiver keeps these in its database, with a unique index.
    seen: set[str] = set()  # noqa: RUF012 - shared by all requests on purpose

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        if size > MAX_BODY:
            self.close_connection = True  # the body stays unread
            self._answer(413)
            return
        body = self.rfile.read(size)
        if not is_genuine(body, self.headers.get("X-EE-Wh-Signature", ""), self.secret):
            self._answer(403)
            return
        event_id = self.headers.get("X-EE-Wh-Event-Id", "")
        if event_id not in self.seen:
            self.seen.add(event_id)
            event = json.loads(body)
            print(event["date"], event["event"], event["account"], json.dumps(event.get("data")))
        self._answer(200)  # a repeat is fine too: the answer to the first one got lost

    def log_message(self, *_arguments: object) -> None:
        """Keep the output to the events."""

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    Receiver.secret = sys.argv[2] if len(sys.argv) > 2 else Receiver.secret
    ThreadingHTTPServer(("127.0.0.1", port), Receiver).serve_forever()
