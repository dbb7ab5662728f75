#!/usr/bin/python3
"""T5: 1,000 reloads in 60 s under a constant rate of requests, with 1,000 WebSockets open; none of either may fail.

Handler, limits and certificates of `longshore_joint` (the same server, sessions and relay as a role has) are replaced
again and again. How long a reload takes to show is measured in the responses of the load. At the end the joint drains:
each WebSocket is closed with status 1001.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path

import rig
import steady

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "interop"))

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
BODY = b"x" * 100


class Origin(asyncio.Protocol):
    """Answers every request with a small body; says back what a WebSocket sends."""

    def connection_made(self, transport):
        self.transport, self.buffer, self.upgraded = transport, b"", False

    def data_received(self, data):
        self.buffer += data
        while not self.upgraded and (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head, self.buffer = self.buffer[:end], self.buffer[end + 4:]
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            if b"sec-websocket-key" in fields:
                self.accept(head)
            else:
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        if self.upgraded:
            self.echo()

    def accept(self, head):
        import base64
        import hashlib
        key = [line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")][0][19:].strip()
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        self.upgraded = True

    def echo(self):
        while len(self.buffer) >= 6 and len(self.buffer) >= (whole := 6 + (self.buffer[1] & 0x7f)):
            mask, masked = self.buffer[2:6], self.buffer[6:whole]
            payload = bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked))
            opcode, self.buffer = self.buffer[0], self.buffer[whole:]
            self.transport.write(bytes((opcode, len(payload))) + payload)


class OriginThread:
    """The origin on a loop and a thread of its own."""

    def __init__(self):
        self.loop, started = asyncio.new_event_loop(), threading.Event()
        threading.Thread(target=self.run, args=(started,), daemon=True).start()
        started.wait(10)

    def run(self, started):
        async def serve():
            server = await self.loop.create_server(Origin, "127.0.0.1", 0, backlog=4096)
            self.port = server.sockets[0].getsockname()[1]
            started.set()
        self.loop.run_until_complete(serve())
        self.loop.run_forever()


class WebSocket(asyncio.Protocol):
    """Sends a counter now and then, and expects it back."""

    def __init__(self, port, crowd):
        self.port, self.crowd, self.buffer, self.open = port, crowd, b"", False
        self.sent = self.back = 0
        self.close_status = None

    def connection_made(self, transport):
        self.transport = transport
        transport.write(f"GET /chat HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUpgrade: websocket\r\n"
                        f"Connection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())

    def data_received(self, data):
        self.buffer += data
        if not self.open:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            if not self.buffer.startswith(b"HTTP/1.1 101"):
                self.crowd.faults.append(f"a WebSocket was refused: {self.buffer[:60]!r}")
                return
            self.open, self.buffer = True, self.buffer[end + 4:]
            self.crowd.opened += 1
        while len(self.buffer) >= 2 and len(self.buffer) >= (whole := 2 + self.buffer[1]):
            opcode, payload, self.buffer = self.buffer[0] & 15, self.buffer[2:whole], self.buffer[whole:]
            if opcode == 8:
                self.close_status = int.from_bytes(payload[:2], "big")
                self.send(8, payload)
            elif int.from_bytes(payload, "big") != self.back + 1:
                self.crowd.faults.append("a WebSocket's message came back wrong")
            else:
                self.back += 1

    def send(self, opcode, payload):
        self.transport.write(bytes((0x80 | opcode, 0x80 | len(payload))) + bytes(4) + payload)

    def speak(self):
        self.sent += 1
        self.send(2, self.sent.to_bytes(8, "big"))

    def connection_lost(self, error):
        if not self.crowd.leaving:
            self.crowd.faults.append(f"a WebSocket was dropped ({error})")


class Crowd:
    def __init__(self):
        self.opened, self.faults, self.leaving, self.members = 0, [], False, []

    async def open(self, port, count):
        loop = asyncio.get_running_loop()
        for _ in range(count):
            self.members.append((await loop.create_connection(lambda: WebSocket(port, self), "127.0.0.1", port))[1])
        await self.until(lambda: self.opened == count, f"{count} WebSockets to open")

    async def until(self, condition, what, seconds=30):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.faults or time.monotonic() > deadline:
                self.faults.append(f"waited in vain for {what}")
                return
            await asyncio.sleep(0.01)

    async def speak(self, over, period):
        """Each member speaks once in a period, spread over it."""
        at = 0
        while not over.is_set() and not self.faults:
            for _ in range(max(1, int(len(self.members) * 0.02 / period))):
                self.members[at % len(self.members)].speak()
                at += 1
            await asyncio.sleep(0.02)
        await self.until(lambda: all(one.back == one.sent for one in self.members), "messages to come back")


class Change:
    """Revisions that were asked for, and when each was first seen."""

    def __init__(self, file):
        self.file, self.asked, self.seen = file, {}, {}

    def ask(self, process, revision):
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{revision}\n")
        fresh.rename(self.file)
        self.asked[revision] = time.monotonic()
        process.send_signal(signal.SIGHUP)

    def see(self, revision):
        now = time.monotonic()
        while revision not in self.seen and revision in self.asked:
            self.seen[revision] = now
            revision -= 1

    def delays(self):
        return sorted(self.seen[revision] - self.asked[revision] for revision in self.seen)


async def reload_all(change, process, count, seconds):
    began = time.monotonic()
    for revision in range(1, count + 1):
        change.ask(process, revision)
        await asyncio.sleep(max(0, began + seconds * revision / count - time.monotonic()))


async def play(form, joint, change):
    sockets, rate = form.pick(100, 1000), form.pick(100, 2000)
    count, seconds = form.pick(100, 1000), form.pick(5, 60)
    crowd, over = Crowd(), asyncio.Event()
    await crowd.open(joint.port, sockets)
    tallies = [steady.Tally(), steady.Tally()]
    for tally in tallies:
        tally.on_revision = change.see
    loads = [steady.Http1Load(joint.port, [("/", len(BODY))], tallies[0]),
             steady.Http2Load(joint.port, [("/", len(BODY))], tallies[1])]
    running = [asyncio.ensure_future(steady.run(load, rate / 2, over)) for load in loads]
    running.append(asyncio.ensure_future(crowd.speak(over, form.pick(2, 10))))
    await reload_all(change, joint.process, count, seconds)
    await crowd.until(lambda: count in change.seen, "the last reload to show")
    over.set()
    asked = sum([await one for one in running][:2])
    dropped = sum("dropped" in fault for fault in crowd.faults)
    crowd.leaving = True
    joint.process.send_signal(signal.SIGTERM)
    await crowd.until(lambda: all(one.close_status is not None for one in crowd.members), "1001 on every WebSocket", 20)
    told = sum(one.close_status == 1001 for one in crowd.members)
    faults = crowd.faults + [why for tally in tallies for why in tally.failures]
    if told != sockets:
        faults.append(f"{sockets - told} WebSockets were not told 1001")
    if sum(one.back for one in crowd.members) < sockets:
        faults.append("the WebSockets hardly spoke: the row has shown nothing")
    failed = sum(len(tally.failures) for tally in tallies)
    return faults, sockets, asked, dropped, failed, told


def measure(form, scratch):
    import resource
    import servers
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if not form.full:
        os.environ.setdefault("LONGSHORE_JOINT", str(rig.ROOT / "build/asan/tests/joint/longshore_joint"))
    os.environ.setdefault("LONGSHORE_JOINT", str(rig.ROOT / "build/release/tests/joint/longshore_joint"))
    revision = scratch / "revision"
    revision.write_text("0\n")
    change = Change(revision)
    joint = servers.start_joint(OriginThread().port, ["--revision-file", str(revision)])
    try:
        faults, sockets, asked, dropped, failed, told = asyncio.run(play(form, joint, change))
    finally:
        joint.stop()
    delays = change.delays()
    p99 = delays[min(len(delays) - 1, int(len(delays) * 0.99))] if delays else float("inf")
    if form.full and p99 >= 1:
        faults.append(f"99 of 100 reloads showed within {p99:.3f} s, not 1 s")
    if len(delays) < form.pick(100, 1000):
        faults.append(f"only {len(delays)} reloads were seen in responses")
    return faults, (f"{len(delays)} reloads, {sockets} WebSockets, {dropped} dropped, {asked} requests, {failed} failed, "
                    f"p99 from change to effect {p99 * 1000:.0f} ms; at the drain {told} told 1001")


if __name__ == "__main__":
    rig.run_row("T5", __doc__, measure)
