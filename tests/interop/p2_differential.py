#!/usr/bin/python3
"""Row P2: HTTP/1 messages that recipients read differently, sent through the proxy to real origins.

Between proxy and origin stands a tap that reads the forwarded bytes with no tolerance. For each payload the proxy
must refuse, or forward a form with one reading that is among the payload's allowed results, and the origin must see
the same requests with the same bodies as the tap. --quick: recording origin and Node; --full: every origin.
--proxy haproxy|nginx puts another proxy in the middle (to judge this harness, not the product).
"""

import argparse
import asyncio
import contextlib
import sys
import time
from collections import defaultdict

import p2_payloads
import p2_payloads_head
import servers
from origins import ORIGINS, mark_in
from wire import Malformed, RequestReader, ResponseReader

AT_ONCE = 8          # payloads in flight
LINGER = 0.03        # seconds: for a response more than expected
QUIET = 0.5          # seconds without a byte, after which the client gives up waiting
PATIENCE = 10        # the same where an answer of the origin may come
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nseen\n"


def all_payloads():
    groups = [p2_payloads.good_messages, p2_payloads.chunk_sizes, p2_payloads.chunk_lines, p2_payloads.trailers,
              p2_payloads.lengths, p2_payloads.codings, p2_payloads.length_and_coding, p2_payloads_head.request_lines,
              p2_payloads_head.hosts, p2_payloads_head.fields, p2_payloads_head.hop_by_hop,
              p2_payloads_head.expectations, p2_payloads_head.early_ends]
    return [payload for group in groups for payload in group()]


class Tap:
    """Stands where the proxy's origin is: reads strictly, then answers itself or hands the bytes on."""

    def __init__(self, origin_port=None):
        self.origin_port = origin_port
        self.readers = []
        self.problems = []   # (mark or None, text)
        self.complete = []   # messages, in the order in which they ended
        self.server = None

    async def start(self):
        self.server = await asyncio.start_server(self._serve, servers.HOST, 0, limit=1 << 22)
        return self.server.sockets[0].getsockname()[1]

    async def _serve(self, reader, writer):
        wire = RequestReader()
        wire.answers = ResponseReader()
        wire.open = True
        self.readers.append(wire)
        try:
            if self.origin_port is None:
                await self._answer(reader, writer, wire)
            else:
                await self._relay(reader, writer, wire)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            wire.open = False
            writer.close()

    def _read(self, wire, data):
        """The messages completed, or None when the bytes have no single reading."""
        seen = wire.buffer + data
        try:
            messages = wire.feed(data)
            self.complete += messages
            wire.answers.methods += [message.start[0] for message in messages]
            return messages
        except Malformed as problem:
            mark = mark_in(seen.decode("latin-1"))
            if mark is None and wire.messages:
                mark = mark_of(wire.messages[-1])
            self.problems.append((mark, f"forwarded bytes are ambiguous: {problem}"))
            return None

    async def _answer(self, reader, writer, wire):
        while data := await reader.read(1 << 16):
            messages = self._read(wire, data)
            if messages is None:
                return
            for message in messages:
                head_only = message.start[0] == b"HEAD"
                writer.write(ANSWER[:-5] if head_only else ANSWER)
            await writer.drain()
            if wire.tunnel:
                return

    async def _relay(self, reader, writer, wire):
        back_reader, back_writer = await asyncio.open_connection(servers.HOST, self.origin_port)
        down = asyncio.ensure_future(self._relay_back(back_reader, writer, wire))
        try:
            while data := await reader.read(1 << 16):
                if self._read(wire, data) is None:
                    back_writer.transport.abort()
                    return
                back_writer.write(data)
                await back_writer.drain()
            # A proxy that breaks off in a body must not look to the origin like one that ended it.
            if wire.current is not None or wire.buffer:
                back_writer.transport.abort()
            elif back_writer.can_write_eof():
                back_writer.write_eof()
        except ConnectionResetError:
            back_writer.transport.abort()
            raise
        finally:
            await asyncio.wait([down], timeout=1)
            down.cancel()
            back_writer.close()

    async def _relay_back(self, reader, writer, wire):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                with contextlib.suppress(Malformed):  # the origin's own doing, for the proxy to judge
                    wire.answers.feed(data)
                writer.write(data)
                await writer.drain()
            writer.write_eof()

    def forwarded(self):
        """By mark: the complete requests, and the partial bodies of those cut off."""
        complete, cut = defaultdict(list), defaultdict(list)
        for wire in self.readers:
            for message, answer in zip(wire.messages, wire.answers.finals):
                message.answered = int(answer.start[1])
            extra = len(wire.answers.finals) - len(wire.messages)
            if extra > 0 and not wire.tunnel and wire.messages:
                self.problems.append((mark_of(wire.messages[-1]), f"origin answered {extra} requests nobody forwarded"))
        for message in self.complete:
            complete[mark_of(message)].append(message)
        for message in filter(None, (wire.current for wire in self.readers)):
            cut[mark_of(message)].append(message.body + getattr(message, "partial", b""))
        return complete, cut


