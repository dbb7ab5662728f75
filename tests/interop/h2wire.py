"""HTTP/2 by hand: frames as bytes, field blocks as literals, and no rule of the protocol kept unless a test keeps it.

python3-hpack decodes what the server sends; what the client sends is written here.
"""

import socket
import ssl
import struct
import time
from dataclasses import dataclass

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 0x1, 0x1, 0x4, 0x8, 0x20
ERRORS = ("NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR "
          "REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM INADEQUATE_SECURITY "
          "HTTP_1_1_REQUIRED").split()
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST = range(1, 7)
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Failed(Exception):
    """The server did not do what the case asks for."""


@dataclass(frozen=True)
class Frame:
    type: int
    flags: int
    stream: int
    payload: bytes

    @property
    def code(self):
        """The error of an RST_STREAM or GOAWAY, by name."""
        number = struct.unpack(">I", self.payload[:4] if self.type == RST_STREAM else self.payload[4:8])[0]
        return ERRORS[number] if number < len(ERRORS) else hex(number)

    def __str__(self):
        name = "DATA HEADERS PRIORITY RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION".split()
        shown = name[self.type] if self.type < len(name) else hex(self.type)
        code = f" {self.code}" if self.type in (RST_STREAM, GOAWAY) else ""
        return f"{shown}(stream {self.stream}, flags {self.flags:#x}, {len(self.payload)} bytes){code}"


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(*pairs):
    return b"".join(struct.pack(">HI", key, value) for key, value in pairs)


def integer(value, bits, first=0):
    """RFC 7541 section 5.1."""
    limit = (1 << bits) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def text(data):
    return integer(len(data), 7) + data


def literal(name, value, first=0x00):
    """A field as a literal with a new name: 0x00 without indexing, 0x10 never indexed, 0x40 indexed."""
    return bytes([first]) + text(name) + text(value)


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


