"""A CDN for measurements: nginx sending the hub's blob files, with its own access log as the counter."""

import collections
import re
import signal
import subprocess
import time
from pathlib import Path

from hub.storage import free_port, wait_for_port

CONFIG = """daemon off;
worker_processes 1;
user root;
pid {directory}/cdn.pid;
error_log {directory}/cdn-error.log warn;
events {{ worker_connections 4096; }}
http {{
  log_format counted "$request_method $uri $status $body_bytes_sent";
  access_log {directory}/cdn-access.log counted;
  client_body_temp_path {directory}/cdn-body;
  sendfile on; tcp_nopush on; tcp_nodelay on; keepalive_requests 1000000; default_type application/octet-stream;
  server {{
    listen 127.0.0.1:{port};
    if ($http_authorization) {{ return 400; }}
    location ~ "^/data/blobs/sha256:(([0-9a-f]{{2}})[0-9a-f]{{62}})$" {{
      limit_rate {rate};
      alias {storage}/docker/registry/v2/blobs/sha256/$2/$1/data;
    }}
    location /ping {{ access_log off; return 200 "ok"; }}
  }}
}}
"""


class FastCdn:
    """`rate` is bytes per second on each connection, 0 for no limit."""

    def __init__(self, directory, storage, rate=0, prefix=()):
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        self._storage, self._prefix = storage, list(prefix)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._config = self._directory / "cdn.conf"
        self._write(rate)
        self._process = subprocess.Popen([*self._prefix, "nginx", "-c", str(self._config)])
        wait_for_port(self.port, self._process, "nginx as CDN")

    def close(self):
        self._process.terminate()
        self._process.wait(10)

    def set_rate(self, rate):
        """Takes effect for connections made after the reload, which this waits for."""
        before = self._workers()
        self._write(rate)
        self._process.send_signal(signal.SIGHUP)
        while self._workers() & before:
            time.sleep(0.02)

    def gets(self):
        """{digest: number of GETs that were answered}"""
        log = self._directory / "cdn-access.log"
        lines = log.read_text().splitlines() if log.exists() else []
        return collections.Counter(found[1] for found in (re.match(r"GET /data/blobs/(\S+) ", line) for line in lines)
                                   if found)

    def forget(self):
        (self._directory / "cdn-access.log").write_text("")

    def _write(self, rate):
        self._config.write_text(CONFIG.format(directory=self._directory, port=self.port, rate=rate,
                                              storage=self._storage))

    def _workers(self):
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        return set(children.split())
