"""What the rows share: forms, the verdict line, mirrors, and a crowd of clients that check what they get."""

import argparse
import asyncio
import dataclasses
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/e2e"), str(ROOT / "tests")]

# Below the data directory. A blob is <2 hex>/<64 hex>/data; with the peer of the end-to-end tests, in its own tree.
PEER = os.environ.get("LONGSHORE_E2E_PEER", "longshore")
BLOBS = Path("mirror/blobs/sha256" if PEER == "longshore" else "docker/registry/v2/blobs/sha256")
STAGING = Path("mirror/tmp")
REPOSITORY = "library/blobs"
started = []  # ended when a row fails halfway


@dataclasses.dataclass
class Form:
    full: bool
    seed: int

    def pick(self, quick, full):
        return full if self.full else quick


def parse_form(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="outcomes only, for sanitizer builds")
    parser.add_argument("--full", action="store_true", help="the default: with the figures of the row")
    parser.add_argument("--seed", type=int, default=None, help="repeat the random choices of another run")
    args = parser.parse_args()
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1 << 32)
    os.environ.setdefault("LONGSHORE_BIN", str(ROOT / f"build/{'asan' if args.quick else 'release'}/bin/longshore"))
    return Form(not args.quick, seed)


def run_row(row, description, measure):
    """`measure(form, scratch)` gives (faults, figure); a fault is a sentence. Prints the one verdict line."""
    form = parse_form(description)
    with tempfile.TemporaryDirectory(prefix=f"{row.lower()}-", ignore_cleanup_errors=True) as scratch:
        try:
            faults, figure = measure(form, Path(scratch))
        except Exception as error:
            faults, figure = [f"{type(error).__name__}: {error}"], "not measured"
            for mirror in started:
                if mirror.program:
                    mirror.kill()
    for fault in faults[:20]:
        print(f"    {fault}")
    name = "full" if form.full else "quick"
    print(f"{'FAIL' if faults else 'PASS'} {row} {name} {figure} (seed {form.seed})", flush=True)
    sys.exit(1 if faults else 0)


def start_mirror(scratch, upstream, *flags, env=None):
    from harness import MIRRORS
    started.append(MIRRORS[PEER](scratch, upstream, *flags, env=env))
    return started[-1].start()


def blob_file(mirror, digest):
    encoded = digest.partition(":")[2]
    return mirror.data / BLOBS / encoded[:2] / encoded / "data"


def staged_files(mirror):
    directory = mirror.data / STAGING
    return sorted(path for path in directory.rglob("*") if path.is_file()) if directory.is_dir() else []


@dataclasses.dataclass
class Pull:
    digest: str
    status: int = 0        # 0: no answer
    complete: bool = False
    right: bool = False
    size: int = 0

    @property
    def good(self):
        return self.status == 200 and self.complete and self.right

    @property
    def lie(self):
        """It looked whole and was not."""
        return self.status == 200 and self.complete and not self.right


async def _pull(port, digest, window, seconds, host):
    pull = Pull(digest)
    async with window:
        try:
            await asyncio.wait_for(_exchange(port, pull, host), seconds)
        except (OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, ValueError):
            pass
    return pull


async def _exchange(port, pull, host):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET /v2/{REPOSITORY}/blobs/{pull.digest} HTTP/1.1\r\nHost: {host}\r\n"
                     "Connection: close\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        pull.status = int(head.split(" ", 2)[1])
        body = _chunks(reader) if "\r\ntransfer-encoding: chunked" in head else _counted(reader, head)
        digest = hashlib.sha256()
        async for block in body:
            digest.update(block)
            pull.size += len(block)
        pull.complete = True
        pull.right = f"sha256:{digest.hexdigest()}" == pull.digest
    finally:
        writer.transport.abort()


async def _counted(reader, head):
    left = int(head.split("\r\ncontent-length:")[1].split("\r\n")[0])
    while left > 0:
        block = await reader.read(min(left, 1 << 18))
        if not block:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(block)
        yield block


async def _chunks(reader):
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)


def pull_all(port, digests, at_once=1000, seconds=120, host="127.0.0.1"):
    """GETs every digest, `at_once` at a time; never raises for what the server does."""
    async def run():
        window = asyncio.Semaphore(at_once)
        return await asyncio.gather(*(_pull(port, digest, window, seconds, host) for digest in digests))
    return asyncio.run(run())


def _compiler():
    return "clang-19" if shutil.which("clang-19") else "cc"


def build_pull_tool(scratch):
    """bench/pull.c, compiled."""
    tool = Path(scratch) / "pull"
    subprocess.run([_compiler(), "-O2", "-std=gnu11", "-o", str(tool), str(ROOT / "bench/pull.c")], check=True)
    return tool


def build_preload(scratch, name):
    """preload/<name>.c as a library for LD_PRELOAD."""
    library = Path(scratch) / f"{name}.so"
    subprocess.run([_compiler(), "-O2", "-std=gnu11", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library),
                    str(ROOT / f"tests/reliability/preload/{name}.c")], check=True)
    return library
