#!/usr/bin/python3
"""C5: the disk takes nothing more: it is full, read-only, or its directory is gone or cannot be made.

All clients get every byte meanwhile, ranges included; the metrics say what is wrong and the log says it once. When the
disk takes bytes again, storing begins by itself (full form: within 5 s). A directory that vanished is made again, and
held against other processes.
"""

import contextlib
import subprocess
import time

import rig

UNSTORED, FAILING = "longshore_registry_unstored_total", "longshore_registry_store_failing"
MIB = 1 << 20


def run(*command):
    subprocess.run(command, check=True)


@contextlib.contextmanager
def mounted(where, *options):
    run("mount", *options, str(where))
    try:
        yield
    finally:
        run("umount", "--lazy", str(where))


@contextlib.contextmanager
def full(mirror):
    filler = mirror.data / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65536))
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def read_only(mirror):
    place = mirror.data / "mirror"
    with mounted(place, "--bind", str(place)):
        run("mount", "-o", "remount,bind,ro", str(place))
        yield


@contextlib.contextmanager
def blocked(mirror):
    """The directory is gone and a file is in its place, so that it cannot be made."""
    away = mirror.data.with_name("away")
    mirror.data.rename(away)
    mirror.data.write_text("in the way")
    try:
        yield
    finally:
        mirror.data.unlink()


class Row:
    def __init__(self, form, scratch, hub, room):
        self.form, self.hub, self.room = form, hub, room
        self.mirror = rig.start_mirror(scratch, hub.url)
        self.faults, self.slowest, self.pulled, self.serial = [], 0.0, 0, 0

    def expect(self, good, fault):
        self.faults += [] if good else [fault]

    def blobs(self, sizes):
        self.serial += 1
        return self.hub.blobs(sizes, f"{self.form.seed}-{self.serial}")

    def pull(self, what, digests):
        pulls = rig.pull_all(self.mirror.port, digests, 100)
        self.pulled += len(pulls)
        bad = [pull for pull in pulls if not pull.good]
        self.expect(not bad, f"{what}: {len(bad)} of {len(pulls)} pulls were not whole and right")

    def says(self, event, times):
        """Log lines are written in batches."""
        from harness import until
        fault = f"the log says {event} {self.lines(event)} times, should be {times}"
        self.expect(until(lambda: self.lines(event) == times, 5), fault)

    def lines(self, event):
        return sum(f" {event} " in f"{line} " for line in self.mirror.log().splitlines())

    def is_stored(self):
        """Whether a new blob is kept: asked for again, it costs upstream nothing."""
        digest = self.blobs([5000])[0]
        self.pull("storing again", [digest])
        time.sleep(0.1)  # the readers do not wait for the disk
        before = self.hub.blob_gets(digest)
        self.pull("storing again", [digest])
        return self.hub.blob_gets(digest) == before

    def while_broken(self, what, small):
        unstored, failures = self.mirror.metric(UNSTORED), self.lines("store_failed")
        digests = self.blobs([small] * self.form.pick(6, 60))
        large = self.hub.blob(self.room * 3 // 2, f"{self.form.seed}-{what}")
        self.pull(what, digests + [large] * 4 + digests)
        time.sleep(1.2)  # the store rests no longer: it is tried, and fails, again
        self.pull(what, self.blobs([small] * 4))
        part = self.mirror.get(f"/v2/{rig.REPOSITORY}/blobs/{large}", {"Range": "bytes=100-299"})
        self.expect(part.status == 206 and len(part.body) == 200, f"{what}: a range was answered by {part.status}")
        manifest = self.mirror.manifest("latest")
        self.expect(manifest.status == 200 and manifest.complete, f"{what}: a manifest was answered by {manifest.status}")
        self.expect(self.mirror.metric(UNSTORED) > unstored, f"{what}: {UNSTORED} stood still")
        self.expect(self.mirror.metric(FAILING) > 0, f"{what}: {FAILING} is 0")
        told = self.lines("store_failed") - failures
        self.expect(told <= 1, f"{what}: the log says {told} times that the store failed")

    def recovers(self, what):
        began = time.monotonic()
        hang = self.form.pick(30, 5)
        while not self.is_stored():
            if time.monotonic() - began > hang:
                self.faults.append(f"{what}: nothing is stored {hang} s later")
                return
        self.slowest = max(self.slowest, time.monotonic() - began)
        self.expect(self.mirror.metric(FAILING) == 0, f"{what}: {FAILING} is not 0 after it")
        self.expect(not rig.staged_files(self.mirror), f"{what}: left in the staging directory")

    def on_a_small_disk(self):
        self.mirror.stop()
        with mounted(self.mirror.data, "-t", "tmpfs", "-o", f"size={self.room}", "tmpfs"):
            self.mirror.start()
            with full(self.mirror):
                self.while_broken("full", MIB)
            self.recovers("full")
            self.says("store_failed", 1)
            self.says("store_recovered", 1)
        # The file system is gone now; below it is the directory that the mirror began with, which nobody holds.
        self.pull("unmounted", self.blobs([5000] * 4))
        self.recovers("unmounted")

    def on_a_directory_that_goes(self):
        with read_only(self.mirror):
            self.while_broken("read-only", 50_000)
        self.recovers("read-only")
        with blocked(self.mirror):
            self.while_broken("gone", 50_000)
        self.recovers("gone")
        run("rm", "-rf", str(self.mirror.data))
        self.pull("removed", self.blobs([5000] * 4))
        self.recovers("removed")
        self.says("data_dir_made_again", 2)
        self.is_held()

    def is_held(self):
        ports = (f":{self.mirror.port}", f":{self.mirror.admin_port}")
        command = [word.replace(ports[0], ":0").replace(ports[1], ":0") for word in self.mirror.command()]
        second = subprocess.run(command, capture_output=True, text=True, timeout=30)
        refused = second.returncode != 0 and f"in use by process {self.mirror.program.pid}" in second.stderr
        self.expect(refused, f"a second mirror on the same directory ended with {second.returncode}: {second.stderr[-300:]}")

    def restarts(self):
        kept = self.blobs([5000] * 4)
        self.pull("before a restart", kept)
        self.mirror.stop()
        self.mirror.start()
        before = [self.hub.blob_gets(digest) for digest in kept]
        self.pull("after a restart", kept)
        self.expect(before == [self.hub.blob_gets(digest) for digest in kept], "a restart has lost what was stored")


def measure(form, scratch):
    from hub.client import HubProcess
    with HubProcess(settings={"limit": 1 << 30}) as hub:
        row = Row(form, scratch, hub, form.pick(8, 64) * MIB)
        row.on_a_small_disk()
        row.on_a_directory_that_goes()
        row.restarts()
        row.mirror.stop()
    return row.faults, (f"{row.pulled} pulls, full, read-only, unmounted, gone, removed; "
                        f"storing again at most {row.slowest:.2f} s later")


if __name__ == "__main__":
    rig.run_row("C5", __doc__, measure)
