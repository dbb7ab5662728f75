"""Fault switches: what the hub does wrong on purpose, for which requests, how often.

Kinds, with the fields they read:
  status     answer `status` with `headers` and `body` instead of the real thing
  loop401    the front refuses every token
  hang       take the request and never answer
  delay      wait `seconds` before the first byte
  short      announce the whole length, send `after` bytes, close in good order
  truncated  announce and send only `after` bytes
  drop       send `after` bytes, then reset the connection
  stall      send `after` bytes, then nothing more, connection open
  corrupt    flip one bit of the byte at `offset`
  gzip       compress the body whatever was asked, with Content-Encoding
  chunked    no Content-Length
  no_digest  no Docker-Content-Digest
  headers    set the given `headers`
  slow       `rate` bytes per second on each connection
`after` and `offset` default to the middle of the body.
"""

import dataclasses
import threading

KINDS = {"status", "loop401", "hang", "delay", "short", "truncated", "drop", "stall", "corrupt", "gzip", "chunked",
         "no_digest", "headers", "slow"}
FOREVER = -1


@dataclasses.dataclass
class Fault:
    kind: str
    where: str = "cdn"        # front, cdn or token
    match: str = ""           # part of the path
    method: str = ""          # any, when empty
    times: int = FOREVER
    status: int = 500
    headers: dict = dataclasses.field(default_factory=dict)
    body: str = ""
    seconds: float = 3600.0
    after: int = -1
    offset: int = -1
    rate: int = 1 << 20
    gone: threading.Event = dataclasses.field(default_factory=threading.Event, repr=False)

    def applies(self, server, request):
        return (self.times != 0 and self.where == server and self.match in request.path
                and self.method in ("", request.method))


class Faults:
    def __init__(self):
        self._lock = threading.Lock()
        self._faults = []

    def add(self, **fields):
        if fields.get("kind") not in KINDS:
            raise ValueError(f"unknown fault {fields.get('kind')!r}; kinds: {', '.join(sorted(KINDS))}")
        with self._lock:
            self._faults.append(Fault(**fields))

    def clear(self):
        with self._lock:
            cleared, self._faults = self._faults, []
        for fault in cleared:
            fault.gone.set()

    def take(self, server, request):
        """The faults of this request by kind; each taken one counts down."""
        with self._lock:
            taken = {}
            for fault in self._faults:
                if fault.kind not in taken and fault.applies(server, request):
                    taken[fault.kind] = fault
                    fault.times -= fault.times > 0
            return taken
