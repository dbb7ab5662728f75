#!/usr/bin/python3
"""A11: tricks with paths and hosts, over HTTP/1.1 and HTTP/2.

Through an HTTP server joined to the client pool: the target that the handler decides on and the request that a recording
origin receives are the same canonical one. Through the mirror: the registry that is asked and what it is asked for are what
the request names, and nothing else. Forms that mean two things, or none, are refused and reach nobody.

LONGSHORE_A11_PROXY=nginx or haproxy puts another proxy into the first part, to judge this row.
"""

import json
import os
import re
import socket
import sys
import time
from pathlib import Path

import rig

sys.path.insert(0, str(rig.ROOT / "tests/interop"))

import servers
from h2wire import Connection, Failed
from recorder import Recorder

PEER = os.environ.get("LONGSHORE_A11_PROXY", "joint")
REFUSED = None
HEX = "ab" * 32

# (as sent, as handler and origin see it)
PATHS = [
    ("/", "/"), ("/a/b?c=d", "/a/b?c=d"), ("/%61%2D%2e%5F%7e", "/a-._~"), ("/a%2fb%2Fc", "/a%2Fb%2Fc"),
    ("/a/./b/../c", "/a/c"), ("/a/%2e/b/%2E%2e/c", "/a/c"), ("/a/.%2e/c", "/c"), ("/a/b/..", "/a/"), ("/a/%2e", "/a/"),
    ("/admin/..%2fpublic", "/admin/..%2Fpublic"), ("/public/..%2f..%2fadmin", "/public/..%2F..%2Fadmin"),
    ("/a//b///c", "/a//b///c"), ("//host/a", "//host/a"), ("/a//../b", "/a/b"), ("/a;b=c/d", "/a;b=c/d"),
    ("/a/..;/b", "/a/..;/b"), ("/a/;/../b", "/a/b"), ("/a\\..\\b", "/a%5C..%5Cb"), ("/a%5c..%5cb", "/a%5C..%5Cb"),
    ("/%252e%252e/a", "/%252e%252e/a"), ("/%25%32%65", "/%252e"), ("/%c0%ae%c0%ae/a", "/%C0%AE%C0%AE/a"),
    ("/%e0%80%ae/a", "/%E0%80%AE/a"), ("/%c3%a9", "/%C3%A9"), ("/a%0d%0aX:%20y", "/a%0D%0AX:%20y"), ("/a%20b", "/a%20b"),
    ("/a%3fb=c", "/a%3Fb=c"), ("/a%23b", "/a%23b"), ("/a?", "/a?"), ("/a?b/../c", "/a?b/../c"), ("/a?b?%61%2f", "/a?b?a%2F"),
    ("/<>\"^`{|}[]", "/%3C%3E%22%5E%60%7B%7C%7D%5B%5D"), ("/.../...a", "/.../...a"), ("/.well-known/a", "/.well-known/a"),
    ("/..", REFUSED), ("/../a", REFUSED), ("/a/../../b", REFUSED), ("/%2e%2e/a", REFUSED), ("/a/%2e%2e/%2e%2e/b", REFUSED),
    ("/%", REFUSED), ("/%1", REFUSED), ("/%zz", REFUSED), ("/%00", REFUSED), ("/a?b=%00", REFUSED), ("/%u002e", REFUSED),
    ("/a#b", REFUSED), ("/a\x7f", REFUSED), ("/caf\xe9", REFUSED), ("/\xc0\xae\xc0\xae/a", REFUSED), ("a", REFUSED),
    ("", REFUSED), ("?a", REFUSED), ("/a\tb", REFUSED),
]
HOSTS = [
    ("example.test", "example.test"), ("EXAMPLE.Test", "example.test"), ("example.test.", "example.test"),
    ("Example.TEST.:8080", "example.test:8080"), ("example.test:80", "example.test"), ("example.test:0080", "example.test"),
    ("example.test:", "example.test"), ("example.test:443", "example.test:443"), ("127.0.0.1:81", "127.0.0.1:81"),
    ("[::1]:81", "[::1]:81"), ("[0:0::1]", "[::1]"), ("a_b.test", "a_b.test"),
    ("user@example.test", REFUSED), ("example.test@evil.test", REFUSED), ("example.test:0", REFUSED),
    ("example.test:65536", REFUSED), ("example.test:8 0", REFUSED), ("example.test:80:80", REFUSED),
    ("a..test", REFUSED), (".test", REFUSED), ("example.test/a", REFUSED), ("example.test?a", REFUSED),
    ("example.test#a", REFUSED), ("a, b", REFUSED), ("a%2etest", REFUSED), ("caf\xe9.test", REFUSED), ("[::1", REFUSED),
    ("[::1%25eth0]", REFUSED), ("::1", REFUSED), ("example.test\\a", REFUSED),
]
# HTTP/1.1 only: (target, Host fields, as seen)
FORMS = [
    ("http://example.test/a", ["example.test"], "example.test/a"), ("http://EXAMPLE.test:80/%61", ["example.test"], "example.test/a"),
    ("HTTP://example.test?b", ["example.test."], "example.test/?b"), ("http://example.test/a", ["other.test"], REFUSED),
    ("http://example.test:81/a", ["example.test"], REFUSED), ("http://u@example.test/a", ["example.test"], REFUSED),
    ("http://example.test/a", [], REFUSED), ("http:///a", ["example.test"], REFUSED), ("http:/a", ["example.test"], REFUSED),
    ("ftp://example.test/a", ["example.test"], REFUSED), ("/a", ["example.test", "example.test"], REFUSED),
    ("/a", ["example.test", "other.test"], REFUSED), ("/a", [], REFUSED), ("/a", [""], REFUSED), ("/a b", ["example.test"], REFUSED),
]
# HTTP/2 only: (authority, Host field, as seen)
AUTHORITIES = [
    (b"example.test", b"example.test", "example.test/a"), (b"Example.test.:80", b"example.TEST", "example.test/a"),
    (b"example.test", b"other.test", REFUSED), (b"example.test:81", b"example.test", REFUSED),
]

