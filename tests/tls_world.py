"""What the tests of TLS share: authorities and leaves made by openssl, and a ClientHello written byte by byte."""

import os
import socket
import ssl
import struct
import subprocess
from pathlib import Path

CONFIG = """[req]
distinguished_name = name
prompt = no
[name]
CN = {common_name}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[leaf]
basicConstraints = critical, CA:FALSE
{usage}
{names}
"""


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """`pem` is its certificate; leaves are (certificate file, key file)."""

    def __init__(self, directory, name="test authority", issuer=None):
        self.directory = Path(directory) / name.replace(" ", "-")
        self.directory.mkdir(parents=True)
        self.pem, self._key = self.directory / "ca.pem", self.directory / "ca.key"
        self._count = 0
        self.chain = b""
        if issuer is None:
            _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                     self._key, "-out", self.pem, "-days", "2", "-config", self._config(name), "-extensions",
                     "authority")
        else:
            made = issuer._sign(name, self._key, "authority", "ec", 2)
            self.pem.write_bytes(made.read_bytes())
            self.chain = self.pem.read_bytes() + issuer.chain

    def server(self, *names, kind="ec", days=2):
        alternatives = ",".join(("IP:" if name.replace(".", "").isdigit() else "DNS:") + name for name in names)
        return self._leaf(names[0], kind, days, "extendedKeyUsage = serverAuth", f"subjectAltName = {alternatives}")

    def client(self, name, usage="clientAuth", days=2):
        return self._leaf(name, "ec", days, f"extendedKeyUsage = {usage}" if usage else "", "")

    def _leaf(self, name, kind, days, usage, names):
        key = self.directory / f"leaf-{self._count}.key"
        certificate = self._sign(name, key, "leaf", kind, days, usage, names)
        certificate.write_bytes(certificate.read_bytes() + self.chain)
        return certificate, key

    def _sign(self, name, key, section, kind, days, usage="", names=""):
        self._count += 1
        config = self._config(name, usage, names)
        request, certificate = config.with_suffix(".csr"), config.with_suffix(".pem")
        form = ["rsa:2048"] if kind == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        _openssl("req", "-new", "-newkey", *form, "-nodes", "-keyout", key, "-out", request, "-config", config)
        _openssl("x509", "-req", "-in", request, "-CA", self.pem, "-CAkey", self._key, "-set_serial",
                 int.from_bytes(os.urandom(8), "big"), "-days", days, "-extfile", config, "-extensions", section,
                 "-out", certificate)
        return certificate

    def _config(self, name, usage="", names=""):
        path = self.directory / f"leaf-{self._count}.cnf"
        path.write_text(CONFIG.format(common_name=name, usage=usage, names=names))
        return path


