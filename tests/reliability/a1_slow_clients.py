#!/usr/bin/python3
"""A1: slowloris, slow POST and slow read.

Connections that send a head line by line, a body byte by byte, or read a large answer by a few bytes. Heads are cut by
http.header_timeout, bodies in both directions by http.min_body_rate over http.body_idle_timeout, and honest clients get
every answer right. In the full form there are 5,000 of each kind, and the honest p99 beside them stays below twice what
it is without.
"""

import asyncio
import contextlib
import dataclasses
import socket
import time

import attacks
import rig

LARGE = 64 << 20
SLACK = 3            # seconds a cut may come late
SOURCES = 100        # loopback addresses to come from
ORIGIN_BODIES = 15   # of each form: together fewer than the pool's connections, for who waits for one is not yet read


@dataclasses.dataclass
class Cut:
    """How the slow connections of one kind ended."""
    seconds: list
    left: int
    honest: float = 0.0  # p99 of honest requests beside them, times the quiet one

    def slowest(self):
        return max(self.seconds, default=0.0)


async def dribble(sock, first, piece, pause):
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        await loop.sock_sendall(sock, first)
        while piece:
            await asyncio.sleep(pause)
            await loop.sock_sendall(sock, piece)


async def until_closed(sock, at_most, pause):
    """Reads `at_most` bytes in each `pause` until the end. A reset counts at once, whatever is still unread."""
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while await loop.sock_recv(sock, at_most) and not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            if pause:
                await asyncio.sleep(pause)


async def slow(port, index, first, piece, at_most, buffer):
    sock = await attacks.connect(port, f"127.0.0.{2 + index % SOURCES}", buffer)
    began = time.monotonic()
    sending = asyncio.ensure_future(dribble(sock, first, piece, 1.0))
    try:
        await until_closed(sock, at_most, 1.0 if at_most < 1024 else 0.0)
        return time.monotonic() - began
    finally:
        sending.cancel()
        sock.close()


async def crowd(port, connections, first, piece, patience, at_most=65_536, buffer=None, beside=None):
    tasks = []
    for index in range(connections):
        tasks.append(asyncio.ensure_future(slow(port, index, first, piece, at_most, buffer)))
        if index % 100 == 99:
            await asyncio.sleep(0.01)
    load = asyncio.get_running_loop().run_in_executor(None, beside) if beside else None
    done, open_still = await asyncio.wait(tasks, timeout=patience)
    for task in open_still:
        task.cancel()
    await asyncio.gather(*open_still, return_exceptions=True)
    seconds = [task.result() for task in done if not task.exception()]
    cut = Cut(seconds, connections - len(seconds))
    return (cut, await load) if load else cut


def kinds(path, idle):
    """Name -> (bytes first, bytes each second, seconds it may last, bytes read at a time, receive buffer)."""
    get = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()
    post = b"POST /v2/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n"
    return {
        "slowloris": (get, b"x: y\r\n", 10, 65_536, None),
        "slow POST": (post, b"b", 10, 65_536, None),
        # What the kernels take at first fills the account again.
        "slow read": (get + b"\r\n", b"", 2 * idle, 100, 2_048),
    }


