"""The hub as a child process, driven over its control port."""

import http.client
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HUB = Path(__file__).resolve().parent / "hub.py"


class HubProcess:
    """Starts a hub in `directory`; `close` ends it. Use as a context manager or call close."""

    def __init__(self, directory=None, bare=False, settings=None, host="127.0.0.1"):
        self._scratch = None if directory else tempfile.TemporaryDirectory(prefix="hub-")
        command = [sys.executable, str(HUB), "--dir", str(directory or self._scratch.name)]
        command += ["--bare"] if bare else []
        command += ["--host", host]
        for name, value in (settings or {}).items():
            command += ["--setting", f"{name}={json.dumps(value)}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the hub ended with status {self._process.wait()} before it was ready")
        self.addresses = json.loads(line)
        self.port = self.addresses["front"]
        self.url = f"http://{host}:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._process.terminate()
        self._process.wait(20)
        self._process.stdout.close()
        if self._scratch:
            self._scratch.cleanup()

    def call(self, method, path, value=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.addresses["control"], timeout=120)
        connection.request(method, path, json.dumps(value or {}))
        answer = connection.getresponse()
        result = json.loads(answer.read())
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"hub {method} {path}: {result['error']}")
        return result

    def counts(self):
        return self.call("GET", "/counts")

    def log(self, server=None, method=None, part=""):
        return [entry for entry in self.call("GET", "/log")
                if server in (None, entry["server"]) and method in (None, entry["method"]) and part in entry["path"]]

    def blob_gets(self, digest):
        """GETs of a blob's bytes at the CDN."""
        return self.counts()["blobs"].get(digest, {}).get("cdn_get", 0)

    def fault(self, kind, **fields):
        self.call("POST", "/faults", {"kind": kind, **fields})

    def clear_faults(self):
        self.call("DELETE", "/faults")

    def set(self, **settings):
        self.call("POST", "/settings", settings)

    def reset(self):
        self.call("POST", "/reset")

    def stop(self, *servers):
        self.call("POST", "/stop", {"servers": servers})

    def start(self, *servers):
        self.call("POST", "/start", {"servers": servers})

    def blob(self, size, seed, repository="library/blobs"):
        return self.call("POST", "/blob", {"repository": repository, "size": size, "seed": seed})["digest"]

    def blobs(self, sizes, seed, repository="library/blobs"):
        value = {"repository": repository, "sizes": sizes, "seed": seed}
        return self.call("POST", "/blobs", value)["digests"]

    def image(self, repository, tag, sizes, seed, oci=True):
        return self.call("POST", "/image", {"repository": repository, "tag": tag, "sizes": sizes, "seed": seed,
                                            "oci": oci})["digest"]

    def tag(self, repository, tag, digest):
        self.call("POST", "/tag", {"repository": repository, "tag": tag, "digest": digest})

    def manifest(self, repository, reference):
        """(media type, exact bytes) as the registry behind the hub stores them."""
        value = self.call("POST", "/manifest", {"repository": repository, "reference": reference})
        return value["type"], value["body"].encode()
