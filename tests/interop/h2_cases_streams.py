"""RFC 9113 sections 5, 7 and 9: states of a stream, its numbers, errors, and how connections are used."""

import struct

from h2_cases import case
from h2_cases_control import window_update
from h2_cases_frames import answered, get, start_post
from h2wire import (CONTINUATION, DATA, END_HEADERS, END_STREAM, Failed, GOAWAY, HEADERS, INITIAL_WINDOW_SIZE,
                    MAX_CONCURRENT_STREAMS, PING, PRIORITY, RST_STREAM, SETTINGS, block, frame, settings)

CANCEL = struct.pack(">I", 8)


# Section 5.1: idle.

@case("5.1")
def idle_data(c):
    c.send(frame(DATA, END_STREAM, 1, b"x"))
    c.connection_error("PROTOCOL_ERROR")


@case("5.1")
def idle_window_update(c):
    c.send(window_update(1, 100))
    c.connection_error("PROTOCOL_ERROR")


@case("5.1")
def idle_reset_beside_an_open_stream(c):
    start_post(c)
    c.send(frame(RST_STREAM, 0, 5, CANCEL))
    c.connection_error("PROTOCOL_ERROR")


# Half-closed by us: a response is held back by a closed window, so that the stream stays in that state.

def half_closed(c):
    c.send(frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 0))))
    get(c)
    c.until(lambda f: f.type == HEADERS, "response head")


@case("5.1")
def half_closed_data(c):
    half_closed(c)
    c.send(frame(DATA, END_STREAM, 1, b"x"))
    c.stream_error(1, "STREAM_CLOSED", escalates=True)


@case("5.1")
def half_closed_headers(c):
    half_closed(c)
    get(c)
    c.stream_error(1, "STREAM_CLOSED", escalates=True)


@case("5.1")
def half_closed_continuation(c):
    half_closed(c)
    c.send(frame(CONTINUATION, END_HEADERS, 1, b""))
    c.connection_error("PROTOCOL_ERROR", "STREAM_CLOSED")


@case("5.1")
def half_closed_window_update(c):
    half_closed(c)
    c.send(window_update(1, 1000))
    c.until(lambda f: f.type == DATA and f.payload, "DATA")


@case("5.1")
def half_closed_priority_and_reset(c):
    half_closed(c)
    c.send(frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 1)), frame(RST_STREAM, 0, 1, CANCEL))
    c.alive()


# Closed, by a reset of ours.

def reset_by_us(c):
    start_post(c)
    c.send(frame(RST_STREAM, 0, 1, CANCEL))


@case("5.1")
def closed_by_reset_then_data(c):
    reset_by_us(c)
    c.send(frame(DATA, END_STREAM, 1, b"x"))
    c.stream_error(1, "STREAM_CLOSED", escalates=True)


@case("5.1")
def closed_by_reset_then_headers(c):
    reset_by_us(c)
    get(c)
    c.stream_error(1, "STREAM_CLOSED", escalates=True)


@case("5.1")
def closed_by_reset_then_continuation(c):
    reset_by_us(c)
    c.send(frame(CONTINUATION, END_HEADERS, 1, b""))
    c.connection_error("PROTOCOL_ERROR", "STREAM_CLOSED")


# Closed, by END_STREAM both ways.

def closed_by_end(c):
    get(c)
    answered(c)


@case("5.1")
def closed_by_end_then_data(c):
    closed_by_end(c)
    c.send(frame(DATA, END_STREAM, 1, b"x"))
    c.stream_error(1, "STREAM_CLOSED", escalates=True)


@case("5.1")
def closed_by_end_then_headers(c):
    closed_by_end(c)
    get(c)
    c.connection_error("STREAM_CLOSED")


@case("5.1")
def closed_by_end_then_continuation(c):
    closed_by_end(c)
    c.send(frame(CONTINUATION, END_HEADERS, 1, b""))
    c.connection_error("PROTOCOL_ERROR", "STREAM_CLOSED")


@case("5.1")
def closed_by_end_then_late_frames(c):
    closed_by_end(c)
    c.send(window_update(1, 5), frame(RST_STREAM, 0, 1, CANCEL), frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 1)))
    c.alive()


# Section 5.1.1: stream identifiers.

@case("5.1.1")
def even_stream(c):
    get(c, 2)
    c.connection_error("PROTOCOL_ERROR")


