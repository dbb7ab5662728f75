"""HTTP/1.1 endpoints that can misbehave: listening, stopping, and writing answers with faults applied."""

import dataclasses
import gzip
import http.client
import http.server
import json
import socket
import struct
import sys
import threading
import time
import urllib.parse

BLOCK = 256 * 1024


@dataclasses.dataclass
class Request:
    method: str
    path: str
    query: dict
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body or b"{}")


class BytesBody:
    def __init__(self, data=b""):
        self.data = data
        self.size = len(data)

    def read(self, offset, count):
        return self.data[offset:offset + count]


class FileBody:
    def __init__(self, path, start, size):
        self.path, self.start, self.size = path, start, size
        self._file = open(path, "rb")

    def read(self, offset, count):
        self._file.seek(self.start + offset)
        return self._file.read(min(count, self.size - offset))

    def send_whole(self, connection):
        with self._file:
            return connection.sendfile(self._file, self.start, self.size) if self.size else 0


class _FlippedBody:
    def __init__(self, body, offset):
        self._body, self.size = body, body.size
        self._offset = offset if 0 <= offset < body.size else body.size // 2

    def read(self, offset, count):
        block = bytearray(self._body.read(offset, count))
        if offset <= self._offset < offset + len(block):
            block[self._offset - offset] ^= 0x10
        return bytes(block)


@dataclasses.dataclass
class Reply:
    status: int
    headers: dict = dataclasses.field(default_factory=dict)
    body: object = dataclasses.field(default_factory=BytesBody)
    length: int = -1  # the announced length when it is not the body's (answers to HEAD)


def json_reply(status, value, headers=None):
    data = (json.dumps(value) + "\n").encode()
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, BytesBody(data))


def registry_error(status, code, message, headers=None):
    return json_reply(status, {"errors": [{"code": code, "message": message, "detail": None}]}, headers)


class _Sender:
    """Writes one reply with its faults. `keep` tells whether the connection may carry another request."""

    def __init__(self, connection, request, reply, faults, entry):
        self._connection, self._entry, self._faults = connection, entry, faults
        self._head_only = request.method == "HEAD"
        self._status, self._headers, self._body = reply.status, dict(reply.headers), reply.body
        self._length = reply.length
        self._chunked = "chunked" in faults
        self.keep = True

    def send(self):
        self._spoil_message()
        self._entry["status"] = self._status
        head = self._head()
        if self._head_only:
            self._connection.sendall(head)
        elif isinstance(self._body, FileBody) and not self._faults:
            self._connection.sendall(head)
            self._entry["sent"] = self._body.send_whole(self._connection)
        else:
            self._connection.sendall(head)
            self._send_blocks(self._cut())
            self._finish()

    def _spoil_message(self):
        faults = self._faults
        if "no_digest" in faults:
            self._headers.pop("Docker-Content-Digest", None)
        if "headers" in faults:
            self._headers.update(faults["headers"].headers)
        if "gzip" in faults and self._status == 200:
            self._body = BytesBody(gzip.compress(self._body.read(0, self._body.size), 1))
            self._headers["Content-Encoding"] = "gzip"
        if "corrupt" in faults:
            self._body = _FlippedBody(self._body, faults["corrupt"].offset)

    def _head(self):
        size = self._length if self._length >= 0 else self._body.size
        if "truncated" in self._faults:
            size = self._cut()
        if self._chunked:
            self._headers["Transfer-Encoding"] = "chunked"
        elif self._status not in (204, 304):
            self._headers["Content-Length"] = str(size)
        reason = http.client.responses.get(self._status, "Unknown")
        lines = [f"HTTP/1.1 {self._status} {reason}"] + [f"{name}: {value}" for name, value in _flat(self._headers)]
        return "\r\n".join(lines + ["", ""]).encode("latin-1")

    def _cut(self):
        for kind in ("short", "truncated", "drop", "stall"):
            if kind in self._faults:
                after = self._faults[kind].after
                return min(after, self._body.size) if after >= 0 else self._body.size // 2
        return self._body.size

    def _send_blocks(self, size):
        rate = self._faults["slow"].rate if "slow" in self._faults else 0
        block = min(BLOCK, max(1, rate // 20)) if rate else BLOCK
        begin, offset = time.monotonic(), 0
        while offset < size:
            data = self._body.read(offset, min(block, size - offset))
            self._connection.sendall(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)
            offset += len(data)
            self._entry["sent"] = offset
            if rate:
                time.sleep(max(0.0, begin + offset / rate - time.monotonic()))

    def _finish(self):
        if "stall" in self._faults:
            fault = self._faults["stall"]
            fault.gone.wait(fault.seconds)
        if "drop" in self._faults:
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.keep = not {"short", "drop", "stall"} & self._faults.keys()
        if self._chunked and self.keep:
            self._connection.sendall(b"0\r\n\r\n")


def _flat(headers):
    for name, value in headers.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, one


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _serve(self):
        endpoint = self.server.endpoint
        split = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, urllib.parse.unquote(split.path), urllib.parse.parse_qs(split.query),
                          self.headers, body)
        entry = endpoint.journal.open(endpoint.name, request) if endpoint.journal else {}
        faults = endpoint.faults.take(endpoint.name, request) if endpoint.faults else {}
        keep = self._answer(endpoint, request, faults, entry)
        self.close_connection = self.close_connection or not keep

    def _answer(self, endpoint, request, faults, entry):
        if "hang" in faults:
            faults["hang"].gone.wait(faults["hang"].seconds)
            return False
        if "delay" in faults:
            faults["delay"].gone.wait(faults["delay"].seconds)
        if "status" in faults:
            reply = _planned(faults["status"])
        else:
            reply = endpoint.answer(request, faults)
        sender = _Sender(self.connection, request, reply, faults, entry)
        sender.send()
        return sender.keep

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *_):
        pass


def _planned(fault):
    headers = {"Content-Type": "text/plain", **fault.headers}
    return Reply(fault.status, headers, BytesBody(fault.body.encode()))


class _Server(http.server.ThreadingHTTPServer):
    request_queue_size = 2048
    daemon_threads = True

    def __init__(self, address, endpoint):
        self.endpoint = endpoint
        self._lock = threading.Lock()
        self._connections = set()
        super().__init__(address, _Handler)

    def process_request(self, request, client_address):
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self._lock:
            self._connections.discard(request)
        linger = struct.unpack("ii", request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8))
        if linger == (1, 0):
            request.close()  # a plain close with zero linger is the reset the fault asked for
        else:
            super().shutdown_request(request)

    def cut_connections(self):
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        """Clients that leave early are part of the tests; anything else is a mistake of this hub."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class Endpoint:
    """One address. `stop` frees the port and cuts every connection; `start` takes the same port again."""

    def __init__(self, name, answer, port=0, journal=None, faults=None, host="127.0.0.1"):
        self.name, self.answer, self.journal, self.faults = name, answer, journal, faults
        self._host, self.port = host, port
        self._server = None
        self.start()

    def start(self):
        if self._server:
            return
        self._server = _Server((self._host, self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if not self._server:
            return
        server, self._server = self._server, None
        server.shutdown()
        server.server_close()
        server.cut_connections()
