"""RFC 9113 sections 6.5 to 6.10: the frames that steer a connection, and CONTINUATION."""

import struct

from h2_cases import add, case
from h2_cases_frames import answered, get, start_post
from h2wire import (ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENABLE_PUSH, Failed, GOAWAY,
                    HEADER_TABLE_SIZE, HEADERS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, PING, PUSH_PROMISE,
                    SETTINGS, WINDOW_UPDATE, block, frame, literal, settings)


# Section 6.5: SETTINGS.

@case("6.5")
def settings_acknowledgement_with_payload(c):
    c.send(frame(SETTINGS, ACK, 0, settings((INITIAL_WINDOW_SIZE, 1))))
    c.connection_error("FRAME_SIZE_ERROR")


@case("6.5")
def settings_on_a_stream(c):
    c.send(frame(SETTINGS, 0, 1))
    c.connection_error("PROTOCOL_ERROR")


@case("6.5")
def settings_acknowledgement_on_a_stream(c):
    c.send(frame(SETTINGS, ACK, 1))
    c.connection_error("PROTOCOL_ERROR")


for _length in (1, 3, 5, 7):
    add("6.5", f"settings-of-{_length}-bytes", lambda c, length=_length: (
        c.send(frame(SETTINGS, payload=bytes(length))), c.connection_error("FRAME_SIZE_ERROR")))


def bad_setting(key, value, error):
    return lambda c: (c.send(frame(SETTINGS, payload=settings((key, value)))), c.connection_error(error))


add("6.5.2", "enable-push-2", bad_setting(ENABLE_PUSH, 2, "PROTOCOL_ERROR"))
add("6.5.2", "enable-push-huge", bad_setting(ENABLE_PUSH, 0xFFFFFFFF, "PROTOCOL_ERROR"))
add("6.5.2", "initial-window-size-2-31", bad_setting(INITIAL_WINDOW_SIZE, 1 << 31, "FLOW_CONTROL_ERROR"))
add("6.5.2", "initial-window-size-huge", bad_setting(INITIAL_WINDOW_SIZE, 0xFFFFFFFF, "FLOW_CONTROL_ERROR"))
add("6.5.2", "max-frame-size-16383", bad_setting(MAX_FRAME_SIZE, 16383, "PROTOCOL_ERROR"))
add("6.5.2", "max-frame-size-0", bad_setting(MAX_FRAME_SIZE, 0, "PROTOCOL_ERROR"))
add("6.5.2", "max-frame-size-2-24", bad_setting(MAX_FRAME_SIZE, 1 << 24, "PROTOCOL_ERROR"))


def acknowledged(c, *pairs):
    c.send(frame(SETTINGS, payload=settings(*pairs)))
    c.until(lambda f: f.type == SETTINGS and f.flags & ACK, "acknowledgement of SETTINGS")
    get(c)
    answered(c)


add("6.5.2", "max-frame-size-16384", lambda c: acknowledged(c, (MAX_FRAME_SIZE, 16384)))
add("6.5.2", "max-frame-size-2-24-minus-1", lambda c: acknowledged(c, (MAX_FRAME_SIZE, (1 << 24) - 1)))
add("6.5.2", "initial-window-size-2-31-minus-1", lambda c: acknowledged(c, (INITIAL_WINDOW_SIZE, (1 << 31) - 1)))
add("6.5.2", "unknown-setting", lambda c: acknowledged(c, (0xFEFE, 7)))
add("6.5.2", "header-table-size-0", lambda c: acknowledged(c, (HEADER_TABLE_SIZE, 0)))
add("6.5.2", "header-table-size-huge", lambda c: acknowledged(c, (HEADER_TABLE_SIZE, 0xFFFFFFFF)))


@case("6.5.3")
def settings_are_applied_in_their_order(c):
    c.send(frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 100), (INITIAL_WINDOW_SIZE, 1))))
    get(c)
    got = c.until(lambda f: f.type == DATA, "DATA")
    if len(got.payload) != 1:
        raise Failed(f"DATA of {len(got.payload)} bytes in a window of 1")


@case("6.5.3")
def each_settings_frame_is_acknowledged(c):
    c.send(frame(SETTINGS) * 5)
    for _ in range(5):
        c.until(lambda f: f.type == SETTINGS and f.flags & ACK, "acknowledgement of SETTINGS")


# Section 6.6: PUSH_PROMISE.

@case("6.6")
def push_promise_from_a_client(c):
    start_post(c)
    c.send(frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2) + block(c.request())))
    c.connection_error("PROTOCOL_ERROR")


# Section 6.7: PING.

@case("6.7")
def ping_is_acknowledged_with_its_payload(c):
    c.send(frame(PING, payload=b"12345678"))
    got = c.until(lambda f: f.type == PING, "PING acknowledgement")
    if not got.flags & ACK or got.payload != b"12345678":
        raise Failed(f"{got}")


@case("6.7")
def ping_acknowledgement_is_not_answered(c):
    c.send(frame(PING, ACK, 0, b"unwanted"), frame(PING, payload=b"wanted.."))
    if (got := c.until(lambda f: f.type == PING, "PING acknowledgement")).payload != b"wanted..":
        raise Failed(f"an acknowledgement was answered: {got.payload}")


@case("6.7")
def ping_on_a_stream(c):
    c.send(frame(PING, 0, 1, bytes(8)))
    c.connection_error("PROTOCOL_ERROR")


for _length in (0, 7, 9):
    add("6.7", f"ping-of-{_length}-bytes", lambda c, length=_length: (c.send(frame(PING, payload=bytes(length))),
                                                                      c.connection_error("FRAME_SIZE_ERROR")))


