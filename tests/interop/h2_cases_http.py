"""RFC 9113 section 8 (messages) and RFC 7541 (field compression)."""

from h2_cases import add, case
from h2_cases_frames import answered, get, start_post
from h2wire import (CONTINUATION, DATA, END_HEADERS, END_STREAM, Failed, GOAWAY, HEADERS, RST_STREAM, SETTINGS, HEADER_TABLE_SIZE,
                    block, frame, integer, literal, settings, text)

MALFORMED = {"refusal": True}


def malformed(c, fields, flags=END_STREAM | END_HEADERS):
    """Section 8.1.1: a stream error PROTOCOL_ERROR, perhaps after a response that says so."""
    c.headers(1, fields, flags)
    c.stream_error(1, "PROTOCOL_ERROR", **MALFORMED)


def fields_refused(section, name, change):
    add(section, name, lambda c: malformed(c, change(c)))


def request_with(*extra):
    return lambda c: c.request(extra=extra)


def request_without(name):
    return lambda c: [field for field in c.request() if field[0] != name]


def request_where(name, value):
    return lambda c: [(known, value if known == name else old) for known, old in c.request()]


# Section 8.1: framing of messages.

@case("8.1")
def trailers(c):
    start_post(c)
    c.send(frame(DATA, 0, 1, b"x"), frame(HEADERS, END_STREAM | END_HEADERS, 1, literal(b"x-trailer", b"y")))
    answered(c)


@case("8.1")
def trailers_without_end_of_stream(c):
    start_post(c)
    c.send(frame(DATA, 0, 1, b"x"), frame(HEADERS, END_HEADERS, 1, literal(b"x-trailer", b"y")))
    c.stream_error(1, "PROTOCOL_ERROR", escalates=True, **MALFORMED)


@case("8.1")
def trailers_with_a_pseudo_header(c):
    start_post(c)
    c.send(frame(DATA, 0, 1, b"x"), frame(HEADERS, END_STREAM | END_HEADERS, 1, literal(b":path", b"/")))
    c.stream_error(1, "PROTOCOL_ERROR", **MALFORMED)


@case("8.1")
def data_after_trailers(c):
    start_post(c)
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, literal(b"x-trailer", b"y")), frame(DATA, END_STREAM, 1, b"x"))
    c.stream_error(1, "STREAM_CLOSED", escalates=True, refusal=True)


@case("8.1")
def head_request_has_no_body(c):
    get(c, method=b"HEAD")
    status, body = c.response(1)
    if status != 200 or body:
        raise Failed(f"status {status} with {len(body)} bytes")


def body_of(c, length, *parts):
    start_post(c, extra=[(b"content-length", length)])
    c.send(*[frame(DATA, END_STREAM if part is parts[-1] else 0, 1, part) for part in parts])


def length_refused(name, length, *parts):
    add("8.1.1", name, lambda c: (body_of(c, length, *parts), c.stream_error(1, "PROTOCOL_ERROR", **MALFORMED)))


length_refused("content-length-above-data", b"10", b"hello")
length_refused("content-length-below-data", b"1", b"hello")
length_refused("content-length-above-several-data", b"9", b"1", b"2", b"345")
length_refused("content-length-below-several-data", b"4", b"12", b"34", b"5")
length_refused("content-length-not-a-number", b"5x", b"hello")
length_refused("content-length-with-a-sign", b"+5", b"hello")
add("8.1.1", "content-length-without-body", lambda c: malformed(c, c.request(extra=[(b"content-length", b"5")])))
add("8.1.1", "content-length-twice", lambda c: malformed(c, c.request(method=b"POST", extra=[
    (b"content-length", b"0"), (b"content-length", b"1")])))


@case("8.1.1")
def content_length_of_several_data(c):
    body_of(c, b"5", b"12", b"", b"345")
    answered(c)


# Section 8.2: fields.

for _name, _field in {
    "upper-case": b"X-Test", "space": b"x test", "colon": b"x:test", "nul": b"x\x00test", "cr": b"x\rtest", "lf": b"x\ntest", "del": b"x\x7ftest",
    "high": b"x\xfftest", "empty": b"", "control": b"x\x01test", "leading-space": b" x",
}.items():
    fields_refused("8.2.1", f"name-with-{_name}", request_with((_field, b"v")))
