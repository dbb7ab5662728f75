"""What the attack rows share: hostile connections, honest ones beside them, and the server's memory and counters.

An attack is bytes made beforehand and sent as fast as the server takes them. What comes back is read frame by frame:
GOAWAY and its code, RST_STREAMs, responses, and when the connection ended.
"""

import asyncio
import contextlib
import dataclasses
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import rig

sys.path.insert(0, str(rig.ROOT / "tests/interop"))

from h2wire import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ERRORS, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE,
                    PADDED, PING, PREFACE, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame, integer, literal,
                    settings, text)

CALM = "ENHANCE_YOUR_CALM"
START = PREFACE + frame(SETTINGS)
CANCEL = (8).to_bytes(4, "big")


def allow_many_files():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def fields(path, port, method=b"GET", extra=()):
    """A request's header block; nothing of it enters the table."""
    return block([(b":method", method), (b":scheme", b"http"), (b":path", path.encode()),
                  (b":authority", f"127.0.0.1:{port}".encode()), *extra])


def request(stream, encoded, flags=END_STREAM | END_HEADERS):
    return frame(HEADERS, flags, stream, encoded)


@dataclasses.dataclass
class Ended:
    """How one hostile connection went."""
    seconds: float = 0.0      # from its first byte to its end; the patience when it did not end
    closed: bool = False
    goaway: str = ""          # the error of the last GOAWAY
    resets: int = 0           # RST_STREAMs from the server
    responses: int = 0
    sent: int = 0

    def calm(self):
        return self.closed and self.goaway == CALM


class Frames:
    """Counts what the server sends into an Ended."""

    def __init__(self, ended):
        self.ended, self.buffer = ended, bytearray()

    def feed(self, data):
        self.buffer += data
        at = 0
        while len(self.buffer) - at >= 9:
            size = int.from_bytes(self.buffer[at:at + 3], "big")
            if len(self.buffer) - at < 9 + size:
                break
            kind = self.buffer[at + 3]
            if kind == GOAWAY:
                code = int.from_bytes(self.buffer[at + 13:at + 17], "big")
                self.ended.goaway = ERRORS[code] if code < len(ERRORS) else hex(code)
            self.ended.resets += kind == RST_STREAM
            self.ended.responses += kind == HEADERS
            at += 9 + size
        del self.buffer[:at]


async def connect(port, source=None, receive_buffer=None):
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source:
        sock.bind((source, 0))
    await loop.sock_connect(sock, ("127.0.0.1", port))
    return sock


async def attack(port, pieces, patience=10.0, reads=True, pause=0.0, source=None):
    """Sends START and the pieces, then waits for the server to end the connection; our direction stays open. Without
    `reads` nothing is read before everything was sent or the server hung up."""
    loop = asyncio.get_running_loop()
    ended = Ended(seconds=patience)
    frames = Frames(ended)
    sock = await connect(port, source)
    began = time.monotonic()

    async def receive():
        while data := await loop.sock_recv(sock, 1 << 16):
            frames.feed(data)

    async def send():
        with contextlib.suppress(OSError):
            for piece in (START, *pieces):
                await loop.sock_sendall(sock, piece)
                ended.sent += len(piece)
                if pause:
                    await asyncio.sleep(pause)
    sending = asyncio.ensure_future(send())
    try:
        async with asyncio.timeout(patience):
            if not reads:
                await sending
            try:
                await receive()
            except OSError:
                pass
            ended.closed, ended.seconds = True, time.monotonic() - began
    except TimeoutError:
        pass
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        sock.close()
    return ended


def attack_all(port, pieces, connections, **options):
    async def run():
        return await asyncio.gather(*(attack(port, pieces, **options) for _ in range(connections)))
    return asyncio.run(run())


def rapid_resets(encoded, streams, first=1):
    return b"".join(request(stream, encoded) + frame(RST_STREAM, 0, stream, CANCEL)
                    for stream in range(first, first + 2 * streams, 2))


class Honest:
    """An HTTP/1.1 client that asks one after the other, in a thread: every answer must be right."""

    def __init__(self, port, path, size):
        self.port, self.path, self.size = port, path, size
        self.good, self.faults, self.slowest = 0, [], 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join(60)

    def _run(self):
        from harness import get
        while not self._over.is_set():
            began = time.monotonic()
            try:
                answer = get(self.port, self.path, timeout=30)
                wrong = answer.status != 200 or not answer.complete or len(answer.body) != self.size
                if wrong:
                    self.faults.append(f"an honest request got {answer.status}, {len(answer.body)} bytes")
                self.good += not wrong
            except OSError as error:
                self.faults.append(f"an honest request failed: {error!r}")
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(0.005)


