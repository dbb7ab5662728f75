"""Origins that say what they understood: Debian's nginx, haproxy, apache2, lighttpd and Node.

`seen()` is a list of (method, target, body): what the server itself made of the bytes it got. The body is None
where the server refused the request before it read one.
"""

import json
import re

from servers import HOST, Instance, free_port, nginx_frame

ECHO_CGI = """#!/bin/sh
body=$(od -An -v -tx1 | tr -d ' \\n')
printf '%s %s %s\\n' "$REQUEST_METHOD" "$REQUEST_URI" "$body" >> "{log}"
printf 'Content-Type: text/plain\\r\\n\\r\\nseen\\n'
"""


class Origin(Instance):
    logs_refusals = True   # requests it answers with an error are in seen()

    def seen(self):
        raise NotImplementedError


class NodeOrigin(Origin):
    logs_refusals = False
    PROGRAM = """
const http = require('http');
const say = (entry) => process.stdout.write(JSON.stringify(entry) + '\\n');
const server = http.createServer({ keepAliveTimeout: 60000 }, (request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    say([request.method, request.url, Buffer.concat(parts).toString('hex')]);
    response.end('seen\\n');
  });
  request.on('error', () => {});
});
server.on('connect', (request, socket) => { say([request.method, request.url, '']); socket.end('HTTP/1.1 501 No\\r\\n\\r\\n'); });
server.on('clientError', (error, socket) => {
  if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n');
});
server.listen(Number(process.argv[2]), '127.0.0.1');
"""

    def __init__(self):
        super().__init__("node")
        self.port = free_port()
        self.start(["node", str(self.write("origin.js", self.PROGRAM)), str(self.port)])
        self.wait_for_port()

    def seen(self):
        entries = [json.loads(line) for line in self.read("stdout").splitlines()]
        return [(method, target, bytes.fromhex(body)) for method, target, body in entries]


class NginxOrigin(Origin):
    def __init__(self):
        super().__init__("nginx")
        self.port, sink = free_port(), free_port()
        log = self.directory / "access.log"
        config = self.write("nginx.conf", nginx_frame(self, f"""
  log_format seen escape=json '["$request_method","$request_uri","$request_body",$status,"$request"]';
  keepalive_timeout 60s;
  server {{
    listen {HOST}:{self.port};
    location / {{ access_log {log} seen; client_body_in_single_buffer on; proxy_pass http://{HOST}:{sink}; }}
    access_log {log} seen;
  }}
  server {{ listen {HOST}:{sink}; location / {{ return 200 "seen\\n"; }} }}"""))
        self.start(["nginx", "-c", str(config)])
        self.wait_for_port()

    def seen(self):
        found = []
        for line in self.read("access.log").decode("latin-1").splitlines():
            method, target, body, status, request = json.loads(line)
            refused = status in (400, 408, 499)
            if status == 400 and not request:
                continue  # a connection that ended inside a head
            found.append((method or "error", target or request, None if refused else body.encode("latin-1")))
        return found


class HaproxyOrigin(Origin):
    def __init__(self):
        super().__init__("haproxy")
        self.port = free_port()
        config = self.write("haproxy.cfg", f"""
global
  log stdout len 65000 format raw local0
  tune.bufsize 65536
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 5s
frontend origin
  bind {HOST}:{self.port}
  log global
  option dontlognull
  log-format "%ST %[var(txn.method)] %[var(txn.target)] %[var(txn.body)]"
  http-request wait-for-body time 5s
  http-request set-var(txn.method) method
  http-request set-var(txn.target) url
  http-request set-var(txn.body) req.body,hex
  http-request return status 200 content-type text/plain string "seen"
""")
        self.start(["haproxy", "-db", "-f", str(config)])
        self.wait_for_port()

    def seen(self):
        found = []
        for line in self.read("stdout").decode("latin-1").splitlines():
            parts = line.split(" ")
            if not parts[0].isdigit() or len(parts) != 4:
                continue
            status, method, target, body = parts
            if method == "-":
                found.append(("error", status, None))
            else:
                found.append((method, target, bytes.fromhex(body) if body != "-" else b""))
        return found


class CgiOrigin(Origin):
    """A server that runs a program for each request, and whose access log shows those it refused itself."""

    def seen(self):
        found = []
        for line in self.read("cgi.log").decode("latin-1").splitlines():
            method, target, body = line.rsplit(" ", 2)
            found.append((method, target, bytes.fromhex(body)))
        ran = [target for _, target, _ in found]
        for line in self.read("access.log").decode("latin-1").splitlines():
            status, method, request = line.split("\t", 2)
            words = request.split(" ")
            target = words[1] if len(words) > 1 else request
            target = re.sub(r'\\([\\"])', r"\1", target)  # both logs escape these two
            if target in ran:
                ran.remove(target)
            elif target not in ("", "-") and (method != "-" or status not in ("400", "408")):  # else it was cut off
                found.append((method, target, None))
        return found

    def write_cgi(self):
        return self.write("echo.cgi", ECHO_CGI.format(log=self.directory / "cgi.log"), 0o755)


class ApacheOrigin(CgiOrigin):
    def __init__(self):
        super().__init__("apache2")
        self.port = free_port()
        program = self.write_cgi()
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so"
                            for name in ("mpm_worker", "authz_core", "alias", "cgi"))
        config = self.write("apache.conf", f"""
ServerRoot {self.directory}
PidFile {self.directory}/pid
ServerName origin.test
Listen {HOST}:{self.port}
{modules}
User nobody
Group nogroup
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
KeepAliveTimeout 60
MaxKeepAliveRequests 0
AllowEncodedSlashes On
ErrorLog {self.directory}/error.log
LogFormat "%>s\\t%m\\t%r" seen
CustomLog {self.directory}/access.log seen
ScriptAliasMatch "^.*" "{program}"
<Directory "/">
  Require all granted
</Directory>
""")
        self.write("cgi.log", "", 0o666)
        self.start(["apache2", "-DFOREGROUND", "-f", str(config)])
        self.wait_for_port()


class LighttpdOrigin(CgiOrigin):
    logs_refusals = False

    def __init__(self):
        super().__init__("lighttpd")
        self.port = free_port()
        self.write_cgi()
        config = self.write("lighttpd.conf", f"""
server.modules = ( "mod_rewrite", "mod_cgi", "mod_accesslog" )
server.document-root = "{self.directory}"
server.bind = "{HOST}"
server.port = {self.port}
server.errorlog = "{self.directory}/error.log"
server.http-parseopts = ( "method-get-body" => "enable" )
server.max-keep-alive-idle = 60
server.max-keep-alive-requests = 100000
accesslog.filename = "{self.directory}/access.log"
accesslog.format = "%>s\\t%m\\t%r"
url.rewrite-once = ( "" => "/echo.cgi" )
cgi.assign = ( ".cgi" => "/bin/sh" )
""")
        self.start(["lighttpd", "-D", "-f", str(config)])
        self.wait_for_port()


ORIGINS = {"node": NodeOrigin, "nginx": NginxOrigin, "haproxy": HaproxyOrigin, "apache2": ApacheOrigin,
           "lighttpd": LighttpdOrigin}


def mark_in(target):
    found = re.search(r"p[0-9]{3}(?=/)", target)
    return found.group(0) if found else None
