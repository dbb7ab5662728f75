"""Clients that ask at a constant rate, over HTTP/1.1 and HTTP/2, and never ask twice.

A request is sent once, on a connection the client has reason to believe in: not after a Connection: close, a GOAWAY or
an end of the stream. Anything but the whole expected response is a failure; so is a request that could not be sent.
"""

import asyncio
import collections
import struct
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
STATUS_200 = b"\x88"  # the first byte of a header block that begins with an indexed :status 200
REVISION = b"x-revision"
STREAMS = 100  # at once on a connection: what every server allows (RFC 9113 §6.5.2)


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def literal(text):
    return bytes((len(text),)) + text.encode()


class Tally:
    def __init__(self):
        self.good = 0
        self.failures = []
        self.slowest = 0.0
        self.connections = 0
        self.on_revision = lambda revision: None

    def done(self, began):
        self.good += 1
        self.slowest = max(self.slowest, time.monotonic() - began)

    def failed(self, why):
        self.failures.append(why)


class Http1(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self, load):
        self.load, self.began, self.buffer, self.usable = load, None, b"", True

    def connection_made(self, transport):
        self.transport = transport
        self.load.tally.connections += 1

    def ask(self, path, size):
        self.began, self.path, self.size = time.monotonic(), path, size
        self.transport.write(f"GET {path} HTTP/1.1\r\nHost: {self.load.host}\r\n\r\n".encode())

    def data_received(self, data):
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0 or len(self.buffer) < end + 4 + self.size:
            return
        head, body = self.buffer[:end], self.buffer[end + 4:]
        self.buffer = b""
        if not head.startswith(b"HTTP/1.1 200") or len(body) != self.size:
            self.load.tally.failed(f"h1 {self.path}: {head[:60]!r}, {len(body)} bytes")
        else:
            self.load.tally.done(self.began)
        self.began = None
        lower = head.lower()
        at = lower.find(REVISION + b": ")
        if at >= 0:
            self.load.tally.on_revision(int(lower[at + 12:].split(b"\r\n")[0]))
        if b"connection: close" in lower:
            self.leave()
        elif self.usable:
            self.load.idle.append(self)

    def leave(self):
        self.usable = False
        self.transport.close()

    def eof_received(self):
        self.usable = False

    def connection_lost(self, error):
        self.usable = False
        if self.began is not None:
            self.load.tally.failed(f"h1 {self.path}: the connection ended after {len(self.buffer)} bytes ({error})")
            self.began = None


class Http1Load:
    """Keep-alive connections, and a new one for every `fresh`th request.

    Idle connections are used newest first, as pools do, or oldest first: then all of them are asked in turn.
    """

    def __init__(self, port, requests, tally, fresh=20, oldest_first=False):
        self.port, self.requests, self.tally, self.fresh, self.oldest_first = port, requests, tally, fresh, oldest_first
        self.host = f"127.0.0.1:{port}"
        self.idle, self.count = collections.deque(), 0

    async def ask(self):
        self.count += 1
        path, size = self.requests[self.count % len(self.requests)]
        connection = None
        while self.idle and connection is None and self.count % self.fresh:
            candidate = self.idle.popleft() if self.oldest_first else self.idle.pop()
            if candidate.usable and not candidate.transport.is_closing():
                connection = candidate
        try:
            if connection is None:
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Http1(self), "127.0.0.1", self.port)
            connection.ask(path, size)
        except OSError as error:
            self.tally.failed(f"h1 {path}: {error}")


    def close(self):
        for connection in self.idle:
            connection.transport.abort()


