"""What every end-to-end test needs: the shared hub, mirrors under test, HTTP by hand, and a place for files.

The mirror is `longshore mirror` (LONGSHORE_BIN, default build/asan/bin/longshore) or, with LONGSHORE_E2E_PEER set to
docker-registry, Debian's docker-registry as a pull-through proxy: the same tests then show what the peer does.
"""

import atexit
import contextlib
import dataclasses
import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from hub.client import HubProcess
from hub.images import DOCKER_LIST, DOCKER_MANIFEST, EMPTY_DIGEST, OCI_INDEX, OCI_MANIFEST
from hub.storage import free_port

BINARY = os.environ.get("LONGSHORE_BIN", str(ROOT / "build/asan/bin/longshore"))
PEER = os.environ.get("LONGSHORE_E2E_PEER", "longshore")
ALL_MANIFESTS = ", ".join([OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST])
START_SECONDS = 30
STOP_SECONDS = 40
_hub = None


def hub():
    global _hub
    if _hub is None:
        _hub = HubProcess()
        atexit.register(_hub.close)
    return _hub


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    complete: bool      # the message ended as its framing promised
    first_byte: float   # seconds from the request to the first byte of the body
    seconds: float

    @property
    def digest(self):
        return f"sha256:{hashlib.sha256(self.body).hexdigest()}"

    def codes(self):
        return [error["code"] for error in json.loads(self.body)["errors"]]


