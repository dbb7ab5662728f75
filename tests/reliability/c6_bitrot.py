#!/usr/bin/python3
"""C6: one random bit flipped in cached blob files, while the mirror runs and while it is stopped.

No flipped blob may be served to its end; each is dropped and fetched again, the others are not; the counter is exact.
Half of the flips put the file's times back, as a careless repair would.
"""

import os
import random

import rig

COUNTER = "longshore_registry_blobs_corrupt_total"


def flip_bit(path, chance, restore_times):
    before = path.stat()
    with open(path, "r+b") as file:
        offset = chance.randrange(before.st_size)
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))
    if restore_times:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def is_stored(mirror, digest):
    """The record is the last thing that is written of a blob."""
    place = rig.blob_file(mirror, digest)
    return place.exists() and (rig.PEER != "longshore" or place.with_name("record").exists())


def flip_all(mirror, digests, chance):
    for i, digest in enumerate(digests):
        flip_bit(rig.blob_file(mirror, digest), chance, i % 2 == 0)


def check(mirror, hub, flipped, others, state):
    """Pulls everything twice: the first round may fail for flipped blobs, never lie; the second is right."""
    hub.reset()
    hub.set(limit=1 << 30)
    first = rig.pull_all(mirror.port, flipped + others, 32)
    second = rig.pull_all(mirror.port, flipped + others, 32)
    faults = [f"{state}: {pull.digest} served corrupt to its end" for pull in first + second if pull.lie]
    faults += [f"{state}: {pull.digest} is not back: status {pull.status}" for pull in second if not pull.good]
    gets = hub.counts()["blobs"]
    for digest in flipped:
        fetched = gets.get(digest, {}).get("cdn_get", 0)
        faults += [f"{state}: {digest} was fetched {fetched} times after the flip"] if fetched != 1 else []
    faults += [f"{state}: {digest} was fetched again without need" for digest in others if digest in gets]
    counted = mirror.metric(COUNTER)
    faults += [f"{state}: {COUNTER} is {counted:.0f}, flipped were {len(flipped)}"] if counted != len(flipped) else []
    return faults


def measure(form, scratch):
    from harness import until
    from hub.client import HubProcess
    count = form.pick(60, 1000)
    chance = random.Random(form.seed)
    with HubProcess(bare=True) as hub:
        sizes = [chance.randrange(1, 1 << chance.randrange(1, 20)) for _ in range(count + 20)]
        digests = sorted(set(hub.blobs(sizes, form.seed)))
        chance.shuffle(digests)
        others, flipped = digests[:20], digests[20:]
        running, stopped = flipped[::2], flipped[1::2]
        mirror = rig.start_mirror(scratch, hub.url)
        if not all(pull.good for pull in rig.pull_all(mirror.port, digests, 32)):
            raise RuntimeError("the blobs could not be cached")
        if not until(lambda: all(is_stored(mirror, digest) for digest in digests), 30):
            raise RuntimeError("the blobs were served but not stored within 30 s")
        flip_all(mirror, running, chance)
        faults = check(mirror, hub, running, others, "running")
        mirror.stop()
        flip_all(mirror, stopped, chance)
        mirror.start()
        faults += check(mirror, hub, stopped, others, "stopped")
        mirror.stop()
    lies = sum("served corrupt" in fault for fault in faults)
    return faults, f"{len(running)} flips running, {len(stopped)} stopped; {lies} served corrupt, 0 wanted"


if __name__ == "__main__":
    rig.run_row("C6", __doc__, measure)