class Client:
    """One HTTP/1.1 connection over TLS to a port of this machine. `authority` None: nothing is verified."""

    def __init__(self, port, authority=None, name="ec.test", source=None, session=None, show=None, version=None,
                 context=None, seconds=10):
        self.context = context or self.trust(authority, show, version)
        plain = socket.create_connection(("127.0.0.1", port), timeout=seconds,
                                         source_address=(source, 0) if source else None)
        try:
            self.socket = self.context.wrap_socket(plain, server_hostname=name, session=session)
        except BaseException:
            plain.close()
            raise
        self._name, self._data = name, b""

    @staticmethod
    def trust(authority, show=None, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = authority is not None
        if authority is None:
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(str(authority.pem))
        if show:
            context.load_cert_chain(*map(str, show))
        if version:
            context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["http/1.1"])
        return context

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def get(self, path="/v2/", host=None):
        """The status; the body is read and dropped."""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {host or self._name}\r\n\r\n".encode())
        while b"\r\n\r\n" not in self._data:
            self._more()
        head, _, self._data = self._data.partition(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        size = int(fields.get(b"content-length", 0))
        while len(self._data) < size:
            self._more()
        self._data = self._data[size:]
        return int(head.split(b" ", 2)[1])

    def _more(self):
        block = self.socket.recv(65536)
        if not block:
            raise ConnectionError("the server ended the connection")
        self._data += block


# ---------------------------------------------------------------------------------------------- ClientHello

TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
X25519, P256, P384, P521, X448, FFDHE2048 = 29, 23, 24, 25, 30, 256
GROUPS = {"X25519": X25519, "P-256": P256, "P-384": P384, "P-521": P521, "X448": X448, "ffdhe2048": FFDHE2048}
ALERTS = {10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow", 40: "handshake_failure",
          42: "bad_certificate", 47: "illegal_parameter", 50: "decode_error", 51: "decrypt_error",
          70: "protocol_version", 71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback",
          109: "missing_extension", 110: "unsupported_extension", 112: "unrecognized_name",
          116: "certificate_required", 120: "no_application_protocol"}
SIGNATURES = [0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601]
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # RFC 8446 section 4.1.3
# The generators of the curves are public keys like any other.
P256_POINT = bytes.fromhex("046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                           "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
P384_POINT = bytes.fromhex("04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872"
                           "760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d"
                           "7c90ea0e5f")


def public_key(group):
    return {X25519: b"\x09" + bytes(31), P256: P256_POINT, P384: P384_POINT}.get(group, b"\x04" + os.urandom(132))


def vector(width, data):
    return len(data).to_bytes(width, "big") + data


def extension(kind, data):
    return struct.pack("!H", kind) + vector(2, data)


def server_name(name):
    return extension(0, vector(2, b"\0" + vector(2, name)))


def alpn(*protocols):
    return extension(16, vector(2, b"".join(vector(1, one) for one in protocols)))


def shorts(values):
    return b"".join(struct.pack("!H", value) for value in values)


def hello(name=b"ec.test", versions=(TLS13, TLS12), ciphers=(0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC030),
          groups=(X25519, P256, P384), shares=None, protocols=(b"http/1.1",), legacy=TLS12, more=b"", compression=b"\0",
          session=b"", random=None):
    """The handshake message. `versions` empty: no such extension; `shares` None: one for the first group."""
    extensions = b""
    if name is not None:
        extensions += server_name(name)
    extensions += extension(10, vector(2, shorts(groups))) + extension(11, b"\1\0")
    extensions += extension(13, vector(2, shorts(SIGNATURES)))
    if protocols:
        extensions += alpn(*protocols)
    if versions:
        extensions += extension(43, vector(1, shorts(versions)))
    if TLS13 in versions:
        keys = groups[:1] if shares is None else shares
        extensions += extension(51, vector(2, b"".join(shorts([one]) + vector(2, public_key(one)) for one in keys)))
        extensions += extension(45, b"\1\1")
    else:
        extensions += extension(0xFF01, b"\0") + extension(23, b"")
    body = shorts([legacy]) + (random or os.urandom(32)) + vector(1, session) + vector(2, shorts(ciphers))
    body += vector(1, compression) + vector(2, extensions + more)
    return handshake(1, body)


def handshake(kind, body):
    return bytes([kind]) + vector(3, body)


def records(message, kind=22, version=TLS10, size=16384):
    return b"".join(bytes([kind]) + shorts([version]) + vector(2, message[at:at + size])
                    for at in range(0, len(message), size))


class Answer:
    """What a server said first: kind is "hello", "retry", "alert", "closed" or "silence"."""

    def __init__(self, kind, alert=None, version=None, cipher=None, group=None):
        self.kind, self.version, self.cipher, self.group = kind, version, cipher, group
        self.alert = ALERTS.get(alert, alert)

    def __str__(self):
        if self.kind == "alert":
            return f"alert {self.alert}"
        if self.kind in ("hello", "retry"):
            return f"{self.kind} {self.version:#06x} {self.cipher:#06x} group {self.group}"
        return self.kind


def ask(port, *pieces, seconds=5, source=None):
    """Sends the pieces one after another (None ends our direction), and reads the first answer."""
    origin = (source, 0) if source else None
    with socket.create_connection(("127.0.0.1", port), timeout=seconds, source_address=origin) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                if piece is None:
                    connection.shutdown(socket.SHUT_WR)
                else:
                    connection.sendall(piece)
        except OSError:
            pass  # refused before the last piece: what it said first counts
        return _read(connection)


def _read(connection):
    data = b""
    try:
        while True:
            answer = _parse(data)
            if answer:
                return answer
            block = connection.recv(65536)
            if not block:
                return Answer("closed")
            data += block
    except socket.timeout:
        return Answer("silence")
    except OSError:
        return _parse(data) or Answer("closed")


def _parse(data):
    if len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
        return None
    body = data[5:5 + int.from_bytes(data[3:5], "big")]
    if data[0] == 21 and len(body) >= 2:
        return Answer("alert", alert=body[1])
    if data[0] != 22 or not body or body[0] != 2:
        return Answer("closed")
    at = 4
    version = int.from_bytes(body[at:at + 2], "big")
    kind = "retry" if body[at + 2:at + 34] == RETRY else "hello"
    at += 34
    at += 1 + body[at]
    cipher = int.from_bytes(body[at:at + 2], "big")
    at += 3
    group, end = None, at + 2 + int.from_bytes(body[at:at + 2], "big")
    at += 2
    while at + 4 <= end:
        number, size = struct.unpack("!HH", body[at:at + 4])
        value = body[at + 4:at + 4 + size]
        if number == 43:
            version = int.from_bytes(value, "big")
        if number == 51:
            group = int.from_bytes(value[:2], "big")
        at += 4 + size
    return Answer(kind, version=version, cipher=cipher, group=group)
