#!/usr/bin/env python3
"""What does a connection cost that waits in IDLE: resident memory, CPU while nothing happens?

``python benchmarks/imap_idle.py [connections]`` prints one JSON line. The server is a process of
its own that speaks just enough IMAP, so that the numbers are the client's alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

import postroad
import rig
from postroad.domain.account import ImapSettings, Login, TlsOptions
from postroad.domain.secret import Secret
from postroad.transport.imap import ImapConnection

CAPABILITIES = (
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT THREAD=REFERENCES MULTIAPPEND UNSELECT "
    "CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED CONDSTORE QRESYNC ESEARCH SEARCHRES LIST-STATUS "
    "BINARY MOVE SPECIAL-USE COMPRESS=DEFLATE LITERAL+"
)
WATCH_S = 10.0
AT_ONCE = 50  # logins in flight


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(f"* OK [CAPABILITY {CAPABILITIES}] hello\r\n".encode())
    while line := await reader.readline():
        tag, _, rest = line.decode().strip().partition(" ")
        name = rest.split(" ", 1)[0].upper()
        if name in ("LOGIN", "AUTHENTICATE"):
            writer.write(f"{tag} OK [CAPABILITY {CAPABILITIES}] in\r\n".encode())
        elif name == "SELECT":
            writer.write(
                b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
                b"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] ok\r\n"
                b"* 100 EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY 1] ok\r\n"
                b"* OK [UIDNEXT 101] ok\r\n* OK [HIGHESTMODSEQ 7] ok\r\n"
                + f"{tag} OK [READ-WRITE] done\r\n".encode()
            )
        elif name == "IDLE":
            writer.write(b"+ idling\r\n")
        elif tag.upper() != "DONE":
            writer.write(f"{tag} OK done\r\n".encode())


async def server(folder: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/cert.pem")
    plain = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
    secure = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000, ssl=context)
    ports = [one.sockets[0].getsockname()[1] for one in (plain, secure)]
    print(json.dumps(ports), flush=True)
    await asyncio.Event().wait()


def resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def open_one(port: int, *, secure: bool) -> tuple[ImapConnection, asyncio.Task[object]]:
    settings = ImapSettings(
        "127.0.0.1",
        port,
        secure=secure,
        login=Login("me", Secret("pass")),
        tls=TlsOptions(verify=False),
    )
    connection = await ImapConnection.open(settings, compress=False)
    await connection.enable("QRESYNC")
    await connection.select(b"INBOX", condstore=True)
    waiting = asyncio.create_task(connection.idle(lambda change: None, max_s=1700.0))
    await asyncio.sleep(0)
    return connection, waiting


async def measure(port: int, count: int, *, secure: bool) -> dict[str, float]:
    """KiB a connection, and CPU of all of them as percent of a core."""
    held = [await open_one(port, secure=secure) for _ in range(20)]  # what all share
    gc.collect()
    before = resident()
    began = time.perf_counter()
    while len(held) < count + 20:
        some = [open_one(port, secure=secure) for _ in range(min(AT_ONCE, count + 20 - len(held)))]
        held += await asyncio.gather(*some)
    opened_s = time.perf_counter() - began
    await asyncio.sleep(1)
    gc.collect()
    each = (resident() - before) / count / 1024
    cpu = time.process_time()
    await asyncio.sleep(WATCH_S)
    cpu = time.process_time() - cpu
    for connection, waiting in held:
        connection.abort()
        await asyncio.wait([waiting])
        waiting.exception()
    return {
        "kib_each": round(each, 1),
        "opened_a_second": round(count / opened_s),
        "cpu_percent": round(cpu / WATCH_S * 100, 2),
    }


def ask(port: int, count: int, *, secure: bool) -> object:
    """Measure in a process of its own: memory that another run has freed would count as none."""
    words = [sys.executable, __file__, "--measure", str(port), str(count), "tls" if secure else ""]
    return json.loads(subprocess.check_output(words))


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ]
        command += ["-nodes", "-subj", "/CN=localhost", "-keyout", f"{folder}/key.pem"]
        command += ["-out", f"{folder}/crt.pem"]
        subprocess.run(command, check=True, capture_output=True)
        pem = Path(f"{folder}/key.pem").read_text() + Path(f"{folder}/crt.pem").read_text()
        Path(f"{folder}/cert.pem").write_text(pem)
        process = subprocess.Popen(
            [sys.executable, __file__, "--serve", folder], stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            plain, secure = json.loads(process.stdout.readline())
            line = {
                "question": "imap_idle",
                "version": postroad.__version__,
                "machine": rig.machine(),
                "connections": count,
                "plain": ask(plain, count, secure=False),
                "tls": ask(secure, count, secure=True),
            }
            print(json.dumps(line))
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    match sys.argv[1:]:
        case ["--serve", folder]:
            uvloop.run(server(folder))
        case ["--measure", port, count, kind]:
            print(json.dumps(uvloop.run(measure(int(port), int(count), secure=kind == "tls"))))
        case _:
            parser = argparse.ArgumentParser(description=__doc__)
            parser.add_argument("connections", nargs="?", type=int, default=1000)
            main(parser.parse_args().connections)
