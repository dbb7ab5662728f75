#!/usr/bin/python3
"""A4: floods of frames that cost the client nothing (CVE-2019-9511 to -9518), and windows that never open.

PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty and tiny DATA, unknown frames, also to streams that are over, and from
clients that do not read: each connection spends its budget, is told ENHANCE_YOUR_CALM and closed. Requests for a large
body with no window, or a window that opens by a byte now and then, are reset. Memory stays flat all along: in the full
form the floods grow the server by less than 16 MiB, a held stream costs less than 64 KiB.
"""

import asyncio
import contextlib

import attacks
import rig
from attacks import (DATA, END_HEADERS, END_STREAM, INITIAL_WINDOW_SIZE, PADDED, PING, PREFACE, PRIORITY, SETTINGS,
                     START, WINDOW_UPDATE, fields, frame, request, settings)

LARGE = 64 << 20
HELD = 64 << 10
GROWTH = 16 << 20
IDLE = 2             # seconds, http.body_idle_timeout in the quick form


def floods(path, port):
    """Name -> (what comes first, what is repeated, how often)."""
    opened = request(1, fields(path, port, b"POST"), END_HEADERS)
    over = request(1, fields(path, port))
    one = (1).to_bytes(4, "big")
    return {
        "PING": (b"", frame(PING, 0, 0, b"longshor"), 100_000),
        "PING answers nobody asked for": (b"", frame(PING, 1, 0, b"longshor"), 100_000),
        "SETTINGS": (b"", frame(SETTINGS), 100_000),
        "SETTINGS that move every window": (
            opened, frame(SETTINGS, 0, 0, settings((INITIAL_WINDOW_SIZE, 1))) +
            frame(SETTINGS, 0, 0, settings((INITIAL_WINDOW_SIZE, 65_535))), 50_000),
        "PRIORITY": (b"", frame(PRIORITY, 0, 7, bytes(4) + b"\x10"), 100_000),
        "unknown frames": (b"", frame(0x77, 0, 0, b"?" * 100), 50_000),
        "large unknown frames": (b"", frame(0x77, 0, 0, b"?" * 16_384), 2_000),
        "WINDOW_UPDATE of the connection": (b"", frame(WINDOW_UPDATE, 0, 0, one), 100_000),
        "WINDOW_UPDATE of a stream": (opened, frame(WINDOW_UPDATE, 0, 1, one), 100_000),
        "WINDOW_UPDATE of a stream that is over": (over, frame(WINDOW_UPDATE, 0, 1, one), 100_000),
        "empty DATA to a stream that is over": (over, frame(DATA, 0, 1), 100_000),
        "empty DATA": (opened, frame(DATA, 0, 1), 100_000),
        "DATA of padding": (opened, frame(DATA, PADDED, 1, b"\xff" + bytes(255)), 20_000),
        "DATA of one byte": (opened, frame(DATA, 0, 1, b"x"), 200_000),
    }


def judge(name, ended):
    wrong = [one for one in ended if not one.calm()]
    return [f"{name}: {len(wrong)} of {len(ended)} connections: closed {wrong[0].closed}, GOAWAY "
            f"{wrong[0].goaway or 'none'} after {wrong[0].sent} bytes"] if wrong else []


def held_requests(path, port, streams):
    asked = b"".join(request(stream, fields(path, port)) for stream in range(1, 2 * streams, 2))
    return PREFACE + frame(SETTINGS, 0, 0, settings((INITIAL_WINDOW_SIZE, 0))) + asked


async def hold(port, load, connections, streams, memory, seconds, trickle):
    """Streams with something to send and no window: the memory for each, and how many were reset in time."""
    loop = asyncio.get_running_loop()
    memory.mark()
    sockets = [await attacks.connect(port) for _ in range(connections)]
    ended = [attacks.Ended() for _ in sockets]
    for sock in sockets:
        await loop.sock_sendall(sock, load)
    drop = b"".join(frame(WINDOW_UPDATE, 0, stream, (1).to_bytes(4, "big")) for stream in range(1, 2 * streams, 2))

    async def watch(sock, seen):
        frames = attacks.Frames(seen)
        with contextlib.suppress(OSError):
            while seen.resets < streams:
                data = await loop.sock_recv(sock, 1 << 16)
                if not data:
                    break
                frames.feed(data)
        seen.closed = True

    async def open_a_little(sock):
        with contextlib.suppress(OSError):
            while True:
                await loop.sock_sendall(sock, drop)
                await asyncio.sleep(1)
    watching = [asyncio.ensure_future(watch(sock, seen)) for sock, seen in zip(sockets, ended)]
    trickling = [asyncio.ensure_future(open_a_little(sock)) for sock in sockets if trickle]
    await asyncio.sleep(min(1.5, seconds / 4))
    each = memory.growth() / (connections * streams)
    await asyncio.wait(watching, timeout=seconds)
    for task in watching + trickling:
        task.cancel()
    for sock in sockets:
        sock.close()
    return each, sum(not seen.closed for seen in ended)


def measure(form, scratch):
    connections, holding, streams = form.pick(1, 20), form.pick(4, 20), form.pick(50, 100)
    idle = form.pick(IDLE, 10)
    faults, tried, slowest = [], 0, 0.0
    with attacks.Warm(scratch, "--http-body-idle-timeout", f"{idle}s", size=form.pick(1 << 20, LARGE),
                      seed=form.seed) as warm:
        memory = attacks.Memory(warm.pid)
        with attacks.Honest(warm.port, "/v2/", 2) as honest:
            for name, (first, repeated, times) in floods(warm.path, warm.port).items():
                for reads in (True, False):
                    ended = attacks.attack_all(warm.port, [first + repeated * times], connections, reads=reads)
                    faults += judge(name if reads else f"{name}, not reading", ended)
                    tried += len(ended)
                    slowest = max([slowest, *(one.seconds for one in ended)])
        faults += honest.faults + ["no honest request was answered"] * (honest.good == 0)
        grown = memory.peak_growth()
        faults += [f"floods grew the server by {grown >> 20} MiB"] * (form.full and grown > GROWTH)
        load = held_requests(warm.path, warm.port, streams)
        each = 0.0
        for trickle in (False, True):
            held, left = asyncio.run(hold(warm.port, load, holding, streams, memory, 3 * idle + 5, trickle))
            each = max(each, held)
            what = "by a byte at a time" if trickle else "never"
            faults += [f"{left} connections whose windows open {what} kept their streams"] * bool(left)
        faults += [f"a held stream costs {each / 1024:.0f} KiB"] * (form.full and each > HELD)
        counted = attacks.cuts(warm.mirror)
        named = ("control", "window_updates", "empty_data", "small_data", "body_time")
        faults += [f"the metrics count {counted}"] * any(counted.get(why, 0) == 0 for why in named)
        faults += warm.alive()
    return faults, (f"{tried} floods ended, the slowest after {slowest:.2f} s, peak {grown >> 20} MiB; "
                    f"{holding * streams} held streams cost {each / 1024:.1f} KiB each")


if __name__ == "__main__":
    rig.run_row("A4", __doc__, measure)
