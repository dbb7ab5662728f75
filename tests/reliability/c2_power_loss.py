#!/usr/bin/python3
"""C2: the power goes at every file call, fsyncs included, and takes what was not synced: bytes, names, or a random mix.

tests/power_loss runs the real data directory, staging, blob and manifest stores through random histories on a disk in
memory that forgets: unsynced bytes are cut off, zeros or torn, unsynced names and renames come and go one by one, also
a second time while the next process starts. What was committed must be there, nothing wrong may be served, and no
manifest or tag may be torn. The same on disks that lie about their syncs must show losses: the row can fail.
"""

import concurrent.futures
import json
import os
import subprocess

import rig


def examine(seed, histories, lie="none"):
    program = os.environ.get("LONGSHORE_POWER_LOSS")
    if not program:
        build = rig.Path(os.environ["LONGSHORE_BIN"]).parents[1]
        program = str(build / "tests/power_loss/longshore_power_loss")
    ended = subprocess.run([program, str(seed), str(histories), lie], capture_output=True, text=True, timeout=3600)
    if ended.returncode:
        raise RuntimeError(f"{program} ended with {ended.returncode}: {ended.stderr[-2000:]}")
    return json.loads(ended.stdout)


def measure(form, _scratch):
    parts = form.pick(2, 40)
    histories = form.pick(1, 10)
    seeds = [(form.seed + part) % (1 << 32) for part in range(parts)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        lying = {lie: pool.submit(examine, form.seed, 1, lie) for lie in ("files", "directories")}
        runs = list(pool.map(lambda seed: examine(seed, histories), seeds))
    faults = [f"seed {seed}: {told}" for seed, run in zip(seeds, runs) for told in run["told"]]
    for lie, run in lying.items():
        if not run.result()["faults"]:
            faults.append(f"a disk that lies about syncs of {lie} was not found out: the row has shown nothing")
    cuts, second, syncs, lost = (sum(run[key] for run in runs) for key in ("cuts", "second", "syncs", "faults"))
    return faults, (f"{cuts} power losses over {parts * histories} histories with {syncs} syncs, {second} of them twice; "
                    f"{lost} losses, wrong or torn, 0 wanted")


if __name__ == "__main__":
    rig.run_row("C2", __doc__, measure)