for _name, _value in {"nul": b"a\x00b", "cr": b"a\rb", "lf": b"a\nb", "leading-space": b" a", "trailing-space": b"a ", "leading-tab": b"\ta", "trailing-tab": b"a\t"}.items():
    fields_refused("8.2.1", f"value-with-{_name}", request_with((b"x-test", _value)))
add("8.2.1", "value-empty", lambda c: (c.headers(1, c.request(extra=[(b"x-test", b"")])), answered(c)))

for _name, _value in {"connection": b"keep-alive", "proxy-connection": b"keep-alive", "keep-alive": b"timeout=5", "transfer-encoding": b"chunked", "upgrade": b"h2c"}.items():
    fields_refused("8.2.2", _name, request_with((_name.encode(), _value)))
fields_refused("8.2.2", "te-gzip", request_with((b"te", b"gzip")))
fields_refused("8.2.2", "te-trailers-and-more", request_with((b"te", b"trailers, deflate")))
add("8.2.2", "te-trailers", lambda c: (c.headers(1, c.request(extra=[(b"te", b"trailers")])), answered(c)))
add("8.2.3", "cookie-in-pieces", lambda c: (c.headers(1, c.request(extra=[(b"cookie", b"a=b"), (b"cookie", b"c=d")])), answered(c)))

# Section 8.3: pseudo-header fields.

fields_refused("8.3", "unknown-pseudo-header", request_with((b":test", b"v")))
fields_refused("8.3", "pseudo-header-of-responses", request_with((b":status", b"200")))
fields_refused("8.3", "pseudo-header-after-a-field", lambda c: [(b"x-test", b"v"), *c.request()])
fields_refused("8.3", "path-after-a-field", lambda c: [*request_without(b":path")(c), (b"x-test", b"v"), (b":path", b"/")])
for _name in (b":method", b":scheme", b":path"):
    fields_refused("8.3.1", f"without-{_name[1:].decode()}", request_without(_name))
for _name, _value in ((b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"other.test")):
    fields_refused("8.3.1", f"{_name[1:].decode()}-twice", lambda c, name=_name, value=_value: [(name, value), *c.request()])
fields_refused("8.3.1", "path-empty", request_where(b":path", b""))
fields_refused("8.3.1", "path-without-slash", request_where(b":path", b"relative"))
fields_refused("8.3.1", "path-star-in-get", request_where(b":path", b"*"))
fields_refused("8.3.1", "path-absolute", request_where(b":path", b"http://origin.test/"))
fields_refused("8.3.1", "method-empty", request_where(b":method", b""))
fields_refused("8.3.1", "method-with-space", request_where(b":method", b"GE T"))
fields_refused("8.3.1", "scheme-empty", request_where(b":scheme", b""))
fields_refused("8.3.1", "authority-with-userinfo", request_where(b":authority", b"user:secret@origin.test"))
fields_refused("8.3.1", "authority-differs-from-host", request_with((b"host", b"other.test")))
add("8.3.1", "host-instead-of-authority", lambda c: (c.headers(1, request_without(b":authority")(c) + [(b"host", c.authority)]), answered(c)))
add("8.3.1", "host-equal-to-authority", lambda c: (c.headers(1, c.request(extra=[(b"host", c.authority)])), answered(c)))
add("8.3.1", "options-star", lambda c: (c.headers(1, c.request(method=b"OPTIONS", path=b"*")), c.response(1), c.alive()))


def connect_refused(name, *fields):
    add("8.5", name, lambda c: malformed(c, [(b":method", b"CONNECT"), *fields], END_HEADERS))


connect_refused("connect-with-scheme-and-path", (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"127.0.0.1:9"))
connect_refused("connect-with-scheme", (b":scheme", b"http"), (b":authority", b"127.0.0.1:9"))
connect_refused("connect-with-path", (b":path", b"/"), (b":authority", b"127.0.0.1:9"))
connect_refused("connect-without-authority")


