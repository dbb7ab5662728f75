#!/usr/bin/python3
"""A local Docker Hub: registry front, token server, CDN and a control port, each on its own port.

    tests/hub/hub.py --dir DIR [--port 0] [--ready-file F]

Prints the addresses as one JSON line (and writes them to F) once everything answers, then serves until SIGTERM.
"""

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from hub.cdn import Cdn
from hub.faults import Faults
from hub.front import Front
from hub.images import Images, native_architecture
from hub.journal import Journal
from hub.serving import Endpoint, json_reply
from hub.storage import Storage
from hub.tokens import TokenServer

DEFAULTS = {
    "auth": True,            # ask for tokens
    "challenge": "plain",    # spelling of WWW-Authenticate, see front.CHALLENGES
    "token_seconds": 300,
    "token_omits": [],       # fields left out of the token JSON
    "sign_seconds": 300,     # life of a CDN URL
    "redirect": 307,         # 0: the front serves blobs itself
    "limit": 100,            # manifest GETs until 429
    "cdn": "",               # base URL of another CDN
}


class Hub:
    def __init__(self, directory, port=0, settings=None, host="127.0.0.1"):
        self._base = {**DEFAULTS, **(settings or {})}
        self.settings = dict(self._base)
        self.journal, self.faults = Journal(), Faults()
        self.storage = Storage(directory)
        self.images = Images(self.storage, directory)
        addresses = {}
        tokens, cdn = TokenServer(self.settings), Cdn(self.settings, self.storage)
        self._front = Front(self.settings, self.storage, tokens, cdn, addresses)
        shared = {"journal": self.journal, "faults": self.faults}
        self._endpoints = {"token": Endpoint("token", tokens.answer, **shared),
                           "cdn": Endpoint("cdn", cdn.answer, **shared),
                           "front": Endpoint("front", self._front.answer, port, host=host, **shared)}
        self._control = Endpoint("control", self._control_answer)
        addresses.update({name: f"http://127.0.0.1:{end.port}" for name, end in self._endpoints.items()})

    def sample_images(self):
        """What every hub holds: names that Docker Hub has, one image of each shape."""
        self.images.busybox_image("library/alpine", ["latest", "3.20"])
        self.images.busybox_image("library/busybox", ["latest"], oci=False)
        self.images.random_image("library/layers", "latest", [64 << 10] * 5 + [3 << 20], "layers", oci=False)
        self.images.random_image("team/app", "1.0", [200_000, 1_000_000], "team")
        self.images.image_with_empty_layer("library/empty", "latest")
        self.images.random_image("private/secret", "latest", [1000], "private")

    def addresses(self):
        ports = {name: endpoint.port for name, endpoint in self._endpoints.items()}
        return {**ports, "control": self._control.port, "registry": self.storage.port, "pid": os.getpid(),
                "storage": str(self.storage.root), "architecture": native_architecture()}

    def reset(self):
        self.faults.clear()
        self.journal.clear()
        self.settings.update(self._base)
        self._front.limit.reset()
        for endpoint in self._endpoints.values():
            endpoint.start()

    def close(self):
        self.faults.clear()
        for endpoint in [*self._endpoints.values(), self._control]:
            endpoint.stop()
        self.storage.close()

    def _control_answer(self, request, _faults):
        action = CONTROL.get((request.method, request.path))
        if not action:
            return json_reply(404, {"error": "unknown", "actions": [" ".join(key) for key in CONTROL]})
        try:
            return json_reply(200, action(self, request.json()) or {})
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            return json_reply(400, {"error": f"{type(error).__name__}: {error}"})

    def _set(self, values):
        unknown = values.keys() - self.settings.keys()
        if unknown:
            raise ValueError(f"unknown settings {sorted(unknown)}; known: {sorted(self.settings)}")
        self.settings.update(values)

    def _switch(self, names, action):
        for name in names or self._endpoints:
            getattr(self._endpoints[name], action)()

    def _retag(self, where):
        media_type, body = self.storage.manifest(where["repository"], where["digest"])
        self.storage.push_manifest(where["repository"], where["tag"], media_type, body)

    def _manifest(self, where):
        media_type, body = self.storage.manifest(where["repository"], where["reference"])
        return {"type": media_type, "body": body.decode()}


CONTROL = {
    ("GET", "/addresses"): lambda hub, _: hub.addresses(),
    ("GET", "/counts"): lambda hub, _: hub.journal.counts(),
    ("GET", "/log"): lambda hub, _: hub.journal.entries(),
    ("POST", "/faults"): lambda hub, body: hub.faults.add(**body),
    ("DELETE", "/faults"): lambda hub, _: hub.faults.clear(),
    ("POST", "/settings"): lambda hub, body: hub._set(body),
    ("POST", "/reset"): lambda hub, _: hub.reset(),
    ("POST", "/stop"): lambda hub, body: hub._switch(body.get("servers"), "stop"),
    ("POST", "/start"): lambda hub, body: hub._switch(body.get("servers"), "start"),
    ("POST", "/blob"): lambda hub, body: {"digest": hub.images.blob(**body)},
    ("POST", "/blobs"): lambda hub, body: {"digests": hub.images.blobs(**body)},
    ("POST", "/image"): lambda hub, body: {"digest": hub.images.random_image(**body)},
    ("POST", "/tag"): lambda hub, body: hub._retag(body),
    ("POST", "/manifest"): lambda hub, body: hub._manifest(body),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", required=True, help="directory for everything the hub writes")
    parser.add_argument("--port", type=int, default=0, help="port of the registry front")
    parser.add_argument("--host", default="127.0.0.1", help="address of the registry front")
    parser.add_argument("--ready-file", help="file that receives the addresses as JSON")
    parser.add_argument("--setting", action="append", default=[], metavar="NAME=JSON", help=f"one of {list(DEFAULTS)}")
    parser.add_argument("--bare", action="store_true", help="no sample images")
    args = parser.parse_args()
    Path(args.dir).mkdir(parents=True, exist_ok=True)
    settings = {name: json.loads(value) for name, _, value in (one.partition("=") for one in args.setting)}
    ended = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: ended.set())
    hub = Hub(args.dir, args.port, settings, args.host)
    try:
        if not args.bare:
            hub.sample_images()
        _announce(hub, args.ready_file)
        ended.wait()
    finally:
        hub.close()


def _announce(hub, ready_file):
    line = json.dumps(hub.addresses())
    print(line, flush=True)
    if ready_file:
        partial = Path(f"{ready_file}.partial")
        partial.write_text(line + "\n")
        partial.rename(ready_file)


if __name__ == "__main__":
    main()
