#!/usr/bin/python3
"""T6: configurations with every kind of mistake, by SIGHUP under load and by `longshore config check`.

Each is refused as a whole, with every mistake and its path in the log and in the output of the check; the old
configuration goes on serving, with no request failed. A good one is taken afterwards.
"""

import asyncio
import http.client
import signal
import subprocess
import time

import rig
import steady


def pem(directory, name):
    """A self-signed certificate and its key."""
    cert, key = directory / f"{name}.pem", directory / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                    "2", "-subj", f"/CN={name}.test", "-addext", f"subjectAltName=DNS:{name}.test", "-keyout", str(key),
                    "-out", str(cert)], check=True, capture_output=True)
    return cert, key


def cases(directory, good):
    """Name, text of the file, and the words that must be said, each with the path of its setting."""
    cert, key = good
    _, other = pem(directory, "other")
    torn = directory / "torn.pem"
    torn.write_bytes(cert.read_bytes()[:200])
    pair = "certificates: [{{cert: {}, key: {}}}]\n".format
    return [
        ("wrong type", "http: {max_streams: many}\n", ["http.max_streams"]),
        ("a list for a text", "base_domain: [a, b]\n", ["base_domain"]),
        ("a text for a map", "mirror: yes please\n", ["mirror"]),
        ("no unit", "mirror: {tag_ttl: 60}\n", ["mirror.tag_ttl"]),
        ("unknown key", "mirror: {tag_tll: 60s}\n", ["mirror.tag_tll"]),
        ("unknown key at the top", "listne: ['127.0.0.1:0']\n", ["listne"]),
        ("out of bounds", "http: {max_streams: 0, header_timeout: 1ms}\n", ["http.max_streams", "http.header_timeout"]),
        ("two fields that do not fit", "http: {header_bytes: 1KiB, target_bytes: 16KiB}\n", ["http.target_bytes"]),
        ("no address", "listen: ['nowhere']\n", ["listen"]),
        ("an address twice", "tls_listen: ['127.0.0.1:7', '127.0.0.1:7']\n" + pair(cert, key), ["tls_listen", "twice"]),
        ("no certificate", "tls_listen: ['127.0.0.1:7']\n", ["tls_listen"]),
        ("unknown upstream", "mirror: {upstreams: {nobody: {enabled: true}}}\n", ["mirror.upstreams.nobody.url"]),
        ("no upstream URL", "mirror: {upstreams: {own: {url: 'ftp://x'}}}\n", ["mirror.upstreams.own.url"]),
        ("missing authority", f"mirror: {{upstreams: {{docker: {{ca_file: {directory}/none.pem}}}}}}\n",
         ["mirror.upstreams.docker.ca_file", "none.pem"]),
        ("no authority in it", f"mirror: {{upstreams: {{docker: {{ca_file: {key}}}}}}}\n",
         ["mirror.upstreams.docker.ca_file"]),
        ("missing client authority", f"tls: {{client_ca: {directory}/none.pem}}\n", ["tls.client_ca", "none.pem"]),
        ("missing key", f"certificates: [{{cert: {cert}}}]\n", ["certificates[0].key"]),
        ("unreadable certificate", pair(directory / "none.pem", key), ["certificates[0]", "none.pem"]),
        ("a directory", pair(directory, key), ["certificates[0]"]),
        ("torn certificate", pair(torn, key), ["certificates[0]", "torn.pem"]),
        ("another's key", pair(cert, other), ["certificates[0]", "other.key"]),
        ("the second pair", f"certificates: [{{cert: {cert}, key: {key}}}, {{cert: {cert}, key: {other}}}]\n",
         ["certificates[1]"]),
        ("bad YAML", "mirror: {tag_ttl: 60s\n", ["longshore.yaml"]),
        ("no map", "- a\n- b\n", ["longshore.yaml"]),
        ("duplicate keys", "log: {level: info}\nlog: {level: debug}\n", ["log"]),
        ("anchors", "log: &a {level: info}\nhttp: *a\n", ["longshore.yaml"]),
        ("tags", "base_domain: !!binary aGk=\n", ["longshore.yaml"]),
        ("no UTF-8", b"base_domain: \xff\xfe\n", ["longshore.yaml"]),
        ("two documents", "log: {level: info}\n---\nlog: {level: debug}\n", ["longshore.yaml"]),
        ("too large", "# " + "x" * 60_000 + "\n" + "# y\n" * 400_000, ["longshore.yaml"]),
        ("everything at once",
         "listne: [x]\nhttp: {max_streams: 0}\nmirror: {tag_ttl: 60, upstreams: {nobody: {}}}\n" + pair(cert, other),
         ["listne", "http.max_streams", "mirror.tag_ttl", "mirror.upstreams.nobody.url", "certificates[0]"]),
        ("missing file", None, ["longshore.yaml"]),
    ]