class Http2(asyncio.Protocol):
    def __init__(self, load):
        self.load, self.buffer, self.streams, self.next, self.usable = load, b"", {}, 1, True

    def connection_made(self, transport):
        self.transport = transport
        self.load.tally.connections += 1
        transport.write(PREFACE + frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1 << 30)))

    def ask(self, path, size):
        block = b"\x82\x86\x04" + literal(path) + b"\x01" + literal(self.load.host)
        self.streams[self.next] = [time.monotonic(), path, size, None, 0]
        self.transport.write(frame(HEADERS, 5, self.next, block))
        self.next += 2

    def data_received(self, data):
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= 9:
            size = int.from_bytes(self.buffer[at:at + 3], "big")
            if len(self.buffer) - at < 9 + size:
                break
            kind, flags = self.buffer[at + 3], self.buffer[at + 4]
            stream = int.from_bytes(self.buffer[at + 5:at + 9], "big")
            self.take(kind, flags, stream, self.buffer[at + 9:at + 9 + size])
            at += 9 + size
        self.buffer = self.buffer[at:]

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & 1:
            self.transport.write(frame(SETTINGS, 1, 0))
        elif kind == PING and not flags & 1:
            self.transport.write(frame(PING, 1, 0, payload))
        elif kind == GOAWAY:
            self.usable = False
            last = struct.unpack(">I", payload[:4])[0]
            for refused in [number for number in self.streams if number > last]:
                self.fail(refused, "above the last stream of a GOAWAY")
            self.close_when_done()
        elif kind == RST_STREAM:
            self.fail(stream, f"reset {payload.hex()}")
        elif kind in (HEADERS, DATA) and stream in self.streams:
            state = self.streams[stream]
            if kind == HEADERS and state[3] is None:
                state[3] = payload[:1] == STATUS_200
            elif kind == DATA:
                state[4] += len(payload)
            if flags & 1:
                del self.streams[stream]
                began, path, size, good, got = state
                if good and got == size:
                    self.load.tally.done(began)
                else:
                    self.load.tally.failed(f"h2 {path}: status 200 {good}, {got} of {size} bytes")
                self.close_when_done()

    def fail(self, stream, why):
        state = self.streams.pop(stream, None)
        if state:
            self.load.tally.failed(f"h2 {state[1]}: {why}")

    def close_when_done(self):
        if not self.usable and not self.streams:
            self.transport.close()

    def connection_lost(self, error):
        self.usable = False
        for stream in list(self.streams):
            self.fail(stream, f"the connection ended ({error})")


class Http2Load:
    def __init__(self, port, requests, tally, connections=8):
        self.port, self.requests, self.tally = port, requests, tally
        self.host = f"127.0.0.1:{port}"
        self.slots = [None] * connections
        self.locks = [asyncio.Lock() for _ in self.slots]
        self.count = 0

    async def ask(self):
        self.count += 1
        path, size = self.requests[self.count % len(self.requests)]
        slot = self.count % len(self.slots)
        try:
            async with self.locks[slot]:
                connection = self.slots[slot]
                while connection and connection.usable and len(connection.streams) >= STREAMS:
                    await asyncio.sleep(0.002)
                if connection is None or not connection.usable or connection.transport.is_closing():
                    _, connection = await asyncio.get_running_loop().create_connection(
                        lambda: Http2(self), "127.0.0.1", self.port)
                    self.slots[slot] = connection
            connection.ask(path, size)
        except OSError as error:
            self.tally.failed(f"h2 {path}: {error}")

    def close(self):
        for connection in self.slots:
            if connection:
                connection.transport.abort()


async def run(load, rate, until):
    """Asks `rate` times a second until `until` is set; then waits for what is on its way."""
    began, asked, tasks = time.monotonic(), 0, set()
    while not until.is_set():
        due = int((time.monotonic() - began) * rate)
        for _ in range(due - asked):
            task = asyncio.ensure_future(load.ask())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        asked = max(asked, due)
        await asyncio.sleep(0.005)
    deadline = time.monotonic() + 10
    while load.tally.good + len(load.tally.failures) < asked and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    missing = asked - load.tally.good - len(load.tally.failures)
    if missing:
        load.tally.failed(f"{missing} requests were never answered")
    load.close()
    return asked
