"""HTTP/1.1 read with no tolerance at all: what a proxy sends must have exactly one reading.

RequestReader takes the bytes of one connection towards an origin; Malformed says what a second reader could have
understood differently. ResponseReader takes the bytes a client gets back.
"""

import re

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
TARGET = re.compile(rb"(/[\x21\x22\x24-\x7e]*|\*|https?://[\x21\x22\x24-\x7e]+|[A-Za-z0-9.\-\[\]:]+:[0-9]+)\Z")
VALUE = re.compile(rb"[\x21-\x7e\x80-\xff]([\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?\Z|\Z")
HOST = re.compile(rb"([A-Za-z0-9.\-_~!$&'()*+,;=%]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?\Z")
DIGITS = re.compile(rb"[0-9]{1,19}\Z")
HOP_BY_HOP = {b"keep-alive", b"proxy-connection", b"proxy-authenticate", b"te", b"upgrade", b"http2-settings"}
CONNECTION_TOKENS = {b"close", b"keep-alive", b"te", b"upgrade"}
UPGRADES = {b"websocket"}


class Malformed(Exception):
    """These bytes can be read in more than one way, or in none."""


class Message:
    def __init__(self):
        self.start = []      # method, target, version; or version, status, reason
        self.fields = []     # (name in lower case, value)
        self.body = b""
        self.trailers = []
        self.complete = False
        self.answered = 0    # the status a request got, where somebody looked

    def values(self, name):
        return [value for known, value in self.fields if known == name]

    def __repr__(self):
        return f"{b' '.join(self.start)!r} body {self.body[:60]!r}{'' if self.complete else ' (incomplete)'}"


def read_fields(block, what):
    fields = []
    for line in block.split(b"\r\n") if block else []:
        name, colon, value = line.partition(b":")
        value = value.strip(b" \t")
        if not colon or not TOKEN.match(name):
            raise Malformed(f"{what} line {line[:80]!r}")
        if not VALUE.match(value):
            raise Malformed(f"{what} value {line[:80]!r}")
        fields.append((name.lower(), value))
    return fields


