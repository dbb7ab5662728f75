"""Upstreams that fail: the right status for the client, nothing wrong ever ends cleanly or is kept."""

import hashlib
import json
import threading
import time
import unittest

from harness import PEER, MirrorTest, needs_longshore, until

GATEWAY = (502, 503, 504)


class UpstreamFailure(MirrorTest):
    def spoil_then_heal(self, kind, **fields):
        """Under a lasting fault the blob never passes; once healed it comes, fetched anew."""
        digest = self.new_blob(300_000)
        self.hub.fault(kind, **fields)
        for _ in range(2):
            answer = self.mirror.blob(digest)
            self.assert_never_passed_off(answer, digest)
            self.assertFalse(answer.status == 200 and answer.complete)
        self.hub.clear_faults()
        before = self.hub.blob_gets(digest)
        self.assert_blob(self.mirror.blob(digest), digest)
        self.assertGreater(self.hub.blob_gets(digest), before, "bytes of a failed fetch were kept")

    def test_a_short_body_never_ends_cleanly(self):
        self.spoil_then_heal("short")

    def test_a_body_shorter_than_the_blob_never_ends_cleanly(self):
        self.spoil_then_heal("truncated")

    def test_a_corrupt_first_byte_never_ends_cleanly(self):
        self.spoil_then_heal("corrupt", offset=0)

    def test_a_corrupt_last_byte_never_ends_cleanly(self):
        self.spoil_then_heal("corrupt", offset=299_999)

    def test_a_reset_in_the_body_never_ends_cleanly(self):
        self.spoil_then_heal("drop")

    def test_a_chunked_body_cut_short_never_ends_cleanly(self):
        self.hub.fault("chunked")
        self.spoil_then_heal("short")

    @needs_longshore
    def test_a_compressed_body_never_ends_cleanly_unless_decoded(self):
        digest = self.new_blob(300_000)
        self.hub.fault("gzip")

        self.assert_never_passed_off(self.mirror.blob(digest), digest)
        self.hub.clear_faults()
        self.assert_blob(self.mirror.blob(digest), digest)

    def test_one_broken_connection_does_no_lasting_harm(self):
        digest = self.new_blob(300_000)
        self.hub.fault("drop", times=1)

        self.assert_never_passed_off(self.mirror.blob(digest), digest)
        self.assert_blob(self.mirror.blob(digest), digest)

    def test_a_chunked_body_is_served_whole(self):
        digest = self.new_blob(300_000)
        self.hub.fault("chunked")

        self.assert_blob(self.mirror.blob(digest), digest)
        self.assertTrue(until(lambda: self.mirror.blob(digest).headers["Content-Length"] == "300000"))

    def test_manifests_without_a_digest_header_get_one(self):
        self.hub.fault("no_digest", where="front")

        for answer in (self.mirror.manifest("latest"), self.mirror.manifest("latest")):
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.headers["Docker-Content-Digest"], answer.digest)

    @needs_longshore
    def test_a_manifest_that_is_not_its_digest_is_refused(self):
        digest = f"sha256:{hashlib.sha256(self.hub.manifest('library/alpine', 'latest')[1]).hexdigest()}"
        self.hub.fault("corrupt", where="front", match="/manifests/")

        self.assert_refused(self.mirror.manifest(digest), GATEWAY)
        self.hub.clear_faults()
        self.assertEqual(self.mirror.manifest(digest).digest, digest)

    @needs_longshore
    def test_429_is_passed_with_its_retry_after(self):
        self.hub.fault("status", where="front", match="/manifests/", status=429, headers={"Retry-After": "7"},
                       body="Too Many Requests (HAP429)")

        answer = self.mirror.manifest("latest")

        self.assert_refused(answer, (429,), ("TOOMANYREQUESTS",))
        self.assertEqual(answer.headers.get("Retry-After"), "7")

    @needs_longshore
    def test_server_errors_of_the_front_are_gateway_errors(self):
        digest = self.new_blob(1000)
        for status in (500, 502, 503, 504):
            with self.subTest(str(status)):
                self.hub.clear_faults()
                self.hub.fault("status", where="front", status=status, body="<html>oops</html>")
                self.assert_refused(self.mirror.manifest("3.20"), GATEWAY)
                self.assert_refused(self.mirror.blob(digest), GATEWAY)

    @needs_longshore
    def test_errors_of_the_cdn_are_gateway_errors(self):
        digest = self.new_blob(1000)
        for status in (400, 403, 500, 503):
            with self.subTest(str(status)):
                self.hub.clear_faults()
                self.hub.fault("status", status=status, body="<Error/>")
                self.assert_refused(self.mirror.blob(digest), GATEWAY)
        self.hub.clear_faults()
        self.assert_blob(self.mirror.blob(digest), digest)

    @needs_longshore
    def test_an_expired_signature_asks_the_registry_again(self):
        digest = self.new_blob(1000)
        self.hub.fault("status", status=403, times=1)

        self.assert_blob(self.mirror.blob(digest), digest)
        self.assertEqual(self.hub.counts()["blobs"][digest]["front_get"], 2)

    @needs_longshore
    def test_unknown_manifests_and_blobs_are_404_with_their_code(self):
        self.assert_refused(self.mirror.manifest("no-such-tag"), (404,), ("MANIFEST_UNKNOWN",))
        self.assert_refused(self.mirror.manifest(f"sha256:{'0' * 64}"), (404,), ("MANIFEST_UNKNOWN",))
        self.assert_refused(self.mirror.blob(f"sha256:{'0' * 64}"), (404,), ("BLOB_UNKNOWN",))

    @needs_longshore
    def test_private_and_unknown_repositories_are_refused_without_a_loop(self):
        for name in ("private/secret", "nobody/nothing"):
            with self.subTest(name):
                self.assert_refused(self.mirror.manifest("latest", name), (401, 403, 404))
        self.assertLessEqual(len(self.hub.log("front")), 8)

    @needs_longshore
    def test_a_registry_that_refuses_its_own_tokens_is_not_asked_for_ever(self):
        self.hub.fault("loop401", where="front")

        self.assert_refused(self.mirror.manifest("latest"), (401, 403, 404, 502))
        self.assertLessEqual(len(self.hub.log("front")), 4)

    @needs_longshore
    def test_a_failing_token_server_is_a_gateway_error(self):
        for kind in ("status", "drop"):
            with self.subTest(kind):
                self.hub.clear_faults()
                self.hub.fault(kind, where="token", status=500, after=0)
                self.assert_refused(self.mirror.manifest("latest"), GATEWAY)
        self.hub.clear_faults()
        self.hub.stop("token")
        self.assert_refused(self.mirror.manifest("latest"), GATEWAY)
        self.hub.start("token")
        self.assertEqual(self.mirror.manifest("latest").status, 200)

    @needs_longshore
    def test_a_token_server_that_talks_nonsense_is_a_gateway_error(self):
        self.hub.fault("status", where="token", status=200, body='{"token": 5}')

        self.assert_refused(self.mirror.manifest("latest"), GATEWAY)

    @needs_longshore
    def test_an_upstream_that_is_not_there_is_a_gateway_error(self):
        self.hub.stop()

        self.assert_refused(self.mirror.manifest("latest"), GATEWAY)
        self.assert_refused(self.mirror.blob(f"sha256:{'1' * 64}"), GATEWAY)

    @needs_longshore
    def test_errors_are_not_kept(self):
        self.hub.fault("status", where="front", status=503)
        self.assert_refused(self.mirror.manifest("latest"), GATEWAY)
        self.hub.clear_faults()

        self.assertEqual(self.mirror.manifest("latest").status, 200)

    def test_head_and_get_agree_on_failures(self):
        for path in ("/v2/library/alpine/manifests/no-such-tag", f"/v2/library/alpine/blobs/sha256:{'0' * 64}"):
            with self.subTest(path):
                head, get = self.mirror.head(path), self.mirror.get(path)
                self.assertEqual((head.status, head.body), (get.status, b""))

    @needs_longshore
    def test_a_slow_start_upstream_does_not_hold_up_others(self):
        slow, quick = self.new_blob(1000, "slow"), self.new_blob(1000, "quick")
        self.hub.fault("hang", match=slow, times=1, seconds=4)
        waiting = threading.Thread(target=lambda: self.mirror.blob(slow))
        waiting.start()
        began = time.monotonic()
        self.assert_blob(self.mirror.blob(quick), quick)
        self.assertLess(time.monotonic() - began, 3)
        self.hub.clear_faults()
        waiting.join()

    @needs_longshore
    def test_refusals_name_the_reason_for_humans(self):
        self.hub.stop()

        message = json.loads(self.mirror.manifest("latest").body)["errors"][0]["message"]

        self.assertGreater(len(message), 10)


