"""A data directory that takes no more bytes: every client still gets every byte, and storing begins again by itself."""

import http.server
import subprocess
import threading
from pathlib import Path

from harness import MirrorTest, crowd, needs_longshore, until

SMALL, LARGE = 1_000_000, 12_000_000
ROOM = 8  # MiB


class WholeOnly(http.server.BaseHTTPRequestHandler):
    """A CDN that knows no ranges."""

    def do_GET(self):
        encoded = self.path.partition("sha256:")[2].partition("?")[0]
        data = (self.server.storage / encoded[:2] / encoded / "data").read_bytes()
        self.server.asked.append(self.headers["Range"])
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@needs_longshore
class FullDisk(MirrorTest):
    def setUp(self):
        super().setUp()
        self.mirror.stop()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}m", "tmpfs", str(self.mirror.data)], check=True)
        self.addCleanup(subprocess.run, ["umount", "--lazy", str(self.mirror.data)], check=True)
        self.mirror.start()
        self.filler = self.mirror.data / "filler"

    def fill_up(self):
        """Every free byte, whatever the program does meanwhile."""
        with open(self.filler, "wb") as file, self.assertRaises(OSError):
            while True:
                file.write(bytes(65536))
                file.flush()

    def is_stored(self, digest):
        self.assert_blob(self.mirror.blob(digest), digest)
        before = self.hub.blob_gets(digest)
        self.assert_blob(self.mirror.blob(digest), digest)
        return self.hub.blob_gets(digest) == before

    def test_a_blob_larger_than_the_disk_comes_whole_to_everybody(self):
        digest = self.new_blob(LARGE)

        for answer in crowd(4, lambda _: self.mirror.blob(digest)):
            self.assert_blob(answer, digest)

        self.assertGreater(self.mirror.metric("longshore_registry_unstored_total"), 0)
        self.assertIn(" store_failed ", self.mirror.log())
        self.assertEqual(list(self.mirror.data.rglob("staged-*")), [])

    def test_the_rest_of_a_blob_larger_than_the_disk_is_asked_for_by_range(self):
        digest = self.new_blob(LARGE)

        self.assert_blob(self.mirror.blob(digest), digest)

        ranges = [entry["range"] for entry in self.hub.log("cdn", "GET", digest)]
        self.assertEqual(len(ranges), 2)
        first = int(ranges[1].removeprefix("bytes=").removesuffix("-"))
        self.assertGreater(first, LARGE // 4)

    def test_an_upstream_without_ranges_sends_the_blob_again(self):
        cdn = http.server.ThreadingHTTPServer(("127.0.0.1", 0), WholeOnly)
        cdn.asked, cdn.storage = [], Path(self.hub.addresses["storage"]) / "docker/registry/v2/blobs/sha256"
        threading.Thread(target=cdn.serve_forever, daemon=True).start()
        self.addCleanup(cdn.server_close)
        self.addCleanup(cdn.shutdown)
        self.hub.set(cdn=f"http://127.0.0.1:{cdn.server_port}")
        digest = self.new_blob(LARGE)

        self.assert_blob(self.mirror.blob(digest), digest)

        self.assertEqual([asked is None for asked in cdn.asked], [True, False])

    def test_a_range_of_a_blob_that_cannot_be_stored(self):
        self.fill_up()
        digest = self.new_blob(LARGE)
        whole = self.mirror.blob(digest).body

        part = self.mirror.get(f"/v2/library/blobs/blobs/{digest}", {"Range": "bytes=5000000-5999999"})

        self.assertEqual((part.status, part.complete), (206, True))
        self.assertEqual(part.body, whole[5000000:6000000])

    def test_images_come_while_the_disk_is_full(self):
        self.fill_up()
        media_type, wanted = self.hub.manifest("library/alpine", "latest")
        digest = self.new_blob(SMALL)
        for _ in range(2):
            answer = self.mirror.manifest("latest")
            self.assertEqual((answer.status, answer.body), (200, wanted))
            self.assert_blob(self.mirror.blob(digest), digest)

    def test_a_wrong_blob_never_ends_cleanly_on_a_full_disk_either(self):
        self.fill_up()
        digest = self.new_blob(SMALL)
        self.hub.fault("corrupt", offset=SMALL - 1)

        answer = self.mirror.blob(digest)

        self.assertFalse(answer.status == 200 and answer.complete)

    def test_storing_begins_again_by_itself_when_there_is_room(self):
        self.fill_up()
        digest = self.new_blob(SMALL)
        self.assertFalse(self.is_stored(digest))

        self.filler.unlink()

        self.assertTrue(until(lambda: self.is_stored(digest), 5))
