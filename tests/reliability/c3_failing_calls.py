#!/usr/bin/python3
"""C3: the Nth file call on the way of a fill fails, for every N: open, write, sync, stat, rename, remove, mkdir, read.

Real processes with preload/fail_calls.c below them; the stores are taken through the same, call by call and with crashes,
by registry/store_faults_test.cpp. Nobody may crash or be told wrong bytes; clients of a fill get all of it all the same.
No descriptor and no staged file is left (but for one whose removal was what failed: it goes at the next start), what is
in its place is whole, and the next client gets it. The log names the file.
"""

import contextlib
import ctypes
import errno
import hashlib
import mmap
import os
import re
import threading
import time

import rig

ERRORS = (errno.EIO, errno.ENOSPC, errno.EMFILE, errno.EACCES)
REST = 1.02  # s: a store that failed is not tried for a second
MOST_CALLS = 200


class Control(ctypes.Structure):
    """`struct control` of fail_calls.c"""

    _fields_ = [("count", ctypes.c_int64), ("number", ctypes.c_int64), ("error", ctypes.c_int64),
                ("failed", ctypes.c_int64), ("call", ctypes.c_char * 16), ("words", (ctypes.c_char * 80) * 4)]


def map_control(path):
    path.write_bytes(bytes(ctypes.sizeof(Control)))
    with open(path, "r+b") as file:
        return Control.from_buffer(mmap.mmap(file.fileno(), ctypes.sizeof(Control)))


def words_of(digest):
    """Of no other blob: the scrub reads those meanwhile, and drops what it cannot read."""
    encoded = digest.partition(":")[2]
    return [b"/tmp/staged-", encoded.encode(), f"/sha256/{encoded[:2]}$".encode(), b"/blobs/sha256$"]


