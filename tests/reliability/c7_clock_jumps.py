#!/usr/bin/python3
"""C7: the wall clock of the running mirror jumps: an hour, a day, to 1970, by a leap second, and back.

preload/wall_clock.c sets it for the one process; the steady clock goes on. After each jump: transfers, connections and
waits go on; a tag stays fresh for its TTL, no longer and no shorter; no upstream token is asked for again (full form:
nor one used that has run out); the development CA shows a certificate that is valid by the clock as it is now; Date and
log lines follow the clock; and an idle mirror stays idle (full form: at most 5 % of a core).
"""

import calendar
import email.utils
import http.client
import mmap
import os
import re
import socket
import ssl
import struct
import time

import rig

HOUR, DAY = 3600, 86400
SLACK = 2  # s between reading our clock and theirs
TAG = ("library/moving", "latest")


class WallClock:
    def __init__(self, path):
        path.write_bytes(bytes(8))
        self.path = path
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)
        self.ahead = 0.0

    def set_ahead(self, seconds):
        self.ahead = seconds
        self._map[:] = struct.pack("<q", int(seconds * 1e9))

    def now(self):
        return max(0.0, time.time() + self.ahead)


def certificate_times(port):
    """notBefore and notAfter of what is shown for localhost."""
    trusting_all = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting_all.check_hostname, trusting_all.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), 20) as plain:
        with trusting_all.wrap_socket(plain, server_hostname="localhost") as stream:
            der = stream.getpeercert(binary_form=True)
    times = [found.decode() for found in re.findall(rb"\d{14}Z|(?<=\x17\x0d)\d{12}Z", der)[:2]]
    return [calendar.timegm(time.strptime(text[-13:], "%y%m%d%H%M%SZ")) for text in times]


