#!/usr/bin/python3
"""T15: the resolver fails, is silent or slow.

In a network of its own, with a name server that misbehaves on demand: upstreams in use go on, warm answers are not touched, a
crowd of misses is one look-up, new names fail in bounded time and with a reason, everything comes back by itself, and a
mirror whose look-ups hang stops at once. (The rows for ACME and identity providers come with those.)
"""

import concurrent.futures
import json
import threading
import time
from pathlib import Path

import rig
from name_server import NameServer

FRESH = 10.0             # how long the mirror believes an address without asking
NAMES = ("docker", "quay", "gcr", "ghcr", "k8s", "ecr", "cloudsmith")
BOUNDS = {"known": 1.0, "warm p99": 0.05, "new": 3.0, "back": 12.0, "stop": 3.0}  # seconds, full form


class Scene:
    def __init__(self, form, hub, names, mirror):
        self.form, self.hub, self.names, self.mirror = form, hub, names, mirror
        self.faults, self.seconds = [], {name: 0.0 for name in BOUNDS}
        self._left = hub.blobs([2000] * (form.pick(60, 1000) + 40), f"t15-{form.seed}")
        self.warm = self._left.pop()

    def pull(self, upstream, digest=None):
        digest = digest or self._left.pop()
        return self.mirror.get(f"/v2/library/blobs/blobs/{digest}", {"Host": f"{upstream}.localhost"}, timeout=60)

    def expect(self, holds, what):
        self.faults += [] if holds else [what]

    def took(self, what, seconds):
        self.seconds[what] = max(self.seconds[what], seconds)

    def cut_connections(self):
        self.hub.stop("front")
        self.hub.start("front")

    def known(self, state):
        """A miss at an upstream whose name was found before, on a new connection."""
        self.cut_connections()
        answer = self.pull("docker")
        self.expect(answer.status == 200, f"{state}: a known upstream answered {answer.status} {answer.body[:200]}")
        self.took("known", answer.seconds)

    def warm_hits(self, state, count=200):
        answers = [self.pull("docker", self.warm) for _ in range(count)]
        wrong = [answer.status for answer in answers if answer.status != 200]
        self.expect(not wrong, f"{state}: warm answers {wrong[:5]}")
        self.took("warm p99", sorted(answer.seconds for answer in answers)[int(count * 0.99) - 1])

    def new(self, state, upstream, statuses, reason):
        answer = self.pull(upstream)
        said = json.loads(answer.body)["errors"][0]["message"] if answer.status != 200 else ""
        self.expect(answer.status in statuses, f"{state}: a new upstream answered {answer.status} {answer.body[:200]}")
        self.expect(reason in said, f"{state}: the reason was {said!r}")
        self.took("new", answer.seconds)

    def crowd(self):
        """Misses of one name at once while its look-up takes long; warm answers meanwhile."""
        count = self.form.pick(60, 1000)
        digests = [self._left.pop() for _ in range(count)]
        self.names.seconds = self.form.pick(0.6, 1.6)
        self.names.fault = "slow"
        # In a process of its own: the clock of the warm clients must not tick for the crowd.
        with concurrent.futures.ProcessPoolExecutor(1) as other:
            crowd = other.submit(rig.pull_all, self.mirror.port, digests, count, host="quay.localhost")
            while not self.names.asked["quay.test"]:
                time.sleep(0.01)
            time.sleep(self.form.pick(0.0, 1.0))  # all of the crowd waits now
            self.warm_hits("slow", 50)
            pulls = crowd.result()
        self.names.fault = None
        lookups = self.names.asked["quay.test"]
        good = sum(pull.good for pull in pulls)
        self.expect(good == count, f"slow: {count - good} of {count} misses did not come")
        self.expect(lookups == 1, f"slow: {lookups} look-ups for {count} misses")
        return f"{count} misses in {lookups} look-up"

    def comes_back(self, *upstreams):
        began = time.monotonic()
        for upstream in upstreams:
            while (answer := self.pull(upstream)).status != 200 and time.monotonic() - began < 30:
                self._left.append(self._left[0])
                time.sleep(0.1)
            self.expect(answer.status == 200, f"{upstream} did not come back: {answer.status} {answer.body[:200]}")
        self.took("back", time.monotonic() - began)

    def play(self):
        self.expect(self.pull("docker").status == 200, "the first pull failed")
        self.expect(self.pull("docker", self.warm).status == 200, "the warm blob did not come")
        found = time.monotonic()
        crowd = self.crowd()
        time.sleep(max(0.0, found + FRESH + 0.2 - time.monotonic()))
        for fault, upstream, statuses, reason in (
                ("mute tcp", "cloudsmith", (504,), "resolving cloudsmith.test"),
                ("silent", "gcr", (504,), "resolving gcr.test: the resolver does not answer"),
                ("servfail", "k8s", (504,), "resolving k8s.test: Temporary failure"),
                ("nxdomain", "ecr", (502,), "resolving ecr.test: Name or service not known"),
                ("truncated", "ghcr", (200,), "")):
            self.names.fault = fault
            if fault != "nxdomain":
                self.known(fault)
            self.warm_hits(fault)
            self.new(fault, upstream, statuses, reason)
        stale = self.mirror.metric("longshore_net_stale_names_total")
        self.expect(stale >= 3, f"{stale} answers from earlier addresses")
        self.names.fault = None
        self.comes_back("gcr", "k8s", "ecr", "cloudsmith", "docker")
        return crowd

    def stop_in_silence(self):
        self.names.fault = "silent"
        asking = threading.Thread(target=self._ask_nobody)
        asking.start()
        time.sleep(0.2)
        began = time.monotonic()
        self.mirror.stop()
        self.took("stop", time.monotonic() - began)
        asking.join()

    def _ask_nobody(self):
        try:
            self.pull("k8s-gcr")
        except OSError:
            pass


def own_files(scratch, form):
    """The system's files about names, so that nothing of this machine matters."""
    options = form.pick("options timeout:1 attempts:1\n", "")
    texts = {"resolv.conf": f"nameserver 127.0.0.1\n{options}", "hosts": "127.0.0.1 localhost\n",
             "nsswitch.conf": "hosts: files dns\n"}
    for name, text in texts.items():
        Path(scratch, name).write_text(text)
    return [(Path("/etc", name).resolve(), Path(scratch, name)) for name in texts]


def measure(form, scratch):
    from hub.client import HubProcess
    from own_network import enter
    enter(["11.0.0.1/32"], own_files(scratch, form))  # an address that is not loopback: AI_ADDRCONFIG wants one
    with NameServer("127.0.0.1") as names, HubProcess(bare=True) as hub:
        hub.set(limit=1 << 30)
        upstreams = [word for name in (*NAMES, "k8s-gcr")
                     for word in ("--upstream", f"{name}=http://{name}.test:{hub.port}")]
        patience = form.pick("1s", "2s")
        mirror = rig.start_mirror(scratch, f"http://docker.test:{hub.port}", *upstreams, "--connect-timeout", patience)
        scene = Scene(form, hub, names, mirror)
        crowd = scene.play()
        scene.stop_in_silence()
    return verdict(form, scene, crowd)


def verdict(form, scene, crowd):
    for name, bound in BOUNDS.items():
        if form.full and scene.seconds[name] > bound:
            scene.faults.append(f"{name}: {scene.seconds[name]:.2f} s, more than {bound} s")
    slowest = ", ".join(f"{name} {seconds:.3f} s" for name, seconds in scene.seconds.items())
    return scene.faults, f"{crowd}; slowest: {slowest}"


if __name__ == "__main__":
    rig.run_row("T15", __doc__, measure)
