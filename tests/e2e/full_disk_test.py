"""A data directory that takes no more bytes: every client still gets every byte, and storing begins again by itself."""

import subprocess
from pathlib import Path

from harness import MirrorTest, crowd, needs_longshore, until

SMALL, LARGE = 1_000_000, 12_000_000
ROOM = 8  # MiB


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
        self.assertIn("blob_store_failed", self.mirror.log())
        self.assertEqual(list(self.mirror.data.rglob("staged-*")), [])

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
