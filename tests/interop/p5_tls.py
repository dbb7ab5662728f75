#!/usr/bin/python3
"""P5: TLS by a client of our own, byte by byte: versions, suites, groups, and hellos that are wrong.

TLS 1.0 and 1.1 are refused, 1.2 and 1.3 spoken; of the suites only forward-secret AEAD ones, of the groups X25519,
P-256 and P-384, each also by way of a HelloRetryRequest. Every malformed hello ends in the alert it deserves, or a
close, never in silence, and the server serves on. The full form mutates 3,000 hellos instead of 150.
"""

import random
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "reliability")]

import rig
import tls_world as tls
from tls_world import TLS10, TLS11, TLS12, TLS13

SSL3 = 0x0300
HANDSHAKE_SECONDS = 1
AEAD12 = {0xC02B: "ec", 0xC02C: "ec", 0xCCA9: "ec", 0xC02F: "rsa", 0xC030: "rsa", 0xCCA8: "rsa"}
# CBC, RC4, 3DES, NULL, export, anonymous, DHE, static RSA and ECDH, PSK, CCM: whatever a client may offer.
REFUSED12 = [0x0000, 0x0001, 0x0004, 0x0005, 0x000A, 0x0016, 0x0018, 0x001B, 0x002F, 0x0033, 0x0034, 0x0035, 0x0039,
             0x003C, 0x003D, 0x0067, 0x006B, 0x008C, 0x009C, 0x009D, 0x009E, 0x009F, 0x00A6, 0x00A8, 0xC004, 0xC009,
             0xC00A, 0xC011, 0xC012, 0xC013, 0xC014, 0xC018, 0xC023, 0xC024, 0xC027, 0xC028, 0xC02D, 0xC031, 0xC09C,
             0xC0AC, 0xC0AD, 0xCCAA]


class Checks:
    def __init__(self, port):
        self.port, self.done, self.faults = port, 0, []

    def expect(self, what, wanted, *pieces):
        """`wanted` is a predicate over the answer, or the names of the alerts that fit ("closed" for a plain close)."""
        answer = tls.ask(self.port, *pieces, seconds=HANDSHAKE_SECONDS + 8)
        fits = wanted(answer) if callable(wanted) else (answer.alert or answer.kind) in wanted
        self.done += 1
        if not fits:
            self.faults.append(f"{what}: {answer}")


def speaks(version, cipher=None, group=None, kind="hello"):
    return lambda answer: (answer.kind == kind and answer.version == version
                           and cipher in (None, answer.cipher) and group in (None, answer.group))


def check_versions(checks):
    old = ("protocol_version", "handshake_failure")
    for version in (SSL3, TLS10, TLS11):
        checks.expect(f"version {version:#06x}", old,
                      tls.records(tls.hello(versions=(), legacy=version, ciphers=(0xC013, 0xC02B))))
        if version != SSL3:
            checks.expect(f"only version {version:#06x} offered", old,
                          tls.records(tls.hello(versions=(version,), ciphers=(0xC013, 0xC02B))))
    checks.expect("TLS 1.2", speaks(TLS12), tls.records(tls.hello(versions=())))
    checks.expect("TLS 1.2 by extension", speaks(TLS12), tls.records(tls.hello(versions=(TLS12,))))
    checks.expect("TLS 1.3", speaks(TLS13), tls.records(tls.hello(versions=(TLS13,))))
    checks.expect("TLS 1.3 among unknown versions", speaks(TLS13),
                  tls.records(tls.hello(versions=(0x7A7A, TLS13, TLS12))))
    checks.expect("a version of the future", speaks(TLS12), tls.records(tls.hello(versions=(), legacy=0x0399)))


def check_suites(checks):
    for suite in (0x1301, 0x1302, 0x1303):
        checks.expect(f"suite {suite:#06x}", speaks(TLS13, suite),
                      tls.records(tls.hello(versions=(TLS13,), ciphers=(suite,))))
    for suite in (0x1304, 0x1305):
        checks.expect(f"suite {suite:#06x}", ("handshake_failure",),
                      tls.records(tls.hello(versions=(TLS13,), ciphers=(suite,))))
    for suite, kind in AEAD12.items():
        checks.expect(f"suite {suite:#06x}", speaks(TLS12, suite),
                      tls.records(tls.hello(f"{kind}.test".encode(), versions=(), ciphers=(suite,))))
    for suite in REFUSED12:
        for kind in (b"ec.test", b"rsa.test"):
            checks.expect(f"suite {suite:#06x} with {kind.decode()}", ("handshake_failure",),
                          tls.records(tls.hello(kind, versions=(), ciphers=(suite,))))


