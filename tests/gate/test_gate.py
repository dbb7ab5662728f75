#!/usr/bin/python3
"""Tests of the fault gate itself: each fault, in the direction it was asked for, over TCP and UDP."""

import select
import socket
import sys
import threading
import time
import traceback

from gate import Gate, GateError

HOST = "127.0.0.1"
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def check_equal(seen, wanted, what):
    check(seen == wanted, f"{what}: {seen!r}, wanted {wanted!r}")


class TcpTarget:
    """Accepts connections for the test to hold."""

    def __init__(self):
        self.listener = socket.create_server((HOST, 0))
        self.listener.settimeout(5)
        self.address = self.listener.getsockname()

    def accept(self):
        connection, _ = self.listener.accept()
        connection.settimeout(5)
        return connection

    def close(self):
        self.listener.close()


class Link:
    """A gate with one TCP connection through it."""

    def __init__(self, seed=1, command=None):
        self.target = TcpTarget()
        self.gate = Gate(self.target.address, seed=seed)
        if command:
            self.gate.command(command)
        self.client = socket.create_connection(self.gate.address, 5)
        self.server = self.target.accept()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for part in (self.client, self.server, self.target):
            part.close()
        check_equal(self.gate.stop(), 0, "exit code of the gate")


def read_exactly(connection, size):
    parts = []
    while size:
        part = connection.recv(min(size, 65536))
        if not part:
            raise AssertionError(f"ended with {size} bytes missing")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_to_end(connection):
    """What came, and whether it ended by FIN."""
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except ConnectionResetError:
        return data, "rst"
    return data, "fin"


def silent(connection, seconds):
    return not select.select([connection], [], [], seconds)[0]


def pattern(size):
    return bytes(at * 31 % 251 for at in range(size))


def send_in_background(connection, data):
    thread = threading.Thread(target=lambda: connection.sendall(data), daemon=True)
    thread.start()
    return thread


@test
def tcp_passes_bytes_both_ways_and_counts_them():
    with Link() as link:
        up, down = pattern(300_000), pattern(200_000)[::-1]
        sender = send_in_background(link.client, up)
        check(read_exactly(link.server, len(up)) == up, "bytes changed on their way up")
        sender.join()
        sender = send_in_background(link.server, down)
        check(read_exactly(link.client, len(down)) == down, "bytes changed on their way down")
        sender.join()
        stats = link.gate.stats()
        check_equal((stats["up"]["bytes"], stats["down"]["bytes"]), (len(up), len(down)), "bytes counted")
        check_equal((stats["connections"], stats["open"]), (1, 1), "connections counted")


@test
def tcp_passes_a_half_close_and_the_answer_after_it():
    with Link() as link:
        link.client.sendall(b"question")
        link.client.shutdown(socket.SHUT_WR)
        check_equal(read_to_end(link.server), (b"question", "fin"), "what the target saw")
        link.server.sendall(b"answer")
        link.server.close()
        check_equal(read_to_end(link.client), (b"answer", "fin"), "what the client saw")


@test
def tcp_passes_a_reset():
    with Link() as link:
        link.server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        link.server.close()
        check_equal(read_to_end(link.client), (b"", "rst"), "what the client saw")


@test
def tcp_delay_holds_one_direction_only():
    with Link(command="down delay 200") as link:
        start = time.monotonic()
        link.client.sendall(b"a")
        link.server.recv(1)
        up = time.monotonic() - start
        link.server.sendall(b"b")
        link.client.recv(1)
        check(up < 0.15, f"up took {up:.3f} s")
        check(time.monotonic() - start >= 0.2, "down was not held for 200 ms")


@test
def tcp_delay_does_not_take_rate():
    with Link(command="up delay 100 50") as link:
        data = pattern(2_000_000)
        start = time.monotonic()
        sender = send_in_background(link.client, data)
        check(read_exactly(link.server, len(data)) == data, "bytes changed or changed places")
        sender.join()
        check(time.monotonic() - start < 2, "a delay of 100 ms cost seconds")


@test
def tcp_drop_is_a_black_hole_that_heals():
    with Link() as link:
        link.gate.command("drop 1")
        link.client.sendall(b"lost?")
        link.server.close()
        check(silent(link.client, 0.3), "something came out of the black hole")
        link.gate.command("pass")
        check_equal(read_to_end(link.client)[0], b"", "bytes after it healed")


@test
def tcp_drop_keeps_the_bytes_for_later_like_a_partition():
    with Link() as link:
        link.gate.command("up drop 1")
        link.client.sendall(b"kept")
        link.client.shutdown(socket.SHUT_WR)
        check(silent(link.server, 0.3), "something came out of the black hole")
        link.server.sendall(b"down works")
        check_equal(read_exactly(link.client, 10), b"down works", "the other direction")
        link.gate.command("up drop 0")
        check_equal(read_to_end(link.server), (b"kept", "fin"), "what the target saw afterwards")


