"""The servers that are compared, each pinned to the same core, tuned, and logging every request."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from hub.storage import free_port, wait_for_port

TICKS = os.sysconf("SC_CLK_TCK")
# The fields of our own request line.
LOG_FORMAT = ("listener=mirror method=$request_method host=$http_host path=$uri status=$status "
              "bytes_in=$request_length bytes_out=$body_bytes_sent s=$request_time ttfb_s=$upstream_header_time "
              "proto=$server_protocol peer=$remote_addr:$remote_port request_id=$request_id "
              'agent=\\"$http_user_agent\\"')
NGINX = """daemon off;
worker_processes 1;
user root;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 4096; multi_accept on; }}
http {{
  log_format ours "$time_iso8601 info request {log_format}{log_more}";
  access_log {dir}/access.log ours buffer=64k flush=1s;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy;
  sendfile on; sendfile_max_chunk 2m; tcp_nopush on; tcp_nodelay on; server_tokens off;
  keepalive_timeout 75s; keepalive_requests 1000000000;
  open_file_cache max=10000 inactive=1h; open_file_cache_valid 1h;
  ssl_certificate {cert}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
  ssl_session_cache shared:tls:1m; http2_max_concurrent_streams 256; http2_max_requests 1000000000;
{body}
}}
"""
CACHE = """
  proxy_cache_path {dir}/cache levels=1:2 keys_zone=mirror:16m inactive=7d max_size=60g use_temp_path=off;
  proxy_cache mirror; proxy_cache_lock on; proxy_cache_lock_timeout 1h; proxy_cache_lock_age 1h;
  proxy_cache_valid 200 307 1d; proxy_cache_key $uri;
  proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_buffer_size 16k; proxy_buffers 32 64k; proxy_busy_buffers_size 512k;
  map $upstream_http_location $signed {{ ~^http://[^/]+(?<rest>/.*)$ $rest; }}
  upstream hub {{ server 127.0.0.1:{hub}; keepalive 64; }}
  upstream cdn {{ server 127.0.0.1:{cdn}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{tls} ssl http2;
    proxy_set_header Authorization "Bearer {token}";
    location /v2/ {{ proxy_pass http://hub; }}
    location ~ /blobs/ {{
      proxy_cache_key "redirect $uri"; proxy_pass http://hub; proxy_intercept_errors on; error_page 307 = @cdn;
    }}
    location @cdn {{
      set $path $signed;
      proxy_set_header Authorization ""; proxy_set_header Connection ""; proxy_pass http://cdn$path;
    }}
  }}"""
STATIC = """
  server {{
    listen 127.0.0.1:{port}; listen 127.0.0.1:{tls} ssl http2;
    location /v2/library/alpine/manifests/latest {{ alias {manifest}; default_type {type}; }}
    location ~ "/blobs/sha256:(([0-9a-f]{{2}})[0-9a-f]{{62}})$" {{
      default_type application/octet-stream; alias {storage}/docker/registry/v2/blobs/sha256/$2/$1/data;
    }}
  }}"""
DISTRIBUTION = """version: 0.1
log: {{level: info}}
storage: {{filesystem: {{rootdirectory: {dir}/data, maxthreads: 100}}, delete: {{enabled: true}}}}
http: {{addr: "127.0.0.1:{port}"}}
proxy: {{remoteurl: "http://127.0.0.1:{hub}"}}
"""


class World:
    """What every server is told: the hub, the CDN, a token for those that cannot ask, a certificate."""

    def __init__(self, directory, hub, cdn, token, core):
        self.directory, self.hub, self.cdn, self.token, self.core = Path(directory), hub, cdn, token, core
        self.cert, self.key = self.directory / "cert.pem", self.directory / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", str(self.key), "-out", str(self.cert), "-days", "1", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)


class Server:
    """One pinned process tree with its own directory; `config` is what the report prints."""

    name = ""
    caches = True  # it can be cold

    def __init__(self, world):
        self.world = world
        self.directory = world.directory / self.name
        self.directory.mkdir()
        self.port, self.tls_port = free_port(), free_port()
        self.config = ""
        command = self.prepare()
        with open(self.directory / "output.log", "ab") as log:
            self._process = subprocess.Popen(["taskset", "-c", str(world.core), *command], stdout=log, stderr=log)
        try:
            wait_for_port(self.port, self._process, self.name)
        except RuntimeError as error:
            self.close()
            raise RuntimeError(f"{error}\n{(self.directory / 'output.log').read_text()[-2000:]}") from None
        time.sleep(0.2)

    def close(self):
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def pids(self):
        found, todo = [], [self._process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").iterdir():
                todo += [int(child) for child in (task / "children").read_text().split()]
        return found

    def cpu_seconds(self):
        """User and system time of all its processes."""
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def peak_rss(self):
        """Bytes: the high-water marks of all its processes, added up."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                total += int(line.split()[1]) * 1024 if line.startswith("VmHWM") else 0
        return total


class NginxCache(Server):
    name = "nginx"

    def prepare(self):
        world = self.world
        body = CACHE.format(dir=self.directory, hub=world.hub.port, cdn=world.cdn.port, port=self.port,
                            tls=self.tls_port, token=world.token)
        return self.nginx(body, " cache=$upstream_cache_status")

    def nginx(self, body, log_more):
        text = NGINX.format(dir=self.directory, log_format=LOG_FORMAT, log_more=log_more, cert=self.world.cert,
                            key=self.world.key, body=body)
        path = self.directory / "nginx.conf"
        path.write_text(text)
        self.config = text.replace(self.world.token, "TOKEN").replace(str(self.world.directory), "DIR")
        return ["nginx", "-c", str(path)]


class NginxStatic(NginxCache):
    name = "nginx-static"
    caches = False

    def prepare(self):
        media_type, manifest = self.world.hub.manifest("library/alpine", "latest")
        path = self.directory / "manifest"
        path.write_bytes(manifest)
        return self.nginx(STATIC.format(port=self.port, tls=self.tls_port, manifest=path, type=media_type,
                                        storage=self.world.hub.addresses["storage"]), "")


class DockerRegistry(Server):
    name = "docker-registry"

    def prepare(self):
        text = DISTRIBUTION.format(dir=self.directory, port=self.port, hub=self.world.hub.port)
        path = self.directory / "config.yml"
        path.write_text(text)
        self.config = text.replace(str(self.world.directory), "DIR")
        return ["docker-registry", "serve", str(path)]


class Longshore(Server):
    name = "longshore"
    binary = os.environ.get("LONGSHORE_BIN", str(ROOT / "build/release/bin/longshore"))

    def prepare(self):
        command = [self.binary, "mirror", "--listen", f"127.0.0.1:{self.port}", "--tls-listen",
                   f"127.0.0.1:{self.tls_port}", "--certificate", f"cert={self.world.cert},key={self.world.key}",
                   "--admin-listen", f"127.0.0.1:{free_port()}", "--data-dir", str(self.directory / "data"),
                   "--loops", "1", "--upstream", f"docker=http://127.0.0.1:{self.world.hub.port}"]
        self.config = " ".join(command).replace(str(self.world.directory), "DIR").replace(str(ROOT) + "/", "") + "\n"
        return command


ALL = [NginxCache, NginxStatic, DockerRegistry, Longshore]


def absent(kind):
    program = {"longshore": Longshore.binary, "docker-registry": "docker-registry"}.get(kind.name, "nginx")
    return shutil.which(program) is None