class Connection:
    """One client connection. Reads raise Failed when nothing comes in time."""

    def __init__(self, address, tls=False, patience=2.0):
        self.patience = patience
        self.socket = socket.create_connection(address, patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.authority = f"{address[0]}:{address[1]}".encode()
        self.scheme = b"https" if tls else b"http"
        self.alpn = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
            self.alpn = self.socket.selected_alpn_protocol()
        self.buffer = b""
        self.decoder = hpack.Decoder()
        self.server_settings = {}
        self.seen = []

    def close(self):
        self.socket.close()

    def send(self, *parts):
        """Bytes as they are. A server that has hung up already is judged by what it sent before."""
        try:
            self.socket.sendall(b"".join(parts))
        except OSError:
            pass

    def open(self, *pairs):
        """Preface and SETTINGS both ways."""
        self.send(PREFACE, frame(SETTINGS, payload=settings(*pairs)))
        first = self.read()
        if first is None or first.type != SETTINGS or first.flags & ACK:
            raise Failed(f"the first frame from the server is {first}, wanted SETTINGS")
        for at in range(0, len(first.payload), 6):
            key, value = struct.unpack(">HI", first.payload[at:at + 6])
            self.server_settings[key] = value
        self.send(frame(SETTINGS, ACK))
        self.until(lambda got: got.type == SETTINGS and got.flags & ACK, "acknowledgement of SETTINGS")
        return self

    def request(self, method=b"GET", path=b"/", extra=(), authority=None):
        return [(b":method", method), (b":scheme", self.scheme), (b":path", path),
                (b":authority", authority or self.authority), *extra]

    def headers(self, stream, fields, flags=END_STREAM | END_HEADERS):
        self.send(frame(HEADERS, flags, stream, block(fields)))

    def read(self, patience=None):
        """The next frame; None when the server ended the connection."""
        deadline = time.monotonic() + (self.patience if patience is None else patience)
        while len(self.buffer) < 9 or len(self.buffer) < 9 + int.from_bytes(self.buffer[:3], "big"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return None
            if not data:
                return None
            self.buffer += data
        size = int.from_bytes(self.buffer[:3], "big")
        got = Frame(self.buffer[3], self.buffer[4], int.from_bytes(self.buffer[5:9], "big") & 0x7FFFFFFF,
                    self.buffer[9:9 + size])
        self.buffer = self.buffer[9 + size:]
        self.seen.append(got)
        return got

    def until(self, wanted, what):
        """The first frame that `wanted` accepts. Failed when the connection ends or falls silent before."""
        start = len(self.seen)
        while True:
            try:
                got = self.read()
            except TimeoutError:
                raise Failed(f"no {what}; saw {self.shown(start)} and then silence") from None
            if got is None:
                raise Failed(f"no {what}; saw {self.shown(start)} and then the end of the connection")
            if wanted(got):
                return got

    def shown(self, start=0):
        return ", ".join(str(got) for got in self.seen[start:]) or "nothing"

    # What a case expects.

    def response(self, stream):
        """The status and body of a whole response."""
        status, body = None, b""
        while True:
            got = self.until(lambda f: f.stream == stream and f.type in (HEADERS, DATA, RST_STREAM) or f.type == GOAWAY,
                             f"response on stream {stream}")
            if got.type in (RST_STREAM, GOAWAY):
                raise Failed(f"{got} instead of a response")
            if got.type == DATA:
                body += got.payload
            elif status is None:
                fields = dict(self.decoder.decode(self.field_block(got), raw=True))
                status = int(fields.get(b":status", b"0"))
                if status < 200:
                    status = None
            if got.flags & END_STREAM:
                return status, body

    def field_block(self, first):
        payload = first.payload
        if first.flags & PADDED:
            payload = payload[1:len(payload) - payload[0]]
        if first.flags & PRIORITY_FLAG:
            payload = payload[5:]
        flags = first.flags
        while not flags & END_HEADERS:
            more = self.read()
            payload, flags = payload + more.payload, more.flags
        return payload

    def alive(self):
        """The connection still answers a PING."""
        probe = b"longshor"
        self.send(frame(PING, payload=probe))
        got = self.until(lambda f: f.type == GOAWAY or f.type == PING and f.flags & ACK and f.payload == probe,
                         "answer to a PING")
        if got.type == GOAWAY:
            raise Failed(f"{got} instead of an answer to a PING")

    def connection_error(self, *codes):
        """GOAWAY with one of the codes, then the end of the connection."""
        got = self.until(lambda f: f.type == GOAWAY, f"GOAWAY with {' or '.join(codes)}")
        if got.code not in codes:
            raise Failed(f"{got}, wanted {' or '.join(codes)}")
        self.ended()

    def ended(self):
        start = len(self.seen)
        try:
            while self.read() is not None:
                pass
        except TimeoutError:
            raise Failed(f"the connection stays open; saw {self.shown(start)}") from None

    def stream_error(self, stream, *codes, refusal=False, escalates=False):
        """RST_STREAM with one of the codes (or a 4xx, where `refusal`), and the connection goes on.

        A server may always take a stream error for a connection error (RFC 9113 section 5.4.1). Ours does so only
        where the peer has lost the thread of a stream (`escalates`), never for a request that is merely malformed.
        """
        wanted = f"RST_STREAM on stream {stream} with {' or '.join(codes)}"
        got = self.until(lambda f: f.type == GOAWAY or f.stream == stream and f.type in (RST_STREAM, HEADERS), wanted)
        if got.type == HEADERS:
            fields = dict(self.decoder.decode(self.field_block(got), raw=True))
            status = fields.get(b":status", b"")
            if not refusal or not status.startswith(b"4"):
                raise Failed(f"a response with status {status.decode()}, wanted {wanted}")
        elif got.code not in codes:
            raise Failed(f"{got}, wanted {wanted}")
        if got.type != GOAWAY:
            self.alive()
        elif escalates:
            self.ended()
        else:
            raise Failed(f"{got}, wanted {wanted}")