@test
def tcp_drop_swallows_new_connections():
    target = TcpTarget()
    with Gate(target.address) as gate:
        gate.command("drop 1")
        client = socket.create_connection(gate.address, 5)
        client.sendall(b"hello")
        check(silent(client, 0.2) and silent(target.listener, 0), "the connection went through")
        check_equal(gate.reset(), 1, "connections reset in the black hole")
        client.settimeout(5)
        check_equal(read_to_end(client), (b"", "rst"), "what the client saw")
        check_equal(gate.stats()["open"], 0, "open connections")
    target.close()


@test
def tcp_corrupt_every_flips_one_bit_at_each_place():
    with Link(command="up corrupt every 1000") as link:
        data = pattern(10_500)
        link.client.sendall(data)
        seen = read_exactly(link.server, len(data))
        wrong = [at for at in range(len(data)) if seen[at] != data[at]]
        check_equal(wrong, list(range(999, 10_500, 1000)), "places of wrong bytes")
        check(all((seen[at] ^ data[at]).bit_count() == 1 for at in wrong), "more than one bit flipped")
        check_equal(link.gate.stats()["up"]["corrupted"], 10, "bits counted")


def corrupted_by_seed(seed, piece):
    with Link(seed=seed, command="up corrupt rate 0.001") as link:
        data = pattern(50_000)
        for at in range(0, len(data), piece):
            link.client.sendall(data[at:at + piece])
        return read_exactly(link.server, len(data))


@test
def tcp_corrupt_rate_depends_on_the_seed_and_not_on_how_bytes_came():
    first = corrupted_by_seed(5, 50_000)
    wrong = sum(a != b for a, b in zip(first, pattern(50_000)))
    check(20 <= wrong <= 100, f"{wrong} of 50,000 bytes are wrong at a rate of 0.001")
    check(corrupted_by_seed(5, 777) == first, "the same seed gave other bytes")
    check(corrupted_by_seed(6, 50_000) != first, "another seed gave the same bytes")


@test
def tcp_split_writes_small_pieces():
    with Link(command="up split 3 2") as link:
        data = pattern(100)
        link.client.sendall(data)
        seen, pieces = b"", []
        while len(seen) < len(data):
            part = link.server.recv(1000)
            pieces.append(len(part))
            seen += part
        check(seen == data, "bytes changed")
        check(len(pieces) >= 25, f"only {len(pieces)} pieces: {pieces}")


@test
def tcp_join_gathers_small_writes():
    with Link(command="up join 400") as link:
        link.client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = time.monotonic()
        for at in range(10):
            link.client.sendall(bytes([at]))
            time.sleep(0.002)
        check_equal(link.server.recv(100), bytes(range(10)), "the first read")
        check(time.monotonic() - start >= 0.4, "nothing was gathered")


@test
def tcp_limit_paces_bytes():
    with Link(command="down limit 200000") as link:
        data = pattern(100_000)
        start = time.monotonic()
        sender = send_in_background(link.server, data)
        check(read_exactly(link.client, len(data)) == data, "bytes changed")
        sender.join()
        took = time.monotonic() - start
        check(0.4 <= took < 1.5, f"100,000 bytes at 200,000 a second took {took:.2f} s")


@test
def tcp_limit_can_be_lifted_while_it_holds():
    with Link(command="down limit 1000") as link:
        data = pattern(100_000)
        sender = send_in_background(link.server, data)
        read_exactly(link.client, 50)
        link.gate.command("pass")
        start = time.monotonic()
        read_exactly(link.client, len(data) - 50)
        sender.join()
        check(time.monotonic() - start < 1, "the limit went on")


@test
def tcp_cut_resets_after_exactly_so_many_bytes():
    with Link(command="up cut 1234") as link:
        link.client.sendall(pattern(5000))
        link.server.settimeout(5)
        # The RST may overtake bytes that the target has not read yet: never more than asked for.
        data, end = read_to_end(link.server)
        check_equal(end, "rst", "the end the target saw")
        check(pattern(5000).startswith(data) and len(data) <= 1234, f"{len(data)} bytes came through")
        check_equal(read_to_end(link.client)[1], "rst", "the end the client saw")
        check_equal((link.gate.stats()["cuts"], link.gate.stats()["up"]["bytes"]), (1, 1234), "counted")