@case("10.5.1")
def field_section_of_a_megabyte(c):
    """Refused in any way that does not harm: a status, a reset, or the end of the connection."""
    piece = b"".join(literal(b"x-%03d" % at, b"v" * 1000) for at in range(15))
    c.send(frame(HEADERS, END_STREAM, 1, block(c.request())), *[frame(CONTINUATION, 0, 1, piece)] * 66,
           frame(CONTINUATION, END_HEADERS, 1, b""))
    try:
        got = c.until(lambda f: f.type in (HEADERS, RST_STREAM, GOAWAY), "refusal")
    except Failed as silence:
        if "end of the connection" in str(silence):
            return
        raise
    if got.type == HEADERS and (status := dict(c.decoder.decode(c.field_block(got), raw=True))[b":status"]) != b"431":
        raise Failed(f"status {status}")


# RFC 7541: field compression.

def compression_error(section, name, *blocks):
    def run(c):
        c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, block(c.request()) + b"".join(blocks)))
        c.connection_error("COMPRESSION_ERROR")
    add(f"7541-{section}", name, run)


def compressed(section, name, *blocks):
    def run(c):
        c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, block(c.request()) + b"".join(blocks)))
        answered(c)
    add(f"7541-{section}", name, run)


compression_error("2.3.3", "index-beyond-the-tables", integer(70, 7, 0x80))
compression_error("2.3.3", "name-index-beyond-the-tables", integer(70, 6, 0x40) + text(b"v"))
compression_error("2.3.3", "index-huge", integer(1 << 28, 7, 0x80))
compression_error("4.2", "size-update-after-a-field", integer(1, 5, 0x20))
compression_error("5.1", "integer-without-end", b"\xff" + b"\x80" * 5)
compression_error("5.1", "integer-overflow", b"\xff" + b"\xff" * 9 + b"\x7f")
compression_error("5.1", "integer-with-endless-zeros", b"\xff" + b"\x80" * 200 + b"\x01")
compression_error("5.2", "string-longer-than-the-block", b"\x00" + integer(100, 7) + b"short")
compression_error("5.2", "string-without-length", b"\x00")
compression_error("5.2", "huffman-padding-above-7-bits", b"\x00\x01x" + b"\x83" + b"\x1f\xff\xff")   # "a", then 19 ones
compression_error("5.2", "huffman-padding-of-zeros", b"\x00\x01x" + b"\x81" + b"\x18")                # "a", then 000
compression_error("5.2", "huffman-end-of-string", b"\x00\x01x" + b"\x84" + b"\xff\xff\xff\xff")
compression_error("6.1", "index-0", b"\x80")
compressed("2.1", "indexed-static", b"\x90")                                                          # accept-encoding: gzip, deflate
compressed("5.2", "huffman", b"\x00\x01x" + b"\x81" + b"\x1f")
compressed("6.2.1", "literal-with-indexing-and-its-index", literal(b"x-a", b"1", 0x40), b"\xbe")
compressed("6.2.3", "literal-never-indexed", literal(b"x-a", b"1", 0x10))
compressed("4.4", "entry-above-the-table-empties-it", literal(b"x-a", b"1" * 5000, 0x40))


@case("7541-4.4")
def index_after_eviction(c):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, block(c.request()) + literal(b"x-a", b"1" * 5000, 0x40) + b"\xbe"))
    c.connection_error("COMPRESSION_ERROR")


def size_updates(c, *sizes):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, b"".join(integer(size, 5, 0x20) for size in sizes) + block(c.request())))


@case("7541-6.3")
def size_update_at_the_start(c):
    size_updates(c, 0, 4096)
    answered(c)


@case("7541-6.3")
def size_update_above_the_limit(c):
    size_updates(c, (c.server_settings.get(HEADER_TABLE_SIZE, 4096)) + 1)
    c.connection_error("COMPRESSION_ERROR")


@case("7541-2.2")
def table_lives_across_requests(c):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, block(c.request()) + literal(b"x-a", b"1", 0x40)))
    answered(c)
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 3, block(c.request()) + b"\xbe"))
    answered(c, 3)


@case("7541-2.2")
def table_is_kept_by_a_refused_request(c):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, literal(b"x-a", b"1", 0x40)))
    c.until(lambda f: f.stream == 1 and f.type in (RST_STREAM, HEADERS), "refusal")
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 3, block(c.request()) + b"\xbe"))
    answered(c, 3)


@case("7541-6.5.2")
def responses_respect_a_table_of_size_0(c):
    c.decoder.max_allowed_table_size = 0
    c.send(frame(SETTINGS, payload=settings((HEADER_TABLE_SIZE, 0))))
    for stream in (1, 3):
        get(c, stream)
        answered(c, stream)
