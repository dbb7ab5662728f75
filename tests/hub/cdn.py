"""The CDN: blobs by signed URL, as strict as the real ones."""

import hashlib
import hmac
import re
import secrets
import time

from hub.serving import BytesBody, FileBody, Reply

BLOB_PATH = re.compile(r"/data/blobs/(sha256:[0-9a-f]{64})")


class Cdn:
    """Refuses Authorization (400), expired or foreign signatures (403), methods the URL was not signed for (403)."""

    def __init__(self, settings, storage):
        self._settings, self._storage = settings, storage
        self._key = secrets.token_bytes(32)

    def signed_path(self, digest, method="GET"):
        expires = f"{time.time() + self._settings['sign_seconds']:.3f}"
        return f"/data/blobs/{digest}?expires={expires}&signature={self._signature(digest, method, expires)}"

    def answer(self, request, _faults):
        if "Authorization" in request.headers:
            return _refusal(400, "InvalidRequest: only one auth mechanism allowed")
        found = BLOB_PATH.fullmatch(request.path)
        if not found:
            return _refusal(404, "NoSuchKey")
        if not self._signed(found[1], request):
            return _refusal(403, "AccessDenied: request has expired or the signature does not match")
        path = self._storage.blob_path(found[1])
        return blob_reply(path, request, {}) if path.exists() else _refusal(404, "NoSuchKey")

    def _signed(self, digest, request):
        expires = request.query.get("expires", ["0"])[0]
        signature = request.query.get("signature", [""])[0]
        expected = self._signature(digest, request.method, expires)
        return hmac.compare_digest(signature, expected) and float(expires) > time.time()

    def _signature(self, digest, method, expires):
        return hmac.new(self._key, f"{method} {digest} {expires}".encode(), hashlib.sha256).hexdigest()


def blob_reply(path, request, headers):
    """The file, or one range of it."""
    size = path.stat().st_size
    headers = {"Content-Type": "application/octet-stream", "Accept-Ranges": "bytes", **headers}
    span = _span(request.headers.get("Range"), size)
    if span is None:
        return Reply(200, headers, FileBody(path, 0, size))
    first, last = span
    if first > last:
        return Reply(416, {**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Reply(206, headers, FileBody(path, first, last - first + 1))


def _span(value, size):
    """(first, last) of a single byte range; None when the header is absent or not one we serve."""
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", value or "")
    if not found or found[0] == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last or size - 1), size - 1)


def _refusal(status, text):
    body = f"<?xml version=\"1.0\"?><Error><Message>{text}</Message></Error>\n"
    return Reply(status, {"Content-Type": "application/xml"}, BytesBody(body.encode()))
