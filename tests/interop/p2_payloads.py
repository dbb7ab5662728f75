"""The grid of row P2: HTTP/1 messages that recipients are known to read differently, beside good ones.

A payload says which results are allowed: each result is the tuple of bodies of the requests that reach the origin,
() when nothing does. What is not in the list is a failure. PIDX in the bytes becomes the payload's own mark, of the
same length, so that a request at an origin tells where it came from; a target with "smuggled" must never arrive.
"""

from dataclasses import dataclass

HOST = b"Host: origin.test\r\n"
NEXT = b"GET /PIDX/next HTTP/1.1\r\n" + HOST + b"\r\n"
SMUGGLED = b"GET /PIDX/smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
REFUSED = ((),)


@dataclass(frozen=True)
class Payload:
    name: str
    raw: bytes
    allowed: tuple          # of tuples of bodies
    ends: bool = False      # the client half-closes at once: the message is incomplete

    @property
    def good(self):
        return self.name.startswith("good/")

    @property
    def answers(self):
        """How many final responses can be expected at most."""
        return max(1, max(len(result) for result in self.allowed))


def text(data):
    shown = data.decode("latin-1").encode("unicode_escape").decode()
    return shown if len(shown) <= 44 else f"{shown[:40]}..({len(data)})"


def head(fields=b"", method=b"POST", path=b"/PIDX/a", version=b"HTTP/1.1", host=HOST):
    return method + b" " + path + b" " + version + b"\r\n" + host + fields + b"\r\n"


def good(name, raw, *bodies):
    return Payload(f"good/{name}", raw, (bodies,))


