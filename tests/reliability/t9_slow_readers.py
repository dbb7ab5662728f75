#!/usr/bin/python3
"""T9: slow and stopped readers of large bodies, and T10's shape: one stalled HTTP/2 stream beside 99 others.

Clients that read steadily, if slowly, are never cut, over HTTP/1.1 and HTTP/2; clients that are stopped in the middle
cost no more. A stream whose window is shut delays no other stream of its connection. In the full form 500 clients read
1 KiB/s of 1 GiB for three idle timeouts: the server grows by less than 64 KiB for each, and the p99 of honest clients
stays within 10 % of what it is without them.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time

import attacks
import rig
from attacks import (END_HEADERS, END_STREAM, INITIAL_WINDOW_SIZE, PREFACE, SETTINGS, WINDOW_UPDATE, fields, frame,
                     request, settings)

RATE = 1_024         # bytes per second
HELD = 64 << 10
SPREAD = 1.10

STOPPED = """
import socket, sys
port, path, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
kept = []
for _ in range(count):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(f"GET {path} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\n\\r\\n".encode())
    sock.recv(1000)
    kept.append(sock)
print("reading", flush=True)
sys.stdin.read()
"""


async def read_slowly(port, path, until):
    """Over HTTP/1.1; False when the server ended it."""
    loop = asyncio.get_running_loop()
    sock = await attacks.connect(port, receive_buffer=2_048)
    try:
        await loop.sock_sendall(sock, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        while time.monotonic() < until:
            if not await asyncio.wait_for(loop.sock_recv(sock, RATE), 30):
                return False
            await asyncio.sleep(1)
        return True
    except OSError:
        return False
    finally:
        sock.close()


async def read_slowly_over_http2(port, path, until):
    """One stream whose window opens by RATE each second."""
    loop = asyncio.get_running_loop()
    sock = await attacks.connect(port)
    seen = attacks.Ended()
    frames = attacks.Frames(seen)
    more = RATE.to_bytes(4, "big")
    await loop.sock_sendall(sock, PREFACE + frame(SETTINGS, 0, 0, settings((INITIAL_WINDOW_SIZE, RATE))) +
                            request(1, fields(path, port)))

    async def receive():
        with contextlib.suppress(OSError):
            while data := await loop.sock_recv(sock, 65_536):
                frames.feed(data)
        seen.closed = True
    receiving = asyncio.ensure_future(receive())
    try:
        while time.monotonic() < until and not seen.closed and not seen.resets:
            await asyncio.sleep(1)
            with contextlib.suppress(OSError):
                await loop.sock_sendall(sock, frame(WINDOW_UPDATE, 0, 0, more) + frame(WINDOW_UPDATE, 0, 1, more))
        return not seen.closed and not seen.resets
    finally:
        receiving.cancel()
        sock.close()


async def slow_crowd(warm, clients, seconds, beside):
    until = time.monotonic() + seconds
    reading = []
    for at in range(clients):
        kind = read_slowly if at % 2 else read_slowly_over_http2
        reading.append(asyncio.ensure_future(kind(warm.port, warm.path, until)))
        if at % 50 == 49:
            await asyncio.sleep(0.02)
    await asyncio.sleep(2)
    result = await asyncio.get_running_loop().run_in_executor(None, beside)
    return (await asyncio.gather(*reading)).count(False), result


async def beside_a_stalled_stream(port, large, small, others):
    """Seconds that the small requests take on a connection whose first stream is stalled; and how many were answered."""
    loop = asyncio.get_running_loop()
    sock = await attacks.connect(port)
    seen = attacks.Ended()
    frames = attacks.Frames(seen)
    window = frame(WINDOW_UPDATE, 0, 0, (1 << 30).to_bytes(4, "big"))
    await loop.sock_sendall(sock, attacks.START + window + request(1, fields(large, port)))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):  # its window of 65,535 bytes is used up
            while data := await loop.sock_recv(sock, 65_536):
                frames.feed(data)
    before, began = seen.responses, time.monotonic()
    await loop.sock_sendall(sock, b"".join(request(stream, fields(small, port))
                                           for stream in range(3, 3 + 2 * others, 2)))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            while seen.responses - before < others and (data := await loop.sock_recv(sock, 65_536)):
                frames.feed(data)
    sock.close()
    return time.monotonic() - began, seen.responses - before, before


def start_stopped(warm, clients):
    process = subprocess.Popen([sys.executable, "-c", STOPPED, str(warm.port), warm.path, str(clients)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    os.kill(process.pid, signal.SIGSTOP)
    return process


def measure(form, scratch):
    clients, stopped, idle = form.pick(20, 500), form.pick(5, 50), form.pick(4, 10)
    seconds, size = form.pick(9, 3 * 10 + 5), form.pick(32 << 20, 1 << 30)
    faults = []
    with attacks.Warm(scratch, "--http-body-idle-timeout", f"{idle}s", size=size, seed=form.seed) as warm:
        quiet = attacks.Wrk(warm.port, "/v2/", 10).result() if form.full else None
        memory = attacks.Memory(warm.pid)
        halted = start_stopped(warm, stopped)

        def beside():
            grown = memory.growth()
            return grown, attacks.Wrk(warm.port, "/v2/", 10).result() if form.full else None
        try:
            with attacks.Honest(warm.port, "/v2/", 2) as honest:
                lost, (grown, load) = asyncio.run(slow_crowd(warm, clients, seconds, beside))
        finally:
            halted.kill()
            halted.wait(10)
        each = grown / (clients + stopped)
        faults += [f"{lost} of {clients} slow readers were cut"] * bool(lost) + honest.faults
        faults += [f"{each / 1024:.0f} KiB for each reader"] * (form.full and each > HELD)
        counted = attacks.cuts(warm.mirror).get("body_time", 0)
        faults += [f"{counted:.0f} of {stopped} stopped readers were cut"] * (counted != stopped)
        ratio = load.p99 / quiet.p99 if form.full else 1.0
        faults += [f"honest p99 {ratio:.2f} times the quiet one"] * (ratio > SPREAD)
        took, answered, first = asyncio.run(beside_a_stalled_stream(warm.port, warm.path, "/v2/", 99))
        faults += ["the stalled stream got no answer"] * (first != 1)
        faults += [f"beside a stalled stream {answered} of 99 were answered"] * (answered != 99)
        faults += [f"beside a stalled stream 99 answers took {took:.1f} s"] * (form.full and took > 1)
        faults += warm.alive()
    share = f", honest p99 x{ratio:.2f}" if form.full else ""
    return faults, (f"{clients} slow readers kept, {stopped} stopped ones cut, {each / 1024:.1f} KiB each{share}; "
                    f"99 answers beside a stalled stream in {took * 1000:.0f} ms")


if __name__ == "__main__":
    rig.run_row("T9", __doc__, measure)