def request(port, method, path, headers=None, timeout=60, body=None, connection=None):
    """One exchange. Broken connections before the head raise; broken bodies come back as not complete."""
    began = time.monotonic()
    own = connection is None
    connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.putrequest(method, path, skip_host="Host" in (headers or {}), skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return _read(connection.getresponse(), method, began)
    finally:
        if own:
            connection.close()


def get(port, path, headers=None, **options):
    return request(port, "GET", path, headers, **options)


def head(port, path, headers=None, **options):
    return request(port, "HEAD", path, headers, **options)


def _read(response, method, began):
    blocks, first_byte, complete = [], 0.0, True
    try:
        while block := response.read1(1 << 18):
            first_byte = first_byte or time.monotonic() - began
            blocks.append(block)
    except (http.client.HTTPException, OSError):
        complete = False
    response.close()  # read1 leaves it open at its end; the connection stays usable
    body = b"".join(blocks)
    announced = response.headers.get("Content-Length")
    if method != "HEAD" and announced is not None and response.status not in (204, 304):
        complete = complete and len(body) == int(announced)
    return Answer(response.status, response.headers, body, complete, first_byte, time.monotonic() - began)


class Program:
    """A child process with its log in a file. Only this process is ever signalled."""

    def __init__(self, command, log, env=None, cwd=None):
        self.log = Path(log)
        with open(self.log, "ab") as sink:
            self._process = subprocess.Popen(command, stdout=sink, stderr=sink, cwd=cwd,
                                             env={**os.environ, **(env or {})})
        self.pid = self._process.pid

    def running(self):
        return self._process.poll() is None

    def send(self, signum):
        self._process.send_signal(signum)

    def wait(self, seconds):
        return self._process.wait(seconds)

    def end(self, seconds=STOP_SECONDS):
        """SIGTERM, then the exit status; SIGKILL and an error when it does not go."""
        if self.running():
            self.send(signal.SIGTERM)
        try:
            return self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self.wait(10)
            raise AssertionError(f"process {self.pid} was still there {seconds} s after SIGTERM\n{self.tail()}")

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Mirror:
    """A mirror in front of the hub; the same port and data across restarts."""

    def __init__(self, scratch, upstream, *flags, env=None):
        self.directory = Path(tempfile.mkdtemp(prefix="mirror-", dir=scratch))
        self.data = self.directory / "data"
        self.port, self.admin_port = free_port(), free_port()
        self.upstream, self.flags, self.env = upstream, flags, env
        self.program = None

    def start(self):
        self.program = Program(self.command(), self.directory / "log", self.env)
        self._await_ready()
        return self

    def stop(self):
        if self.program:
            program, self.program = self.program, None
            status = program.end()
            assert status == self.clean_status, f"the mirror ended with status {status}\n{program.tail()}"

    def kill(self):
        self.program.send(signal.SIGKILL)
        self.program.wait(10)
        self.program = None

    def image(self, name):
        return f"127.0.0.1:{self.port}/{name}"

    def get(self, path, headers=None, **options):
        return get(self.port, path, headers, **options)

    def head(self, path, headers=None, **options):
        return head(self.port, path, headers, **options)

    def blob(self, digest, repository="library/blobs", **options):
        return self.get(f"/v2/{repository}/blobs/{digest}", **options)

    def manifest(self, reference, repository="library/alpine", **options):
        return self.get(f"/v2/{repository}/manifests/{reference}", {"Accept": ALL_MANIFESTS}, **options)

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def _await_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.program.running():
                raise RuntimeError(f"the mirror ended while starting\n{self.program.tail()}")
            with contextlib.suppress(OSError):
                if self.is_ready():
                    return
            time.sleep(0.02)
        raise RuntimeError(f"the mirror was not ready after {START_SECONDS} s\n{self.program.tail()}")


class Longshore(Mirror):
    clean_status = 0

    def command(self):
        return [BINARY, "mirror", "--listen", f"127.0.0.1:{self.port}", "--admin-listen",
                f"127.0.0.1:{self.admin_port}", "--data-dir", str(self.data), "--upstream", f"docker={self.upstream}",
                "--base-domain", "localhost", *self.flags]

    def is_ready(self):
        return get(self.admin_port, "/ready", timeout=5).status == 200

    def metrics(self):
        return get(self.admin_port, "/metrics").body.decode()

    def metric(self, name):
        """The sum of a series over its labels; 0 when it is not there."""
        lines = [line.rsplit(" ", 1) for line in self.metrics().splitlines() if line and not line.startswith("#")]
        return sum(float(value) for series, value in lines if series.split("{")[0] == name)


class DistributionProxy(Mirror):
    def metric(self, _name):
        return 0

    def command(self):
        config = self.directory / "config.yml"
        config.write_text(json.dumps({
            "version": "0.1", "log": {"level": "info"}, "proxy": {"remoteurl": self.upstream},
            "storage": {"filesystem": {"rootdirectory": str(self.data)}, "delete": {"enabled": True}},
            "http": {"addr": f"127.0.0.1:{self.port}"}}))
        return ["docker-registry", "serve", str(config)]

    def is_ready(self):
        return get(self.port, "/v2/", timeout=5).status == 200

    def stop(self):
        if self.program:
            self.program.end()
            self.program = None


MIRRORS = {"longshore": Longshore, "docker-registry": DistributionProxy}


class MirrorTest(unittest.TestCase):
    """A fresh hub state and a fresh, empty mirror for each test."""

    flags = ()

    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="e2e-")
        self.addCleanup(self.scratch.cleanup)
        self.hub = hub()
        self.hub.reset()
        self.addCleanup(self.hub.reset)
        self.mirror = self.start_mirror(*self.flags)

    def start_mirror(self, *flags, **options):
        mirror = MIRRORS[PEER](self.scratch.name, self.hub.url, *flags, **options)
        self.addCleanup(mirror.stop)
        self.addCleanup(self._show_log, mirror)
        return mirror.start()

    def seed(self):
        """Unique to the test, so that its blobs are nobody else's."""
        return self.id()

    def new_blob(self, size, salt="", **options):
        return self.hub.blob(size, self.seed() + salt, **options)

    def begin_pull(self, digest):
        """A thread that pulls a blob from a mirror that may die meanwhile."""
        def pull():
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.mirror.blob(digest)
        client = threading.Thread(target=pull)
        client.start()
        return client

    def assert_refused(self, answer, statuses, codes=()):
        """An error in the registry's JSON form, complete, with one of the statuses (and codes, when given)."""
        self.assertIn(answer.status, statuses, answer.body[:300])
        self.assertTrue(answer.complete)
        self.assertTrue(answer.headers.get("Content-Type", "").startswith("application/json"), answer.headers)
        self.assertTrue(answer.codes())
        if codes:
            self.assertTrue(set(answer.codes()) & set(codes), answer.body)

    def assert_blob(self, answer, digest):
        self.assertEqual(answer.status, 200, answer.body[:300])
        self.assertTrue(answer.complete)
        self.assertEqual(answer.digest, digest)

    def assert_never_passed_off(self, answer, digest):
        """Failure in any form, or the right bytes; never a message that looks whole and is not."""
        if answer.status == 200 and answer.complete:
            self.assertEqual(answer.digest, digest, "a wrong body ended cleanly")
        elif answer.status != 200:
            self.assert_refused(answer, (502, 503, 504))

    def _show_log(self, mirror):
        if not self._outcome.success and mirror.program:
            print(f"--- log of the mirror\n{mirror.program.tail()}\n---", file=sys.stderr)


def needs_longshore(test):
    return unittest.skipUnless(PEER == "longshore", "longshore only")(test)


def crowd(count, action):
    """Runs action(i) in `count` threads at once; their results in order, exceptions included."""
    results = [None] * count
    gate = threading.Barrier(count)

    def one(i):
        gate.wait()
        try:
            results[i] = action(i)
        except Exception as error:
            results[i] = error

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def until(condition, seconds=10.0, step=0.02):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(step)
    return False