def mark_of(message):
    return mark_in(message.start[1].decode("latin-1"))


class Exchange:
    """One payload sent by a client of its own."""

    def __init__(self, payload, number):
        self.payload = payload
        self.mark = f"p{number:03d}"
        mark = self.mark.encode()
        self.raw = payload.raw.replace(b"PIDX", mark)
        self.allowed = [tuple(body.replace(b"PIDX", mark) for body in bodies) for bodies in payload.allowed]
        self.responses = ResponseReader([b"HEAD"] if payload.raw.startswith(b"HEAD") else [])
        self.problem = None
        self.ended = False

    async def run(self, port):
        reader, writer = await asyncio.open_connection(servers.HOST, port)
        sender = asyncio.ensure_future(self._send(writer))
        try:
            await self._receive(reader, writer)
        except Malformed as problem:
            self.problem = f"response has no single reading: {problem}"
        except ConnectionError:
            self.ended = True
        finally:
            sender.cancel()
            writer.close()

    async def _send(self, writer):
        with contextlib.suppress(ConnectionError):
            writer.write(self.raw)
            await writer.drain()
            if self.payload.ends:
                writer.write_eof()

    async def _receive(self, reader, writer):
        half_closed = self.payload.ends
        quiet = PATIENCE if any(self.payload.allowed) and not half_closed else QUIET
        while True:
            done = len(self.responses.finals) >= self.payload.answers
            try:
                data = await asyncio.wait_for(reader.read(1 << 16), LINGER if done else quiet)
            except asyncio.TimeoutError:
                if done or half_closed:
                    return
                half_closed = True
                with contextlib.suppress(ConnectionError, OSError):
                    writer.write_eof()
                continue
            if not data:
                self.ended = True
                self.responses.end()
                return
            self.responses.feed(data)

    def statuses(self):
        return [int(message.start[1]) for message in self.responses.finals]


def short(allowed):
    return [tuple(body if len(body) <= 40 else body[:37] + b"..." for body in bodies) for bodies in allowed]


def judge_forwarding(exchange, messages):
    """What is wrong with what reached the tap, or nothing."""
    bodies = tuple(message.body for message in messages)
    if bodies not in exchange.allowed or any(b"smuggled" in message.start[1] for message in messages):
        return f"forwarded {messages}, allowed are {short(exchange.allowed)}; client saw {exchange.statuses()}"
    if exchange.payload.good and exchange.statuses() != [200] * len(bodies):
        return f"a good message was answered {exchange.statuses()}"
    if not exchange.payload.good and not bodies and 200 in exchange.statuses():
        return f"nothing was forwarded, and yet the client saw {exchange.statuses()}"
    return exchange.problem


def judge_origin(messages, cut, seen, logs_refusals):
    """Whether the origin saw other requests or bodies than the tap: what differs, or nothing."""
    unlogged = 0 if logs_refusals else sum(message.answered >= 400 for message in messages)
    wanted = [message.body for message in messages]
    extra = []
    refused = 0
    for body in (entry[2] for entry in seen):
        if body is None:
            refused += 1
        elif body in wanted:
            wanted.remove(body)
        else:
            extra.append(body)
    cut = list(cut)
    for body in extra:
        prefix = next((partial for partial in cut if partial.startswith(body)), None)
        if prefix is None:
            return f"origin saw a body nobody forwarded: {body[:80]!r}"
        cut.remove(prefix)
    if not len(wanted) - unlogged <= refused <= len(wanted) + len(cut):
        return f"forwarded {len(messages)} requests, the origin saw {len(seen)}: {[entry[:2] for entry in seen]}"
    return None


