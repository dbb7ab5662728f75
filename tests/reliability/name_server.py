"""A name server for one zone of its own, UDP and TCP, that misbehaves on demand.

    with NameServer("127.0.0.1") as names:
        names.fault = "silent"

Faults: None, "silent" (no answer), "servfail", "nxdomain", "slow" (after `seconds`), "truncated" (over UDP; TCP is asked
then), "mute tcp" (truncated, and TCP never answers).
"""

import collections
import socket
import socketserver
import struct
import threading
import time

A, IN = 1, 1


class NameServer:
    def __init__(self, address, answer="127.0.0.1", port=53):
        self.fault, self.seconds = None, 3.0
        self.asked = collections.Counter()  # look-ups by name, once for each A query over UDP
        self._answer = socket.inet_aton(answer)
        self._lock = threading.Lock()
        server = self

        class Datagram(socketserver.BaseRequestHandler):
            def handle(self):
                data, sock = self.request
                if reply := server._reply(data, udp=True):
                    sock.sendto(reply, self.client_address)

        class Stream(socketserver.BaseRequestHandler):
            def handle(self):
                size = struct.unpack("!H", self.request.recv(2, socket.MSG_WAITALL))[0]
                if reply := server._reply(self.request.recv(size, socket.MSG_WAITALL), udp=False):
                    self.request.sendall(struct.pack("!H", len(reply)) + reply)
                else:
                    self.request.recv(1)  # until the client gives up

        class Udp(socketserver.ThreadingUDPServer):
            daemon_threads = True

        class Tcp(socketserver.ThreadingTCPServer):
            daemon_threads, allow_reuse_address = True, True

        self._servers = [Udp((address, port), Datagram), Tcp((address, port), Stream)]

    def __enter__(self):
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _reply(self, query, udp):
        name, kind, question = _question(query)
        with self._lock:
            self.asked[name] += udp and kind == A
        fault = self.fault
        if fault == "silent" or (fault == "mute tcp" and not udp):
            return None
        if fault == "slow":
            time.sleep(self.seconds)
        truncated = udp and fault in ("truncated", "mute tcp")
        code = {"servfail": 2, "nxdomain": 3}.get(fault, 0)
        has_answer = kind == A and not truncated and code == 0
        flags = 0x8580 | (0x0200 if truncated else 0) | code  # response, authoritative, recursion as asked
        head = query[:2] + struct.pack("!5H", flags, 1, int(has_answer), 0, 0)
        answer = b"\xc0\x0c" + struct.pack("!HHIH", A, IN, 60, 4) + self._answer if has_answer else b""
        return head + question + answer


def _question(query):
    labels, at = [], 12
    while size := query[at]:
        labels.append(query[at + 1:at + 1 + size].decode("latin-1").lower())
        at += 1 + size
    kind = struct.unpack("!H", query[at + 1:at + 3])[0]
    return ".".join(labels), kind, query[12:at + 5]
