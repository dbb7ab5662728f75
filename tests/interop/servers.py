"""Instances of other people's servers on loopback: started from a generated configuration, ended by process id."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Instance:
    """One running program with a directory of its own."""

    def __init__(self, name):
        self.name = name
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"longshore-{name}-"))
        os.chmod(self.directory, 0o755)
        self.port = 0
        self.process = None

    def write(self, name, text, mode=0o644):
        path = self.directory / name
        path.write_text(text)
        path.chmod(mode)
        return path

    def read(self, name):
        path = self.directory / name
        return path.read_bytes() if path.exists() else b""

    def start(self, arguments, environment=None):
        with open(self.directory / "stdout", "wb") as out, open(self.directory / "stderr", "wb") as errors:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                                            env={**os.environ, **(environment or {})})

    def wait_for_port(self, seconds=15):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection((HOST, self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self._failed_to_start()

    def wait_for_file(self, name, seconds=15):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self.process.poll() is None:
            if text := self.read(name).decode():
                return text
            time.sleep(0.02)
        self._failed_to_start()

    def _failed_to_start(self):
        errors = self.read("stderr").decode(errors="replace")[-2000:]
        self.stop()
        raise RuntimeError(f"{self.name} did not start: {errors}")

    def ended_badly(self):
        """Why the program is no longer healthy, or nothing: an early end, or a sanitizer's report."""
        errors = self.read("stderr").decode(errors="replace")
        if self.process.poll() is not None:
            return f"{self.name} ended with code {self.process.returncode}: {errors[-1500:]}"
        report = re.search(r"(ERROR: \w+Sanitizer|runtime error:).*", errors)
        return f"{self.name}: {report.group(0)}" if report else None

    def stop(self, keep=False):
        """Ends it: drain, then at once, then by force. The exit code; None when it took force."""
        code = None
        for patience in (2, 3) if self.process else ():
            if self.process.poll() is None:
                self.process.terminate()
            try:
                code = self.process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)
        return code


def joint_program():
    return os.environ.get("LONGSHORE_JOINT", str(ROOT / "build/asan/tests/joint/longshore_joint"))


def start_joint(origin_port, extra=()):
    """The proxy under test: an HTTP server whose every request goes out through the client pool."""
    made = Instance("joint")
    ready = made.directory / "ready"
    made.start([joint_program(), "--listen", f"{HOST}:0", "--origin", f"http://{HOST}:{origin_port}",
                "--ready-file", str(ready), *extra])
    made.port = int(made.wait_for_file("ready").strip().rpartition(":")[2])
    return made


def start_haproxy_proxy(origin_port, h2=False):
    made = Instance("haproxy-proxy")
    made.port = free_port()
    config = made.write("haproxy.cfg", f"""
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
listen front
  bind {HOST}:{made.port}{' proto h2' if h2 else ''}
  server origin {HOST}:{origin_port}
""")
    made.start(["haproxy", "-db", "-f", str(config)])
    made.wait_for_port()
    return made


def start_nginx_proxy(origin_port, h2=False):
    made = Instance("nginx-proxy")
    made.port = free_port()
    config = made.write("nginx.conf", nginx_frame(made, f"""
  upstream origin {{ server {HOST}:{origin_port}; keepalive 8; }}
  server {{
    listen {HOST}:{made.port}{' http2' if h2 else ''};
    location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
                  proxy_set_header Host $http_host; }}
  }}"""))
    made.start(["nginx", "-c", str(config)])
    made.wait_for_port()
    return made


def nginx_frame(made, http):
    places = "".join(f"  {kind}_temp_path {made.directory}/{kind};\n"
                     for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    return (f"daemon off;\nuser root;\nworker_processes 1;\npid {made.directory}/pid;\nerror_log {made.directory}/error.log;\n"
            f"events {{ worker_connections 512; }}\nhttp {{\n  access_log off;\n  client_body_buffer_size 1m;\n{places}{http}\n}}\n")


PROXIES = {"joint": start_joint, "haproxy": start_haproxy_proxy, "nginx": start_nginx_proxy}
