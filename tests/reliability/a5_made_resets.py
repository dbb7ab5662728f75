#!/usr/bin/python3
"""A5: resets that the server is made to send (CVE-2025-8671, "MadeYouReset").

Requests that are sound, each followed by a frame that forces the server to reset the stream, or to give up the
connection: the handler runs, and the client has used no RST_STREAM. Every variant ends the connection within the budget
of A2, an origin behind the HTTP core sees no more requests than budget and streams allow, and honest clients get every
answer right.
"""

import attacks
import rig
from attacks import DATA, END_HEADERS, END_STREAM, HEADERS, PRIORITY, WINDOW_UPDATE, block, fields, frame, request

BUDGET = 100         # streams we reset at once for what a peer sent: src/http/h2/budget.hpp
STREAMS = 256
AT_ONCE = 50         # requests in one write: fewer than the budget, so that several rounds are needed


def variants(path, port):
    """Name -> (request flags and fields, the frame after it)."""
    plain = fields(path, port)
    sized = fields(path, port, b"POST", [(b"content-length", b"5")])
    post = fields(path, port, b"POST")
    return {
        "WINDOW_UPDATE beyond 2^31-1": (
            plain, END_STREAM, lambda stream: frame(WINDOW_UPDATE, 0, stream, b"\x7f\xff\xff\xff")),
        "WINDOW_UPDATE of 0": (plain, END_STREAM, lambda stream: frame(WINDOW_UPDATE, 0, stream, bytes(4))),
        "DATA longer than content-length": (sized, 0, lambda stream: frame(DATA, END_STREAM, stream, b"longer")),
        "DATA shorter than content-length": (sized, 0, lambda stream: frame(DATA, END_STREAM, stream, b"abc")),
        "DATA after END_STREAM": (plain, END_STREAM, lambda stream: frame(DATA, 0, stream, b"more")),
        "HEADERS after END_STREAM": (plain, END_STREAM, lambda stream: request(stream, plain)),
        "trailers with a pseudo-header": (post, 0, lambda stream: request(stream, block([(b":path", b"/")]))),
        "trailers without END_STREAM": (
            post, 0, lambda stream: frame(HEADERS, END_HEADERS, stream, block([(b"x", b"y")]))),
        "a field name in upper case": (
            post, 0, lambda stream: request(stream, block([(b"Upper", b"y")]))),
        "PRIORITY that depends on itself": (
            plain, END_STREAM, lambda stream: frame(PRIORITY, 0, stream, stream.to_bytes(4, "big") + b"\0")),
        "PRIORITY of the wrong size": (plain, END_STREAM, lambda stream: frame(PRIORITY, 0, stream, b"\0\0\0\0")),
    }


def load(variant, requests):
    encoded, flags, bad = variant
    pieces = []
    for first in range(1, 2 * requests, 2 * AT_ONCE):
        streams = range(first, first + 2 * AT_ONCE, 2)
        pieces.append(b"".join(request(stream, encoded, flags | END_HEADERS) for stream in streams))
        pieces.append(b"".join(bad(stream) for stream in streams))
    return pieces


def judge(name, ended):
    faults = []
    for one in ended:
        if not one.closed:
            faults.append(f"{name}: the connection stayed open, {one.resets} resets")
        elif not one.goaway:
            faults.append(f"{name}: no GOAWAY")
        elif one.resets > BUDGET + STREAMS:
            faults.append(f"{name}: {one.resets} resets")
    return faults


def measure(form, scratch):
    connections, requests = form.pick(2, 20), form.pick(1_000, 10_000)
    faults, closed, slowest, most = [], 0, 0.0, 0
    with attacks.Warm(scratch, seed=form.seed) as warm:
        with attacks.Honest(warm.port, warm.path, warm.size) as honest:
            for name, variant in variants(warm.path, warm.port).items():
                ended = attacks.attack_all(warm.port, load(variant, requests), connections, pause=0.001)
                faults += judge(name, ended)
                closed += sum(one.closed for one in ended)
                slowest = max([slowest, *(one.seconds for one in ended)])
                most = max([most, *(one.resets for one in ended)])
        faults += honest.faults + ["no honest request was answered"] * (honest.good == 0)
        faults += warm.alive()
        counted = attacks.cuts(warm.mirror).get("errors", 0)
        faults += [f"the metric counts {counted} connections cut"] * (counted == 0)
    seen = []
    with attacks.Joint(scratch) as joint:
        joint.origin.delay = 0.2
        for name, variant in variants("/", joint.port).items():
            before = joint.origin.requests
            ended = attacks.attack_all(joint.port, load(variant, requests), 1, pause=0.02, patience=20)
            faults += judge(f"{name}, before an origin", ended)
            seen.append(joint.origin.requests - before)
            if seen[-1] > BUDGET + STREAMS:
                faults.append(f"{name}: the origin saw {seen[-1]} requests")
    return faults, (f"{len(seen)} variants, {closed} connections closed, the slowest after {slowest:.2f} s, "
                    f"at most {most} resets each; the origin saw at most {max(seen)} requests of one connection")


if __name__ == "__main__":
    rig.run_row("A5", __doc__, measure)
