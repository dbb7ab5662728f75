"""RFC 9113 sections 3, 4 and 6.1 to 6.4: preface, framing, and the frames of a stream."""

import struct

from h2_cases import add, case
from h2wire import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, Failed, GOAWAY, HEADERS, PADDED, PING,
                    PREFACE, PRIORITY, PRIORITY_FLAG, RST_STREAM, SETTINGS, WINDOW_UPDATE, block, frame,
                    settings)


def answered(c, stream=1, status=200):
    got, _ = c.response(stream)
    if got != status:
        raise Failed(f"status {got}, wanted {status}")


def get(c, stream=1, **options):
    c.headers(stream, c.request(**options))


def start_post(c, stream=1, extra=()):
    """A request whose body is still to come."""
    c.headers(stream, c.request(method=b"POST", extra=extra), flags=END_HEADERS)


# Section 3.4: the preface.

@case("3.4", opens=False)
def server_settings_come_first(c):
    c.open()


@case("3.4", opens=False)
def preface_byte_by_byte(c):
    for byte in PREFACE + frame(SETTINGS):
        c.send(bytes([byte]))
    if (first := c.read()) is None or first.type != SETTINGS or first.flags & ACK:
        raise Failed(f"first frame {first}")


@case("3.4", opens=False)
def preface_with_a_wrong_end(c):
    c.send(b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", frame(SETTINGS))
    c.ended()


@case("3.4", opens=False)
def preface_then_no_settings(c):
    c.send(PREFACE, frame(PING, payload=bytes(8)))
    c.connection_error("PROTOCOL_ERROR")


@case("3.4", opens=False)
def preface_then_acknowledgement(c):
    c.send(PREFACE, frame(SETTINGS, ACK))
    c.connection_error("PROTOCOL_ERROR")


@case("3.4", opens=False)
def request_before_settings_are_acknowledged(c):
    c.send(PREFACE, frame(SETTINGS))
    get(c)
    answered(c)


# Section 4: frames.

@case("4.1")
def unknown_type_on_the_connection(c):
    c.send(frame(0xFA, 0xFF, 0, b"unknown"))
    c.alive()


@case("4.1")
def unknown_type_on_an_open_stream(c):
    start_post(c)
    c.send(frame(0xFA, 0, 1, b"unknown"), frame(DATA, END_STREAM, 1, b"x"))
    c.response(1)
    c.alive()


@case("4.1")
def unknown_flags_are_ignored(c):
    c.send(frame(PING, 0x16, 0, b"unknownf"))
    c.until(lambda f: f.type == PING and f.flags & ACK and f.payload == b"unknownf", "PING acknowledgement")


@case("4.1")
def reserved_bit_is_ignored(c):
    c.send(frame(PING, 0, 0x80000000, b"reserved"))
    c.until(lambda f: f.type == PING and f.flags & ACK and f.payload == b"reserved", "PING acknowledgement")


@case("4.1")
def reserved_bit_of_a_request_is_ignored(c):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 0x80000001, block(c.request())))
    answered(c)


@case("4.2")
def data_of_the_largest_size(c):
    start_post(c)
    c.send(frame(DATA, END_STREAM, 1, bytes(16384)))
    c.response(1)
    c.alive()


@case("4.2")
def data_above_the_largest_size(c):
    start_post(c)
    c.send(frame(DATA, END_STREAM, 1, bytes(16385)))
    c.stream_error(1, "FRAME_SIZE_ERROR", escalates=True)


@case("4.2")
def headers_above_the_largest_size(c):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, block(c.request(extra=[(b"x", bytes([97]) * 16400)]))))
    c.connection_error("FRAME_SIZE_ERROR")


@case("4.2")
def settings_above_the_largest_size(c):
    c.send(frame(SETTINGS, payload=settings((0xFF00, 1)) * 2731))
    c.connection_error("FRAME_SIZE_ERROR")


@case("4.2")
def unknown_type_above_the_largest_size(c):
    c.send(frame(0xFA, 0, 0, bytes(16385)))
    c.connection_error("FRAME_SIZE_ERROR")


@case("4.3")
def broken_field_block(c):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, b"\x40\x01\xff\xff\xff\xff"))
    c.connection_error("COMPRESSION_ERROR")


@case("4.3")
def broken_field_block_in_a_continuation(c):
    c.send(frame(HEADERS, END_STREAM, 1, block(c.request())), frame(CONTINUATION, END_HEADERS, 1, b"\x80"))
    c.connection_error("COMPRESSION_ERROR")


def interrupted_by(c, *between):
    c.send(frame(HEADERS, END_STREAM, 1, block(c.request())), *between, frame(CONTINUATION, END_HEADERS, 1))
    c.connection_error("PROTOCOL_ERROR")


for _name, _between in {
    "headers-of-another-stream": frame(HEADERS, END_STREAM | END_HEADERS, 3, b"\x82\x87\x84"),
    "priority": frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 1)), "unknown-type": frame(0xFA, 0, 1), "data": frame(DATA, 0, 1, b"x"),
    "ping": frame(PING, payload=bytes(8)), "settings": frame(SETTINGS), "rst-stream": frame(RST_STREAM, 0, 1, bytes(4)),
    "window-update": frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)), "headers-of-the-same-stream": frame(HEADERS, END_HEADERS, 1, b"\x82"),
    "continuation-of-another-stream": frame(CONTINUATION, 0, 3),
}.items():
    add("4.3", f"field-block-interrupted-by-{_name}", lambda c, between=_between: interrupted_by(c, between))


