#!/usr/bin/python3
"""A9: 1,024 descriptors, and more clients than that.

Accepting pauses without spinning, health is answered all the while, and what was held up is served afterwards. The
same when the descriptors run out under the running process.
"""

import http.client
import os
import resource
import socket
import time
from pathlib import Path

import attacks
import rig

LIMIT = 1024


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def open_unfinished(port, count):
    """Connections whose request never ends: none of them is idle."""
    sockets = []
    for _ in range(count):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", port))
        sockets.append(sock)
    for sock in sockets:
        sock.setblocking(True)
        sock.sendall(b"GET / HTTP/1.1\r\nHost: ")
    return sockets


def close_all(sockets):
    for sock in sockets:
        sock.close()


class Watch:
    """Health and processor time of a mirror while something goes on, over one admin connection."""

    def __init__(self, mirror):
        self.mirror, self.pid = mirror, mirror.program.pid
        self.admin = http.client.HTTPConnection("127.0.0.1", mirror.admin_port, timeout=20)

    def ask(self, path):
        self.admin.request("GET", path)
        answer = self.admin.getresponse()
        return answer.status, answer.read().decode()

    def pauses(self, why):
        lines = self.ask("/metrics")[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines
                   if line.startswith("longshore_http_accept_pauses_total") and f'why="{why}"' in line)

    def over(self, seconds):
        """What is wrong, and the share of a core that was used."""
        before, began, asked, slowest = attacks.cpu_seconds(self.pid), time.monotonic(), 0, 0.0
        faults = []
        while time.monotonic() - began < seconds:
            asked_at = time.monotonic()
            for path in ("/healthcheck", "/ready"):
                status, text = self.ask(path)
                faults += [f"{path} answered {status}: {text.strip()}"] if status != 200 else []
            slowest = max(slowest, time.monotonic() - asked_at)
            asked += 1
            time.sleep(0.1)
        share = (attacks.cpu_seconds(self.pid) - before) / (time.monotonic() - began)
        if share > 0.5:
            faults.append(f"{share:.2f} of a core went into waiting")
        return faults, share, slowest


def started_small(mirror, form):
    """More clients than places, from the start."""
    watch, pid = Watch(mirror), mirror.program.pid
    crowd = open_unfinished(mirror.port, form.pick(1200, 3000))
    faults, share, slowest = watch.over(form.pick(2, 6))
    held = descriptors(pid)
    if held > LIMIT:
        faults.append(f"{held} descriptors are open")
    if not watch.pauses("limit"):
        faults.append("accepting never paused: the row has shown nothing")
    fresh = http.client.HTTPConnection("127.0.0.1", mirror.admin_port, timeout=20)
    fresh.request("GET", "/healthcheck")
    if fresh.getresponse().status != 200:
        faults.append("a new connection to the admin listener was not answered")
    close_all(crowd)
    return faults, share, slowest, held


def shrunk(mirror, warm):
    """The descriptors run out under the running process, and come back."""
    watch, pid = Watch(mirror), mirror.program.pid
    watch.ask("/ready")
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(pid) + 20, hard))
    crowd = open_unfinished(mirror.port, 100)
    faults, share, _ = watch.over(2)
    if not watch.pauses("descriptors"):
        faults.append("no pause for want of descriptors: the row has shown nothing")
    close_all(crowd)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    return faults + warm.alive(), share


def limited(kind):
    """Mirrors of this kind, started with few descriptors."""
    class Limited(kind):
        def command(self):
            return ["prlimit", f"--nofile={LIMIT}:{LIMIT}", *super().command()]
    return Limited


def measure(form, scratch):
    import harness
    harness.MIRRORS[rig.PEER] = limited(harness.MIRRORS[rig.PEER])
    with attacks.Warm(Path(scratch)) as warm:
        faults, share, slowest, held = started_small(warm.mirror, form)
        faults += warm.alive()
        more, idle_share = shrunk(warm.mirror, warm)
    return faults + more, (f"at most {held} of {LIMIT} descriptors, health within {slowest * 1000:.0f} ms, "
                           f"{share * 100:.0f} % and {idle_share * 100:.0f} % of a core while paused")


if __name__ == "__main__":
    rig.run_row("A9", __doc__, measure)
