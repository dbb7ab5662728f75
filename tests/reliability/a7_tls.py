#!/usr/bin/python3
"""A7: handshake floods, renegotiation, early data, tickets under another name.

While one address opens handshakes and lets them stand, and begins as many as it can, clients with a
connection lose no request and every new client of another address gets in; what is too much is closed at accept and
counted. Then the same from 200 addresses at once: connections keep their service, and new clients get in as soon as it
ends. TLS 1.2 renegotiation is refused,
early data never offered, and a ticket is good for its own name only. The full form holds established clients to a
99th percentile of 100 ms under the flood.
"""

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

import rig
import tls_world as tls

P99_LIMIT = 0.1
SHED = "longshore_tls_handshakes_shed_total"


class Flood:
    """Processes of their own: silent connections, half hellos, and whole hellos at full speed, from `addresses`."""

    def __init__(self, port, addresses, standing):
        self._pids = [self._fork(self._stand, port, addresses, standing), self._fork(self._hammer, port, addresses)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in self._pids:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    @staticmethod
    def _fork(action, *arguments):
        pid = os.fork()
        if pid == 0:
            try:
                action(*arguments)
            finally:
                os._exit(0)
        return pid

    @staticmethod
    def _stand(port, addresses, standing):
        """Opens again what was closed. Every second one has sent half a hello."""
        half = tls.records(tls.hello())[:100]
        held = [None] * standing
        for number in _forever(standing):
            if held[number] is None or _is_over(held[number]):
                held[number] = _dial(port, addresses[number % len(addresses)])
                if held[number] and number % 2:
                    _send(held[number], half)
            if number == standing - 1:
                time.sleep(0.02)

    @staticmethod
    def _hammer(port, addresses):
        """Makes the server do its part of a handshake, and none of the client's."""
        whole = tls.records(tls.hello(groups=(tls.P256,)))
        for number in _forever(len(addresses)):
            connection = _dial(port, addresses[number])
            if connection:
                _send(connection, whole)
                try:
                    connection.recv(1)
                except OSError:
                    pass
                connection.close()


def _forever(count):
    while True:
        yield from range(count)


def _dial(port, address):
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=2, source_address=(address, 0))
    except OSError:
        return None


def _send(connection, data):
    try:
        connection.sendall(data)
    except OSError:
        pass


def _is_over(connection):
    try:
        connection.setblocking(False)
        over = not connection.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        over = True
    if over:
        connection.close()
    return over


class Regulars(threading.Thread):
    """Clients whose connections stand: each asks again and again."""

    def __init__(self, port, authority, count):
        super().__init__()
        self._clients = [tls.Client(port, authority) for _ in range(count)]
        self._ending = threading.Event()
        self.times, self.faults = [], []

    def run(self):
        while not self._ending.wait(0.01):
            for client in self._clients:
                began = time.monotonic()
                try:
                    status = client.get()
                    self.faults += [] if status == 200 else [f"an established client got {status}"]
                except (OSError, ConnectionError) as error:
                    self.faults.append(f"an established client lost its connection: {error}")
                    return
                self.times.append(time.monotonic() - began)

    def end(self):
        self._ending.set()
        self.join()
        for client in self._clients:
            client.close()
        ordered = sorted(self.times)
        return ordered[len(ordered) * 99 // 100] if ordered else float("inf")


def newcomers(port, authority, count):
    """How many of `count` new clients are served."""
    served = 0
    context = tls.Client.trust(authority)
    for _ in range(count):
        try:
            with tls.Client(port, context=context) as client:
                served += client.get() == 200
        except (OSError, ConnectionError):
            pass
    return served


def flood(form, mirror, port, authority):
    faults, figures = [], []
    for what, addresses in (("one address", ["127.0.0.2"]),
                            ("200 addresses", [f"127.0.1.{i + 1}" for i in range(200)])):
        count = form.pick(15, 100)
        before = mirror.metric(SHED)
        regulars = Regulars(port, authority, form.pick(4, 16))
        regulars.start()
        with Flood(port, addresses, form.pick(200, 4000)):
            time.sleep(form.pick(0.5, 5))
            served = newcomers(port, authority, count) if len(addresses) == 1 else 0
            time.sleep(form.pick(1, 5) if len(addresses) > 1 else 0)
        if len(addresses) > 1:
            time.sleep(1.2)  # the rate has filled up again
            served = newcomers(port, authority, count)
        p99 = regulars.end()
        shed = mirror.metric(SHED) - before
        faults += regulars.faults
        faults += [f"{what}: {count - served} of {count} new clients were not served"] if served < count else []
        faults += [f"{what}: nothing was shed"] if not shed else []
        faults += [f"{what}: p99 of established clients {p99 * 1e3:.0f} ms"] if form.full and p99 > P99_LIMIT else []
        figures.append(f"{what}: {shed:.0f} shed, {len(regulars.times)} requests of established clients, p99 "
                       f"{p99 * 1e3:.1f} ms, {served} of {count} newcomers")
    return faults, figures


def s_client(port, *arguments, typed=b""):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "ec.test", *arguments],
                          input=typed, capture_output=True, timeout=30)
    return (done.stdout + done.stderr).decode(errors="replace")