class Row:
    def __init__(self, form, scratch, hub):
        from harness import free_port
        self.form, self.hub, self.clock = form, hub, WallClock(scratch / "wall-clock")
        self.tag_ttl = form.pick(1, 3)  # s
        self.tls_port = free_port()
        library = rig.build_preload(scratch, "wall_clock")
        self.mirror = rig.start_mirror(scratch, hub.url, "--tls-listen", f"127.0.0.1:{self.tls_port}",
                                       "--development-ca", "--tag-ttl", f"{self.tag_ttl}s",
                                       env={"LD_PRELOAD": str(library), "WALL_CLOCK": str(self.clock.path)})
        self.faults, self.busiest, self.serial = [], 0.0, 0

    def expect(self, good, fault):
        self.faults += [] if good else [fault]

    def new_digests(self, sizes):
        self.serial += 1
        return self.hub.blobs(sizes, f"{self.form.seed}-{self.serial}")

    def jump(self, name, ahead):
        kept = http.client.HTTPConnection("127.0.0.1", self.mirror.port, timeout=20)
        self.ping(kept)
        slow = self.begin_slow_pull()
        tag = self.move_tag()
        tokens = self.hub.counts()["tokens"]
        self.clock.set_ahead(ahead)
        self.check_tag(name, *tag)
        self.ping(kept)
        self.end_slow_pull(name, *slow)
        bad = [pull for pull in rig.pull_all(self.mirror.port, self.new_digests([5000] * 20), 20) if not pull.good]
        self.expect(not bad, f"{name}: {len(bad)} of 20 pulls failed")
        self.expect(self.hub.counts()["tokens"] == tokens, f"{name}: tokens were asked for again")
        self.check_times(name)
        self.check_idle(name)

    def ping(self, connection):
        connection.request("GET", "/v2/")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"/v2/ was answered by {answer.status}")
        return answer

    def begin_slow_pull(self):
        digest, = self.new_digests([8 << 20])
        connection = http.client.HTTPConnection("127.0.0.1", self.mirror.port, timeout=20)
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        connection.request("GET", f"/v2/{rig.REPOSITORY}/blobs/{digest}")
        answer = connection.getresponse()
        return connection, answer, answer.read(1000)

    def end_slow_pull(self, name, connection, answer, begun):
        got = len(begun) + len(answer.read())
        connection.close()
        self.expect(got == 8 << 20, f"{name}: a transfer under way ended after {got} bytes")

    def move_tag(self):
        """The tag as it was and as upstream has it from now on; it has just been looked up."""
        time.sleep(self.tag_ttl + 0.2)
        before = self.mirror.manifest(TAG[1], TAG[0])
        looked_up = time.monotonic()
        self.serial += 1
        self.hub.image(*TAG, [100], f"{self.form.seed}-{self.serial}")
        return before.headers["Docker-Content-Digest"], self.hub.manifest(*TAG)[1], looked_up

    def check_tag(self, name, before, wanted, looked_up):
        early = self.mirror.manifest(TAG[1], TAG[0])
        if time.monotonic() < looked_up + self.tag_ttl - 0.5:
            self.expect(early.headers["Docker-Content-Digest"] == before, f"{name}: the tag was not fresh any more at once")
        time.sleep(max(0.0, looked_up + self.tag_ttl + 0.2 - time.monotonic()))
        late = self.mirror.manifest(TAG[1], TAG[0])
        self.expect(late.body == wanted, f"{name}: the tag was still fresh after its {self.tag_ttl} s")

    def check_times(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.mirror.port, timeout=20)
        date = email.utils.parsedate_to_datetime(self.ping(connection).headers["Date"]).timestamp()
        self.expect(abs(date - self.clock.now()) < SLACK, f"{name}: Date is {date - self.clock.now():.0f} s off")
        time.sleep(0.3)  # log lines are written in batches
        line = self.mirror.log().splitlines()[-1]
        logged = calendar.timegm(time.strptime(line[:19], "%Y-%m-%dT%H:%M:%S"))
        self.expect(abs(logged - self.clock.now()) < SLACK, f"{name}: a log line is {logged - self.clock.now():.0f} s off")
        begin, end = certificate_times(self.tls_port)
        now = self.clock.now()
        self.expect(begin <= now + SLACK and now < end, f"{name}: the certificate is valid from {begin} to {end}, it is {now:.0f}")
        self.expect(end - now < 60 * DAY, f"{name}: the certificate lasts {(end - now) / DAY:.0f} days")

    def check_idle(self, name):
        seconds = self.form.pick(0.5, 3.0)
        before = self.cpu_seconds()
        time.sleep(seconds)
        busy = (self.cpu_seconds() - before) / seconds
        self.busiest = max(self.busiest, busy)
        self.expect(busy < self.form.pick(0.6, 0.05), f"{name}: the idle mirror takes {busy:.0%} of a core")

    def cpu_seconds(self):
        fields = rig.Path(f"/proc/{self.mirror.program.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def outlive_a_token(self):
        """The token has run out by the steady clock; by the wall clock, which was set back, it has an hour left."""
        repository = "team/other"
        self.hub.set(token_seconds=60)
        first, second = self.hub.blobs([100] * 2, f"{self.form.seed}-token", repository)
        self.expect(self.mirror.blob(first, repository).status == 200, "the first blob did not come")
        self.clock.set_ahead(-HOUR)
        time.sleep(62)
        self.expect(self.mirror.blob(second, repository).status == 200, "no blob came after the token had run out")
        refused = [entry for entry in self.hub.log("front", part=repository)
                   if entry["status"] == 401 and entry["authorization"]]
        self.expect(not refused, "a token was used that had run out")


def measure(form, scratch):
    from hub.client import HubProcess
    to_1970 = 5 * HOUR - time.time()
    short = [("a leap second", -1), ("a day ahead", DAY), ("to 1970", to_1970), ("back from 1970", 0)]
    jumps = form.pick(short, [("an hour ahead", HOUR), ("an hour back", -HOUR), ("back", 0), *short, ("a day back", -DAY)])
    with HubProcess(settings={"limit": 1 << 30}) as hub:
        hub.image(*TAG, [100], str(form.seed))
        row = Row(form, scratch, hub)
        rig.pull_all(row.mirror.port, row.new_digests([100]))
        row.mirror.manifest(TAG[1], TAG[0])
        for name, ahead in jumps:
            row.jump(name, ahead)
        if form.full:
            row.outlive_a_token()
        row.mirror.stop()
    return row.faults, f"{len(jumps)} jumps; an idle mirror takes at most {row.busiest:.1%} of a core after one"


if __name__ == "__main__":
    rig.run_row("C7", __doc__, measure)
