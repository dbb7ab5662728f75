"""Debian's docker-registry as the hub's storage: its process, its files, and pushes into it."""

import hashlib
import http.client
import json
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

CONFIG = """version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{root}", maxthreads: 100}}
  delete: {{enabled: true}}
http:
  addr: 127.0.0.1:{port}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, what, seconds=20.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{what} ended with status {process.returncode} before it listened")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"{what} does not listen on port {port} after {seconds:.0f} s")


class Storage:
    def __init__(self, directory):
        self.root = Path(directory) / "registry"
        self.root.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        config = Path(directory) / "registry.yml"
        config.write_text(CONFIG.format(root=self.root, port=self.port))
        self._log = open(Path(directory) / "registry.log", "ab")
        self._process = subprocess.Popen(["docker-registry", "serve", str(config)], stdout=self._log,
                                         stderr=self._log)
        wait_for_port(self.port, self._process, "docker-registry")

    def close(self):
        self._process.terminate()
        self._process.wait(10)
        self._log.close()

    def blob_path(self, digest):
        encoded = digest.partition(":")[2]
        return self.root / "docker/registry/v2/blobs/sha256" / encoded[:2] / encoded / "data"

    def has_repository(self, name):
        return ".." not in name and (self.root / "docker/registry/v2/repositories" / name).is_dir()

    def push_blob(self, repository, data):
        """`data` is bytes or a path. Gives (digest, size)."""
        digest, size = _digest_of(data)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.request("POST", f"/v2/{repository}/blobs/uploads/", headers={"Content-Length": "0"})
        location = urllib.parse.urlsplit(_expect(connection, 202).headers["Location"])
        body = data if isinstance(data, bytes) else open(data, "rb")
        connection.request("PUT", f"{location.path}?{location.query}&digest={digest}", body,
                           {"Content-Length": str(size), "Content-Type": "application/octet-stream"})
        _expect(connection, 201)
        connection.close()
        return digest, size

    def place_blob(self, repository, data):
        """As a push would leave it, for thousands of blobs at once. Gives the digest."""
        encoded = hashlib.sha256(data).hexdigest()
        path = self.blob_path(f"sha256:{encoded}")
        link = self.root / "docker/registry/v2/repositories" / repository / "_layers/sha256" / encoded / "link"
        for file, content in ((path, data), (link, f"sha256:{encoded}".encode())):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        return f"sha256:{encoded}"

    def push_manifest(self, repository, reference, media_type, manifest):
        """`manifest` is a value or the exact bytes. Gives (digest, size)."""
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest, indent=3).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("PUT", f"/v2/{repository}/manifests/{reference or digest}", data,
                           {"Content-Type": media_type})
        _expect(connection, 201)
        connection.close()
        return digest, len(data)

    def manifest(self, repository, reference):
        """(media type, exact bytes)"""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": ", ".join(
            ["application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
             "application/vnd.docker.distribution.manifest.list.v2+json",
             "application/vnd.docker.distribution.manifest.v2+json"])})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{repository}:{reference}: {answer.status} {body[:200]!r}")
        return answer.headers["Content-Type"], body


def _digest_of(data):
    if isinstance(data, bytes):
        return f"sha256:{hashlib.sha256(data).hexdigest()}", len(data)
    with open(data, "rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}", Path(data).stat().st_size


def _expect(connection, status):
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != status:
        raise RuntimeError(f"docker-registry answered {answer.status} where {status} was due: {body[:300]!r}")
    return answer