class Worker:
    """One mirror, and its share of the numbers."""

    def __init__(self, index, of, form, scratch, hub, library):
        self.index, self.of, self.form, self.hub = index, of, form, hub
        path = scratch / f"control-{index}"
        self.control = map_control(path)
        self.mirror = rig.start_mirror(scratch, hub.url, env={"LD_PRELOAD": str(library), "FAIL_CALLS": str(path)})
        self.faults, self.failed, self.broken_off, self.digests = [], 0, 0, []
        self.calls, self.lines, self.unremoved = {}, 0, set()

    def run(self):
        try:
            for scenario in (self.new_blob, self.changed_blob, self.manifest):
                for size in self.form.pick([2000], [2000, 3 << 20]):
                    for error in self.form.pick([None], ERRORS):
                        self.every_number(scenario, size, error)
            self.end()
        except Exception as error:
            self.faults.append(f"worker {self.index}: {type(error).__name__}: {error}")

    def every_number(self, scenario, size, error):
        for number in range(self.index + 1, MOST_CALLS, self.of):
            chosen = error or ERRORS[number % len(ERRORS)]
            what = f"{scenario.__name__} of {size} bytes, call {number}, {errno.errorcode[chosen]}"
            if not scenario(what, size, number, chosen):
                self.calls[scenario.__name__, size] = self.control.count
                return
        self.faults.append(f"{scenario.__name__}: more than {MOST_CALLS} calls")

    @contextlib.contextmanager
    def failing(self, words, number, error):
        for i, word in enumerate(words):
            self.control.words[i].value = word
        self.control.call = b""
        self.control.count = self.control.failed = 0
        self.control.error, self.control.number = error, number
        yield
        self.settle()
        self.control.number = 0

    def settle(self):
        """The fill goes on when its client has everything; this waits for its end."""
        deadline = time.monotonic() + 20
        while self.mirror.metric("longshore_registry_fills") and time.monotonic() < deadline:
            time.sleep(0.005)

    def new_blob(self, what, size, number, error):
        digest = self.hub.blob(size, f"{self.form.seed}-{what}")
        with self.failing(words_of(digest), number, error):
            pull, = rig.pull_all(self.mirror.port, [digest])
        failed = self.check(what, digest, pull)
        if failed:
            time.sleep(REST)
        return failed

    def changed_blob(self, what, size, number, error):
        """Stored, but with other times: hashed again before its last byte leaves."""
        digest = self.hub.blob(size, f"{self.form.seed}-{what}")
        rig.pull_all(self.mirror.port, [digest])
        self.settle()
        os.utime(rig.blob_file(self.mirror, digest), ns=(1, 1))
        with self.failing(words_of(digest), number, error):
            pull, = rig.pull_all(self.mirror.port, [digest])
        if not pull.good and not pull.lie:
            self.broken_off += 1
            pull, = rig.pull_all(self.mirror.port, [digest])
            self.settle()
        return self.check(what, digest, pull)

    def manifest(self, what, size, number, error):
        tag = "t" + hashlib.sha256(what.encode()).hexdigest()[:20]
        self.hub.image("team/manifests", tag, [100], f"{self.form.seed}-{what}")
        _, wanted = self.hub.manifest("team/manifests", tag)
        with self.failing([b"/tmp/staged-", b"/mirror/manifests/", b"", b""], number, error):
            answer = self.mirror.manifest(tag, "team/manifests")
        again = self.mirror.manifest(tag, "team/manifests")
        for one in (answer, again):
            if (one.status, one.body) != (200, wanted):
                self.faults.append(f"{what}: the manifest was answered by {one.status}")
        return self.count_failure(what)

    def check(self, what, digest, pull):
        if not pull.good:
            self.faults.append(f"{what}: status {pull.status}, {pull.size} bytes, {'LIE' if pull.lie else 'not whole'}")
        self.digests.append(digest)
        place = rig.blob_file(self.mirror, digest)
        if place.exists() and hashlib.sha256(place.read_bytes()).hexdigest() not in digest:
            self.faults.append(f"{what}: what is in its place is not the blob")
        failed = self.count_failure(what)
        again, = rig.pull_all(self.mirror.port, [digest])
        if not again.good:
            self.faults.append(f"{what}: afterwards status {again.status}, {again.size} bytes")
        self.settle()
        self.expect_no_leak(what)
        return failed

    def count_failure(self, what):
        """Whether the call was reached."""
        failed = self.control.failed
        self.failed += failed
        left = {path.name for path in rig.staged_files(self.mirror)} - self.unremoved
        if failed and self.control.call == b"remove":
            self.unremoved |= left
        else:
            self.faults += [f"{what}, {self.control.call.decode()}: left {name}" for name in left]
        return failed > 0

    def expect_no_leak(self, what):
        deadline = time.monotonic() + 5
        while leaked := self.leaked():
            if time.monotonic() > deadline:
                self.faults.append(f"{what}: still open: {leaked[:3]}")
                return
            time.sleep(0.01)

    def leaked(self):
        links = []
        for entry in os.scandir(f"/proc/{self.mirror.program.pid}/fd"):
            with contextlib.suppress(OSError):
                links.append(os.readlink(entry.path))
        return [link for link in links if "/tmp/staged-" in link or ("/mirror/" in link and link.endswith("(deleted)"))]

    def end(self):
        lines = re.findall(r" (?:store_failed|blob_unreadable) .*", self.mirror.log())
        self.lines = len(lines)
        self.faults += [f"a line names no file: {line}" for line in lines if "/mirror/" not in line]
        self.mirror.stop()
        self.mirror.start()
        self.faults += [f"left after a restart: {path.name}" for path in rig.staged_files(self.mirror)]
        bad = [pull for pull in rig.pull_all(self.mirror.port, self.digests, 16) if not pull.good]
        self.faults += [f"after a restart: {pull.digest} status {pull.status}" for pull in bad]
        self.mirror.stop()


def measure(form, scratch):
    from hub.client import HubProcess
    library = rig.build_preload(scratch, "fail_calls")
    with HubProcess(settings={"limit": 1 << 30}) as hub:
        count = form.pick(6, 8)
        workers = [Worker(i, count, form, scratch, hub, library) for i in range(count)]
        threads = [threading.Thread(target=worker.run) for worker in workers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    faults = [fault for worker in workers for fault in worker.faults]
    failed = sum(worker.failed for worker in workers)
    if not failed:
        faults.append("no call was ever made to fail: the row has shown nothing")
    if not any(worker.lines for worker in workers):
        faults.append("no log says of any failure")
    calls = {key: max(worker.calls.get(key, 0) for worker in workers) for key in workers[0].calls}
    ways = ", ".join(f"{name} {size}: {count}" for (name, size), count in calls.items())
    return faults, (f"{failed} calls failed one by one (of each way {ways}), "
                    f"{sum(worker.broken_off for worker in workers)} proofs broke off, no lie")


if __name__ == "__main__":
    rig.run_row("C3", __doc__, measure)