class Reloads:
    def __init__(self, mirror, file, scratch):
        self.mirror, self.file = mirror, file
        self.good = pem(scratch, "good")
        self.cases = cases(scratch, self.good)

    def write(self, text):
        self.file.unlink(missing_ok=True)
        if text is not None:
            self.file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def reload(self, word):
        """What the log says from the signal to the first line with the word."""
        seen = len(self.mirror.log())
        self.mirror.program.send(signal.SIGHUP)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            said = self.mirror.log()[seen:]
            if word in said.rpartition("\n")[0]:
                return said
            if ("reload_refused" in said or "reloaded" in said) and said.endswith("\n"):
                return ""
            time.sleep(0.01)
        return ""

    def all(self):
        faults = []
        for name, text, words in self.cases:
            self.write(text)
            said = self.reload("reload_refused")
            if not said:
                faults.append(f"{name}: was not refused on SIGHUP")
            faults += [f"{name}: the log does not say {word}" for word in words if word not in said]
            faults += self.check(name, words)
        self.write(f"mirror: {{tag_ttl: 5s}}\ncertificates: [{{cert: {self.good[0]}, key: {self.good[1]}}}]\n")
        if not self.reload("reloaded"):
            faults.append("a good configuration was not taken afterwards")
        if subprocess.run(self.command(), capture_output=True).returncode != 0:
            faults.append("the check finds mistakes in a good file")
        return faults

    def command(self):
        from harness import BINARY
        return [BINARY, "config", "check", str(self.file)]

    def check(self, name, words):
        done = subprocess.run(self.command(), capture_output=True, text=True, errors="replace", timeout=60)
        faults = [] if done.returncode == 1 else [f"{name}: the check ends with {done.returncode}"]
        return faults + [f"{name}: the check does not say {word}" for word in words if word not in done.stderr]


async def under_load(reloads, rate):
    over, tally = asyncio.Event(), steady.Tally()
    load = steady.Http1Load(reloads.mirror.port, [("/v2/", 2)], tally)
    running = asyncio.ensure_future(steady.run(load, rate, over))
    faults = await asyncio.to_thread(reloads.all)
    over.set()
    return faults, tally, await running


def port_taken(mirror):
    """A restart on a port that is in use is an error that names it, and the one that runs goes on."""
    from harness import BINARY
    done = subprocess.run([BINARY, "mirror", "--listen", f"127.0.0.1:{mirror.port}", "--data-dir",
                           str(mirror.directory / "other")], capture_output=True, text=True, timeout=60)
    said = done.returncode != 0 and f":{mirror.port}" in done.stderr and str(mirror.program.pid) in done.stderr
    return [] if said else [f"a port in use is not named with its holder: {done.stderr[-200:]!r}"]


def measure(form, scratch):
    from harness import MIRRORS, hub
    upstream = hub()
    file = scratch / "longshore.yaml"
    file.write_text("mirror: {tag_ttl: 60s}\n")
    mirror = MIRRORS["longshore"](scratch, upstream.url, "--config", str(file))
    rig.started.append(mirror)
    mirror.start()
    reloads = Reloads(mirror, file, scratch)
    faults, tally, asked = asyncio.run(under_load(reloads, form.pick(100, 1000)))
    faults += [f"under load: {why}" for why in tally.failures]
    faults += port_taken(mirror)
    if tally.good < 10:
        faults.append("hardly a request was answered: the row has shown nothing")
    connection = http.client.HTTPConnection("127.0.0.1", mirror.port, timeout=10)
    connection.request("GET", "/v2/library/alpine/manifests/latest")
    if connection.getresponse().status != 200:
        faults.append("the mirror does not serve afterwards")
    connection.close()
    mirror.stop()
    return faults, (f"{len(reloads.cases)} bad configurations refused with every mistake and its path; {asked} requests "
                    f"meanwhile, {len(tally.failures)} failed")


if __name__ == "__main__":
    rig.run_row("T6", __doc__, measure)