def check_groups(checks):
    for name in ("X25519", "P-256", "P-384"):
        group = tls.GROUPS[name]
        checks.expect(f"group {name}", speaks(TLS13, group=group),
                      tls.records(tls.hello(versions=(TLS13,), groups=(group,))))
        checks.expect(f"group {name} asked for", speaks(TLS13, group=group, kind="retry"),
                      tls.records(tls.hello(versions=(TLS13,), groups=(group,), shares=())))
        checks.expect(f"group {name} in TLS 1.2", speaks(TLS12),
                      tls.records(tls.hello(b"rsa.test", versions=(), groups=(group,))))
    for name in ("P-521", "X448", "ffdhe2048"):
        for versions in ((TLS13,), ()):
            checks.expect(f"group {name}", ("handshake_failure",),
                          tls.records(tls.hello(versions=versions, groups=(tls.GROUPS[name],))))
    # What cloudflared offers: a hybrid that this TLS library lacks, P-256 without a share, no protocol name.
    hybrid = tls.hello(versions=(TLS13,), groups=(0x11EC, tls.P256), shares=(0x11EC,), protocols=())
    checks.expect("a post-quantum hybrid first, then P-256", speaks(TLS13, group=tls.P256, kind="retry"),
                  tls.records(hybrid))
    checks.expect("a post-quantum hybrid alone", ("handshake_failure",),
                  tls.records(tls.hello(versions=(TLS13,), groups=(0x11EC,))))
    checks.expect("a share that is no point", ("illegal_parameter", "decode_error", "handshake_failure"),
                  tls.records(tls.hello(versions=(TLS13,), groups=(tls.P256,)).replace(
                      tls.P256_POINT, b"\x04" + b"\x01" * 64)))
    checks.expect("an X25519 share of zeros", ("illegal_parameter", "decode_error", "handshake_failure",
                                               "internal_error"),
                  tls.records(tls.hello(versions=(TLS13,), groups=(tls.X25519,)).replace(
                      tls.public_key(tls.X25519), bytes(32))))