# The mirror: (target, path upstream is asked for), MARK being a tag; REFUSED is 400, a number another status.
MIRROR_PATHS = [
    ("/v2/library/x/manifests/MARK", "/v2/library/x/manifests/MARK"), ("/v2/x/manifests/MARK", "/v2/library/x/manifests/MARK"),
    ("/v2/library/%78/%6danifests/MARK", "/v2/library/x/manifests/MARK"), ("/%76%32/a/b/manifests/MARK", "/v2/a/b/manifests/MARK"),
    ("/v2/./a/%2e/b/c/%2e%2e/manifests/MARK", "/v2/a/b/manifests/MARK"), ("/v2/../v2/a/b/manifests/MARK", "/v2/a/b/manifests/MARK"),
    ("/v2/a/b/manifests/%2e%2e/manifests/MARK", "/v2/a/b/manifests/MARK"), ("/x/..//../v2/a/b/manifests/MARK", "/v2/a/b/manifests/MARK"),
    ("/v2/a/b/manifests/MARK?ns=evil.test", "/v2/a/b/manifests/MARK"), (f"/v2/a/MARK/blobs/sha256%3a{HEX}", f"/v2/a/MARK/blobs/sha256:{HEX}"),
    ("/v2/a%2fb/manifests/MARK", REFUSED), ("/v2/a%2Fb/manifests/MARK", REFUSED), ("/v2/a/..%2fb/manifests/MARK", REFUSED),
    ("/v2//a/b/manifests/MARK", REFUSED), ("/v2/a//b/manifests/MARK", REFUSED), ("/v2/a/b//manifests/MARK", REFUSED),
    ("/v2/a/b;c=d/manifests/MARK", REFUSED), ("/v2/a/..;/b/manifests/MARK", REFUSED), ("/v2/a/b/manifests/MARK;c", REFUSED),
    ("/v2/a/%c0%ae%c0%ae/b/manifests/MARK", REFUSED), ("/v2/a/%252e%252e/b/manifests/MARK", REFUSED),
    ("/v2/a\\b/manifests/MARK", REFUSED), ("/v2/a%5cb/manifests/MARK", REFUSED), ("/v2/A/b/manifests/MARK", REFUSED),
    ("/v2/a/b/manifests/MARK%00", REFUSED), ("/v2/a/b/manifests/MARK%20", REFUSED), ("/v2/a/b/manifests/MARK%3fx", REFUSED),
    ("/v2/a/b/manifests/..%2fMARK", REFUSED), ("/v2/../../v2/a/b/manifests/MARK", REFUSED), ("/../v2/a/b/manifests/MARK", REFUSED),
    ("/v2/a/b/manifests/MARK#f", REFUSED), ("/v2/a/b/manifests/\xe9MARK", REFUSED), ("//v2/a/b/manifests/MARK", 404),
    ("/V2/a/b/manifests/MARK", 404), ("/v2%2fa/b/manifests/MARK", 404), ("/v2/a/b/manifests/MARK/", 404),
]
# (host, which upstream)
MIRROR_HOSTS = [
    ("localhost", "docker"), ("LOCALHOST", "docker"), ("localhost.", "docker"), ("localhost:1", "docker"), ("127.0.0.1", "docker"),
    ("quay.localhost", "quay"), ("QUAY.LocalHost", "quay"), ("quay.localhost.", "quay"), ("Quay.localhost.:8080", "quay"),
    ("quay..localhost", REFUSED), ("quay%2elocalhost", REFUSED), ("x@quay.localhost", REFUSED), ("quay.localhost, localhost", REFUSED),
    ("quay.localhost:0", REFUSED), ("quay.localhost/", REFUSED), (".quay.localhost", REFUSED), ("quay.localhost.evil.test", 404),
    ("xquay.localhost", 404), ("x.quay.localhost", 404), ("evil.test", 404),
]