def slow_bodies_to_an_origin(scratch, connections, idle):
    """Bodies that a handler wants: by length, in chunks, and as HTTP/2 DATA."""
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    patience = idle + SLACK + 5
    with attacks.Joint(scratch, "--body-idle", str(idle)) as joint:
        joint.origin.delay = 600
        encoded = attacks.fields("/", joint.port, b"POST")
        forms = {
            "by length": (head + b"Content-Length: 1000000\r\n\r\n", b"b"),
            "in chunks": (head + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nb\r\n"),
            "in chunk extensions": (head + b"Transfer-Encoding: chunked\r\n\r\n1", b";x"),
        }
        first, piece = (attacks.START + attacks.request(1, encoded, attacks.END_HEADERS),
                        attacks.frame(attacks.DATA, 0, 1, b"b"))

        async def all_forms():
            crowds = [crowd(joint.port, connections, *form, patience) for form in forms.values()]
            # HTTP/2 ends the stream; the connection stays for a while.
            return await asyncio.gather(*crowds, watch_streams(joint.port, connections, first, piece, patience))
        ended = asyncio.run(all_forms())
    faults = [f"body {name}: {cut.left} stayed" for name, cut in zip([*forms, "as DATA"], ended) if cut.left]
    return faults, max(cut.slowest() for cut in ended)


async def watch_streams(port, connections, first, piece, patience):
    """Seconds until a response or a reset of the stream."""
    loop = asyncio.get_running_loop()

    async def one():
        sock = await attacks.connect(port)
        began, seen = time.monotonic(), attacks.Ended()
        frames = attacks.Frames(seen)
        sending = asyncio.ensure_future(dribble(sock, first, piece, 1.0))
        try:
            with contextlib.suppress(OSError):
                while not (seen.resets or seen.responses) and (data := await loop.sock_recv(sock, 65_536)):
                    frames.feed(data)
            return time.monotonic() - began
        finally:
            sending.cancel()
            sock.close()
    tasks = [asyncio.ensure_future(one()) for _ in range(connections)]
    done, open_still = await asyncio.wait(tasks, timeout=patience)
    for task in open_still:
        task.cancel()
    return Cut([task.result() for task in done], len(open_still))


def all_at_once(warm, connections, idle):
    """Each kind's cuts, and the faults of an honest client beside them."""
    slow_kinds = kinds(warm.path, idle)

    async def run():
        return await asyncio.gather(*(crowd(warm.port, connections, first, piece, limit + SLACK + 15, at_most, buffer)
                                      for first, piece, limit, at_most, buffer in slow_kinds.values()))
    with attacks.Honest(warm.port, "/v2/", 2) as honest:
        ended = asyncio.run(run())
    return dict(zip(slow_kinds, ended)), honest.faults


def one_after_the_other(warm, connections, idle):
    """The same with figures."""
    quiet = attacks.Wrk(warm.port, "/v2/", 8).result()
    ended, faults = {}, []
    for name, (first, piece, limit, at_most, buffer) in kinds(warm.path, idle).items():
        ended[name], load = asyncio.run(crowd(warm.port, connections, first, piece, limit + SLACK + 15, at_most, buffer,
                                              lambda: attacks.Wrk(warm.port, "/v2/", 6).result()))
        ended[name].honest = load.p99 / quiet.p99
        faults += [f"{name}: honest p99 {ended[name].honest:.2f} times the quiet one"] * (ended[name].honest >= 2)
        faults += [f"{name}: {load.errors} honest requests went wrong"] * bool(load.errors)
        faults += [f"{name}: cut after {ended[name].slowest():.1f} s"] * (ended[name].slowest() > limit + SLACK)
    return ended, faults


def measure(form, scratch):
    connections, idle = form.pick(60, 5_000), form.pick(2, 60)
    flags = form.pick(["--http-body-idle-timeout", f"{idle}s", "--http-header-timeout", f"{idle}s"], [])
    with attacks.Warm(scratch, *flags, size=form.pick(8 << 20, LARGE), seed=form.seed) as warm:
        ended, faults = form.pick(all_at_once, one_after_the_other)(warm, connections, idle)
        faults += [f"{name}: {cut.left} connections stayed" for name, cut in ended.items() if cut.left]
        counted = attacks.cuts(warm.mirror)
        for why in ("header_time", "body_time"):
            faults += [f"{why} counts {counted.get(why)}"] * (counted.get(why, 0) < connections)
        faults += warm.alive()
    more, slowest = slow_bodies_to_an_origin(scratch, ORIGIN_BODIES, form.pick(2, 10))
    shown = [f"{name} cut by {cut.slowest():.0f} s{f', honest p99 x{cut.honest:.2f}' if cut.honest else ''}"
             for name, cut in ended.items()]
    return faults + more, (f"{connections} connections of each kind: {'; '.join(shown)}; bodies to an origin cut by "
                           f"{slowest:.0f} s")


if __name__ == "__main__":
    rig.run_row("A1", __doc__, measure)