@dataclasses.dataclass
class Load:
    rate: float
    p99: float   # milliseconds
    errors: int


class Wrk:
    """Honest load by wrk for some seconds, beside whatever else goes on."""

    def __init__(self, port, path, seconds, connections=16):
        self._process = subprocess.Popen(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout",
                                          "30s", f"http://127.0.0.1:{port}{path}"], stdout=subprocess.PIPE, text=True)

    def result(self):
        out, _ = self._process.communicate(timeout=600)
        rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
        number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", out).groups()
        wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
        broken = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", out)
        errors = (int(wrong[1]) if wrong else 0) + (sum(map(int, broken.groups())) if broken else 0)
        return Load(rate, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit], errors)


class Memory:
    """Resident memory of a process: now, and its peak since the last mark."""

    def __init__(self, pid):
        self.pid = pid
        self.mark()

    def mark(self):
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")
        self.base = self.now()

    def _status(self, name):
        return int(re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text())[1]) << 10

    def now(self):
        return self._status("VmRSS")

    def growth(self):
        return self.now() - self.base

    def peak_growth(self):
        return self._status("VmHWM") - self.base


def cpu_seconds(pid):
    fields_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields_[11]) + int(fields_[12])) / os.sysconf("SC_CLK_TCK")


def cuts(mirror):
    """longshore_http_cut_total by reason."""
    from harness import get
    page = get(mirror.admin_port, "/metrics").body.decode()
    return {why: float(count) for why, count in re.findall(r'longshore_http_cut_total\{why="(\w+)"\} (\S+)', page)}


class Warm:
    """A hub and a mirror with one blob in its store. `path` asks for it."""

    def __init__(self, scratch, *flags, size=4096, seed=1):
        from hub.client import HubProcess
        allow_many_files()
        self.size = size
        self.hub = HubProcess(bare=True)
        self.digest = self.hub.blob(size, seed)
        self.path = f"/v2/{rig.REPOSITORY}/blobs/{self.digest}"
        self.mirror = rig.start_mirror(scratch, self.hub.url, "--log-access=false", *flags)
        self.port = self.mirror.port
        first = rig.pull_all(self.port, [self.digest], seconds=300)[0]
        if not first.good:
            raise RuntimeError(f"the first pull failed: {first}")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        try:
            if error[0] is None:
                self.mirror.stop()
        finally:
            self.hub.close()

    @property
    def pid(self):
        return self.mirror.program.pid

    def alive(self):
        """A fresh honest connection gets its answer; the faults."""
        from harness import get
        answer = get(self.port, self.path, timeout=30)
        good = answer.status == 200 and len(answer.body) == self.size
        return [] if good and self.mirror.program.running() else [f"afterwards: {answer.status}"]


class Joint:
    """tests/joint in front of an origin that counts: every request goes through the HTTP core to it."""

    def __init__(self, scratch, *flags):
        from harness import Program
        allow_many_files()
        beside = Path(os.environ["LONGSHORE_BIN"]).parents[1] / "tests/joint/longshore_joint"
        ready = Path(tempfile.mkdtemp(prefix="joint-", dir=scratch)) / "ready"
        self.origin = Origin()
        self.program = Program([os.environ.get("LONGSHORE_JOINT", str(beside)), "--listen", "127.0.0.1:0", "--origin",
                                f"http://127.0.0.1:{self.origin.port}", "--ready-file", str(ready), *flags],
                               f"{ready}.log")
        deadline = time.monotonic() + 30
        while not ready.exists():
            if time.monotonic() > deadline or not self.program.running():
                raise RuntimeError(f"longshore_joint did not start\n{self.program.tail()}")
            time.sleep(0.02)
        self.port = int(ready.read_text().rpartition(":")[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.end()
        self.origin.close()


class Origin:
    """An HTTP/1.1 origin in a thread that counts requests, answers after `delay` and notes how many it held at once."""

    def __init__(self, delay=0.05):
        self.delay, self.requests, self.now, self.most = delay, 0, 0, 0
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self):
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _end(self):
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                self.now += 1
                self.most = max(self.most, self.now)
                try:
                    await asyncio.sleep(self.delay)
                finally:
                    self.now -= 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await writer.drain()
        writer.close()