@test
def tcp_cut_finishes_after_exactly_so_many_bytes():
    with Link(command="down cut 1234 fin") as link:
        link.server.sendall(pattern(5000))
        check_equal(read_to_end(link.client), (pattern(1234), "fin"), "what the client saw")
        check_equal(read_to_end(link.server)[1], "fin", "the end the target saw")


@test
def tcp_refuse_turns_new_connections_away_and_keeps_open_ones():
    with Link() as link:
        link.gate.command("refuse on")
        try:
            socket.create_connection(link.gate.address, 5).close()
            raise AssertionError("a new connection was accepted")
        except ConnectionRefusedError:
            pass
        link.client.sendall(b"still here")
        check_equal(read_exactly(link.server, 10), b"still here", "the open connection")
        link.gate.command("refuse off")
        second = socket.create_connection(link.gate.address, 5)
        second.sendall(b"back")
        check_equal(read_exactly(link.target.accept(), 4), b"back", "the new connection")
        second.close()


@test
def tcp_reset_ends_every_connection():
    with Link() as link:
        more = [socket.create_connection(link.gate.address, 5) for _ in range(5)]
        held = [link.target.accept() for _ in more]
        check_equal(link.gate.reset(), 6, "connections reset")
        for end in (link.client, link.server, *more, *held):
            check_equal(read_to_end(end), (b"", "rst"), "what an end saw")
        check_equal(link.gate.stats()["open"], 0, "open connections")


@test
def tcp_target_can_move_for_new_connections():
    other = TcpTarget()
    with Link() as link:
        link.gate.command(f"target {HOST}:{other.address[1]}")
        with socket.create_connection(link.gate.address, 5) as second:
            second.sendall(b"moved")
            check_equal(read_exactly(other.accept(), 5), b"moved", "what the new target got")
    other.close()


@test
def tcp_unreachable_target_resets_the_client():
    target = TcpTarget()
    target.close()
    with Gate(target.address) as gate:
        client = socket.create_connection(gate.address, 5)
        check_equal(read_to_end(client), (b"", "rst"), "what the client saw")
        check_equal(gate.stats()["unreachable"], 1, "counted")


@test
def tcp_a_thousand_connections_come_and_go():
    target = TcpTarget()
    with Gate(target.address) as gate:
        for _ in range(1000):
            with socket.create_connection(gate.address, 5) as client:
                server = target.accept()
                client.sendall(b"x")
                check_equal(server.recv(1), b"x", "what came through")
                server.close()
                client.recv(1)
        deadline = time.monotonic() + 5
        while gate.stats()["open"] and time.monotonic() < deadline:
            time.sleep(0.02)
        stats = gate.stats()
        check_equal((stats["connections"], stats["open"]), (1000, 0), "connections")
    target.close()


@test
def commands_that_are_wrong_change_nothing():
    with Link() as link:
        before = link.gate.command("faults")
        for line in ("", "bogus 1", "up", "delay", "delay x", "delay -1", "drop 2", "corrupt 5", "corrupt rate nan",
                     "split 1 2 3", "cut 5 soft", "refuse maybe", "up refuse on", "target nowhere", "pass now"):
            try:
                link.gate.command(line)
            except GateError:
                continue
            raise AssertionError(f"{line!r} was taken")
        check_equal(link.gate.command("faults"), before, "faults")


@test
def pass_clears_every_fault():
    with Link() as link:
        clean = link.gate.command("faults")
        for line in ("delay 5 5", "up drop 1", "corrupt rate 0.5", "split 4 1", "join 3", "limit 10", "cut 5 fin"):
            link.gate.command(line)
        check(link.gate.command("faults") != clean, "the faults were not set")
        link.gate.command("pass")
        check_equal(link.gate.command("faults"), clean, "faults")


class UdpLink:
    """A gate with a UDP target behind it and one source in front."""

    def __init__(self, seed=1, command=None):
        self.target = self._socket()
        self.target.bind((HOST, 0))
        self.gate = Gate(self.target.getsockname(), protocol="udp", seed=seed)
        if command:
            self.gate.command(command)
        self.client = self.new_client()

    @staticmethod
    def _socket():
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        made.settimeout(5)
        return made

    def new_client(self):
        client = self._socket()
        client.connect(self.gate.address)
        return client

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.target.close()
        check_equal(self.gate.stop(), 0, "exit code of the gate")


def drain_datagrams(receiver, quiet=0.2):
    seen = []
    while not silent(receiver, quiet):
        seen.append(receiver.recv(65536))
    return seen