def over_http1(port, target, hosts, fields=()):
    """The status."""
    lines = [f"GET {target} HTTP/1.1", *(f"Host: {host}" for host in hosts), *fields, "Connection: close", "", ""]
    answer = b""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        try:
            while data := connection.recv(65536):
                answer += data
        except ConnectionError:
            pass
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.") else 0


def over_http2(port, target, authority, fields=()):
    """The status; 400 when the stream was refused."""
    connection = Connection(("127.0.0.1", port), patience=10.0)
    try:
        connection.open()
        request = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", target.encode("latin-1")),
                   (b":authority", authority), *fields]
        connection.headers(1, request)
        return connection.response(1)[0]
    except Failed as refused:
        return 400 if "RST_STREAM" in str(refused) else 0
    finally:
        connection.close()


class Battery:
    def __init__(self):
        self.faults, self.accepted, self.refused, self.count = [], 0, 0, 0

    def mark(self):
        self.count += 1
        return f"m{self.count:04}"

    def judge(self, name, holds, what):
        if not holds:
            self.faults.append(f"{name}: {what}")

    def verdict(self, name, status, expected, seen):
        """`seen`: what reached an origin."""
        if expected is REFUSED or isinstance(expected, int):
            self.refused += 1
            self.judge(name, status == (expected or 400), f"status {status}")
            self.judge(name, not seen, f"reached an origin as {seen}")
        else:
            self.accepted += 1
            self.judge(name, status == 200, f"status {status}")
            self.judge(name, seen and set(seen) == {expected}, f"the origin saw {seen}, not {expected}")


def seen_with_mark(origin, mark):
    return [message for message in origin.messages if mark.encode() in message.values(b"x-mark")]


def through_the_pool(battery, port, origin):
    def check(version, name, expected, send):
        mark = battery.mark()
        status = send(mark)
        messages = seen_with_mark(origin, mark)
        seen = [(message.values(b"host")[0] + message.start[1]).decode() for message in messages]
        battery.verdict(f"{version} {name!r}", status, expected, seen)
        for message in messages if PEER == "joint" else ():
            handled = message.values(b"x-handled")
            battery.judge(f"{version} {name!r}", [text.decode() for text in handled] == seen,
                          f"the handler decided on {handled}, the origin saw {seen}")

    def both(name, target, host, expected):
        check("h1", name, expected, lambda mark: over_http1(port, target, [host], [f"X-Mark: {mark}"]))
        check("h2", name, expected, lambda mark: over_http2(port, target, host.encode("latin-1"),
                                                            [(b"x-mark", mark.encode())]))

    for target, path in PATHS:
        both(target, target, "example.test", path and f"example.test{path}")
    for host, canonical in HOSTS:
        both(host, "/a", host, canonical and f"{canonical}/a")
    for target, hosts, expected in FORMS:
        check("h1", f"{target} {hosts}", expected, lambda mark: over_http1(port, target, hosts, [f"X-Mark: {mark}"]))
    for authority, host, expected in AUTHORITIES:
        fields = [(b"host", host)]
        check("h2", f"{authority} {host}", expected,
              lambda mark: over_http2(port, "/a", authority, [*fields, (b"x-mark", mark.encode())]))


