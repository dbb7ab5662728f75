#!/usr/bin/python3
"""A8: ten times as many requests as are answered at once, and memory filled up to its limit.

What is too much gets 503 with Retry-After, at once (full form: within 5 ms); the process stays within its memory and
alive; when the load goes, service is back (full form: within 2 s).
"""

import asyncio
import contextlib
import http.client
import multiprocessing
import time
from pathlib import Path

import attacks
import rig

MEMORY = 512 << 20
STREAMS = 256
BLOB = 1 << 20
# The address sanitizer keeps freed memory for a while, and would stay short of it.
PROMPT_ALLOCATOR = {"ASAN_OPTIONS": "quarantine_size_mb=1:thread_local_quarantine_size_kb=16:"
                                    "allocator_release_to_os_interval_ms=100"}


class Group:
    """A control group with a limit of memory, where the machine lets us make one; else only the setting limits."""

    def __init__(self):
        self.path, self.peak = None, None
        for root, limit, peak in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
                                  ("/sys/fs/cgroup", "memory.max", "memory.peak")):
            path = Path(root) / f"longshore-a8-{time.monotonic_ns()}"
            with contextlib.suppress(OSError):
                path.mkdir()
                self.path = path
                (path / limit).write_text(str(MEMORY))
                self.peak = path / peak
                return
            self.close()

    def take(self, pid):
        if self.path:
            (self.path / "cgroup.procs").write_text(str(pid))

    def close(self):
        if self.path:
            with contextlib.suppress(OSError):
                self.path.rmdir()
        self.path = None