def check_malformed(checks):
    good = tls.hello()
    decode = ("decode_error", "illegal_parameter", "unexpected_message", "handshake_failure")
    framing = decode + ("record_overflow", "protocol_version", "closed")
    names = ("unrecognized_name", "decode_error", "illegal_parameter")
    # What belongs to a hello but says too much or too little.
    for what, width, at in (("handshake length", 3, 1), ("session id length", 1, 38), ("suites length", 2, 39)):
        for change in (-1, 1, 1000):
            value = int.from_bytes(good[at:at + width], "big") + change
            wrong = good[:at] + (value % (1 << 8 * width)).to_bytes(width, "big") + good[at + width:]
            # One byte short: the rest is another message; too long: it waits for more until the handshake times out.
            checks.expect(f"{what} {change:+}", framing, tls.records(wrong))
    checks.expect("no compression method", decode, tls.records(tls.hello(compression=b"")))
    checks.expect("compression only by deflate", decode, tls.records(tls.hello(compression=b"\1")))
    checks.expect("compression offered to TLS 1.3", decode, tls.records(tls.hello(compression=b"\1\0")))
    checks.expect("no suite", decode, tls.records(tls.hello(ciphers=())))
    checks.expect("a session id of 33 bytes", decode, tls.records(tls.hello(session=bytes(33))))
    checks.expect("an extension twice", decode, tls.records(tls.hello(more=tls.alpn(b"h2"))))
    checks.expect("an extension cut short", decode, tls.records(tls.hello(more=b"\0\x15\0\xff")))
    checks.expect("an unknown extension", speaks(TLS13), tls.records(tls.hello(more=tls.extension(0x7A7A, b"x" * 99))))
    checks.expect("a hundred unknown extensions", speaks(TLS13), tls.records(
        tls.hello(more=b"".join(tls.extension(0x5000 + i, b"") for i in range(100)))))
    checks.expect("no key share in TLS 1.3", ("missing_extension", "handshake_failure"), tls.records(
        tls.hello(versions=(TLS13,)).replace(b"\0\x33", b"\x77\x33", 1)))
    # Names and protocols.
    checks.expect("a name nobody has", lambda answer: answer.kind == "hello" or answer.alert in names,
                  tls.records(tls.hello(b"elsewhere.test")))
    for what, name in (("empty", b""), ("with a NUL", b"ec.test\0.evil"), ("with spaces", b"ec test"),
                       ("of 300 bytes", b"a" * 300)):
        checks.expect(f"a name {what}", names, tls.records(tls.hello(name)))
    checks.expect("two names", names, tls.records(tls.hello(
        None, more=tls.extension(0, tls.vector(2, (b"\0" + tls.vector(2, b"ec.test")) * 2)))))
    checks.expect("a protocol nobody has", ("no_application_protocol",), tls.records(tls.hello(protocols=(b"spdy/3",))))
    checks.expect("an empty protocol", decode, tls.records(tls.hello(protocols=(b"",))))
    checks.expect("a list of protocols cut short", decode,
                  tls.records(tls.hello(protocols=(), more=tls.extension(16, b"\0\x09\x08http/1"))))
    # Records.
    for size in (1, 7, 100):
        pieces = [tls.records(good, size=size)[at:at + 50] for at in range(0, len(tls.records(good, size=size)), 50)]
        checks.expect(f"in records of {size}", speaks(TLS13), *pieces)
    checks.expect("a hello of 60 KiB", lambda answer: answer.kind == "hello" or answer.alert in framing, tls.records(
        tls.hello(more=tls.extension(21, bytes(60_000)))))
    checks.expect("a message of 16 MiB announced", framing, tls.records(b"\1\xff\xff\xff" + bytes(200_000)))
    checks.expect("a record over 16 KiB", framing, tls.records(b"\1\0\xff\xff" + bytes(20_000), size=20_000))
    checks.expect("an empty record", lambda answer: answer.kind == "hello" or answer.alert, tls.records(b"\0")[:3] + b"\0\0" + tls.records(good))
    for version in (0x0000, 0x0200, 0x0500, 0xFFFF):
        checks.expect(f"record version {version:#06x}", framing, tls.records(good, version=version))
    for version in (SSL3, TLS11, TLS12):
        checks.expect(f"record version {version:#06x}", lambda answer: answer.kind == "hello" or answer.alert,
                      tls.records(good, version=version))
    for kind in (0, 20, 21, 23, 24, 255):
        checks.expect(f"record type {kind}", framing, tls.records(good, kind=kind))
    # Messages.
    for kind in (0, 2, 4, 11, 16, 20, 24, 200):
        checks.expect(f"message {kind} first", framing, tls.records(tls.handshake(kind, good[4:])))
    checks.expect("two hellos", lambda answer: answer.kind in ("hello", "alert", "closed"), tls.records(good + good))
    checks.expect("an alert first", framing, tls.records(b"\2\x28", kind=21))
    checks.expect("an SSL 2 hello", framing, b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10" + bytes(37))
    checks.expect("HTTP in clear", framing + ("unknown",), b"GET / HTTP/1.1\r\nHost: ec.test\r\n\r\n")
    checks.expect("an HTTP/2 preface in clear", framing, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    checks.expect("zeros", framing, bytes(4096))
    checks.expect("nothing", ("closed",))
    checks.expect("one byte", ("closed",), good[:1])
    checks.expect("half a hello", ("closed",), tls.records(good)[:100])
    checks.expect("the fallback signal", ("inappropriate_fallback",),
                  tls.records(tls.hello(versions=(), ciphers=(0xC02B, 0x5600))))


def check_mutated(checks, form):
    """Whatever the bytes: an answer or a close, before the handshake's own deadline and a little."""
    dice = random.Random(form.seed)
    for number in range(form.pick(150, 3000)):
        message = bytearray(tls.records(tls.hello(random=dice.randbytes(32))))
        for _ in range(dice.choice((1, 1, 2, 8))):
            at = dice.randrange(len(message)) if dice.random() < 0.7 else dice.randrange(60)
            message[at] = dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)))
        if dice.random() < 0.1:
            del message[dice.randrange(len(message)):]
        # What waits for more bytes would cost the whole handshake's time: say that no more come.
        checks.expect(f"mutation {number}", lambda answer: answer.kind != "silence", bytes(message), None)


def measure(form, scratch):
    from harness import get
    from hub.storage import free_port
    authority = tls.Authority(scratch)
    port = free_port()
    flags = ["--tls-listen", f"127.0.0.1:{port}", "--default-host", "ec.test", "--tls-handshake-rate", "0",
             "--tls-handshake-timeout", f"{HANDSHAKE_SECONDS}s"]
    for kind in ("ec", "rsa"):
        certificate, key = authority.server(f"{kind}.test", kind=kind)
        flags += ["--certificate", f"cert={certificate},key={key}"]
    mirror = rig.start_mirror(scratch, "http://127.0.0.1:1", *flags)
    checks = Checks(port)
    for check in (check_versions, check_suites, check_groups, check_malformed):
        check(checks)
    exact = checks.done
    check_mutated(checks, form)
    with tls.Client(port, authority) as client:
        status = client.get()
    checks.faults += [] if status == 200 else [f"a good client got {status} afterwards"]
    health = get(mirror.admin_port, "/healthcheck").status
    checks.faults += [] if health == 200 else [f"the health check says {health}"]
    mirror.stop()
    return checks.faults, f"{exact} cases, {checks.done - exact} mutated hellos, {len(checks.faults)} unexpected"


if __name__ == "__main__":
    rig.run_row("P5", __doc__, measure)