@case("5.1.1")
def falling_stream(c):
    get(c, 5)
    answered(c, 5)
    get(c, 3)
    c.connection_error("PROTOCOL_ERROR", "STREAM_CLOSED")


@case("5.1.1")
def skipped_streams_are_closed(c):
    """Data on one is an error or is dropped; it never opens a stream."""
    get(c, 9)
    answered(c, 9)
    c.send(frame(DATA, END_STREAM, 3, b"x"), frame(PING, payload=b"afterall"))
    got = c.until(lambda f: f.type in (GOAWAY, RST_STREAM, HEADERS, PING), "error or PING acknowledgement")
    if got.type == HEADERS or got.type != PING and got.code not in ("STREAM_CLOSED", "PROTOCOL_ERROR"):
        raise Failed(f"{got}")


@case("5.1.1")
def the_largest_stream(c):
    get(c, (1 << 31) - 1)
    answered(c, (1 << 31) - 1)


# Section 5.1.2: concurrency.

@case("5.1.2")
def one_stream_more_than_allowed(c):
    limit = c.server_settings.get(MAX_CONCURRENT_STREAMS)
    if limit is None or limit > 2000:
        raise Failed(f"the server allows {limit or 'any number of'} streams")
    c.send(frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 0))))
    request = block(c.request())
    c.send(*[frame(HEADERS, END_STREAM | END_HEADERS, 2 * at + 1, request) for at in range(limit + 1)])
    got = c.until(lambda f: f.type == GOAWAY or f.type == RST_STREAM and f.stream == 2 * limit + 1,
                  f"RST_STREAM on stream {2 * limit + 1}")
    if got.code not in ("REFUSED_STREAM", "PROTOCOL_ERROR"):
        raise Failed(f"{got}")


@case("5.1.2")
def streams_that_ended_make_room(c):
    for at in range(150):
        get(c, 2 * at + 1)
        answered(c, 2 * at + 1)


# Sections 5.4 and 7: errors.

@case("5.4.1")
def connection_error_names_the_last_stream(c):
    get(c, 7)
    answered(c, 7)
    c.send(frame(PING, 0, 3, bytes(8)))
    got = c.until(lambda f: f.type == GOAWAY, "GOAWAY")
    last = struct.unpack(">I", got.payload[:4])[0]
    if last != 7:
        raise Failed(f"the last stream is {last}, wanted 7")


@case("5.4.2")
def stream_error_leaves_other_streams_alone(c):
    c.send(frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 0))))
    get(c, 1)
    c.headers(3, [(b":method", b"GET")])
    c.until(lambda f: f.stream == 3 and f.type in (RST_STREAM, HEADERS), "refusal of stream 3")
    c.send(window_update(1, 100_000), window_update(0, 100_000))
    c.until(lambda f: f.stream == 1 and f.type == DATA and f.payload, "DATA on stream 1")


@case("7")
def unknown_error_code_in_a_reset(c):
    start_post(c)
    c.send(frame(RST_STREAM, 0, 1, struct.pack(">I", 0xFF)))
    c.alive()


@case("7")
def unknown_error_code_in_goaway(c):
    get(c)
    c.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0xFF)))
    answered(c)


# Section 5.5: extensions.

@case("5.5")
def unknown_type_on_a_half_closed_stream(c):
    half_closed(c)
    c.send(frame(0xFA, 0, 1, b"extension"))
    c.alive()


# Section 9.1: connections are kept.

@case("9.1")
def many_requests_at_once(c):
    request = block(c.request())
    c.send(*[frame(HEADERS, END_STREAM | END_HEADERS, 2 * at + 1, request) for at in range(20)])
    ended = set()
    while len(ended) < 20:
        got = c.until(lambda f: f.type in (HEADERS, DATA, RST_STREAM, GOAWAY), "responses")
        if got.type in (RST_STREAM, GOAWAY):
            raise Failed(f"{got} with {len(ended)} responses")
        if got.flags & END_STREAM:
            ended.add(got.stream)


@case("9.1")
def ping_is_answered_while_a_body_waits(c):
    start_post(c)
    c.send(frame(PING, payload=b"inmiddle"))
    c.until(lambda f: f.type == PING and f.payload == b"inmiddle", "PING acknowledgement")
    c.send(frame(DATA, END_STREAM, 1, b"x"))
    c.response(1)


@case("9.2")
def tls_chooses_h2_by_alpn(c):
    if c.scheme == b"https" and c.alpn != "h2":
        raise Failed(f"ALPN chose {c.alpn}")