# Section 6.1: DATA.

@case("6.1")
def data_on_stream_0(c):
    start_post(c)
    c.send(frame(DATA, END_STREAM, 0, b"x"))
    c.connection_error("PROTOCOL_ERROR")


@case("6.1")
def data_with_more_padding_than_payload(c):
    start_post(c)
    c.send(frame(DATA, END_STREAM | PADDED, 1, b"\x06hello"))
    c.connection_error("PROTOCOL_ERROR")


@case("6.1")
def data_with_padding_of_the_whole_payload(c):
    start_post(c)
    c.send(frame(DATA, END_STREAM | PADDED, 1, b"\x05hello"))
    c.response(1)
    c.alive()


@case("6.1")
def data_padded_without_a_pad_length(c):
    start_post(c)
    c.send(frame(DATA, END_STREAM | PADDED, 1, b""))
    c.connection_error("FRAME_SIZE_ERROR", "PROTOCOL_ERROR")


@case("6.1")
def data_padded(c):
    start_post(c, extra=[(b"content-length", b"5")])
    c.send(frame(DATA, END_STREAM | PADDED, 1, b"\x0ahello" + bytes(10)))
    answered(c)


@case("6.1")
def data_empty(c):
    start_post(c)
    c.send(frame(DATA, 0, 1), frame(DATA, 0, 1), frame(DATA, END_STREAM, 1))
    answered(c)


# Section 6.2: HEADERS.

@case("6.2")
def headers_on_stream_0(c):
    get(c, 0)
    c.connection_error("PROTOCOL_ERROR")


@case("6.2")
def headers_with_more_padding_than_payload(c):
    fields = block(c.request())
    c.send(frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, bytes([min(255, len(fields) + 1)]) + fields[:200]))
    c.connection_error("PROTOCOL_ERROR")


@case("6.2")
def headers_padded(c):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1, b"\x08" + block(c.request()) + bytes(8)))
    answered(c)


@case("6.2")
def headers_with_priority(c):
    priority = struct.pack(">IB", 0, 15)
    c.send(frame(HEADERS, END_STREAM | END_HEADERS | PRIORITY_FLAG, 1, priority + block(c.request())))
    answered(c)


@case("6.2")
def headers_padded_with_priority(c):
    payload = b"\x03" + struct.pack(">IB", 0x80000000, 255) + block(c.request()) + bytes(3)
    c.send(frame(HEADERS, END_STREAM | END_HEADERS | PADDED | PRIORITY_FLAG, 1, payload))
    answered(c)


@case("6.2")
def headers_too_short_for_their_priority(c):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS | PRIORITY_FLAG, 1, b"\x00\x00\x00"))
    c.connection_error("FRAME_SIZE_ERROR", "PROTOCOL_ERROR")


@case("6.2")
def headers_padded_and_empty(c):
    c.send(frame(HEADERS, END_STREAM | END_HEADERS | PADDED, 1))
    c.connection_error("FRAME_SIZE_ERROR", "PROTOCOL_ERROR")


# Section 6.3: PRIORITY (deprecated, still framed).

@case("6.3")
def priority_on_stream_0(c):
    c.send(frame(PRIORITY, 0, 0, struct.pack(">IB", 3, 1)))
    c.connection_error("PROTOCOL_ERROR")


def priority_of_length(c, length):
    start_post(c)
    c.send(frame(PRIORITY, 0, 1, bytes(length)))
    c.stream_error(1, "FRAME_SIZE_ERROR", escalates=True)


add("6.3", "priority-of-4-bytes", lambda c: priority_of_length(c, 4))
add("6.3", "priority-of-6-bytes", lambda c: priority_of_length(c, 6))


@case("6.3")
def priority_on_an_idle_stream(c):
    c.send(frame(PRIORITY, 0, 101, struct.pack(">IB", 0, 1)))
    get(c)
    answered(c)


@case("6.3")
def priority_that_depends_on_itself(c):
    """An error by RFC 7540 section 5.3.1, not mentioned by RFC 9113: either answer is right, silence is not."""
    c.send(frame(PRIORITY, 0, 1, struct.pack(">IB", 1, 1)))
    get(c, 3)
    got = c.until(lambda f: f.type == GOAWAY or f.type == HEADERS and f.stream == 3, "response or GOAWAY")
    if got.type == GOAWAY and got.code != "PROTOCOL_ERROR":
        raise Failed(f"{got}")


# Section 6.4: RST_STREAM.

@case("6.4")
def reset_on_stream_0(c):
    c.send(frame(RST_STREAM, 0, 0, struct.pack(">I", 8)))
    c.connection_error("PROTOCOL_ERROR")


@case("6.4")
def reset_of_an_idle_stream(c):
    c.send(frame(RST_STREAM, 0, 1, struct.pack(">I", 8)))
    c.connection_error("PROTOCOL_ERROR")


def reset_of_length(c, length):
    start_post(c)
    c.send(frame(RST_STREAM, 0, 1, bytes(length)))
    c.connection_error("FRAME_SIZE_ERROR")


add("6.4", "reset-of-3-bytes", lambda c: reset_of_length(c, 3))
add("6.4", "reset-of-5-bytes", lambda c: reset_of_length(c, 5))


@case("6.4")
def reset_ends_one_stream_only(c):
    start_post(c)
    c.send(frame(RST_STREAM, 0, 1, struct.pack(">I", 8)))
    get(c, 3)
    answered(c, 3)