class UpstreamHangs(MirrorTest):
    flags = ("--response-timeout", "1s", "--read-timeout", "1s")
    patience = 15

    def setUp(self):
        if PEER != "longshore":
            raise unittest.SkipTest("longshore only")
        super().setUp()

    def test_a_front_that_never_answers_is_504(self):
        self.hub.fault("hang", where="front")

        answer = self.mirror.manifest("latest", timeout=self.patience)

        self.assert_refused(answer, (504,))

    def test_a_token_server_that_never_answers_is_504(self):
        self.hub.fault("hang", where="token")

        self.assert_refused(self.mirror.manifest("latest", timeout=self.patience), (504,))

    def test_a_cdn_that_never_answers_is_504(self):
        digest = self.new_blob(1000)
        self.hub.fault("hang")

        self.assert_refused(self.mirror.blob(digest, timeout=self.patience), (504,))
        self.hub.clear_faults()
        self.assert_blob(self.mirror.blob(digest), digest)

    def test_a_body_that_stops_never_ends_cleanly(self):
        digest = self.new_blob(300_000)
        self.hub.fault("stall")

        answer = self.mirror.blob(digest, timeout=self.patience)

        self.assertFalse(answer.status == 200 and answer.complete)
        self.assertLess(answer.seconds, self.patience - 1, "the client was left waiting")
        self.hub.clear_faults()
        self.assert_blob(self.mirror.blob(digest), digest)

    def test_a_slow_upstream_that_keeps_moving_is_waited_for(self):
        digest = self.new_blob(300_000)
        self.hub.fault("slow", rate=100_000)

        self.assert_blob(self.mirror.blob(digest), digest)

    def test_a_late_first_byte_is_waited_for(self):
        digest = self.new_blob(1000)
        self.hub.fault("delay", seconds=0.5)

        self.assert_blob(self.mirror.blob(digest), digest)
