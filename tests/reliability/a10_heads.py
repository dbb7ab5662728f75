#!/usr/bin/python3
"""A10: heads at and beyond their limits, over HTTP/1.1 and HTTP/2.

Long targets, many fields, many cookies, huge values, broken lines, oversized bodies: each gets its status, 414, 431, 400
or 413, or an answer where it is within the limits, and the connection is not left hanging. In the full form reading a
head is linear: ten times the bytes, at once or byte by byte, or ten times the fields, take at most twelve times the
processor time.
"""

import contextlib
import socket
import time

import attacks
import rig
from attacks import END_HEADERS, END_STREAM, CONTINUATION, HEADERS, START, block, frame, literal

RATIO = 12
PATIENCE = 15


def head(*lines, target="/v2/", method="GET"):
    text = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]
    return "\r\n".join(text).encode("latin-1")


def cases():
    """Name -> (request, the statuses that are right)."""
    many = [f"x-{at}: y" for at in range(10_000)]
    return {
        "a target of 64 KiB": (head(target="/v2/" + "a" * 65_536), {414}),
        "a target of 15 KiB": (head(target="/v2/" + "a" * 15_000), {404}),
        "a query of 64 KiB": (head(target="/v2/?q=" + "a" * 65_536), {414}),
        "a target that never ends": (b"GET /" + b"a" * (4 << 20), {414}),
        "10,000 fields": (head(*many), {431}),
        "201 fields": (head(*many[:200]), {431}),
        "199 fields": (head(*many[:197]), {200}),
        "1,000 cookies in one field": (head("Cookie: " + "; ".join(f"c{at}=v" for at in range(1_000))), {200}),
        "1,000 Cookie fields": (head(*(f"Cookie: c{at}=v" for at in range(1_000))), {431}),
        "a value of 31 KiB": (head("X: " + "v" * 31_000), {200}),
        "a value of 64 KiB": (head("X: " + "v" * 65_536), {431}),
        "a name of 64 KiB": (head("x" * 65_536 + ": v"), {431}),
        "a head that never ends": (b"GET /v2/ HTTP/1.1\r\nHost: a\r\n" + b"x: y\r\n" * 500_000, {431}),
        "a line without a colon": (head("nonsense"), {400}),
        "NUL in a value": (head("X: a\0b"), {400}),
        "no Host": (b"GET /v2/ HTTP/1.1\r\n\r\n", {400}),
        "two lengths": (head("Content-Length: 5", "Content-Length: 6", method="POST"), {400}),
        "a length of 30 digits": (head("Content-Length: " + "9" * 30, method="POST"), {400, 413}),
        "a method of 64 KiB": (head(method="M" * 65_536), {400, 414, 501}),
        "a version of 64 KiB": (b"GET /v2/ HTTP/1." + b"1" * 65_536 + b"\r\n\r\n", {400, 414, 505}),
        "64 KiB of empty lines first": (b"\r\n" * 32_768, {400, 431, 0}),
    }


