#!/usr/bin/python3
"""C1: kill -9 at a random moment while many blobs are being filled.

Nothing corrupt or short may ever be served as whole, also after the restart; the restart answers within a second
(full form: with 100,000 blobs in the store); what the crash left in the staging directory is gone within 60 s.

The full form keeps its files in memory where it can: a kill takes nothing from the kernel, so every file system keeps
the same, but many disks need minutes to remove what the rounds leave.
"""

import contextlib

import hashlib
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path

import rig

STORED = 100_000
SETS = 8  # of blobs; the rounds take turns
MEMORY = Path("/dev/shm")
MEMORY_BYTES = 2 << 30  # for the stored blobs, a set of fills, and the hub


def place_stored_blobs(mirror, count):
    """Blobs of 64 bytes straight into the store, as an older run would have left them."""
    for i in range(count):
        data = i.to_bytes(64, "little")
        encoded = hashlib.sha256(data).hexdigest()
        path = mirror.data / rig.BLOBS / encoded[:2] / encoded / "data"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class Round:
    """One kill: fills under way, the kill, the restart, and everything pulled again."""

    def __init__(self, mirror, digests, fills):
        self.mirror, self.digests, self.fills = mirror, digests, fills
        self.pulls, self.faults = [], []
        self.restart_seconds = self.orphan_seconds = 0.0

    def run(self, delay):
        crowd = threading.Thread(target=self._fill)
        crowd.start()
        time.sleep(delay)
        self.mirror.kill()
        crowd.join()
        self.interrupted = sum(not pull.good for pull in self.pulls)
        self._restart()
        self._check_again()
        self._await_no_orphans()
        return self

    def _fill(self):
        self.pulls = rig.pull_all(self.mirror.port, self.digests, self.fills)
        self.faults += [f"{pull.digest} looked whole during the kill and was not" for pull in self.pulls if pull.lie]

    def _restart(self):
        began = time.monotonic()
        self.mirror.start()
        while self.mirror.get("/v2/").status != 200:
            time.sleep(0.002)
        self.restart_seconds = time.monotonic() - began

    def _check_again(self):
        for pull in rig.pull_all(self.mirror.port, self.digests, 64):
            if pull.lie:
                self.faults.append(f"{pull.digest} looked whole after the restart and was not")
            elif not pull.good:
                self.faults.append(f"{pull.digest} did not come after the restart: status {pull.status}")

    def _await_no_orphans(self):
        began = time.monotonic()
        # Looked at once for each verdict: the last commits may still be staging files of their own.
        while (left := rig.staged_files(self.mirror)) and time.monotonic() - began < 60:
            time.sleep(0.05)
        self.orphan_seconds = time.monotonic() - began
        self.faults += [f"left in the staging directory: {path.name}" for path in left]


def forget(mirror, digests):
    for digest in digests:
        shutil.rmtree(rig.blob_file(mirror, digest).parent, ignore_errors=True)


@contextlib.contextmanager
def place_for(form, scratch):
    if not form.full or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < MEMORY_BYTES:
        yield scratch
        return
    with tempfile.TemporaryDirectory(prefix="c1-", dir=MEMORY) as memory:
        yield Path(memory)


def measure(form, scratch):
    from hub.client import HubProcess
    with place_for(form, scratch) as place, HubProcess(place / "hub", bare=True) as hub:
        return verdict(form, run_rounds(form, place, hub))


def run_rounds(form, place, hub):
    rounds, fills = form.pick(4, 200), form.pick(100, 1000)
    chance = random.Random(form.seed)
    sets = []
    for number in range(min(rounds, SETS)):
        sizes = [chance.randrange(1 << 10, 1 << chance.randrange(11, 18)) for _ in range(fills)]
        sets.append(hub.blobs(sizes, f"{form.seed}-{number}"))
    mirror = rig.start_mirror(place, hub.url)
    mirror.stop()
    place_stored_blobs(mirror, form.pick(100, STORED))
    mirror.start()
    whole_fill = time_of_fill(mirror, sets[0], fills)
    forget(mirror, sets[0])
    done = []
    for number in range(rounds):
        digests = sets[number % len(sets)]
        done.append(Round(mirror, digests, fills).run(chance.uniform(0, whole_fill)))
        forget(mirror, digests)
        hub.reset()
    mirror.stop()
    return done


def time_of_fill(mirror, digests, fills):
    began = time.monotonic()
    bad = [pull for pull in rig.pull_all(mirror.port, digests, fills) if not pull.good]
    if bad:
        raise RuntimeError(f"{len(bad)} of {fills} fills failed without any kill, first status {bad[0].status}")
    return time.monotonic() - began


def verdict(form, done):
    faults = [fault for one in done for fault in one.faults]
    slowest = max(one.restart_seconds for one in done)
    if form.full and slowest >= 1:
        faults.append(f"the slowest start took {slowest:.3f} s until its first 200")
    interrupted = sum(one.interrupted for one in done)
    if not interrupted:
        faults.append("no fill was ever interrupted: the row has shown nothing")
    return faults, (f"{len(done)} kills, {interrupted} fills interrupted, 0 lies wanted: "
                    f"{sum('looked whole' in fault for fault in faults)}; start to first 200 at most {slowest:.3f} s; "
                    f"orphans gone after at most {max(one.orphan_seconds for one in done):.2f} s")


if __name__ == "__main__":
    rig.run_row("C1", __doc__, measure)