def good_messages():
    chunked = b"Transfer-Encoding: chunked\r\n"
    yield good("get", head(method=b"GET"), b"")
    yield good("head", head(method=b"HEAD"), b"")
    yield good("options", head(method=b"OPTIONS"), b"")
    yield good("delete", head(method=b"DELETE"), b"")
    yield good("post-empty", head(b"Content-Length: 0\r\n"), b"")
    yield good("post", head(b"Content-Length: 5\r\n") + b"hello", b"hello")
    yield good("put", head(b"Content-Length: 5\r\n", method=b"PUT") + b"hello", b"hello")
    yield good("patch", head(b"Content-Length: 5\r\n", method=b"PATCH") + b"hello", b"hello")
    yield good("get-with-body", head(b"Content-Length: 5\r\n", method=b"GET") + b"hello", b"hello")
    yield good("body-looks-like-a-request", head(b"Content-Length: %d\r\n" % len(SMUGGLED)) + SMUGGLED, SMUGGLED)
    yield good("body-of-crlf", head(b"Content-Length: 8\r\n") + b"\r\n\r\n\r\n\r\n", b"\r\n\r\n\r\n\r\n")
    yield good("body-8k", head(b"Content-Length: 8192\r\n") + b"x" * 8192, b"x" * 8192)
    yield good("chunked", head(chunked) + b"5\r\nhello\r\n0\r\n\r\n", b"hello")
    yield good("chunked-empty", head(chunked) + b"0\r\n\r\n", b"")
    yield good("chunked-many", head(chunked) + b"1\r\na\r\n" * 50 + b"0\r\n\r\n", b"a" * 50)
    yield good("chunked-hex", head(chunked) + b"A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a")
    yield good("chunked-crlf-data", head(chunked) + b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", b"\r\n0\r\n\r\n")
    yield good("field-case", head(b"cOnTeNt-LeNgTh: 5\r\n") + b"hello", b"hello")
    yield good("field-without-space", head(b"Content-Length:5\r\nX-A:b\r\n") + b"hello", b"hello")
    yield good("field-with-tabs", head(b"X-A:\t b \t\r\n", method=b"GET"), b"")
    yield good("field-empty", head(b"X-A:\r\nX-B: \r\n", method=b"GET"), b"")
    yield good("query", head(method=b"GET", path=b"/PIDX/a?b=c&d=%20"), b"")
    yield good("host-port", head(method=b"GET", host=b"Host: origin.test:8080\r\n"), b"")
    yield good("host-ipv6", head(method=b"GET", host=b"Host: [::1]:8080\r\n"), b"")
    yield good("host-last", head(b"X-A: b\r\n" + HOST, method=b"GET", host=b""), b"")
    yield good("absolute-form", head(method=b"GET", path=b"http://origin.test/PIDX/a"), b"")
    yield good("http-1.0", head(method=b"GET", version=b"HTTP/1.0"), b"")
    yield good("http-1.0-length", head(b"Content-Length: 5\r\n", version=b"HTTP/1.0") + b"hello", b"hello")
    yield good("connection-close", head(b"Connection: close\r\n", method=b"GET"), b"")
    yield good("connection-close-length", head(b"Connection: close\r\nContent-Length: 5\r\n") + b"hello", b"hello")
    yield good("expect-length", head(b"Expect: 100-continue\r\nContent-Length: 5\r\n") + b"hello", b"hello")
    yield good("expect-chunked", head(b"Expect: 100-continue\r\n" + chunked) + b"5\r\nhello\r\n0\r\n\r\n", b"hello")
    yield good("trailers", head(b"Trailer: X-T\r\n" + chunked) + b"5\r\nhello\r\n0\r\nX-T: v\r\n\r\n", b"hello")
    yield good("pipelined-2", head(method=b"GET") + NEXT, b"", b"")
    yield good("pipelined-5", head(method=b"GET") + NEXT * 4, *[b""] * 5)
    yield good("pipelined-post-get", head(b"Content-Length: 5\r\n") + b"hello" + NEXT, b"hello", b"")
    yield good("pipelined-chunked-get", head(chunked) + b"5\r\nhello\r\n0\r\n\r\n" + NEXT, b"hello", b"")
    yield good("pipelined-empty-post-get", head(b"Content-Length: 0\r\n") + NEXT, b"", b"")
    yield good("pipelined-head-get", head(method=b"HEAD") + NEXT, b"", b"")
    yield good("pipelined-chunked-trailers-get",
               head(chunked) + b"5\r\nhello\r\n0\r\nX-T: v\r\n\r\n" + NEXT, b"hello", b"")
    yield good("after-close-nothing", head(b"Connection: close\r\n", method=b"GET") + SMUGGLED, b"")
    yield good("after-http-1.0-nothing", head(method=b"GET", version=b"HTTP/1.0") + SMUGGLED, b"")


def chunk_sizes():
    """The size line of a five-byte chunk in every spelling; the right ones may be normalised."""
    harmless = [b"05", b"0005", b"0000000000000005", b"5;", b"5;ext", b"5;ext=1", b"5;ext=\"q\"", b"5;a=b;c=d",
                b"5;ext=\"a\\\"b\"", b"5; ext=1", b"5 ;ext", b"5;ext =1", b"5;ext= 1", b"5;a=\"x;y\"", b"5 ", b"5\t",
                b"5;" + b"e" * 4096]
    refused = [b"+5", b"-5", b"0x5", b"0X5", b"5h", b"x5", b" 5", b"\t5", b"5_", b"_5", b"5_0", b"5.0", b"5,5", b"5,",
               b"5 5", b"\"5\"", b"'5'", b"", b" ", b";ext", b"g", b"h5", b"5\x0b", b"5\x0c", b"\x0b5", b"5\x00", b"\x005",
               b"5\x7f", b"5\x80", b"\xef\xbc\x95", b"\xd9\xa5", b"ffffffffffffffff", b"10000000000000005",
               b"fffffffffffffff5fffff", b"00000000000000000000000000000000000000000000000000000000000000000000005" * 200,
               b"5;a\x00", b"5;a\x01", b"5;a\rb", b"5\r", b"5\rX", b"5;\r", b"5;ext=\"q\nq\"", b"5;ext=\"q\rq\"", b"5;\x7f",
               b"5:", b"5=", b"5#", b"5\\", b"{5}", b"0b101", b"0o5", b"%35", b"5%", b"5e0", b"-0", b"5L", b"$5"]
    start = head(b"Transfer-Encoding: chunked\r\n")
    for size in harmless:
        yield Payload(f"chunk-size/{text(size)}", start + size + b"\r\nhello\r\n0\r\n\r\n" + NEXT, ((), (b"hello", b"")))
    for size in refused:
        raw = start + size + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED
        yield Payload(f"chunk-size/{text(size)}", raw, REFUSED, ends=size.startswith(b"f"))
    for size in (b"100000005", b"80000005", b"7fffffffffffffff"):
        yield Payload(f"chunk-size/huge-{text(size)}", start + size + b"\r\nhello\r\n0\r\n\r\n" + SMUGGLED, REFUSED, ends=True)
    yield Payload("chunk-size/17-digits", start + b"00000000000000005\r\nhello\r\n0\r\n\r\n" + NEXT, ((), (b"hello", b"")))


def chunk_lines():
    start = head(b"Transfer-Encoding: chunked\r\n")
    refused = {
        "size-lf": b"5\nhello\r\n0\r\n\r\n", "size-cr": b"5\rhello\r\n0\r\n\r\n", "size-lfcr": b"5\n\rhello\r\n0\r\n\r\n",
        "size-crcrlf": b"5\r\r\nhello\r\n0\r\n\r\n", "ext-lf": b"5;a\nhello\r\n0\r\n\r\n",
        "ext-lf-hides-size": b"5;\n0\r\n\r\n\r\nhello\r\n0\r\n\r\n",
        "data-lf": b"5\r\nhello\n0\r\n\r\n", "data-cr": b"5\r\nhello\r0\r\n\r\n", "data-none": b"5\r\nhello0\r\n\r\n",
        "data-lfcr": b"5\r\nhello\n\r0\r\n\r\n", "data-two-bytes": b"5\r\nhelloXX0\r\n\r\n",
        "data-long": b"5\r\nhelloo\r\n0\r\n\r\n", "data-short": b"5\r\nhell\r\n0\r\n\r\n", "all-lf": b"5\nhello\n0\n\n",
        "last-lf-lf": b"5\r\nhello\r\n0\n\n", "last-crlf-lf": b"5\r\nhello\r\n0\r\n\n", "last-lf-crlf": b"5\r\nhello\r\n0\n\r\n",
        "last-cr-cr": b"5\r\nhello\r\n0\r\r", "last-hex": b"5\r\nhello\r\n0x0\r\n\r\n", "last-minus": b"5\r\nhello\r\n-0\r\n\r\n",
        "last-plus": b"5\r\nhello\r\n+0\r\n\r\n", "last-space-before": b"5\r\nhello\r\n 0\r\n\r\n", "empty-size": b"\r\nhello\r\n0\r\n\r\n",
        "lines-first": b"\r\n5\r\nhello\r\n0\r\n\r\n", "raw-body": b"hello", "http-as-chunk": b"GET / HTTP/1.1\r\n\r\n",
        "line-between": b"5\r\nhello\r\n\r\n0\r\n\r\n", "data-nul": b"5\r\nhello\x00\n0\r\n\r\n",
    }
    for name, body in refused.items():
        yield Payload(f"chunk-line/{name}", start + body + SMUGGLED, REFUSED, ends=name in ("raw-body", "last-cr-cr"))
    for name, last in {"00": b"00", "000000": b"000000", "ext": b"0;ext", "ext-value": b"0;a=\"b\"", "space": b"0 "}.items():
        raw = start + b"5\r\nhello\r\n" + last + b"\r\n\r\n" + NEXT
        yield Payload(f"chunk-line/last-{name}", raw, ((), (b"hello", b"")))
    one_body = ((), (b"hello", b""))
    extensions = b"5;" + b"e" * 200 + b"\r\nhello\r\n"
    yield Payload("chunk-line/many-extensions", start + extensions * 400 + b"0\r\n\r\n" + NEXT, ((), (b"hello" * 400, b"")))
    yield Payload("chunk-line/ext-obs-text", start + b"5;a=\"\xe9\"\r\nhello\r\n0\r\n\r\n" + NEXT, one_body)
    yield Payload("chunk-line/ext-unterminated", start + b"5;a=\"b\r\nhello\r\n0\r\n\r\n" + SMUGGLED, REFUSED)
    yield Payload("chunk-line/ext-quoted-crlf", start + b"5;a=\"\r\nhello\r\n0\r\n\r\n\"\r\n" + SMUGGLED, REFUSED)


def trailers():
    start = head(b"Transfer-Encoding: chunked\r\n") + b"5\r\nhello\r\n0\r\n"
    either = ((), (b"hello", b""))
    for name, section in {
        "content-length": b"Content-Length: 60\r\n", "transfer-encoding": b"Transfer-Encoding: chunked\r\n",
        "host": b"Host: evil.test\r\n", "connection": b"Connection: close\r\n", "authorization": b"Authorization: x\r\n",
        "many": b"X-T: v\r\n" * 50, "empty-value": b"X-T:\r\n", "trailer": b"Trailer: X\r\n", "te": b"TE: trailers\r\n",
        "long-value": b"X-T: " + b"v" * 4000 + b"\r\n", "content-encoding": b"Content-Encoding: gzip\r\n",
    }.items():
        yield Payload(f"trailer/{name}", start + section + b"\r\n" + NEXT, either)
    for name, section in {
        "space-before-colon": b"X-T : v\r\n", "no-colon": b"XT\r\n", "fold": b"X-T: v\r\n w\r\n", "nul": b"X-T: \x00\r\n",
        "bare-cr": b"X-T: a\rb\r\n", "bare-lf": b"X-T: a\nX-U: b\r\n", "empty-name": b": v\r\n", "name-space": b"X T: v\r\n",
        "leading-space": b" X-T: v\r\n", "request-line": b"GET /PIDX/smuggled HTTP/1.1\r\n", "control": b"X-T: \x01\r\n",
        "huge": b"X-T: v\r\n" * 20000,
    }.items():
        yield Payload(f"trailer/{name}", start + section + b"\r\n" + SMUGGLED, REFUSED)


def lengths():
    either = ((), (b"hello", b""))
    for value in (b"05", b"0000000000000000005", b"5 ", b"5\t", b"\t5", b"   5   "):
        yield Payload(f"length/{text(value)}", head(b"Content-Length: " + value + b"\r\n") + b"hello" + NEXT, either)
    for value in (b"+5", b"-5", b"-0", b"+0", b"0x5", b"0X5", b"5,6", b"6,5", b"5;5", b"5.0", b"5.", b".5", b"5e0", b"5_", b"_5", b"5_0", b"5 5",
                  b"", b"\"5\"", b"'5'", b"a", b"5a", b"a5", b"5\x00", b"\x005", b"\x0b5", b"5\x0b", b"5\x0c", b"5\x7f", b"5\x80",
                  b"\xef\xbc\x95", b"\xd9\xa5", b"\xc2\xa05", b"18446744073709551621", b"36893488147419103237",
                  b"9223372036854775813", b"99999999999999999999999999999999", b"5,", b",5", b",", b"5,a", b"5;", b"5:",
                  b"5#", b"5%00", b"chunked", b"0b101", b"5L", b"5,5,6", b"1e1", b"-18446744073709551611",
                  b"0" * 5000 + b"5", b"5\r6", b"5\n6"):
        ends = value in (b"0000",)
        yield Payload(f"length/{text(value)}", head(b"Content-Length: " + value + b"\r\n") + b"hello" + SMUGGLED,
                      REFUSED, ends)
    for value in (b"4294967301", b"2147483653", b"9223372036854775807"):
        yield Payload(f"length/large-{text(value)}", head(b"Content-Length: " + value + b"\r\n") + b"hello" + SMUGGLED,
                      REFUSED, ends=True)
    for value in (b"5,5", b"5, 5", b"5 , 5", b"5,05"):
        yield Payload(f"length/list-{text(value)}", head(b"Content-Length: " + value + b"\r\n") + b"hello" + NEXT, either)
    same = b"Content-Length: 5\r\n"
    yield Payload("length/twice-same", head(same + same) + b"hello" + NEXT, either)
    for name, fields in {
        "twice-differ": same + b"Content-Length: 0\r\n", "twice-differ-turned": b"Content-Length: 0\r\n" + same,
        "twice-case": same + b"content-length: 6\r\n", "twice-one-empty": b"Content-Length:\r\n" + same,
        "three": same + same + b"Content-Length: 7\r\n", "twice-plus": same + b"Content-Length: +5\r\n",
        "space-before-colon": b"Content-Length : 5\r\n", "tab-before-colon": b"Content-Length\t: 5\r\n",
        "nul-before-colon": b"Content-Length\x00: 5\r\n", "cr-before-colon": b"Content-Length\r: 5\r\n",
        "leading-space": b" Content-Length: 5\r\n", "leading-tab": b"\tContent-Length: 5\r\n",
        "fold": b"Content-Length:\r\n 5\r\n", "fold-tail": b"Content-Length: 0\r\n 5\r\n", "after-lf": b"X: y\nContent-Length: 5\r\n",
        "after-cr": b"X: y\rContent-Length: 5\r\n", "inner-space": b"Content Length: 5\r\n",
        "obs-name": b"Content-Length\xa0: 5\r\n", "vt-before-colon": b"Content-Length\x0b: 5\r\n",
    }.items():
        yield Payload(f"length/{name}", head(fields) + b"hello" + SMUGGLED, REFUSED)


CODINGS = (b"chunked", b"Chunked", b"CHUNKED", b"\tchunked", b"chunked\t", b"chunked,", b",chunked", b" , chunked ,")
BAD_CODINGS = (b"\x0bchunked", b"chunked\x0b", b"chunked\x00", b"\x00chunked", b"\"chunked\"", b"'chunked'", b"chunked, chunked",
               b"identity", b"identity, chunked", b"chunked, identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"x",
               b"xchunked", b"chunkedx", b"chunked;q=1", b"chunked; foo=bar", b"chun ked", b"", b"cow", b"\xc2\xa0chunked",
               b"\xa0chunked", b"chunked\xa0", b"chun\xe2\x84\xaaed", b"chunke\xc4\x91", b"deflate", b"compress", b"chunked chunked", b"*",
               b"trailers", b"chunked\x0c", b"chunked\x7f", b"chunked:", b"chunked\r\n , identity", b"\r\n chunked", b"chunked\rx", b"chunked\nx: y")


def codings():
    body = b"5\r\nhello\r\n0\r\n\r\n"
    for value in CODINGS:
        raw = head(b"Transfer-Encoding: " + value + b"\r\n") + body + NEXT
        allowed = ((b"hello", b""),) if value in CODINGS[:3] else ((), (b"hello", b""))
        yield Payload(f"coding/{text(value)}", raw, allowed)
    for value in BAD_CODINGS:
        raw = head(b"Transfer-Encoding: " + value + b"\r\n") + body + SMUGGLED
        yield Payload(f"coding/{text(value)}", raw, REFUSED)


def length_and_coding():
    """Content-Length beside Transfer-Encoding: refused, or read by the coding and nothing after it."""
    body = b"5\r\nhello\r\n0\r\n\r\n"
    whole = b"Content-Length: %d\r\n" % len(body + SMUGGLED)
    short = b"Content-Length: 5\r\n"
    for value in CODINGS + BAD_CODINGS:
        coding = b"Transfer-Encoding: " + value + b"\r\n"
        allowed = ((), (b"hello",)) if value in CODINGS else REFUSED
        yield Payload(f"length+coding/{text(value)}", head(whole + coding) + body + SMUGGLED, allowed)
        yield Payload(f"coding+length/{text(value)}", head(coding + short) + body + SMUGGLED, allowed)
    for name, coding in coding_names().items():
        yield Payload(f"length+coding-name/{name}", head(short + coding) + body + SMUGGLED, REFUSED)
        yield Payload(f"coding-name/{name}", head(coding) + body + SMUGGLED, REFUSED)
    underscore = head(b"Content-Length: 5\r\nTransfer_Encoding: chunked\r\n") + b"hello" + NEXT
    yield Payload("length+coding-name/underscore", underscore, ((), (b"hello", b"")))
    old = head(b"Transfer-Encoding: chunked\r\n", version=b"HTTP/1.0") + body + SMUGGLED
    yield Payload("coding/in-http-1.0", old, ((), (b"hello",)))
    yield Payload("coding/in-get", head(b"Transfer-Encoding: chunked\r\n", method=b"GET") + body + NEXT, ((b"hello", b""),))
    for name, zero in {"length-0": b"Content-Length: 0\r\n", "length-empty": b"Content-Length:\r\n", "length-bad": b"Content-Length: x\r\n"}.items():
        raw = head(zero + b"Transfer-Encoding: chunked\r\n") + body + SMUGGLED
        yield Payload(f"length+coding/{name}", raw, ((), (b"hello",)) if name == "length-0" else REFUSED)


def coding_names():
    return {
        "space-before-colon": b"Transfer-Encoding : chunked\r\n", "tab-before-colon": b"Transfer-Encoding\t: chunked\r\n",
        "leading-space": b" Transfer-Encoding: chunked\r\n", "leading-tab": b"\tTransfer-Encoding: chunked\r\n",
        "nul": b"Transfer-Encoding\x00: chunked\r\n", "vt": b"Transfer-Encoding\x0b: chunked\r\n", "cr": b"Transfer-Encoding\r: chunked\r\n",
        "no-colon": b"Transfer-Encoding chunked\r\n", "after-lf": b"X: y\nTransfer-Encoding: chunked\r\n",
        "after-cr": b"X: y\rTransfer-Encoding: chunked\r\n", "fold-name": b"Transfer-Encoding\r\n : chunked\r\n",
        "soft-hyphen": b"Transfer\xadEncoding: chunked\r\n", "twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "then-identity": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "identity-then": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "then-empty-fold": b"Transfer-Encoding: chunked\r\n \r\n", "then-cow": b"Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n",
        "inner-space": b"Transfer Encoding: chunked\r\n", "equals": b"Transfer-Encoding= chunked\r\n", "colon-first": b":Transfer-Encoding: chunked\r\n",
    }
