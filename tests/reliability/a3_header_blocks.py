#!/usr/bin/python3
"""A3: header blocks that never end, swell, or churn the table (CVE-2024-27316, -28182, -30255).

CONTINUATION floods with fields, without, and with Huffman codes; blocks that a small index makes large; a table that is
filled and emptied again and again. The server gives up each connection with GOAWAY, or answers 431, and does not grow.
Connections that stop in the middle of the largest block they may send cost at most 64 KiB each in the full form, and
are closed when the time for a head is over.
"""

import asyncio
import contextlib

import attacks
import rig
from attacks import (CONTINUATION, END_HEADERS, END_STREAM, HEADERS, START, fields, frame, integer, literal,
                     request, text)

FRAME = 16_384
HELD = 64 << 10          # bytes that one connection may make the server hold
HEADER_TIME = 2          # seconds, in the quick form
# Within what is worth decoding: work like any other, answered as long as it comes.
ANSWERED = ("a table that churns", "a field section that is always too large")


def continued(first, rest, frames):
    """A block that goes on and on."""
    return [frame(HEADERS, END_STREAM, 1, first), frame(CONTINUATION, 0, 1, rest) * frames]


def of_literals(size, name=b"x"):
    """Fields of together about `size` bytes on the wire."""
    one = literal(name, bytes(b"v" * 1000))
    return one * (size // len(one))


def huffman_value(size):
    """One field whose value is Huffman codes of 5 bits: 8/5 of its size when decoded."""
    return b"\x00" + text(b"x-huge") + integer(size, 7, 0x80) + bytes(size)


def floods(path, port):
    start = fields(path, port)
    big = literal(b"big", b"b" * 4000, first=0x40)
    indexed = bytes([0x80 | 62])
    churn = b"".join(literal(b"churn%d" % at, b"c" * 3900, first=0x40) for at in range(4))
    resized = b"\x20\x3f\xe1\x1f"  # the table to nothing, and back to 4,096
    blocks = range(1, 2 * 300, 2)
    return {
        "CONTINUATION with fields": continued(start, of_literals(FRAME), 200),
        "empty CONTINUATION": continued(start, b"", 100_000),
        "CONTINUATION of one byte": continued(start, b"\x82", 100_000),
        "a Huffman value that goes on": continued(start + huffman_value(60_000)[:200], bytes(FRAME), 50),
        "fields by index, 4,000 bytes each": [request(1, start + big + indexed * 12_000)],
        "the same in every block": [request(1, start + big)] + [request(stream, start + indexed * 12_000)
                                                                for stream in range(3, 400, 2)],
        "a field section that is always too large": [request(stream, start + of_literals(FRAME - 300), END_STREAM) +
                                                     frame(CONTINUATION, END_HEADERS, stream, of_literals(FRAME)) +
                                                     frame(CONTINUATION, END_HEADERS, stream, b"")
                                                     for stream in blocks],
        "a table that churns": [request(stream, resized * 500 + start + churn) for stream in blocks],
    }


def judge(name, ended, answered):
    faults = []
    for one in ended:
        refused = one.closed and one.goaway
        if not refused and not (answered and one.responses):
            faults.append(f"{name}: closed {one.closed}, GOAWAY {one.goaway or 'none'}, {one.responses} responses")
    return faults


async def hold(port, encoded, connections, memory, patience):
    """Connections that stop inside a block: memory for each, then whether the server ends them."""
    sockets = [await attacks.connect(port) for _ in range(connections)]
    loop = asyncio.get_running_loop()
    for sock in sockets:
        await loop.sock_sendall(sock, START)
    await asyncio.sleep(1)
    memory.mark()
    for sock in sockets:
        await loop.sock_sendall(sock, encoded)
    await asyncio.sleep(1)
    each = memory.growth() / connections

    async def ends(sock):
        with contextlib.suppress(OSError):
            while await loop.sock_recv(sock, 1 << 16):
                pass
        sock.close()
    waiting = [asyncio.ensure_future(ends(sock)) for sock in sockets]
    _, open_still = await asyncio.wait(waiting, timeout=patience)
    for task in open_still:
        task.cancel()
    return each, len(open_still)


def measure(form, scratch):
    connections, held_connections = form.pick(2, 20), form.pick(50, 500)
    flags = form.pick(["--http-header-timeout", f"{HEADER_TIME}s"], [])
    faults, closed, slowest = [], 0, 0.0
    with attacks.Warm(scratch, *flags, seed=form.seed) as warm:
        memory = attacks.Memory(warm.pid)
        with attacks.Honest(warm.port, warm.path, warm.size) as honest:
            for name, pieces in floods(warm.path, warm.port).items():
                allowed = name in ANSWERED
                ended = attacks.attack_all(warm.port, pieces, connections, patience=3 if allowed else 15)
                faults += judge(name, ended, allowed)
                closed += sum(one.closed for one in ended)
                slowest = max([slowest, *(one.seconds for one in ended if one.closed)])
        faults += honest.faults + ["no honest request was answered"] * (honest.good == 0)
        grown = memory.peak_growth()
        faults += [f"floods grew the server by {grown >> 20} MiB"] * (form.full and grown > (16 << 20))
        # As large as it goes: nearly all of the 34 KiB that a block may have on the wire, in one value.
        begun = frame(HEADERS, END_STREAM, 1, fields(warm.path, warm.port) + huffman_value(34_300)[:FRAME - 200])
        begun += frame(CONTINUATION, 0, 1, bytes(FRAME)) + frame(CONTINUATION, 0, 1, bytes(1_600))
        each, left = asyncio.run(hold(warm.port, begun, held_connections, memory, 10 + form.pick(HEADER_TIME, 10) + 5))
        faults += [f"{each / 1024:.0f} KiB held for each connection"] * (form.full and each > HELD)
        faults += [f"{left} connections with an open block stayed"] * bool(left)
        counted = attacks.cuts(warm.mirror)
        faults += [f"the metrics count {counted}"] * (
            counted.get("header_size", 0) == 0 or counted.get("header_time", 0) < held_connections)
        faults += warm.alive()
    return faults, (f"{closed} floods ended, the slowest after {slowest:.2f} s, peak {grown >> 20} MiB; "
                    f"{held_connections} open blocks held {each / 1024:.0f} KiB each")


if __name__ == "__main__":
    rig.run_row("A3", __doc__, measure)