def answer_to(port, message):
    """The status of the first response, 0 for a close without one; None when nothing came in time."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(message)
        try:
            while b"\r\n" not in got:
                data = sock.recv(65_536)
                if not data:
                    break
                got += data
        except ConnectionError:
            pass
        except TimeoutError:
            return None
    return int(got.split(b" ", 2)[1]) if got.startswith(b"HTTP/1.1 ") else 0


def over_http2(port):
    """The same by HTTP/2: name -> statuses; 0 stands for a refused stream or connection."""
    def case(path=b"/v2/", extra=()):
        return block([(b":method", b"GET"), (b":scheme", b"http"), (b":path", path), (b":authority", b"127.0.0.1"),
                      *extra])
    return {
        "a path of 64 KiB": (case(b"/v2/" + b"a" * 65_536), {414, 431, 0}),
        "a path of 20 KiB": (case(b"/v2/" + b"a" * 20_000), {414}),
        "10,000 fields": (case(extra=[(b"x-%d" % at, b"y") for at in range(10_000)]), {431, 0}),
        "201 fields": (case(extra=[(b"x-%d" % at, b"y") for at in range(201)]), {431}),
        "1,000 cookies in one field": (
            case(extra=[(b"cookie", b"; ".join(b"c%d=v" % at for at in range(1_000)))]), {200}),
        "1,000 cookie fields": (case(extra=[(b"cookie", b"c=v")] * 1_000), {431}),
        "a value of 31 KiB": (case(extra=[(b"x", b"v" * 31_000)]), {200}),
        "a value of 33 KiB": (case(extra=[(b"x", b"v" * 33_500)]), {431}),
        "a value of 120 KiB": (case(extra=[(b"x", b"v" * 120_000)]), {431, 0}),
    }


def answer_to_block(port, encoded):
    from h2wire import Connection, Failed
    connection = Connection(("127.0.0.1", port), patience=PATIENCE)
    try:
        connection.open()
        parts = [encoded[at:at + 16_384] for at in range(0, len(encoded), 16_384)]
        for at, part in enumerate(parts):
            last = END_HEADERS if at == len(parts) - 1 else 0
            connection.send(frame(CONTINUATION if at else HEADERS, last if at else last | END_STREAM, 1, part))
        return connection.response(1)[0]
    except Failed:
        return 0
    except TimeoutError:
        return None
    finally:
        connection.close()


def seconds_for(warm, message, times, dribble=False):
    """Processor time of the server for `times` requests, one connection after the other's answer."""
    before = attacks.cpu_seconds(warm.pid)
    with socket.create_connection(("127.0.0.1", warm.port), 60) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(times):
            if dribble:
                for at in range(0, len(message), dribble):
                    sock.send(message[at:at + dribble])
            else:
                sock.sendall(message)
            got = b""
            while b"\r\n\r\n" not in got:
                got += sock.recv(65_536)
            status, length = int(got.split(b" ", 2)[1]), int(got.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if status != 200:
                raise RuntimeError(f"a head within the limits got {status}")
            body = got.partition(b"\r\n\r\n")[2]
            while len(body) < length:
                body += sock.recv(65_536)
    return attacks.cpu_seconds(warm.pid) - before


def growth(warm, small, large, times, dribble=False):
    """How much more a tenfold input takes, per request."""
    base = seconds_for(warm, head(), times, dribble)
    one = seconds_for(warm, small, times, dribble) - base
    ten = seconds_for(warm, large, times, dribble) - base
    return ten / max(one, 0.02)


def linear(warm, times):
    """Name -> ratio of processor time for ten times the input."""
    fields_ = lambda count: head(*(f"x-{at:04}: {'v' * 80}" for at in range(count)))
    return {
        "fields": growth(warm, fields_(150), fields_(1_500), times),
        "one value": growth(warm, head("X: " + "v" * 60_000), head("X: " + "v" * 600_000), times),
        "target": growth(warm, head(target="/v2/?" + "a" * 60_000), head(target="/v2/?" + "a" * 600_000), times),
        "bytes one by one": growth(warm, fields_(10), fields_(100), times // 5, dribble=1),
        "in small reads": growth(warm, head("X: " + "v" * 60_000), head("X: " + "v" * 600_000),
                                 times // 5, dribble=700),
    }


def measure(form, scratch):
    faults, slowest = [], 0.0
    with attacks.Warm(scratch, seed=form.seed) as warm:
        known = cases()
        for name, (message, right) in known.items():
            began = time.monotonic()
            status = answer_to(warm.port, message)
            slowest = max(slowest, time.monotonic() - began)
            faults += [f"{name}: {'no answer' if status is None else status}"] * (status not in right)
        by_block = over_http2(warm.port)
        for name, (encoded, right) in by_block.items():
            status = answer_to_block(warm.port, encoded)
            faults += [f"HTTP/2, {name}: {'no answer' if status is None else status}"] * (status not in right)
        faults += warm.alive()
    ratios = {}
    if form.full:
        flags = ["--http-header-bytes", "1MiB", "--http-target-bytes", "1MiB", "--http-field-count", "2000"]
        with attacks.Warm(scratch, *flags, seed=form.seed) as warm:
            ratios = linear(warm, 1_000)
        faults += [f"{name}: ten times the input takes {ratio:.1f} times as long" for name, ratio in ratios.items()
                   if ratio > RATIO]
    shown = "; ten times the input: " + ", ".join(f"{name} {ratio:.1f}x" for name, ratio in ratios.items())
    return faults, (f"{len(known) + len(by_block)} heads answered, the slowest after {slowest:.2f} s"
                    f"{shown if ratios else ''}")


if __name__ == "__main__":
    rig.run_row("A10", __doc__, measure)