def renegotiation(port):
    text = s_client(port, "-tls1_2", typed=b"R\n")
    if "RENEGOTIATING" not in text:
        return [f"the client did not ask to renegotiate: {text[-200:]}"]
    return [] if "no renegotiation" in text else ["renegotiation was not refused"]


def early_data(port, scratch):
    """A ticket says how much early data it is good for; the client sends none when that is 0."""
    session, request = scratch / "session.pem", scratch / "request"
    request.write_bytes(b"POST /v2/ HTTP/1.1\r\nHost: ec.test\r\nContent-Length: 0\r\n\r\n")
    asked = b"GET /v2/ HTTP/1.1\r\nHost: ec.test\r\nConnection: close\r\n\r\n"
    with subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "ec.test", "-tls1_3",
                           "-sess_out", str(session), "-ign_eof"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as client:
        text = client.communicate(asked, timeout=30)[0].decode(errors="replace")
    sizes = {int(size) for size in re.findall(r"Max Early Data: (\d+)", text)}
    if sizes != {0}:
        return [f"a ticket allows early data: {sizes or 'no ticket came'}"]
    text = s_client(port, "-tls1_3", "-sess_in", str(session), "-early_data", str(request))
    faults = [] if "Reused" in text else ["the ticket was not taken: the test shows nothing"]
    return faults + ([] if "Early data was not sent" in text else ["early data was sent"])


def tickets(port, authority):
    faults = []
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = tls.Client.trust(authority, version=version)
        with tls.Client(port, context=context, name="ec.test") as client:
            client.get()
            session = client.socket.session
        for name, wanted in (("ec.test", True), ("other.test", False), ("wild.test", False)):
            with tls.Client(port, context=context, name=name, session=session) as client:
                resumed = client.socket.session_reused
                client.get()
            if resumed != wanted:
                faults.append(f"{version.name}: a ticket of ec.test was {'not ' if wanted else ''}taken for {name}")
    return faults


def measure(form, scratch):
    from harness import get
    from hub.storage import free_port
    authority = tls.Authority(scratch)
    shared, key = authority.server("ec.test", "wild.test")
    other, other_key = authority.server("other.test")
    port = free_port()
    flags = [part for name in ("ec.test", "wild.test", "other.test") for part in ("--default-host", name)]
    flags += ["--loops", "1", "--tls-listen", f"127.0.0.1:{port}", "--certificate", f"cert={shared},key={key}",
             "--certificate", f"cert={other},key={other_key}"]
    flags += [] if form.full else ["--tls-handshakes", "64", "--tls-handshake-rate", "100"]
    mirror = rig.start_mirror(scratch, "http://127.0.0.1:1", *flags)
    faults, figures = flood(form, mirror, port, authority)
    time.sleep(1.2)  # the burst is there again
    faults += renegotiation(port) + early_data(port, scratch) + tickets(port, authority)
    health = get(mirror.admin_port, "/healthcheck").status
    faults += [] if health == 200 else [f"the health check says {health}"]
    mirror.stop()
    return faults, "; ".join(figures) + "; renegotiation, early data and foreign tickets refused" * (not faults)


if __name__ == "__main__":
    rig.run_row("A7", __doc__, measure)
