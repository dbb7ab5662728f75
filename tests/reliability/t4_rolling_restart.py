#!/usr/bin/python3
"""T4: the mirror is restarted again and again under a constant rate of requests; none may fail.

Both ways: a process that takes over (`--take-over`) while the old one serves, and a service manager that keeps the
sockets and starts the next process when the last has ended. Half of the requests are HTTP/1.1, on connections kept
alive and on new ones, half HTTP/2. The clients never ask twice. A process that is replaced keeps idle connections for its whole grace
period, so the clients use the oldest first; one that is stopped keeps them for a second, and they use the newest
first, as most pools do: an older one may be closed in the moment they ask.
"""

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import time

import rig
import steady

BLOB = 20_000


class Manager:
    """What systemd does for a socket unit: it opens the sockets once, and starts processes with them."""

    def __init__(self, mirror):
        self.mirror = mirror
        self.sockets = [self.listen(mirror.port), self.listen(mirror.admin_port)]

    @staticmethod
    def listen(port):
        return socket.create_server(("127.0.0.1", port), backlog=4096)

    def start(self):
        from harness import Program
        descriptors = [one.fileno() for one in self.sockets]

        class Activated(Program):
            def __init__(self, command, log):
                self.log = log
                with open(log, "ab") as sink:
                    self._process = subprocess.Popen(
                        ["/bin/sh", "-c", 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=http:admin exec "$@"', "sh",
                         *command], stdout=sink, stderr=sink, close_fds=False, preexec_fn=place)
                self.pid = self._process.pid

        def place():
            high = [os.dup2(one, 100 + i) for i, one in enumerate(descriptors)]
            for i, one in enumerate(high):
                os.dup2(one, 3 + i)
            for one in high:
                os.close(one)

        self.mirror.program = Activated(self.mirror.command(), self.mirror.directory / "log")
        self.mirror._await_ready()

    def restart(self):
        self.mirror.program.send(signal.SIGTERM)
        status = self.mirror.program.wait(40)
        self.start()
        return [] if status == 0 else [f"a restart ended with status {status}"]

    def close(self):
        for one in self.sockets:
            one.close()


class Follower:
    """One process takes over from the other."""

    def __init__(self, mirror):
        self.mirror = mirror
        self.flags = mirror.flags

    def start(self):
        self.mirror.start()

    def restart(self):
        old = self.mirror.program
        self.mirror.flags = (*self.flags, "--take-over")
        self.mirror.start()
        status = old.wait(40)
        return [] if status == 0 else [f"the process that was replaced ended with status {status}"]

    def close(self):
        self.mirror.stop()


def requests(hub, mirror):
    """Paths and the sizes of their bodies, in the store already."""
    digest = hub.blob(BLOB, "t4")
    found = [("/v2/", 2)]
    for path in (f"/v2/{rig.REPOSITORY}/blobs/{digest}", "/v2/library/alpine/manifests/latest"):
        connection = http.client.HTTPConnection("127.0.0.1", mirror.port, timeout=30)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} is answered with {answer.status}")
        found.append((path, len(body)))
        connection.close()
    return found


async def load_while(work, mirror, paths, rate, oldest_first=False):
    """Runs `work` in a thread under load; its faults and the two tallies."""
    over = asyncio.Event()
    tallies = [steady.Tally(), steady.Tally()]
    loads = [steady.Http1Load(mirror.port, paths, tallies[0], oldest_first=oldest_first),
             steady.Http2Load(mirror.port, paths, tallies[1])]
    running = [asyncio.ensure_future(steady.run(load, rate / 2, over)) for load in loads]
    await asyncio.sleep(0.5)
    faults = await asyncio.to_thread(work)
    await asyncio.sleep(0.5)
    over.set()
    asked = sum([await one for one in running])
    return faults, tallies, asked


def restarts(manner, count, pause):
    faults = []
    for _ in range(count):
        faults += manner.restart()
        time.sleep(pause)
    return faults


def measure(form, scratch):
    from harness import MIRRORS, hub
    rate, count, pause = form.pick(200, 2000), form.pick(2, 10), form.pick(0.2, 1.0)
    faults, figures = [], []
    upstream = hub()
    for name, kind in (("taken over", Follower), ("by sockets", Manager)):
        mirror = MIRRORS["longshore"](scratch, upstream.url, "--grace-period", "20s")
        rig.started.append(mirror)
        manner = kind(mirror)
        manner.start()
        paths = requests(upstream, mirror)
        found, tallies, asked = asyncio.run(
            load_while(lambda: restarts(manner, count, pause), mirror, paths, rate, kind is Follower))
        faults += found
        failures = [why for tally in tallies for why in tally.failures]
        faults += [f"{name}: {why}" for why in failures]
        if min(tally.good for tally in tallies) == 0:
            faults.append(f"{name}: one of the versions answered nothing: the row has shown nothing")
        if mirror.log().count("draining") < count:
            faults.append(f"{name}: fewer than {count} restarts happened")
        slowest = max(tally.slowest for tally in tallies)
        figures.append(f"{name}: {count} restarts, {asked} requests at {rate}/s, {len(failures)} failed, "
                       f"slowest {slowest:.2f} s")
        mirror.stop()
        manner.close()
    return faults, "; ".join(figures)


if __name__ == "__main__":
    rig.run_row("T4", __doc__, measure)
