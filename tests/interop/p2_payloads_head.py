"""The part of the P2 grid about heads: request lines, targets, Host, field syntax, hop-by-hop fields, early ends."""

from p2_payloads import HOST, NEXT, REFUSED, SMUGGLED, Payload, head

ONE = ((), (b"",))
TWO = ((), (b"", b""))


def request_lines():
    rest = b"\r\n" + HOST + b"\r\n"
    refused = {
        "two-spaces": b"GET  /PIDX/a HTTP/1.1", "two-spaces-later": b"GET /PIDX/a  HTTP/1.1", "tab": b"GET\t/PIDX/a\tHTTP/1.1",
        "leading-space": b" GET /PIDX/a HTTP/1.1", "trailing-space": b"GET /PIDX/a HTTP/1.1 ", "vt": b"GET\x0b/PIDX/a HTTP/1.1",
        "no-version": b"GET /PIDX/a", "empty-version": b"GET /PIDX/a ", "http-0.9": b"GET /PIDX/a HTTP/0.9",         "http-2.0": b"GET /PIDX/a HTTP/2.0", "http-1.10": b"GET /PIDX/a HTTP/1.10", "http-01.1": b"GET /PIDX/a HTTP/01.1",
        "http-lower": b"GET /PIDX/a http/1.1", "http-tail": b"GET /PIDX/a HTTP/1.1x", "http-space": b"GET /PIDX/a HTTP/ 1.1",
        "http-comma": b"GET /PIDX/a HTTP/1,1", "http-plus": b"GET /PIDX/a HTTP/+1.1", "xttp": b"GET /PIDX/a XTTP/1.1", "http-1": b"GET /PIDX/a HTTP/1",
        "http-9.9": b"GET /PIDX/a HTTP/9.9", "http-1.-1": b"GET /PIDX/a HTTP/1.-1", "method-empty": b" /PIDX/a HTTP/1.1", "method-paren": b"G(ET /PIDX/a HTTP/1.1",
        "method-colon": b"GET: /PIDX/a HTTP/1.1", "method-nul": b"GE\x00T /PIDX/a HTTP/1.1", "method-high": b"G\xe9T /PIDX/a HTTP/1.1",
        "path-space": b"GET /PIDX/a b HTTP/1.1", "path-nul": b"GET /PIDX/a\x00b HTTP/1.1", "path-tab": b"GET /PIDX/a\tb HTTP/1.1",
        "path-cr": b"GET /PIDX/a\rb HTTP/1.1", "path-control": b"GET /PIDX/a\x01b HTTP/1.1", "path-del": b"GET /PIDX/a\x7fb HTTP/1.1",
        "path-high": b"GET /PIDX/\xff HTTP/1.1", "path-none": b"GET HTTP/1.1", "path-relative": b"GET PIDX/a HTTP/1.1",
        "path-encoded-nul": b"GET /PIDX/a%00b HTTP/1.1", "path-bad-percent": b"GET /PIDX/%zz HTTP/1.1", "path-cut-percent": b"GET /PIDX/% HTTP/1.1",
        "path-above-root": b"GET /../../PIDX/a HTTP/1.1", "path-fragment": b"GET /PIDX/a#f HTTP/1.1", "authority-in-get": b"GET origin.test:80 HTTP/1.1",
        "star-in-get": b"GET * HTTP/1.1", "request-in-path": b"GET /PIDX/a HTTP/1.1\rGET /PIDX/smuggled HTTP/1.1", "ftp": b"GET ftp://origin.test/PIDX/a HTTP/1.1",
        "userinfo": b"GET http://u:p@origin.test/PIDX/a HTTP/1.1", "empty-authority": b"GET http:///PIDX/a HTTP/1.1", "no-scheme": b"GET ://origin.test/PIDX/a HTTP/1.1",
        "absolute-space": b"GET http://origin.test /PIDX/a HTTP/1.1", "absolute-bad-port": b"GET http://origin.test:99999/PIDX/a HTTP/1.1",
        "absolute-backslash": b"GET http:\\\\origin.test\\PIDX\\a HTTP/1.1", "connect-path": b"CONNECT /PIDX/a HTTP/1.1", "connect-no-port": b"CONNECT origin.test HTTP/1.1",
        "long-line": b"GET /PIDX/" + b"a" * 70000 + b" HTTP/1.1", "long-method": b"M" * 70000 + b" /PIDX/a HTTP/1.1", "response": b"HTTP/1.1 200 OK",
        "quote": b"\"GET /PIDX/a HTTP/1.1\"", "json": b"{\"a\":1}", "tls-hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    }
    # Refused by the rules this product sets itself (canonical targets, one authority); RFC 9112 allows the others.
    for name, line in refused.items():
        yield Payload(f"request-line/{name}", line + rest + SMUGGLED, REFUSED)
    either = {
        "http-1.2": b"GET /PIDX/a HTTP/1.2", "method-lower": b"get /PIDX/a HTTP/1.1", "method-odd": b"!#$%&'*+-.^_`|~ /PIDX/a HTTP/1.1", "path-dots": b"GET /x/../PIDX/a HTTP/1.1",
        "path-encoded-dots": b"GET /x/%2e%2e/PIDX/a HTTP/1.1", "path-double-slash": b"GET //PIDX//a HTTP/1.1", "path-backslash": b"GET /PIDX/\\a HTTP/1.1",
        "path-encoded-slash": b"GET /PIDX/%2fa HTTP/1.1", "path-semicolon": b"GET /PIDX/;a=b/c HTTP/1.1", "path-encoded-crlf": b"GET /PIDX/%0d%0aX:%20y HTTP/1.1",
        "path-brackets": b"GET /PIDX/[a]{b}|\"<> HTTP/1.1", "path-encoded-high": b"GET /PIDX/%ff%c0%ae HTTP/1.1",
        "query-only-mark": b"GET /PIDX/a? HTTP/1.1", "query-twice": b"GET /PIDX/a?b?c HTTP/1.1", "absolute-upper": b"GET HTTP://ORIGIN.TEST/PIDX/a HTTP/1.1",
        "absolute-port": b"GET http://origin.test:80/PIDX/a HTTP/1.1", "absolute-https": b"GET https://origin.test/PIDX/a HTTP/1.1",
    }
    for name, line in either.items():
        yield Payload(f"request-line/{name}", line + rest + NEXT, TWO + ((b"",),))
    for name, before in {"crlf": b"\r\n", "crlf-twice": b"\r\n\r\n", "lf": b"\n", "many-crlf": b"\r\n" * 100}.items():
        yield Payload(f"request-line/after-{name}", before + head(method=b"GET"), ONE)
    for name, line in {"lf": b"\n", "cr": b"\r", "crcrlf": b"\r\r\n", "lfcr": b"\n\r"}.items():
        raw = b"GET /PIDX/a HTTP/1.1" + line + HOST + b"\r\n"
        yield Payload(f"request-line/ends-{name}", raw, ONE if name == "lf" else REFUSED, ends=True)


def hosts():
    refused = {
        "missing": b"", "twice": HOST + HOST, "twice-differ": HOST + b"Host: evil.test\r\n", "twice-case": HOST + b"hOST: evil.test\r\n",
        "space-inside": b"Host: origin test\r\n", "comma": b"Host: origin.test, evil.test\r\n", "slash": b"Host: origin.test/PIDX\r\n", "userinfo": b"Host: a@origin.test\r\n",
        "backslash": b"Host: origin.test\\x\r\n", "port-letters": b"Host: origin.test:http\r\n", "port-huge": b"Host: origin.test:99999\r\n", "port-minus": b"Host: origin.test:-1\r\n",
        "port-twice": b"Host: origin.test:80:80\r\n", "bracket-open": b"Host: [::1\r\n", "bracket-text": b"Host: [evil]\r\n", "nul": b"Host: origin\x00.test\r\n", "high": b"Host: or\xefgin.test\r\n",
        "cr": b"Host: origin.test\rX: y\r\n", "space-before-colon": b"Host : origin.test\r\n", "fold": b"Host:\r\n origin.test\r\n", "leading-space": b" Host: origin.test\r\n",
        "query": b"Host: origin.test?x\r\n", "fragment": b"Host: origin.test#x\r\n", "scheme": b"Host: http://origin.test\r\n", "quote": b"Host: \"origin.test\"\r\n",
        "tab-inside": b"Host: origin\ttest\r\n", "angle": b"Host: <script>\r\n", "caret": b"Host: a^b\r\n", "percent-bad": b"Host: a%zz\r\n",
    }
    for name, field in refused.items():
        yield Payload(f"host/{name}", head(method=b"GET", host=field) + SMUGGLED, REFUSED)
    for name, field in {"upper": b"Host: ORIGIN.TEST\r\n", "dot": b"Host: origin.test.\r\n", "underscore": b"Host: a_b.test\r\n", "empty-port": b"Host: origin.test:\r\n",
                        "port-0": b"Host: origin.test:0\r\n", "port-zeros": b"Host: origin.test:00080\r\n", "ipv4": b"Host: 127.0.0.1\r\n", "empty": b"Host:\r\n"}.items():
        yield Payload(f"host/{name}", head(method=b"GET", host=field) + NEXT, TWO)
    for name, target, field in (("differs", b"http://evil.test/PIDX/a", HOST), ("differs-port", b"http://origin.test:81/PIDX/a", HOST),
                                ("missing", b"http://origin.test/PIDX/a", b""), ("empty", b"http://origin.test/PIDX/a", b"Host:\r\n")):
        yield Payload(f"host/absolute-{name}", head(method=b"GET", path=target, host=field) + NEXT, TWO)
    yield Payload("host/missing-in-http-1.0", head(method=b"GET", version=b"HTTP/1.0", host=b""), ONE)


def fields():
    for byte in b"\"(),/;<=>?@[\\]{}\x00\x01\x09\x0b\x0c\x1f \x7f\x80\xa0\xe9\xff":
        field = b"X" + bytes([byte]) + b"Y: z\r\n"
        yield Payload(f"field-name/{byte:#04x}", head(field, method=b"GET") + SMUGGLED, REFUSED)
    for byte in b"!#$%&'*+-.^_`|~":
        yield Payload(f"field-name/{byte:#04x}", head(b"X" + bytes([byte]) + b"Y: z\r\n", method=b"GET") + NEXT, TWO)
    for byte in b"\x00\x01\x02\x07\x08\x0b\x0c\x0d\x0e\x1b\x1f\x7f":
        yield Payload(f"field-value/{byte:#04x}", head(b"X: a" + bytes([byte]) + b"b\r\n", method=b"GET") + SMUGGLED, REFUSED)
    for byte in b"\t\"\\,;\x80\xa0\xff":
        yield Payload(f"field-value/{byte:#04x}", head(b"X: a" + bytes([byte]) + b"b\r\n", method=b"GET") + NEXT, TWO)
    refused = {
        "fold-space": b"X: a\r\n b\r\n", "fold-tab": b"X: a\r\n\tb\r\n", "fold-empty": b"X: a\r\n \r\n", "fold-hides-field": b"X: a\r\n Y: b\r\n",
        "space-before-colon": b"X : a\r\n", "tab-before-colon": b"X\t: a\r\n", "no-colon": b"X\r\n", "empty-name": b": a\r\n", "only-colon": b":\r\n",
        "cr-at-end": b"X: a\r\r\n", "cr-alone": b"X: a\rY: b\r\n", "lfcr": b"X: a\n\rY: b\r\n", "nul-at-end": b"X: a\x00\r\n",
        "nul-line": b"\x00\r\n", "cr-line": b"\rX: a\r\n", "ff-line": b"\x0cX: a\r\n", "many": b"X: a\r\n" * 20000,
        "huge": b"X: " + b"a" * 100_000 + b"\r\n", "cr-hides-end": b"X: a\r\n\rGET /PIDX/smuggled HTTP/1.1\r\n",
    }
    for name, field in refused.items():
        yield Payload(f"field/{name}", head(field, method=b"GET") + SMUGGLED, REFUSED)
    for name, raw in {
        "lf": b"GET /PIDX/a HTTP/1.1\r\nHost: origin.test\nX: a\r\n\r\n", "lf-all": b"GET /PIDX/a HTTP/1.1\nHost: origin.test\nX: a\n\n",
        "lf-end": b"GET /PIDX/a HTTP/1.1\r\nHost: origin.test\r\n\n", "lf-last": b"GET /PIDX/a HTTP/1.1\r\nHost: origin.test\n\r\n",
    }.items():
        yield Payload(f"field/{name}", raw, ONE)
    first = b"GET /PIDX/a HTTP/1.1\r\n"
    yield Payload("field/first-folds-space", first + b" X: a\r\n" + HOST + b"\r\n" + SMUGGLED, REFUSED)
    yield Payload("field/first-folds-tab", first + b"\tX: a\r\n" + HOST + b"\r\n" + SMUGGLED, REFUSED)


def hop_by_hop():
    """What belongs to one hop must not reach the origin; see wire.check_request_fields."""
    body = b"Content-Length: 5\r\n"
    for name, extra in {
        "nominated": b"Connection: close, X-Private\r\nX-Private: 1\r\n", "nominated-split": b"Connection: X-Private\r\nConnection: close\r\nX-Private: 1\r\n",
        "content-length": b"Connection: close, Content-Length\r\n", "host": b"Connection: close, Host\r\n", "transfer-encoding": b"Connection: close, Transfer-Encoding\r\n",
        "forwarded": b"Connection: close, X-Forwarded-For\r\nX-Forwarded-For: 1.2.3.4\r\n", "empty-members": b"Connection: , ,close,\r\n",
        "bad-token": b"Connection: close, a b\r\n", "keep-alive": b"Connection: close\r\nKeep-Alive: timeout=5\r\n", "proxy-connection": b"Connection: close\r\nProxy-Connection: keep-alive\r\n",
        "te-gzip": b"Connection: close, TE\r\nTE: gzip\r\n", "te-trailers": b"Connection: close, TE\r\nTE: trailers\r\n", "te-alone": b"Connection: close\r\nTE: chunked\r\n",
        "upgrade-h2c": b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "upgrade-h2c-alone": b"Connection: close\r\nUpgrade: h2c\r\n", "upgrade-unknown": b"Connection: Upgrade\r\nUpgrade: foo/2\r\n",
        "upgrade-tls": b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n", "websocket-post": b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    }.items():
        yield Payload(f"hop/{name}", head(extra + body) + b"hello", ((), (b"hello",)))


def expectations():
    body = b"Content-Length: 5\r\n"
    for name, extra in {"case": b"Expect: 100-Continue\r\n", "twice": b"Expect: 100-continue\r\nExpect: 100-continue\r\n", "unknown": b"Expect: 200-ok\r\n",
                        "list": b"Expect: 100-continue, x\r\n", "empty": b"Expect:\r\n", "parameter": b"Expect: 100-continue;a=b\r\n"}.items():
        yield Payload(f"expect/{name}", head(extra + body) + b"hello" + NEXT, ((), (b"hello",), (b"hello", b""), (b"",)))
    yield Payload("expect/without-body", head(b"Expect: 100-continue\r\n", method=b"GET") + NEXT, TWO)
    old = head(b"Expect: 100-continue\r\n" + body, version=b"HTTP/1.0")
    yield Payload("expect/http-1.0", old + b"hello", ((), (b"hello",)))


def early_ends():
    length = head(b"Content-Length: 5\r\n")
    chunked = head(b"Transfer-Encoding: chunked\r\n")
    for name, raw in {
        "method": b"GE", "line": b"GET /PIDX/a HTTP/1.1", "line-crlf": b"GET /PIDX/a HTTP/1.1\r\n", "field": b"GET /PIDX/a HTTP/1.1\r\nHost: ori", "head-cr": b"GET /PIDX/a HTTP/1.1\r\n" + HOST + b"\r",
        "head": b"GET /PIDX/a HTTP/1.1\r\n" + HOST, "length-none": length, "length-short": length + b"hell", "chunk-none": chunked, "chunk-size": chunked + b"5",
        "chunk-size-cr": chunked + b"5\r", "chunk-line": chunked + b"5\r\n", "chunk-data": chunked + b"5\r\nhel", "chunk-data-whole": chunked + b"5\r\nhello",
        "chunk-data-cr": chunked + b"5\r\nhello\r", "chunk-end": chunked + b"5\r\nhello\r\n", "last-size": chunked + b"5\r\nhello\r\n0", "last-line": chunked + b"5\r\nhello\r\n0\r\n",
        "last-cr": chunked + b"5\r\nhello\r\n0\r\n\r", "trailer": chunked + b"5\r\nhello\r\n0\r\nX-T: v", "trailer-line": chunked + b"5\r\nhello\r\n0\r\nX-T: v\r\n", "nothing": b"",
    }.items():
        yield Payload(f"early-end/{name}", raw, REFUSED, ends=True)
    yield Payload("early-end/second", head(method=b"GET") + b"GET /PIDX/smuggled HTTP/1.1\r\n", ((b"",), ()), ends=True)
    yield Payload("pipeline/good-then-bad", head(method=b"GET") + b"BAD\r\n\r\n" + SMUGGLED, ((b"",),))
    yield Payload("pipeline/good-then-two-lengths", head(method=b"GET") + head(b"Content-Length: 1\r\nContent-Length: 2\r\n") + b"x" + SMUGGLED, ((b"",),))
    yield Payload("pipeline/post-too-much", head(b"Content-Length: 3\r\n") + b"hel\x01o" + SMUGGLED, ((b"hel",),))
    yield Payload("pipeline/chunked-then-garbage", chunked + b"0\r\n\r\n" + b"\x00\x00\r\n\r\n" + SMUGGLED, ((b"",),))
    yield Payload("pipeline/length-0-hides-get", head(b"Content-Length: 0\r\nConnection: close\r\n") + SMUGGLED, ((b"",),))
