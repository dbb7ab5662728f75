"""Cold blobs: one upstream fetch, everybody streams, nothing goes where it should not."""

import http.client
import threading
import time

from harness import MirrorTest, crowd, needs_longshore

MEBI = 1 << 20


class Filling(MirrorTest):
    def test_64_cold_clients_make_one_upstream_get(self):
        digest = self.new_blob(8 * MEBI)
        self.hub.fault("slow", rate=8 * MEBI)

        answers = crowd(64, lambda _: self.mirror.blob(digest, timeout=90))

        for answer in answers:
            self.assert_blob(answer, digest)
        self.assertEqual(self.hub.blob_gets(digest), 1)

    def test_many_blobs_filled_at_once_are_fetched_once_each(self):
        digests = [self.new_blob(200_000, str(i)) for i in range(8)]
        self.hub.fault("slow", rate=MEBI)

        answers = crowd(32, lambda i: self.mirror.blob(digests[i % 8]))

        for i, answer in enumerate(answers):
            self.assert_blob(answer, digests[i % 8])
        self.assertEqual([self.hub.blob_gets(digest) for digest in digests], [1] * 8)

    @needs_longshore
    def test_late_comers_stream_from_the_growing_file(self):
        digest = self.new_blob(4 * MEBI)
        self.hub.fault("slow", rate=2 * MEBI)
        first = threading.Thread(target=self.mirror.blob, args=(digest,))
        first.start()
        time.sleep(0.5)

        late = self.mirror.blob(digest)
        first.join()

        self.assert_blob(late, digest)
        self.assertLess(late.first_byte, 0.5)
        self.assertEqual(self.hub.blob_gets(digest), 1)

    @needs_longshore
    def test_the_first_client_may_leave_while_others_wait(self):
        digest = self.new_blob(4 * MEBI)
        self.hub.fault("slow", rate=2 * MEBI)
        leaver = http.client.HTTPConnection("127.0.0.1", self.mirror.port, timeout=20)
        leaver.request("GET", f"/v2/library/blobs/blobs/{digest}")
        leaver.getresponse().read(1000)
        answers = []
        stayer = threading.Thread(target=lambda: answers.append(self.mirror.blob(digest)))
        stayer.start()
        time.sleep(0.3)
        leaver.close()
        stayer.join()

        self.assert_blob(answers[0], digest)
        self.assertEqual(self.hub.blob_gets(digest), 1)

    def test_the_same_blob_in_another_repository_needs_its_own_yes(self):
        digest = self.new_blob(1000)
        self.assert_blob(self.mirror.blob(digest), digest)

        self.assertNotEqual(self.mirror.blob(digest, "private/secret").status, 200)

    def test_redirects_carry_no_authorization(self):
        digest = self.new_blob(100_000)

        self.assert_blob(self.mirror.blob(digest), digest)

        self.assertTrue(any(entry["authorization"] == "Bearer" for entry in self.hub.log("front")))
        self.assertEqual([(entry["authorization"], entry["cookie"]) for entry in self.hub.log("cdn")],
                         [(None, False)])

    @needs_longshore
    def test_upstream_is_asked_for_identity_and_for_every_manifest_type(self):
        digest = self.new_blob(1000)
        self.mirror.blob(digest)
        self.mirror.get("/v2/library/alpine/manifests/latest", {"Accept": "application/json"})

        self.assertEqual({entry["accept_encoding"] for entry in self.hub.log("cdn")}, {"identity"})
        accepts = [", ".join(entry["accept"]) for entry in self.hub.log("front", "GET", "/manifests/")]
        for media_type in ("oci.image.index", "oci.image.manifest", "manifest.list.v2", "manifest.v2"):
            self.assertIn(media_type, accepts[0])

    def test_one_token_serves_a_whole_image(self):
        digests = [self.new_blob(1000, str(i)) for i in range(4)]
        for digest in digests:
            self.assert_blob(self.mirror.blob(digest), digest)

        self.assertEqual(self.hub.counts()["tokens"], 1)

    @needs_longshore
    def test_a_crowd_asks_for_one_token(self):
        digests = [self.new_blob(1000, str(i)) for i in range(16)]

        crowd(16, lambda i: self.mirror.blob(digests[i]))

        self.assertEqual(self.hub.counts()["tokens"], 1)

    def test_every_legal_spelling_of_a_challenge_is_understood(self):
        for i, style in enumerate(("plain", "reordered", "among others", "several headers")):
            with self.subTest(style):
                self.hub.set(challenge=style)
                repository = f"spelling/{i}"
                digest = self.new_blob(1000, style, repository=repository)
                self.assert_blob(self.mirror.blob(digest, repository), digest)

    def test_tokens_may_leave_out_any_optional_field(self):
        for i, omitted in enumerate((["token"], ["access_token"], ["expires_in", "issued_at"])):
            with self.subTest(str(omitted)):
                self.hub.set(token_omits=omitted)
                repository = f"omitted/{i}"
                digest = self.new_blob(1000, str(i), repository=repository)
                self.assert_blob(self.mirror.blob(digest, repository), digest)

    def test_an_expired_token_is_replaced(self):
        self.hub.set(token_seconds=1)
        first, second = self.new_blob(1000, "1"), self.new_blob(1000, "2")
        self.assert_blob(self.mirror.blob(first), first)
        time.sleep(1.2)

        self.assert_blob(self.mirror.blob(second), second)

    def test_blobs_without_a_redirect_are_filled_too(self):
        self.hub.set(redirect=0)
        digest = self.new_blob(100_000)

        self.assert_blob(self.mirror.blob(digest), digest)
        self.assert_blob(self.mirror.blob(digest), digest)
        self.assertEqual(self.hub.counts()["blobs"][digest].get("front_get"), 1)

    def test_each_kind_of_redirect_is_followed(self):
        for status in (301, 302, 303, 307, 308):
            with self.subTest(str(status)):
                self.hub.set(redirect=status)
                digest = self.new_blob(1000, str(status))
                self.assert_blob(self.mirror.blob(digest), digest)
