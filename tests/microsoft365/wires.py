"""Servers that misbehave below HTTP, and a proxy: what no well-made server can be told to do."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import trustme

Doing = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""What a server does about a request, in place of an answer."""


@dataclass(slots=True)
class Wire:
    """A server on HTTPS. ``heard``: the requests so far, byte for byte."""

    url: str
    ca_bundle: Path
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def targets(self) -> list[str]:
        return [request.split(b" ", 2)[1].decode() for request in self.heard]

    def headers(self, name: str) -> list[str]:
        """The values of a header in all requests."""
        lines = [line for request in self.heard for line in request.decode("latin-1").split("\r\n")]
        return [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{name.lower()}: ")]


def answer(
    body: bytes = b"{}",
    status: str = "200 OK",
    type_: str = "application/json",
    headers: str = "",
    length: int | None = None,
) -> bytes:
    """``headers``: lines without their end; ``length``: the declared one, where it is not the true one."""
    more = "".join(f"{line}\r\n" for line in headers.splitlines())
    declared = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Type: {type_}\r\nContent-Length: {declared}\r\n{more}\r\n".encode() + body


async def reset(writer: asyncio.StreamWriter) -> None:
    """Drop the connection."""
    writer.transport.abort()


async def silence(writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    """Begin an answer, and send a byte of it now and then for ever."""
    writer.write(answer(length=1_000_000))
    while True:
        writer.write(b" ")
        await asyncio.sleep(0.01)


async def half(writer: asyncio.StreamWriter) -> None:
    """Half an answer, and then no more."""
    writer.write(answer(b'{"value": ', length=100))
    writer.close()


@asynccontextmanager
async def wire(*answers: bytes | Doing, name: str = "127.0.0.1") -> AsyncIterator[Wire]:
    """A server that answers its requests with these in order, the last of them again and again."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority, bundle = _authority()
    authority.issue_cert(name).configure_cert(context)
    left = list(answers)
    served = Wire("", bundle)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.connections += 1
        while request := await _request(reader):
            served.heard.append(request)
            doing = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(doing, bytes):
                writer.write(doing)
            else:
                await doing(writer)

    async with _listening(serve, context) as address:
        served.url = f"https://{name}:{address.rpartition(':')[2]}"
        yield served


@dataclass(slots=True)
class Proxy:
    """A proxy for CONNECT. ``asked``: the places it was asked to connect to; ``passwords``: what it was shown."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    passwords: list[str] = field(default_factory=list)


@asynccontextmanager
async def proxy(refusing: str = "") -> AsyncIterator[Proxy]:
    """``refusing``: the status with which it lets nobody through."""
    served = Proxy()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await _request(reader)).decode("latin-1")
        place = request.split(" ")[1]
        served.asked.append(place)
        basic = [line.split(" ")[2] for line in request.split("\r\n") if line.startswith("Proxy-Authorization: Basic ")]
        served.passwords += [b64decode(value).decode() for value in basic]
        if refusing:
            writer.write(f"HTTP/1.1 {refusing}\r\nContent-Length: 0\r\n\r\n".encode())
            writer.close()
            return
        host, _, port = place.rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            far_writer.transport.abort()

    async with _listening(serve, None) as address:
        served.address = address
        yield served


@asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], context: ssl.SSLContext | None
) -> AsyncIterator[str]:
    serving: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass  # of the other side's doing, or the test is over
        finally:
            serving.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=context)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tuple(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> bytes:
    """One request with its body; nothing at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return head + await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
    except asyncio.IncompleteReadError:
        return b""


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
    writer.close()


@cache
def _authority() -> tuple[trustme.CA, Path]:
    authority = trustme.CA()
    folder = tempfile.TemporaryDirectory(prefix="wires-")
    _kept.append(folder)
    bundle = Path(folder.name) / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    return authority, bundle


_kept: list[tempfile.TemporaryDirectory[str]] = []
"""Deleted with the process."""