@test
def udp_keeps_datagrams_whole_and_sources_apart():
    with UdpLink() as link:
        second = link.new_client()
        for client, text in ((link.client, b"one"), (second, b"two")):
            client.send(text)
            data, source = link.target.recvfrom(100)
            check_equal(data, text, "what the target got")
            link.target.sendto(b"to " + text, source)
        check_equal(link.client.recv(100), b"to one", "answer to the first source")
        check_equal(second.recv(100), b"to two", "answer to the second source")
        link.client.send(b"")
        check_equal(link.target.recv(100), b"", "an empty datagram")
        link.client.send(bytes(60_000))
        check_equal(len(link.target.recv(65536)), 60_000, "a large datagram")
        stats = link.gate.stats()
        check_equal((stats["sessions"], stats["up"]["datagrams"], stats["down"]["datagrams"]), (2, 4, 2), "counted")
        second.close()


def survivors(seed):
    with UdpLink(seed=seed, command="up drop 0.3") as link:
        for number in range(500):
            link.client.send(number.to_bytes(2, "big"))
        seen = [int.from_bytes(data, "big") for data in drain_datagrams(link.target)]
        check_equal(link.gate.stats()["up"]["dropped"], 500 - len(seen), "drops counted")
        return seen


@test
def udp_drop_loses_the_same_datagrams_for_the_same_seed():
    first = survivors(9)
    check(300 <= len(first) <= 400, f"{len(first)} of 500 survived a loss of 0.3")
    check(survivors(9) == first, "the same seed lost others")
    check(survivors(10) != first, "another seed lost the same")


@test
def udp_delay_holds_and_jitter_reorders():
    with UdpLink(command="up delay 100 50") as link:
        start = time.monotonic()
        for number in range(100):
            link.client.send(bytes([number]))
        first = link.target.recv(10)
        took = time.monotonic() - start
        check(0.1 <= took < 0.5, f"the first datagram took {took:.3f} s")
        order = [first[0]] + [data[0] for data in drain_datagrams(link.target)]
        check_equal(sorted(order), list(range(100)), "datagrams")
        check(order != sorted(order), "jitter did not reorder")


@test
def udp_corrupt_flips_bits():
    with UdpLink(command="down corrupt every 100") as link:
        link.client.send(b"hello")
        _, source = link.target.recvfrom(100)
        link.target.sendto(bytes(250), source)
        seen = link.client.recv(1000)
        check_equal([at for at in range(250) if seen[at]], [99, 199], "places of wrong bytes")


@test
def udp_limit_paces_datagrams():
    with UdpLink(command="up limit 100000") as link:
        start = time.monotonic()
        for _ in range(50):
            link.client.send(bytes(1000))
        seen = [link.target.recv(2000) for _ in range(50)]
        took = time.monotonic() - start
        check(len(seen) == 50 and 0.4 <= took < 1.5, f"50,000 bytes at 100,000 a second took {took:.2f} s")


@test
def udp_cut_silences_a_session():
    with UdpLink(command="up cut 3000") as link:
        for _ in range(10):
            link.client.send(bytes(1000))
        check_equal(len(drain_datagrams(link.target)), 3, "datagrams before the cut")
        fresh = link.new_client()
        fresh.send(b"new")
        check_equal(link.target.recv(10), b"new", "a session of its own")
        fresh.close()


@test
def udp_refuse_takes_no_new_sessions():
    with UdpLink() as link:
        link.client.send(b"old")
        link.target.recv(10)
        link.gate.command("refuse on")
        fresh = link.new_client()
        fresh.send(b"new")
        check(silent(link.target, 0.2), "a new session went through")
        link.client.send(b"old")
        check_equal(link.target.recv(10), b"old", "the known session")
        fresh.close()


@test
def udp_reset_moves_sessions_to_new_ports():
    with UdpLink() as link:
        ports = set()
        for _ in range(2):
            link.client.send(b"who")
            ports.add(link.target.recvfrom(10)[1])
            check_equal(link.gate.reset(), 1, "sessions forgotten")
        check_equal(len(ports), 2, "ports the target saw")


@test
def both_protocols_share_one_port():
    target = TcpTarget()
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.settimeout(5)
    datagrams.bind(target.address)
    with Gate(target.address, protocol="both") as gate:
        with socket.create_connection(gate.address, 5) as client:
            client.sendall(b"tcp")
            check_equal(read_exactly(target.accept(), 3), b"tcp", "over TCP")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"udp", gate.address)
            check_equal(datagrams.recv(10), b"udp", "over UDP")
    datagrams.close()
    target.close()


def main():
    passed = failed = 0
    for function in TESTS:
        name = function.__name__.replace("_", " ")
        try:
            function()
        except Exception as error:
            failed += 1
            print(f"FAIL gate: {name}: {error}")
            if "--verbose" in sys.argv:
                traceback.print_exc()
        else:
            passed += 1
            print(f"PASS gate: {name}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
