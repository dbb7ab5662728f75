#!/usr/bin/python3
"""Row P3: HTTP/2 requests that would become another message in HTTP/1.1, sent as raw frames to a prior-knowledge
listener with an HTTP/1 origin behind it.

Each must be refused with a stream error (or a 4xx), nothing of it may reach the recording origin as a complete
request or as stray bytes, and the connection must serve the good request that follows.
--proxy haproxy puts another proxy in the middle (to judge this harness, not the product).
"""

import argparse
import concurrent.futures
import re
import sys
import time

import p3_cases
import servers
from h2wire import (Connection, DATA, END_HEADERS, END_STREAM, Failed, GOAWAY, HEADERS, RST_STREAM, block, frame)
from recorder import Recorder

AT_ONCE = 8
PROXIES = {"joint": servers.start_joint, "haproxy": lambda port: servers.start_haproxy_proxy(port, h2=True),
           "nginx": lambda port: servers.start_nginx_proxy(port, h2=True)}


def frames_of(payload, mark):
    def filled(fields):
        return block([(name.replace(b"MARK", mark), value.replace(b"MARK", mark)) for name, value in fields])

    body, ends = [data.replace(b"MARK", mark) for data in payload.data], bool(payload.trailers)
    out = [frame(HEADERS, END_HEADERS | (0 if body or ends else END_STREAM), 1, filled(payload.fields))]
    out += [frame(DATA, END_STREAM if data is body[-1] and not ends else 0, 1, data) for data in body]
    if ends:
        out.append(frame(HEADERS, END_HEADERS | END_STREAM, 1, filled(payload.trailers)))
    return b"".join(out)


def refusal(c):
    """Reads how stream 1 ended; Failed unless it was refused."""
    got = c.until(lambda f: f.type == GOAWAY or f.stream == 1 and f.type in (RST_STREAM, HEADERS), "refusal")
    if got.type == GOAWAY:
        raise Failed(f"{got}: a stream error was due")
    if got.type == RST_STREAM:
        if got.code not in ("PROTOCOL_ERROR", "REFUSED_STREAM", "CANCEL"):
            raise Failed(f"{got}")
        return
    status = dict(c.decoder.decode(c.field_block(got), raw=True)).get(b":status", b"")
    if not status.startswith(b"4"):
        raise Failed(f"answered with status {status.decode()}")


def judge(payload, mark, port):
    """What is wrong from the client's side, or nothing."""
    try:
        c = Connection(("127.0.0.1", port))
        try:
            c.open()
            c.send(frames_of(payload, mark))
            refusal(c)
            c.headers(3, c.request(path=b"/" + mark + b"/good", authority=b"origin.test"))
            status, _ = c.response(3)
            if status != 200:
                raise Failed(f"the good request afterwards got status {status}")
        finally:
            c.close()
    except (Failed, OSError) as problem:
        return str(problem)
    return None


def judge_origin(origin, marks):
    """By payload: what reached the origin beside the good requests."""
    found = []
    for message in origin.messages:
        target = message.start[1]
        if not target.endswith(b"/good"):
            mark = re.search(rb"p[0-9]{3}", target)
            found.append((marks.get(mark.group(0), "-") if mark else "-", f"reached the origin: {message}"))
    found += [("-", f"bytes without one reading at the origin: {problem}") for problem in origin.problems]
    return found


def run(start_proxy, payloads):
    marks = {b"p%03d" % number: payload.name for number, payload in enumerate(payloads)}
    with Recorder() as origin:
        proxy = start_proxy(origin.port)
        try:
            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                problems = list(pool.map(lambda pair: judge(pair[0], pair[1], proxy.port), zip(payloads, marks)))
            trouble = proxy.ended_badly()
        finally:
            code = proxy.stop()
        failures = [(payload.name, problem) for payload, problem in zip(payloads, problems) if problem]
        failures += judge_origin(origin, marks)
        if trouble or code != 0 and proxy.name == "joint":
            failures.append(("-", f"the proxy ended with code {code}: {trouble}"))
        reached = sum(not message.start[1].endswith(b"/good") for message in origin.messages)
    return failures, reached


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the same payloads: they are quick")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--proxy", choices=PROXIES, default="joint")
    parser.add_argument("--only", default="", help="payloads whose name has this in it")
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    payloads = [payload for payload in p3_cases.all_payloads() if arguments.only in payload.name]
    start = time.monotonic()
    failures, reached = run(PROXIES[arguments.proxy], payloads)
    for name, text in failures if arguments.verbose else failures[:20]:
        print(f"  {name}: {text}")
    if len(failures) > 20 and not arguments.verbose:
        print(f"  and {len(failures) - 20} more (--verbose)")
    print(f"{'FAIL' if failures else 'PASS'} P3 {reached} of {len(payloads)} payloads reached the origin, {len(failures)} problems "
          f"({time.monotonic() - start:.1f} s)")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
