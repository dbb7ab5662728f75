"""Load generators on the cores that the servers do not use."""

import hashlib
import json
import mmap
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

PULL_SOURCE = Path(__file__).resolve().parents[1] / "pull.c"


class Load:
    def __init__(self, directory, core):
        self._pin = ["taskset", "-c", str(core)]
        self._pull = Path(directory) / "pull"
        compiler = "clang-19" if shutil.which("clang-19") else "cc"
        subprocess.run([compiler, "-O2", "-std=gnu11", "-o", str(self._pull), str(PULL_SOURCE)], check=True)

    def wrk(self, url, seconds, connections, accept):
        """Requests done without errors."""
        text = self._run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Accept: {accept}", url])
        if "Non-2xx" in text or "Socket errors" in text:
            raise RuntimeError(f"wrk saw errors:\n{text}")
        count = int(re.search(r"(\d+) requests in", text)[1])
        if not count:
            raise RuntimeError(f"wrk got no answer in {seconds} s")
        return count, float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])

    def h2load(self, url, seconds, connections, streams, accept):
        return self._h2load(f"-c{connections}", f"-m{streams}", f"-D{seconds}", "-H", f"accept: {accept}", url)

    def h1load(self, url, connections, accept="*/*", seconds=0, requests=0):
        """HTTP/1.1 with keep-alive, over TLS too; for some time or some number of requests."""
        length = [f"-D{seconds}"] if seconds else [f"-n{requests}"]
        return self._h2load("--h1", f"-c{connections}", *length, "-H", f"accept: {accept}", url)

    def _h2load(self, *arguments):
        text = self._run(["h2load", "-t1", *arguments])
        done = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed", text)
        if not done or int(done[2]) != int(done[1]) or int(done[3]):
            raise RuntimeError(f"h2load saw errors:\n{text}")
        return int(done[2]), float(re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", text)[1])

    def pull(self, port, paths, connections=1, requests=0, header="", expected=None):
        """Every body whole and status 200, or an error. Without `expected` the bytes are dropped in the kernel."""
        command = [str(self._pull), "-c", str(connections), "-n", str(requests or len(paths))]
        command += ["-H", header] if header else []
        command += ["-x", str(expected)] if expected else ["-t"]
        result = json.loads(self._run([*command, str(port), *paths]))
        bad = [one for one in result["requests"] if not one["whole"] or one["status"] not in (200, 307)]
        if bad:
            raise RuntimeError(f"{len(bad)} of {len(result['requests'])} pulls failed: {bad[0]}")
        return result

    def _run(self, command):
        done = subprocess.run(self._pin + command, capture_output=True, text=True, timeout=900)
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout


def sha256_seconds(path, core):
    """Processor time that hashing these bytes costs on the servers' core, file in memory; the best of three."""
    mask = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as data:
            return min(_timed(data) for _ in range(3))
    finally:
        os.sched_setaffinity(0, mask)


def _timed(data):
    digest, view, began = hashlib.sha256(), memoryview(data), time.thread_time()
    for offset in range(0, len(view), 1 << 20):
        digest.update(view[offset:offset + (1 << 20)])
    view.release()
    return time.thread_time() - began
