"""What the hub was asked: one entry per request, and the counts that tests assert on."""

import collections
import threading
import time

MAX_ENTRIES = 200_000


class Journal:
    """Entries are opened before a request is answered, so that hanging requests count too."""

    def __init__(self):
        self._lock = threading.Lock()
        self._entries = collections.deque(maxlen=MAX_ENTRIES)

    def open(self, server, request):
        entry = {
            "time": time.time(),
            "server": server,
            "method": request.method,
            "path": request.path,
            "query": sorted(request.query),
            "host": request.headers.get("Host"),
            "authorization": (request.headers.get("Authorization") or "").split(" ")[0] or None,
            "cookie": "Cookie" in request.headers,
            "range": request.headers.get("Range"),
            "accept": request.headers.get_all("Accept") or [],
            "accept_encoding": request.headers.get("Accept-Encoding"),
            "user_agent": request.headers.get("User-Agent"),
            "cdn_loop": request.headers.get("CDN-Loop"),
            "status": None,
            "sent": 0,
        }
        with self._lock:
            self._entries.append(entry)
        return entry

    def entries(self):
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def clear(self):
        with self._lock:
            self._entries.clear()

    def counts(self):
        """{"blobs": {digest: {"cdn_get": 1}}, "manifests": {"name:ref": {"get": 1}}, "tokens": 1, "requests": 9}

        What was only challenged (401) does not count.
        """
        blobs, manifests = {}, {}
        entries = [entry for entry in self.entries() if entry["status"] != 401]
        for entry in entries:
            parts = entry["path"].split("/")
            if len(parts) > 2 and parts[-2] == "blobs":
                _count(blobs, parts[-1], f"{entry['server']}_{entry['method'].lower()}")
            elif len(parts) > 2 and parts[-2] == "manifests":
                _count(manifests, f"{'/'.join(parts[2:-2])}:{parts[-1]}", entry["method"].lower())
        tokens = sum(entry["server"] == "token" for entry in entries)
        return {"blobs": blobs, "manifests": manifests, "tokens": tokens, "requests": len(entries)}


def _count(table, key, action):
    row = table.setdefault(key, {})
    row[action] = row.get(action, 0) + 1