class Probe:
    """Asks for a small thing over a connection of its own, steadily and in a process of its own: what it gets, and how
    fast a 503 comes."""

    def __init__(self, port, path):
        context = multiprocessing.get_context("fork")
        self._turned_away, self._served_at = context.Value("i", 0), context.Value("d", 0.0)
        self._over, (self._results, child_end) = context.Event(), context.Pipe(duplex=False)
        self._process = context.Process(target=self._run, args=(port, path, child_end))
        self.refusals, self.without_retry = [], 0

    def _run(self, port, path, results):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        refusals, without_retry = [], 0
        while not self._over.wait(0.02):
            began = time.monotonic()
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            if answer.status == 503:
                refusals.append(time.monotonic() - began)
                without_retry += answer.headers.get("Retry-After") is None
                self._turned_away.value += 1
            elif answer.status == 200:
                self._served_at.value = time.monotonic()
        results.send((refusals, without_retry))

    def __enter__(self):
        self._process.start()
        while not self._served_at.value:  # its connection stands before the load comes
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self._over.set()
        self.refusals, self.without_retry = self._results.recv()
        self._process.join(30)

    @property
    def turned_away(self):
        return self._turned_away.value

    def p99(self):
        ordered = sorted(self.refusals)
        return ordered[len(ordered) * 99 // 100] if ordered else 0.0

    def until_served(self, seconds):
        """How long it takes from now until 200 comes; None when it does not."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if self._served_at.value > began:
                return self._served_at.value - began
            time.sleep(0.01)
        return None


async def held(tasks, socks, hold):
    """The connections stay while `hold` runs, in a thread, and go then."""
    await asyncio.to_thread(hold)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for sock in socks:
        sock.close()


async def crowd(port, path, connections, hold):
    """Many streams on each connection, none read beyond the first window; how many were answered how."""
    encoded = attacks.fields(path, port)
    requests = b"".join(attacks.request(stream, encoded) for stream in range(1, 2 * STREAMS, 2))
    ended = [attacks.Ended() for _ in range(connections)]
    frames = [attacks.Frames(one) for one in ended]
    loop = asyncio.get_running_loop()
    socks = []

    async def one(frame_counter):
        sock = await attacks.connect(port)
        socks.append(sock)
        with contextlib.suppress(OSError):
            await loop.sock_sendall(sock, attacks.START + requests)
            while data := await loop.sock_recv(sock, 1 << 16):
                frame_counter.feed(data)

    tasks = [asyncio.ensure_future(one(counter)) for counter in frames]
    await held(tasks, socks, hold)
    return sum(one.responses for one in ended)


def too_many_requests(form, scratch):
    most = form.pick(100, 2000)
    connections = 10 * most // STREAMS + 1
    with attacks.Warm(scratch, f"--http-max-requests={most}", size=BLOB) as warm:
        faults, reached = [], 0
        with Probe(warm.port, "/v2/") as probe:
            def hold():
                nonlocal reached
                time.sleep(form.pick(3, 8))
                reached = int(warm.mirror.metric("longshore_http_requests"))
            responses = asyncio.run(crowd(warm.port, warm.path, connections, hold))
            back = probe.until_served(20)
        faults += check_probe(form, probe, back)
        if reached > most:
            faults.append(f"{reached} requests were answered at once, {most} allowed")
        shed = int(warm.mirror.metric("longshore_http_shed_total"))
        if shed < 5 * most:
            faults.append(f"only {shed} requests were shed: the row has shown nothing")
        faults += warm.alive()
    return faults, probe, (f"{connections * STREAMS} requests at once for {most} places, {responses} answered; "
                           f"503 within {probe.p99() * 1000:.1f} ms (p99 of {len(probe.refusals)}), "
                           f"service back after {back or 20:.2f} s")


def check_probe(form, probe, back):
    faults = []
    if not probe.refusals:
        faults.append("the probe was never turned away: the row has shown nothing")
    if probe.without_retry:
        faults.append(f"{probe.without_retry} of {len(probe.refusals)} came without Retry-After")
    if back is None:
        faults.append("service was not back after 20 s")
    if form.full and probe.p99() >= 0.005:
        faults.append(f"a 503 took {probe.p99() * 1000:.1f} ms (p99)")
    if form.full and back is not None and back >= 2:
        faults.append(f"service was back only after {back:.2f} s")
    return faults


async def unfinished_heads(port, count, size, hold):
    """Heads that grow and never end."""
    loop = asyncio.get_running_loop()
    head = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: %s\r\n" % (i, b"a" * 1000) for i in range(size // 1008))
    socks = []

    async def one(number):
        sock = await attacks.connect(port, f"127.0.0.{2 + number % 8}")
        socks.append(sock)
        with contextlib.suppress(OSError):
            await loop.sock_sendall(sock, head)
            while await loop.sock_recv(sock, 4096):
                pass

    tasks = []
    for number in range(count):
        tasks.append(asyncio.ensure_future(one(number)))
        if number % 100 == 0:
            await asyncio.sleep(0.01)
    await held(tasks, socks, hold)


def memory_filled(form, scratch):
    """Request heads of almost the largest size that never end, from as many connections as there may be."""
    group = Group() if form.full else None
    try:
        with attacks.Warm(scratch, "--http-header-timeout=60s") as warm:
            # Under a sanitizer the process begins with more than any sensible limit.
            limit = form.pick(attacks.Memory(warm.pid).now() + (24 << 20), MEMORY)
            warm.mirror.stop()
            warm.mirror.flags = (*warm.mirror.flags, f"--memory-max={limit >> 10}KiB")
            warm.mirror.env = PROMPT_ALLOCATOR
            warm.mirror.start()
            if group:
                group.take(warm.pid)
            memory = attacks.Memory(warm.pid)
            with Probe(warm.port, "/v2/") as probe:
                def hold():
                    deadline = time.monotonic() + 30
                    while probe.turned_away < form.pick(5, 100) and time.monotonic() < deadline:
                        time.sleep(0.1)
                asyncio.run(unfinished_heads(warm.port, form.pick(1500, 14_000), 30_000, hold))
                back = probe.until_served(20)
            faults = check_probe(form, probe, back) + warm.alive()
            peak = memory.base + memory.peak_growth()
            if form.full and peak > MEMORY:
                faults.append(f"the process used {peak >> 20} MiB")
            faults += [] if "memory_short" in warm.mirror.log() else ["the log says nothing of it"]
    finally:
        if group:
            group.close()
    where = "in a control group" if group and group.peak else "by setting"
    return faults, (f"memory at most {peak >> 20} MiB of {limit >> 20} {where}: 503 within {probe.p99() * 1000:.1f} ms "
                    f"(p99 of {len(probe.refusals)}), service back after {back or 20:.2f} s")


def measure(form, scratch):
    faults, _, figure = too_many_requests(form, scratch)
    more, filled = memory_filled(form, scratch)
    return faults + more, f"{figure}; {filled}"


if __name__ == "__main__":
    rig.run_row("A8", __doc__, measure)
