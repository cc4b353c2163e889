"""A box of a plain TCP cluster, and clients of it: what the tests of such clusters stand on."""

import asyncio
import collections
import hashlib
import ipaddress
import random
import resource
import socket
import struct
import threading

from harness import DEADLINE, free_port

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # haproxy's proxy-protocol.txt, 2.2

Proxy = collections.namedtuple("Proxy", "version client client_port local local_port")


def more_descriptors():
    """As many as this process may have: for tests with thousands of connections."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def read_proxy(reader):
    """The header at the beginning of a connection."""
    first = await reader.readexactly(12)
    if first != SIGNATURE:
        words = (first + await reader.readuntil(b"\r\n")).decode("ascii").removesuffix("\r\n")
        kind, family, client, local, client_port, local_port = words.split(" ")
        client, local = ipaddress.ip_address(client), ipaddress.ip_address(local)
        assert kind == "PROXY" and family == f"TCP{client.version}" and len(words) <= 105
        return Proxy(1, client, int(client_port), local, int(local_port))
    command, family, length = struct.unpack("!BBH", await reader.readexactly(4))
    assert command == 0x21 and (family, length) in ((0x11, 12), (0x21, 36))
    n = 4 if family == 0x11 else 16
    rest = await reader.readexactly(length)
    client, local = (ipaddress.ip_address(rest[i:i + n]) for i in (0, n))
    return Proxy(2, client, *struct.unpack("!H", rest[2 * n:2 * n + 2]), local,
                 *struct.unpack("!H", rest[2 * n + 2:]))


class TcpBox(threading.Thread):
    """Speaks first, as mail servers do: its name and a line end. Then it says again what it hears,
    and at the client's end "end" and a line end. proxy: reads that header before it speaks.
    serve: another async function (box, reader, writer) for what comes behind its name.
    connections counts all; open holds those of now; headers are the PROXY headers, in order;
    resets counts connections that were broken off."""

    argv = ["tcp box"]

    def __init__(self, name, proxy=False, serve=None, port=None, start=True):
        super().__init__(daemon=True)
        self.name, self.proxy, self.serve = name, proxy, serve or TcpBox.echo
        self.port = port or free_port()
        self.connections, self.resets, self.headers, self.open = 0, 0, [], set()
        self.loop, self.ready = None, threading.Event()
        if start:
            self.start()
            assert self.ready.wait(DEADLINE)

    def run(self):
        asyncio.run(self.listen())

    async def listen(self):
        self.loop, self.over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self.connected, "127.0.0.1", self.port, backlog=4096)
        self.ready.set()
        await self.over.wait()
        server.close()

    async def connected(self, reader, writer):
        self.connections += 1
        self.open.add(writer)
        try:
            if self.proxy:
                self.headers.append(await read_proxy(reader))
            writer.write(self.name.encode() + b"\n")
            await self.serve(self, reader, writer)
            writer.close()
            await writer.wait_closed()
        except ConnectionError:
            self.resets += 1
        except asyncio.CancelledError:
            pass  # kill()
        finally:
            writer.close()
            self.open.discard(writer)

    async def echo(self, reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write(b"end\n")

    def kill(self):
        if self.loop:
            self.loop.call_soon_threadsafe(self.over.set)
            self.join(DEADLINE)

    def output(self):
        return f"{self.name}: {self.connections} connections, {len(self.open)} open"


class TcpClient:
    """A session; .box is the name that the box said first, "" when there was none."""

    def __init__(self, port, source="127.0.0.1", host="127.0.0.1", early=b""):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(DEADLINE)
        self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.address = self.socket.getsockname()
        if early:
            self.socket.sendall(early)
        self.file = self.socket.makefile("rb")
        try:
            self.box = self.file.readline().decode().rstrip("\n")
        except ConnectionError:
            self.box = ""

    def say(self, data):
        """True when the box has said it again."""
        try:
            self.socket.sendall(data)
            return self.file.read(len(data)) == data
        except ConnectionError:
            return False

    def is_cut(self):
        """Waits for the end: by a reset, not by an end of stream that looks complete."""
        try:
            return self.file.read() is None
        except ConnectionResetError:
            return True

    def end(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def noise(seed, n):
    """n bytes that depend on the seed alone."""
    return random.Random(seed).randbytes(n)


def digest(data):
    return hashlib.sha256(data).hexdigest()
