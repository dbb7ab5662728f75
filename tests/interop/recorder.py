"""An HTTP/1.1 origin that answers 200 to whatever has one reading, and remembers every byte it got."""

import socketserver
import threading

from wire import Malformed, RequestReader

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"


class Recorder:
    def __init__(self):
        self.raw = []        # bytes of each connection
        self.messages = []   # complete requests
        self.problems = []   # bytes without one reading
        self._lock = threading.Lock()
        recorder = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                recorder._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, connection):
        reader = RequestReader()
        record = bytearray()
        with self._lock:
            self.raw.append(record)
        try:
            while data := connection.recv(65536):
                record += data
                for message in reader.feed(data):
                    with self._lock:
                        self.messages.append(message)
                    connection.sendall(ANSWER + (b"" if message.start[0] == b"HEAD" else b"seen\n"))
        except Malformed as problem:
            with self._lock:
                self.problems.append(str(problem))
        except OSError:
            pass
