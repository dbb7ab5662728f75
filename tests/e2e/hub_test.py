"""The hub itself: the other tests lean on what it counts and refuses."""

import hashlib
import time
import unittest
import urllib.parse

from harness import ALL_MANIFESTS, get, hub, head, request


class Hub(unittest.TestCase):
    def setUp(self):
        self.hub = hub()
        self.hub.reset()
        self.addCleanup(self.hub.reset)

    def token(self, name):
        answer = get(self.hub.addresses["token"], f"/token?service=x&scope=repository:{name}:pull")
        return {"Accept": ALL_MANIFESTS, "Authorization": "Bearer " + answer.body.decode().split('"token": "')[1].split('"')[0]}

    def blob_location(self, digest):
        answer = get(self.hub.port, f"/v2/library/blobs/blobs/{digest}", self.token("library/blobs"))
        self.assertEqual(answer.status, 307)
        return urllib.parse.urlsplit(answer.headers["Location"])

    def test_challenges_with_realm_service_and_scope(self):
        answer = get(self.hub.port, "/v2/library/alpine/manifests/latest")

        self.assertEqual(answer.status, 401)
        self.assertIn('scope="repository:library/alpine:pull"', answer.headers["WWW-Authenticate"])

    def test_a_token_covers_its_own_repository_only(self):
        path = "/v2/{}/manifests/{}"

        self.assertEqual(get(self.hub.port, path.format("library/alpine", "latest"),
                             self.token("library/alpine")).status, 200)
        self.assertEqual(get(self.hub.port, path.format("team/app", "1.0"), self.token("library/alpine")).status, 401)

    def test_one_component_names_and_private_names_stay_unauthorized(self):
        for name in ("alpine", "private/secret", "library/nowhere"):
            with self.subTest(name):
                self.assertEqual(get(self.hub.port, f"/v2/{name}/manifests/latest", self.token(name)).status, 401)

    def test_only_manifest_gets_spend_the_limit(self):
        self.hub.set(limit=1)
        token = self.token("library/alpine")
        path = "/v2/library/alpine/manifests/latest"

        self.assertEqual(head(self.hub.port, path, token).headers["ratelimit-remaining"], "1;w=21600")
        self.assertEqual(get(self.hub.port, path, token).headers["ratelimit-remaining"], "0;w=21600")
        self.assertEqual(get(self.hub.port, path, token).status, 429)
        self.assertEqual(head(self.hub.port, path, token).status, 200)

    def test_the_cdn_serves_signed_urls_and_refuses_authorization(self):
        digest = self.hub.blob(1000, "cdn")
        url = self.blob_location(digest)
        target = f"{url.path}?{url.query}"

        answer = get(url.port, target)
        self.assertEqual(answer.digest, digest)
        self.assertEqual(get(url.port, target, {"Range": "bytes=10-19"}).body, answer.body[10:20])
        self.assertEqual(get(url.port, target, {"Authorization": "Bearer x"}).status, 400)
        self.assertEqual(head(url.port, target).status, 403)
        self.assertEqual(self.hub.blob_gets(digest), 3)

    def test_signed_urls_expire(self):
        digest = self.hub.blob(1000, "expiry")
        self.hub.set(sign_seconds=0)
        url = self.blob_location(digest)

        self.assertEqual(get(url.port, f"{url.path}?{url.query}").status, 403)

    def spoiled(self, kind, **fields):
        digest = self.hub.blob(100_000, "spoiled")
        self.hub.fault(kind, **fields)
        url = self.blob_location(digest)
        return get(url.port, f"{url.path}?{url.query}"), digest

    def test_short_and_dropped_bodies_are_not_complete(self):
        for kind in ("short", "drop"):
            with self.subTest(kind):
                answer, _ = self.spoiled(kind, after=5000, times=1)
                self.assertFalse(answer.complete)
                self.assertLessEqual(len(answer.body), 5000)

    def test_truncated_corrupt_and_compressed_bodies_look_complete(self):
        for kind in ("truncated", "corrupt", "gzip"):
            with self.subTest(kind):
                answer, digest = self.spoiled(kind, times=1)
                self.assertTrue(answer.complete)
                self.assertNotEqual(answer.digest, digest)

    def test_chunked_bodies_are_right(self):
        answer, digest = self.spoiled("chunked")

        self.assertEqual(answer.digest, digest)
        self.assertNotIn("Content-Length", answer.headers)

    def test_slow_is_a_rate(self):
        answer, digest = self.spoiled("slow", rate=200_000)

        self.assertEqual(answer.digest, digest)
        self.assertGreater(answer.seconds, 0.4)

    def test_a_stopped_part_refuses_and_comes_back_on_its_port(self):
        self.hub.stop("front")
        self.assertRaises(OSError, get, self.hub.port, "/v2/")
        self.hub.start("front")
        self.assertEqual(get(self.hub.port, "/v2/").status, 401)

    def test_a_hang_ends_when_the_faults_are_cleared(self):
        self.hub.fault("hang", where="front")
        self.assertRaises(OSError, get, self.hub.port, "/v2/", timeout=0.3)
        began = time.monotonic()
        self.hub.clear_faults()
        self.assertEqual(get(self.hub.port, "/v2/").status, 401)
        self.assertLess(time.monotonic() - began, 2)

    def test_control_names_unknown_faults_and_settings(self):
        self.assertRaisesRegex(RuntimeError, "unknown fault", self.hub.fault, "nonsense")
        self.assertRaisesRegex(RuntimeError, "unknown settings", self.hub.set, nonsense=1)

    def test_manifests_come_byte_for_byte(self):
        media_type, body = self.hub.manifest("library/alpine", "latest")
        answer = request(self.hub.port, "GET", "/v2/library/alpine/manifests/latest",
                         {**self.token("library/alpine"), "Accept": media_type})

        self.assertEqual(answer.body, body)
        self.assertEqual(answer.headers["Docker-Content-Digest"], f"sha256:{hashlib.sha256(body).hexdigest()}")