async def send_all(exchanges, port):
    waiting = iter(exchanges)

    async def worker():
        for exchange in waiting:
            await exchange.run(port)

    await asyncio.gather(*[worker() for _ in range(AT_ONCE)])
    await asyncio.sleep(0.3)


class Run:
    """All payloads through one proxy to one origin."""

    def __init__(self, name, failures):
        self.name = name
        self.failures = failures   # (payload name or "-", text)
        self.refused = self.forwarded = self.compared = 0

    def fail(self, where, text):
        self.failures.append((f"{where} -> {self.name}", text))

    async def run(self, start_proxy, payloads):
        origin = None if self.name == "recording" else ORIGINS[self.name]()
        tap = Tap(origin and origin.port)
        proxy = start_proxy(await tap.start())
        exchanges = [Exchange(payload, number) for number, payload in enumerate(payloads)]
        try:
            await send_all(exchanges, proxy.port)
            if trouble := proxy.ended_badly():
                self.fail("-", trouble)
            await asyncio.sleep(0.3 if origin else 0)
            self.judge(exchanges, tap, origin)
        finally:
            tap.server.close()
            code = proxy.stop()
            if code != 0 and proxy.name == "joint":
                self.fail("-", f"the proxy ended with code {code}")
            if origin:
                origin.stop()

    def judge(self, exchanges, tap, origin):
        by_mark = {exchange.mark: exchange.payload.name for exchange in exchanges}
        for mark, text in tap.problems:
            self.fail(by_mark.get(mark, "-"), text)
        ambiguous = {mark for mark, _ in tap.problems}
        complete, cut = tap.forwarded()
        seen = defaultdict(list)
        for entry in origin.seen() if origin else []:
            seen[mark_in(entry[1])].append(entry)
        held = [str(wire.current) for wire in tap.readers if wire.open and wire.current is not None]
        if held:
            self.fail("-", f"{len(held)} requests whose client left in the middle are still open at the origin: {held[:3]}")
        for strange in complete.pop(None, []):
            self.fail("-", f"forwarded a request nobody sent: {strange}")
        for strange in seen.pop(None, []):
            if not tap.problems:
                self.fail("-", f"origin saw a request nobody sent: {strange}")
        for exchange in exchanges:
            messages = complete[exchange.mark]
            self.refused += not messages
            self.forwarded += bool(messages)
            if exchange.mark in ambiguous:
                continue
            problem = judge_forwarding(exchange, messages)
            if origin and not problem:
                problem = judge_origin(messages, cut[exchange.mark], seen[exchange.mark], origin.logs_refusals)
                self.compared += sum(entry[2] is not None for entry in seen[exchange.mark])
            if problem:
                self.fail(exchange.payload.name, problem)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--quick", action="store_true", help="recording origin and Node (the default)")
    form.add_argument("--full", action="store_true", help="every origin")
    parser.add_argument("--origin", action="append", choices=["recording", *ORIGINS], help="only these")
    parser.add_argument("--proxy", choices=servers.PROXIES, default="joint")
    parser.add_argument("--only", default="", help="payloads whose name has this in it")
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def report(arguments, runs, failures, payloads, seconds):
    shown = failures if arguments.verbose else failures[:20]
    for where, text in shown:
        print(f"  {where}: {text}")
    if len(shown) < len(failures):
        print(f"  and {len(failures) - len(shown)} more (--verbose)")
    if arguments.verbose:
        for run in runs:
            print(f"  {run.name}: {run.forwarded} forwarded, {run.refused} refused, {run.compared} bodies compared")
    names = "+".join(run.name for run in runs)
    print(f"{'FAIL' if failures else 'PASS'} P2 {len(failures)} differing pairs of {len(payloads) * len(runs)} "
          f"({len(payloads)} payloads, {names}, {seconds:.1f} s)")


async def main():
    arguments = parse_arguments()
    names = arguments.origin or (["recording", *ORIGINS] if arguments.full else ["recording", "node"])
    payloads = [payload for payload in all_payloads() if arguments.only in payload.name]
    failures, runs, start = [], [], time.monotonic()
    for name in names:
        run = Run(name, failures)
        runs.append(run)
        await run.run(servers.PROXIES[arguments.proxy], payloads)
    report(arguments, runs, failures, payloads, time.monotonic() - start)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
