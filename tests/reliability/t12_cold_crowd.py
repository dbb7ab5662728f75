#!/usr/bin/python3
"""T12: a crowd pulls the same cold 64 MiB blob at once.

Exactly one upstream GET, every client gets every byte; in the full form (1,000 clients) the slowest client is within
1.2 times the fastest.
"""

import json
import resource
import subprocess

import rig

SIZE = 64 << 20
SPREAD = 1.2


def pull(tool, mirror, clients, expected, digest):
    done = subprocess.run([str(tool), "-c", str(clients), "-x", str(expected), str(mirror.port),
                           f"/v2/{rig.REPOSITORY}/blobs/{digest}"], capture_output=True, text=True, timeout=1200)
    if not done.stdout:
        raise RuntimeError(f"the clients failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def measure(form, scratch):
    from hub.client import HubProcess
    clients = form.pick(64, 1000)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    tool = rig.build_pull_tool(scratch)
    with HubProcess(bare=True) as hub:
        digest = hub.blob(SIZE, form.seed)
        encoded = digest.partition(":")[2]
        expected = f"{hub.addresses['storage']}/docker/registry/v2/blobs/sha256/{encoded[:2]}/{encoded}/data"
        mirror = rig.start_mirror(scratch, hub.url)
        result = pull(tool, mirror, clients, expected, digest)
        gets = hub.blob_gets(digest)
        mirror.stop()
    return verdict(form, clients, result, gets)


def verdict(form, clients, result, gets):
    whole = sum(one["whole"] for one in result["requests"])
    times = sorted(one["seconds"] for one in result["requests"])
    spread = times[-1] / times[0] if times[0] else float("inf")
    faults = [f"{gets} upstream GETs"] if gets != 1 else []
    faults += [f"{clients - whole} clients did not get every byte"] if whole != clients else []
    faults += [f"slowest / fastest = {spread:.2f}"] if form.full and spread > SPREAD else []
    return faults, (f"{clients} clients, {gets} upstream GET, {whole} whole; fastest {times[0]:.2f} s, "
                    f"slowest {times[-1]:.2f} s, ratio {spread:.2f}")


if __name__ == "__main__":
    rig.run_row("T12", __doc__, measure)