# Section 6.8: GOAWAY.

@case("6.8")
def goaway_on_a_stream(c):
    c.send(frame(GOAWAY, 0, 1, bytes(8)))
    c.connection_error("PROTOCOL_ERROR")


@case("6.8")
def goaway_too_short(c):
    c.send(frame(GOAWAY, 0, 0, bytes(7)))
    c.connection_error("FRAME_SIZE_ERROR")


@case("6.8")
def requests_before_goaway_are_answered(c):
    get(c)
    c.send(frame(GOAWAY, 0, 0, struct.pack(">II", 0, 0) + b"debug data"))
    answered(c)


# Section 6.9: WINDOW_UPDATE.

def window_update(stream, amount):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", amount))


@case("6.9")
def window_update_of_0_on_the_connection(c):
    c.send(window_update(0, 0))
    c.connection_error("PROTOCOL_ERROR")


@case("6.9")
def window_update_of_0_on_a_stream(c):
    start_post(c)
    c.send(window_update(1, 0))
    c.stream_error(1, "PROTOCOL_ERROR", escalates=True)


for _length in (3, 5):
    add("6.9", f"window-update-of-{_length}-bytes", lambda c, length=_length: (
        c.send(frame(WINDOW_UPDATE, 0, 0, bytes(length))), c.connection_error("FRAME_SIZE_ERROR")))


@case("6.9")
def window_update_with_the_reserved_bit(c):
    c.send(window_update(0, 0x80000001))
    c.alive()


@case("6.9.1")
def connection_window_overflow(c):
    c.send(window_update(0, (1 << 31) - 1))
    c.connection_error("FLOW_CONTROL_ERROR")


@case("6.9.1")
def connection_window_overflow_by_the_reserved_bit(c):
    c.send(window_update(0, 0xFFFFFFFF))
    c.connection_error("FLOW_CONTROL_ERROR")


@case("6.9.1")
def stream_window_overflow(c):
    start_post(c)
    c.send(window_update(1, (1 << 31) - 1))
    c.stream_error(1, "FLOW_CONTROL_ERROR", escalates=True)


@case("6.9.1")
def no_more_data_than_the_window(c):
    c.send(frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 0))))
    get(c)
    for wanted in (1, 2):
        c.send(window_update(1, wanted))
        got = c.until(lambda f: f.type == DATA and f.payload, "DATA")
        if len(got.payload) != wanted:
            raise Failed(f"{len(got.payload)} bytes in a window of {wanted}")


@case("6.9.2")
def initial_window_size_changes_open_streams(c):
    c.send(frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 0))))
    get(c)
    c.until(lambda f: f.type == HEADERS, "response head")
    c.send(frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 1))))
    got = c.until(lambda f: f.type == DATA, "DATA")
    if len(got.payload) != 1:
        raise Failed(f"{len(got.payload)} bytes in a window of 1")


@case("6.9.2")
def negative_windows_are_made_up_for_first(c):
    c.send(frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 3))))
    get(c)
    c.until(lambda f: f.type == DATA and len(f.payload) == 3, "DATA of 3 bytes")
    c.send(frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 2))))  # the window is -1
    c.until(lambda f: f.type == SETTINGS and f.flags & ACK, "acknowledgement of SETTINGS")
    c.send(window_update(1, 2))
    got = c.until(lambda f: f.type == DATA, "DATA")
    if len(got.payload) != 1:
        raise Failed(f"{len(got.payload)} bytes in a window of 1")


@case("6.9.2")
def initial_window_size_overflows_an_open_stream(c):
    start_post(c)
    c.send(window_update(1, (1 << 31) - 1 - 65535), frame(SETTINGS, payload=settings((INITIAL_WINDOW_SIZE, 65536))))
    c.connection_error("FLOW_CONTROL_ERROR")


# Section 6.10: CONTINUATION.

def pieces(c, count):
    fields = block(c.request(extra=[(b"x-padding", b"p" * 100)]))
    cut = [fields[at * len(fields) // count:(at + 1) * len(fields) // count] for at in range(count)]
    frames = [frame(HEADERS, END_STREAM, 1, cut[0])]
    frames += [frame(CONTINUATION, END_HEADERS if piece is cut[-1] else 0, 1, piece) for piece in cut[1:]]
    c.send(*frames)
    answered(c)


add("6.10", "one-continuation", lambda c: pieces(c, 2))
add("6.10", "seven-continuations", lambda c: pieces(c, 8))


@case("6.10")
def continuation_that_is_empty(c):
    c.send(frame(HEADERS, END_STREAM, 1, block(c.request())), frame(CONTINUATION, 0, 1), frame(CONTINUATION, END_HEADERS, 1))
    answered(c)


@case("6.10")
def continuation_on_stream_0(c):
    c.send(frame(HEADERS, END_STREAM, 1, block(c.request())), frame(CONTINUATION, END_HEADERS, 0))
    c.connection_error("PROTOCOL_ERROR")


@case("6.10")
def continuation_after_the_end_of_headers(c):
    start_post(c)
    c.send(frame(CONTINUATION, END_HEADERS, 1, literal(b"x", b"y")))
    c.connection_error("PROTOCOL_ERROR")


@case("6.10")
def continuation_first(c):
    c.send(frame(CONTINUATION, END_HEADERS, 1, block(c.request())))
    c.connection_error("PROTOCOL_ERROR")


@case("6.10")
def continuation_after_data(c):
    start_post(c)
    c.send(frame(DATA, 0, 1, b"x"), frame(CONTINUATION, END_HEADERS, 1, literal(b"x", b"y")))
    c.connection_error("PROTOCOL_ERROR")
