"""What a pull sees on the wire: headers, HEAD, ranges, the empty blob."""

import hashlib
import http.client
import json

from harness import EMPTY_DIGEST, MirrorTest, needs_longshore
from hub.images import random_bytes


class Reads(MirrorTest):
    def test_ping_answers_200_with_and_without_the_slash(self):
        for path in ("/v2/", "/v2"):
            with self.subTest(path):
                answer = self.mirror.get(path)
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.headers.get("Docker-Distribution-API-Version"), "registry/2.0")

    def test_manifest_bytes_type_and_headers_are_the_upstreams_by_tag_and_digest(self):
        media_type, body = self.hub.manifest("library/alpine", "latest")
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        for reference in ("latest", digest):
            for fetch in (self.mirror.head, self.mirror.get, self.mirror.head):
                with self.subTest(f"{fetch.__name__} {reference[:10]}"):
                    answer = fetch(f"/v2/library/alpine/manifests/{reference}", {"Accept": media_type})
                    self.assertEqual(answer.status, 200)
                    self.assertEqual(answer.headers["Content-Type"], media_type)
                    self.assertEqual(answer.headers["Docker-Content-Digest"], digest)
                    self.assertEqual(answer.headers["ETag"], f'"{digest}"')
                    self.assertEqual(answer.headers["Content-Length"], str(len(body)))
                    self.assertEqual(answer.body, body if fetch == self.mirror.get else b"")

    def test_docker_media_types_come_through(self):
        media_type, body = self.hub.manifest("library/busybox", "latest")

        answer = self.mirror.manifest("latest", "library/busybox")

        self.assertEqual(answer.headers["Content-Type"], media_type)
        self.assertEqual(answer.body, body)

    def test_blob_headers_cold_and_warm(self):
        digest = self.new_blob(300_000)
        for state in ("cold", "warm"):
            with self.subTest(state):
                answer = self.mirror.blob(digest)
                self.assert_blob(answer, digest)
                self.assertEqual(answer.headers["Docker-Content-Digest"], digest)
                self.assertEqual(answer.headers["ETag"], f'"{digest}"')
                self.assertEqual(answer.headers["Content-Length"], "300000")
                self.assertEqual(answer.headers["Content-Type"], "application/octet-stream")
                self.assertEqual(answer.headers["Accept-Ranges"], "bytes")
                self.assertIn("immutable", answer.headers["Cache-Control"])
                self.assertNotIn("Content-Encoding", answer.headers)

    def test_head_of_a_cold_blob_knows_its_length_and_downloads_nothing(self):
        digest = self.new_blob(300_000)

        answer = self.mirror.head(f"/v2/library/blobs/blobs/{digest}")

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Length"], "300000")
        self.assertEqual(answer.headers["Docker-Content-Digest"], digest)
        self.assertEqual(self.hub.log("cdn"), [])
        self.assertNotIn("front_get", self.hub.counts()["blobs"].get(digest, {}))

    def test_head_of_a_cold_manifest_spends_no_pull(self):
        answer = self.mirror.head("/v2/library/alpine/manifests/latest", {"Accept": "*/*"})

        self.assertEqual(answer.status, 200)
        self.assertIn("Docker-Content-Digest", answer.headers)
        self.assertEqual([row for row in self.hub.counts()["manifests"].values() if "get" in row], [])

    def test_the_blob_of_no_bytes_is_a_blob(self):
        path = f"/v2/library/empty/blobs/{EMPTY_DIGEST}"
        for state in ("cold", "warm"):
            with self.subTest(state):
                self.assertEqual(self.mirror.head(path).headers["Content-Length"], "0")
                answer = self.mirror.get(path)
                self.assert_blob(answer, EMPTY_DIGEST)
                self.assertEqual(answer.headers["Content-Length"], "0")
        self.assertLessEqual(self.hub.blob_gets(EMPTY_DIGEST), 1)

    RANGES = {"bytes=500-1499": (500, 1500), "bytes=0-0": (0, 1), "bytes=99000-": (99_000, 100_000),
              "bytes=-500": (99_500, 100_000), "bytes=99000-200000": (99_000, 100_000)}

    def check_range(self, digest, data, value, span):
        answer = self.mirror.blob(digest, headers={"Range": value})
        self.assertEqual(answer.status, 206)
        self.assertEqual(answer.body, data[span[0]:span[1]])
        self.assertEqual(answer.headers["Content-Range"], f"bytes {span[0]}-{span[1] - 1}/100000")
        self.assertEqual(answer.headers["Content-Length"], str(span[1] - span[0]))

    def test_ranges_of_a_warm_blob(self):
        digest, data = self.new_blob(100_000), random_bytes(100_000, self.seed())
        self.assert_blob(self.mirror.blob(digest), digest)
        for value, span in self.RANGES.items():
            with self.subTest(value):
                self.check_range(digest, data, value, span)
        self.assertEqual(self.hub.blob_gets(digest), 1)

    def test_ranges_of_cold_blobs_and_the_whole_blob_afterwards(self):
        for value, span in self.RANGES.items():
            with self.subTest(value):
                digest, data = self.new_blob(100_000, value), random_bytes(100_000, self.seed() + value)
                self.check_range(digest, data, value, span)
                self.assert_blob(self.mirror.blob(digest), digest)

    def test_ranges_past_the_end_are_416_with_the_size(self):
        digest = self.new_blob(100_000)
        for state in ("cold", "warm"):
            with self.subTest(state):
                answer = self.mirror.blob(digest, headers={"Range": "bytes=100000-100010"})
                self.assertEqual(answer.status, 416)
                self.assertEqual(answer.headers["Content-Range"], "bytes */100000")
                self.assert_blob(self.mirror.blob(digest), digest)

    def test_if_range_with_another_tag_gives_the_whole_blob(self):
        digest, data = self.new_blob(100_000), random_bytes(100_000, self.seed())
        right, wrong = f'"{digest}"', '"sha256:0"'

        self.assert_blob(self.mirror.blob(digest, headers={"Range": "bytes=0-9", "If-Range": wrong}), digest)
        part = self.mirror.blob(digest, headers={"Range": "bytes=0-9", "If-Range": right})
        self.assertEqual((part.status, part.body), (206, data[:10]))

    def test_several_ranges_at_once_do_not_break_a_pull(self):
        digest, data = self.new_blob(100_000), random_bytes(100_000, self.seed())
        self.mirror.blob(digest)

        answer = self.mirror.blob(digest, headers={"Range": "bytes=0-9,50000-50009"})

        if answer.status == 206:
            self.assertTrue(answer.headers["Content-Type"].startswith("multipart/byteranges"))
            self.assertIn(data[:10], answer.body)
            self.assertIn(data[50_000:50_010], answer.body)
        else:
            self.assert_blob(answer, digest)

    def test_if_none_match_gives_304_for_what_the_client_has(self):
        digest = self.new_blob(1000)
        self.mirror.blob(digest)

        answer = self.mirror.blob(digest, headers={"If-None-Match": f'"{digest}"'})

        self.assertEqual((answer.status, answer.body), (304, b""))

    def test_a_digest_may_come_percent_encoded(self):
        digest = self.new_blob(1000)

        self.assert_blob(self.mirror.blob(digest.replace(":", "%3A")), digest)

    def test_names_may_contain_the_words_of_the_api(self):
        self.hub.image("team/manifests/blobs", "tags", [1000], "words")

        answer = self.mirror.manifest("tags", "team/manifests/blobs")

        self.assertEqual(answer.status, 200)
        layer = json.loads(answer.body)["layers"][0]["digest"]
        self.assert_blob(self.mirror.blob(layer, "team/manifests/blobs"), layer)

    @needs_longshore
    def test_lists_are_not_served_and_say_so(self):
        for path in ("/v2/alpine/tags/list", "/v2/_catalog", f"/v2/alpine/referrers/sha256:{'0' * 64}"):
            with self.subTest(path):
                self.assert_refused(self.mirror.get(path), (404,), ("UNSUPPORTED",))

    def test_one_connection_carries_many_requests(self):
        digest = self.new_blob(50_000)
        connection = http.client.HTTPConnection("127.0.0.1", self.mirror.port, timeout=20)
        self.addCleanup(connection.close)
        for _ in range(3):
            self.assert_blob(self.mirror.blob(digest, connection=connection), digest)
            self.assertEqual(self.mirror.get("/v2/", connection=connection).status, 200)