def asked_of(origins, mark):
    """(upstream, path) of what was asked."""
    return [(name, message.start[1].decode()) for name, origin in origins.items() for message in origin.messages
            if mark.encode() in message.start[1]]


def through_the_mirror(battery, mirror, origins):
    handled = {}

    def check(version, name, expected, target, send):
        mark = battery.mark()
        status = send(target.replace("MARK", mark))
        if isinstance(expected, tuple):
            expected = (expected[0], expected[1].replace("MARK", mark))
            handled[mark] = expected[1]
            status = 200 if "/blobs/" in target else status  # the recorder's bytes are not the blob's
        battery.verdict(f"mirror {version} {name!r}", status, expected, asked_of(origins, mark))

    def both(name, target, host, expected):
        check("h1", name, expected, target, lambda path: over_http1(mirror.port, path, [host]))
        check("h2", name, expected, target, lambda path: over_http2(mirror.port, path, host.encode("latin-1")))

    for target, path in MIRROR_PATHS:
        both(target, target, "localhost", ("docker", path) if isinstance(path, str) else path)
    plain = "/v2/library/x/manifests/MARK"
    for host, upstream in MIRROR_HOSTS:
        both(host, plain, host, (upstream, plain) if isinstance(upstream, str) else upstream)
    check("h1", "absolute-form", ("quay", plain), "http://QUAY.localhost." + plain,
          lambda path: over_http1(mirror.port, path, ["quay.localhost"]))
    check("h1", "absolute-form against Host", REFUSED, "http://quay.localhost" + plain,
          lambda path: over_http1(mirror.port, path, ["localhost"]))
    return handled


def check_log(battery, mirror, handled):
    """The access log says what was decided on: the path that upstream was asked for, before `library/` was completed."""
    time.sleep(0.3)
    lines = [json.loads(line) for line in mirror.log().splitlines() if line.startswith("{")]
    paths = [line["path"] for line in lines if "path" in line]
    for mark, asked in handled.items():
        logged = {path for path in paths if re.search(rf"\b{mark}\b", path)}
        same = {path.replace("%3A", ":").replace("/v2/x/", "/v2/library/x/") for path in logged}
        battery.judge(f"log {mark}", same == {asked}, f"{logged}, not {asked}")


def measure(_form, scratch):
    os.environ.setdefault("LONGSHORE_JOINT", str(Path(os.environ["LONGSHORE_BIN"]).parents[1] / "tests/joint/longshore_joint"))
    battery = Battery()
    with Recorder() as origin:
        proxy = (servers.start_joint(origin.port, ["--pass-host"]) if PEER == "joint" else
                 {"nginx": servers.start_nginx_proxy, "haproxy": servers.start_haproxy_proxy}[PEER](origin.port))
        try:
            through_the_pool(battery, proxy.port, origin)
            trouble = proxy.ended_badly()
        finally:
            proxy.stop()
        battery.faults += [trouble] if trouble else []
        battery.faults += [f"at the origin: {problem}" for problem in origin.problems]
    with Recorder() as docker, Recorder() as quay:
        mirror = rig.start_mirror(scratch, f"http://127.0.0.1:{docker.port}", "--upstream",
                                  f"quay=http://127.0.0.1:{quay.port}", "--log-format", "json")
        handled = through_the_mirror(battery, mirror, {"docker": docker, "quay": quay})
        check_log(battery, mirror, handled)
        mirror.stop()
    return battery.faults, (f"{battery.accepted} forms seen alike by handler and origin, {battery.refused} refused, "
                            f"{len(battery.faults)} problems")


if __name__ == "__main__":
    rig.run_row("A11", __doc__, measure)