class Reader:
    """The common part: a head, then a body framed in one way."""

    def __init__(self):
        self.buffer = b""
        self.messages = []   # complete ones, and the last may be incomplete
        self.tunnel = False  # the rest of the connection is no HTTP

    def feed(self, data):
        """The messages that these bytes completed."""
        self.buffer += data
        done = []
        while not self.tunnel and self._step():
            done.append(self.messages[-1])
        return done

    def end(self):
        """The connection ended."""

    @property
    def current(self):
        return self.messages[-1] if self.messages and not self.messages[-1].complete else None

    def _step(self):
        if self.current is None:
            if not self._head():
                return False
        message = self.current
        if self._body(message):
            message.complete = True
            self._completed(message)
            return True
        return False

    def _head(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            self._check_partial()
            return False
        head, self.buffer = self.buffer[:end], self.buffer[end + 4:]
        first, _, rest = head.partition(b"\r\n")
        if b"\n" in head.replace(b"\r\n", b"") or b"\r" in head.replace(b"\r\n", b""):
            raise Malformed(f"bare CR or LF in {head[:120]!r}")
        message = Message()
        message.start = self._start_line(first)
        message.fields = read_fields(rest, "field")
        message.framing, message.left = self._framing(message)
        self.messages.append(message)
        return True

    def _check_partial(self):
        if b"\n\n" in self.buffer or b"\n\r\n" in self.buffer.replace(b"\r\n", b"~~") or b"\0" in self.buffer:
            raise Malformed(f"bare LF or NUL in {self.buffer[:120]!r}")

    def _completed(self, message):
        pass

    def _body(self, message):
        if message.framing == "chunked":
            return self._chunks(message)
        if message.framing == "close":
            message.body += self.buffer
            self.buffer = b""
            return False
        take = self.buffer[:message.left]
        self.buffer = self.buffer[len(take):]
        message.body += take
        message.left -= len(take)
        return message.left == 0

    def _chunks(self, message):
        while True:
            line, found, rest = self.buffer.partition(b"\r\n")
            if not found:
                if len(line) > 18:
                    raise Malformed(f"chunk size line {line[:40]!r}")
                return False
            if not re.match(rb"[0-9a-fA-F]{1,16}\Z", line):
                raise Malformed(f"chunk size {line[:40]!r}")
            size = int(line, 16)
            if size == 0:
                return self._trailers(message, rest)
            if len(rest) < size + 2:
                message.partial = rest[:size]
                return False
            if rest[size:size + 2] != b"\r\n":
                raise Malformed(f"chunk of {size} ends with {rest[size:size + 2]!r}")
            message.body += rest[:size]
            self.buffer = rest[size + 2:]

    def _trailers(self, message, rest):
        if rest.startswith(b"\r\n"):
            self.buffer = rest[2:]
            return True
        end = rest.find(b"\r\n\r\n")
        if end < 0:
            return False
        message.trailers = read_fields(rest[:end], "trailer")
        self.buffer = rest[end + 4:]
        return True


def one_length(message):
    lengths = message.values(b"content-length")
    if len(lengths) > 1 or not all(DIGITS.match(length) for length in lengths):
        raise Malformed(f"Content-Length {lengths}")
    return int(lengths[0]) if lengths else None


def one_coding(message):
    codings = message.values(b"transfer-encoding")
    if codings not in ([], [b"chunked"]):
        raise Malformed(f"Transfer-Encoding {codings}")
    return bool(codings)


class RequestReader(Reader):
    def _start_line(self, line):
        parts = line.split(b" ")
        if len(parts) != 3 or not TOKEN.match(parts[0]) or not TARGET.match(parts[1]):
            raise Malformed(f"request line {line[:120]!r}")
        if parts[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
            raise Malformed(f"version {parts[2][:20]!r}")
        return parts

    def _framing(self, message):
        length, chunked = one_length(message), one_coding(message)
        if chunked and (length is not None or message.start[2] == b"HTTP/1.0"):
            raise Malformed("Transfer-Encoding beside Content-Length, or in HTTP/1.0")
        check_request_fields(message)
        return ("chunked", 0) if chunked else ("length", length or 0)

    def _completed(self, message):
        for name, _ in message.trailers:
            if name in (b"content-length", b"transfer-encoding", b"host", b"trailer", b"connection", b"authorization"):
                raise Malformed(f"trailer {name!r}")
        self.tunnel = message.start[0] == b"CONNECT"


def check_request_fields(message):
    hosts = message.values(b"host")
    if len(hosts) != 1 or not HOST.match(hosts[0]):
        raise Malformed(f"Host {hosts}")
    nominated = set()
    for value in message.values(b"connection"):
        nominated |= {token.strip().lower() for token in value.split(b",")}
    if nominated - CONNECTION_TOKENS:
        raise Malformed(f"Connection nominates {nominated - CONNECTION_TOKENS}")
    for name, value in message.fields:
        if name == b"upgrade" and value.lower() in UPGRADES and b"upgrade" in nominated:
            continue
        if name == b"te" and value == b"trailers" and b"te" in nominated:
            continue
        if name in HOP_BY_HOP:
            raise Malformed(f"hop-by-hop field {name!r}")


class ResponseReader(Reader):
    """`methods` are those of the requests sent, in order; missing ones count as GET."""

    def __init__(self, methods=()):
        super().__init__()
        self.methods = list(methods)
        self.finals = []

    def _start_line(self, line):
        parts = line.split(b" ", 2)
        if len(parts) < 2 or not re.match(rb"HTTP/1\.[01]\Z", parts[0]) or not re.match(rb"[1-5][0-9]{2}\Z", parts[1]):
            raise Malformed(f"status line {line[:120]!r}")
        return parts

    def _framing(self, message):
        status = int(message.start[1])
        length, chunked = one_length(message), one_coding(message)
        if chunked and length is not None:
            raise Malformed("Transfer-Encoding beside Content-Length")
        method = self.methods[len(self.finals)] if len(self.finals) < len(self.methods) else b"GET"
        if status < 200 or status in (204, 304) or method == b"HEAD":
            return "length", 0
        if chunked:
            return "chunked", 0
        return ("close", 0) if length is None else ("length", length)

    def _completed(self, message):
        status = int(message.start[1])
        if status >= 200:
            self.finals.append(message)
        self.tunnel = status == 101

    def end(self):
        message = self.current
        if message is not None and message.framing == "close":
            message.complete = True
            self._completed(message)
