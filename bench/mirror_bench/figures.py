"""The figures. Each measures one server once and gives {key: value}; the caller alternates servers and rounds."""

import dataclasses
import mmap
import os
import statistics
from pathlib import Path

from mirror_bench import load

ACCEPT = "application/vnd.oci.image.index.v1+json"
MANIFEST = "/v2/library/alpine/manifests/latest"
GIB = 1 << 30
MIB = 1 << 20


@dataclasses.dataclass
class Sizes:
    seconds: int = 4
    warm: int = 256 * MIB
    warm_total: int = 4 * GIB
    cold: int = 128 * MIB
    first_bytes: int = 20      # cold blobs of 1 MiB for one measurement of the time to the first byte
    crowd: int = 64 * MIB
    crowd_clients: int = 64
    cdn_rate: int = 50_000_000


class Bench:
    """What the figures need: the hub's blobs, the CDN's switches, the load generator."""

    def __init__(self, hub, cdn, tool, sizes, core):
        self.hub, self.cdn, self.tool, self.sizes, self.core = hub, cdn, tool, sizes, core
        self._blobs = {}

    def blob(self, size, name):
        """(path to ask for, file behind the hub); the same blob for every server."""
        key = (size, name)
        if key not in self._blobs:
            digest = self.hub.blob(size, name)
            encoded = digest.partition(":")[2]
            file = Path(self.hub.addresses["storage"], "docker/registry/v2/blobs/sha256", encoded[:2], encoded, "data")
            file.read_bytes()  # into the page cache
            self._blobs[key] = (f"/v2/library/blobs/blobs/{digest}", file)
        return self._blobs[key]


def cpu_during(server, action):
    before = server.cpu_seconds()
    result = action()
    return result, server.cpu_seconds() - before


def back_memory(size=GIB):
    """A virtual machine's host may take free memory back; giving it out again would be timed as the server's work."""
    with mmap.mmap(-1, size) as pages:
        for offset in range(0, size, mmap.PAGESIZE):
            pages[offset] = 1


def warm_manifest(bench, server, _round):
    url = f"http://127.0.0.1:{server.port}{MANIFEST}"
    bench.tool.wrk(url, 1, 64, ACCEPT)
    (count, rate), cpu = cpu_during(server, lambda: bench.tool.wrk(url, bench.sizes.seconds, 64, ACCEPT))
    return {"manifest_rate": rate, "manifest_cpu_us": cpu / count * 1e6}


def h2_manifest(bench, server, _round):
    url = f"https://127.0.0.1:{server.tls_port}{MANIFEST}"
    bench.tool.h2load(url, 1, 8, 32, ACCEPT)
    (count, rate), cpu = cpu_during(server, lambda: bench.tool.h2load(url, bench.sizes.seconds, 8, 32, ACCEPT))
    return {"h2_rate": rate, "h2_cpu_us": cpu / count * 1e6}


def tls_manifest(bench, server, _round):
    url = f"https://127.0.0.1:{server.tls_port}{MANIFEST}"
    bench.tool.h1load(url, 64, ACCEPT, seconds=1)
    (count, rate), cpu = cpu_during(server, lambda: bench.tool.h1load(url, 64, ACCEPT, seconds=bench.sizes.seconds))
    return {"tls_manifest_rate": rate, "tls_manifest_cpu_us": cpu / count * 1e6}


def tls_blob(bench, server, _round):
    path, _ = bench.blob(bench.sizes.warm, "warm")
    url = f"https://127.0.0.1:{server.tls_port}{path}"
    bench.tool.pull(server.port, [path])
    count = max(8, bench.sizes.warm_total // bench.sizes.warm // 2)
    values = {}
    for connections in (1, 8):
        (done, rate), cpu = cpu_during(server, lambda: bench.tool.h1load(url, connections, requests=count))
        values[f"tls_blob_cpu_{connections}"] = cpu / (done * bench.sizes.warm / GIB)
        values[f"tls_blob_mbs_{connections}"] = rate * bench.sizes.warm / 1e6
    return values


def warm_blob(bench, server, _round):
    path, _ = bench.blob(bench.sizes.warm, "warm")
    bench.tool.pull(server.port, [path])
    count = max(8, bench.sizes.warm_total // bench.sizes.warm)
    values = {}
    for connections in (1, 8):
        result, cpu = cpu_during(server, lambda: bench.tool.pull(server.port, [path], connections, count))
        moved = count * bench.sizes.warm
        values[f"blob_cpu_{connections}"] = cpu / (moved / GIB)
        values[f"blob_mbs_{connections}"] = moved / result["wall"] / 1e6
    return values


def cold_blob(bench, server, round_number):
    path, file = bench.blob(bench.sizes.cold, f"cold-{round_number}")
    os.sync()
    back_memory()
    result, cpu = cpu_during(server, lambda: bench.tool.pull(server.port, [path]))
    hashing = load.sha256_seconds(file, bench.core)
    wall = result["wall"]
    own = wall - hashing if server.name == "longshore" else wall
    return {"cold_mbs_raw": bench.sizes.cold / wall / 1e6, "cold_mbs": bench.sizes.cold / own / 1e6,
            "cold_cpu": cpu / (bench.sizes.cold / GIB), "sha256_ms": hashing * 1e3}


def cold_first_byte(bench, server, round_number):
    """Milliseconds, median of many small cold blobs on one connection; and the same from the upstream itself."""
    names = [f"ttfb-{round_number}-{i}" for i in range(bench.sizes.first_bytes + 1)]
    paths = [bench.blob(MIB, name)[0] for name in names]
    seen = _first_bytes(bench.tool.pull(server.port, paths))
    authorization = f"Authorization: Bearer {bench.token}"
    front = bench.tool.pull(bench.hub.port, paths, header=authorization)
    cdn = bench.tool.pull(bench.cdn.port, [f"/data/{path.partition('blobs/')[2]}" for path in paths])
    redirect = statistics.median(one["seconds"] for one in front["requests"][1:]) * 1e3
    upstream = redirect + _first_bytes(cdn)
    return {"ttfb_ms": seen, "ttfb_upstream_ms": upstream, "ttfb_more_ms": seen - upstream}


def _first_bytes(result):
    return statistics.median(one["ttfb"] for one in result["requests"][1:]) * 1e3


def cold_crowd(bench, server, round_number):
    path, _ = bench.blob(bench.sizes.crowd, f"crowd-{round_number}")
    digest = path.rpartition("/")[2]
    bench.cdn.set_rate(bench.sizes.cdn_rate)
    try:
        alone = bench.tool.pull(bench.cdn.port, [f"/data/blobs/{digest}"])["wall"]
        bench.cdn.forget()
        crowd = bench.tool.pull(server.port, [path], bench.sizes.crowd_clients)["wall"]
        gets = bench.cdn.gets()[digest]
    finally:
        bench.cdn.set_rate(0)
    return {"crowd_gets": gets, "crowd_wall": crowd / alone, "crowd_seconds": crowd}


# name: (measure, needs a cache, needs TLS)
FIGURES = {
    "warm-manifest": (warm_manifest, False, False),
    "warm-blob": (warm_blob, False, False),
    "cold-blob": (cold_blob, True, False),
    "cold-ttfb": (cold_first_byte, True, False),
    "cold-crowd": (cold_crowd, True, False),
    "h2-manifest": (h2_manifest, False, True),
    "tls-manifest": (tls_manifest, False, True),
    "tls-blob": (tls_blob, False, True),
}
