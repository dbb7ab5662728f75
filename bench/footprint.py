#!/usr/bin/python3
"""Resident memory of a connection and of a stream, longshore beside nginx.

    ./dev bench footprint [--only STATE]... [--rounds 3] [--scale 1.0]

For every state and server a fresh process answers one request, then the connections are opened; the growth of its
resident memory is divided by their number. What the kernel keeps for sockets is not in it. Prints a Markdown table.
"""

import argparse
import contextlib
import http.client
import socket
import ssl
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests"), str(ROOT / "tests/interop")]

from h2wire import DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE, PREFACE, SETTINGS, block, frame, settings
from hub.client import HubProcess
from mirror_bench import report, servers

MANIFEST = "/v2/library/alpine/manifests/latest"
BLOB_BYTES = 64 << 20
STREAMS = 10  # on each HTTP/2 connection


def get(path, port):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n".encode()


def read_answer(sock):
    """A small answer with Content-Length, whole."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    left = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= len(sock.recv(left))


def read_frames(sock, wanted):
    """Until `wanted` frames of one type have come."""
    kind, count = wanted
    data = b""
    while count:
        data += sock.recv(65536)
        while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
            count -= data[3] == kind
            data = data[9 + int.from_bytes(data[:3], "big"):]


def connect(port, receive_buffer=None):
    sock = socket.socket()
    if receive_buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.connect(("127.0.0.1", port))
    return sock


def secure(sock, protocol):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(sock, server_hostname="localhost")


def idle_h1(server, _blob):
    sock = connect(server.port)
    sock.sendall(get(MANIFEST, server.port))
    read_answer(sock)
    return sock


def idle_tls_h1(server, _blob):
    sock = secure(connect(server.tls_port), "http/1.1")
    sock.sendall(get(MANIFEST, server.tls_port))
    read_answer(sock)
    return sock


def h2_request(path, port, stream):
    fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", path.encode()),
              (b":authority", f"localhost:{port}".encode()), (b"accept", b"*/*")]
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, block(fields))


def idle_tls_h2(server, _blob):
    sock = secure(connect(server.tls_port), "h2")
    sock.sendall(PREFACE + frame(SETTINGS) + h2_request(MANIFEST, server.tls_port, 1))
    read_frames(sock, (DATA, 1))
    return sock


def stalled_h1(server, blob):
    sock = connect(server.port, 4096)
    sock.sendall(get(blob, server.port))
    sock.recv(1024)
    return sock


def stalled_tls_h1(server, blob):
    sock = secure(connect(server.tls_port, 4096), "http/1.1")
    sock.sendall(get(blob, server.tls_port))
    sock.recv(1024)
    return sock


def stalled_tls_h2(server, blob):
    sock = secure(connect(server.tls_port), "h2")
    sock.sendall(PREFACE + frame(SETTINGS, 0, 0, settings((INITIAL_WINDOW_SIZE, 1))))
    sock.sendall(b"".join(h2_request(blob, server.tls_port, 2 * i + 1) for i in range(STREAMS)))
    read_frames(sock, (DATA, STREAMS))
    return sock


# What is opened, how many of it, and how many streams each holds.
STATES = {
    "idle, HTTP/1.1": (idle_h1, 1000, 1),
    "idle, HTTP/1.1 over TLS": (idle_tls_h1, 1000, 1),
    "idle, HTTP/2 over TLS": (idle_tls_h2, 1000, 1),
    "client that stopped reading, HTTP/1.1": (stalled_h1, 500, 1),
    "client that stopped reading, HTTP/1.1 over TLS": (stalled_tls_h1, 500, 1),
    "stream with a closed window, HTTP/2 over TLS": (stalled_tls_h2, 100, STREAMS),
}


def resident(server):
    total = 0
    for pid in server.pids():
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            total += int(line.split()[1]) << 10 if line.startswith("VmRSS") else 0
    return total


def warm_up(server, blob):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
        connection.request("GET", blob)
        answer = connection.getresponse()
        if answer.status != 200 or len(answer.read()) != BLOB_BYTES:
            raise RuntimeError(f"{server.name} does not serve the blob: {answer.status}")


def measure(world, kind, state, blob, scale):
    """Bytes for each, and of the process before."""
    open_one, count, streams = STATES[state]
    with tempfile.TemporaryDirectory(prefix="footprint-") as directory:
        world.directory = Path(directory)
        server = kind(world)
        try:
            idle_h1(server, blob).close()
            warm_up(server, blob)
            time.sleep(0.5)
            before = resident(server)
            count = max(1, int(count * scale))
            held = [open_one(server, blob) for _ in range(count)]
            time.sleep(1)
            grown = resident(server) - before
            for sock in held:
                sock.close()
            return grown / (count * streams), before
        finally:
            server.close()


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=list(STATES), help="these states; repeatable")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="more or fewer connections")
    parser.add_argument("--server-core", type=int, default=0)
    return parser.parse_args()


def main():
    args = parse()
    kinds = [servers.NginxStatic, servers.Longshore]
    before = report.environment()
    rows = []
    with tempfile.TemporaryDirectory(prefix="footprint-hub-", ignore_cleanup_errors=True) as directory, \
            HubProcess(Path(directory) / "hub", settings={"limit": 1 << 30}) as hub:
        world = servers.World(directory, hub, None, "", args.server_core)
        blob = f"/v2/library/blobs/blobs/{hub.blob(BLOB_BYTES, 'footprint')}"
        for state in args.only or STATES:
            values = {kind.name: [] for kind in kinds}
            for number in range(args.rounds):
                for kind in kinds if number % 2 == 0 else reversed(kinds):
                    print(f"{state}, round {number + 1} of {args.rounds}: {kind.name}", file=sys.stderr, flush=True)
                    values[kind.name].append(measure(world, kind, state, blob, args.scale))
            rows.append([state] + [statistics.median(one[0] for one in values[kind.name]) / 1024 for kind in kinds] +
                        [statistics.median(one[1] for one in values[kind.name]) / (1 << 20) for kind in kinds])
    print(f"{before['date']}, commit {before['commit']}; {before['cpu']}, {before['cores']} cores, Linux "
          f"{before['kernel']}; {before['nginx']}. Median of {args.rounds} rounds, a fresh process each.\n")
    print("| one | nginx, KiB | longshore, KiB | process before: nginx, MiB | longshore, MiB |\n|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join([row[0]] + [f"{value:.1f}" for value in row[1:]]) + " |")


if __name__ == "__main__":
    main()
