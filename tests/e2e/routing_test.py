"""Which upstream a request means, and what a mirror refuses by itself."""

import base64
import json
import unittest

from harness import MirrorTest, PEER, hub, request

MANIFEST = "/v2/library/alpine/manifests/latest"


class Routing(MirrorTest):
    def setUp(self):
        if PEER != "longshore":
            raise unittest.SkipTest("longshore only")
        super().setUp()

    @property
    def flags(self):
        return "--upstream", f"quay={hub().url}"

    def status(self, host, path=MANIFEST):
        return self.mirror.get(path, {"Host": host, "Accept": "*/*"}).status

    def test_docker_is_the_default_for_ip_literals_localhost_and_the_base_domain(self):
        for host in ("127.0.0.1", "[::1]", "localhost", "LOCALHOST", "docker.localhost", "Docker.LocalHost."):
            with self.subTest(host):
                self.assertEqual(self.status(f"{host}:{self.mirror.port}"), 200)

    def test_an_upstream_is_reached_by_its_name(self):
        host = f"quay.localhost:{self.mirror.port}"

        self.assertEqual(self.status(host, "/v2/team/app/manifests/1.0"), 200)

    def test_other_hosts_get_404_with_the_routes(self):
        for host in ("example.org", "nobody.localhost", "docker.localhost.example.org", "x.docker.localhost"):
            with self.subTest(host):
                answer = self.mirror.get(MANIFEST, {"Host": host})
                self.assert_refused(answer, (404,))
                self.assertIn(b"docker.localhost", answer.body)
        self.assertEqual(self.hub.log(), [])

    def test_library_is_completed_without_a_redirect(self):
        answer = self.mirror.manifest("latest", "alpine")

        self.assertEqual(answer.status, 200)
        self.assertTrue(all(entry["path"].startswith("/v2/library/alpine/") for entry in self.hub.log("front")))
        layers = self.mirror.manifest(json.loads(answer.body)["manifests"][0]["digest"], "alpine")
        layer = json.loads(layers.body)["layers"][0]["digest"]
        self.assert_blob(self.mirror.blob(layer, "alpine"), layer)

    def test_library_is_never_completed_for_other_registries(self):
        self.assertNotEqual(self.status(f"quay.localhost:{self.mirror.port}", "/v2/alpine/manifests/latest"), 200)
        self.assertEqual(self.hub.log("front", part="library/"), [])

    def test_pushes_are_405_in_registry_json(self):
        paths = [("POST", "/v2/library/alpine/blobs/uploads/"), ("PUT", MANIFEST), ("DELETE", MANIFEST),
                 ("PATCH", "/v2/library/alpine/blobs/uploads/0f0f"),
                 ("DELETE", f"/v2/library/alpine/blobs/sha256:{'0' * 64}")]
        for method, path in paths:
            with self.subTest(f"{method} {path}"):
                self.assert_refused(request(self.mirror.port, method, path, body=b"{}"), (405,), ("UNSUPPORTED",))
        self.assertEqual(self.hub.log(), [])

    def test_malformed_digests_names_and_tags_are_400(self):
        cases = {"/v2/library/alpine/blobs/sha256:short": "DIGEST_INVALID",
                 f"/v2/library/alpine/blobs/sha256:{'Z' * 64}": "DIGEST_INVALID",
                 "/v2/library/alpine/manifests/sha256:baddigeststring": "DIGEST_INVALID",
                 "/v2/library/Alpine/manifests/latest": "NAME_INVALID",
                 "/v2/library/alpine/manifests/-bad": "TAG_INVALID"}
        for path, code in cases.items():
            with self.subTest(path):
                self.assert_refused(self.mirror.get(path), (400,), (code, "MANIFEST_INVALID"))
        self.assertEqual(self.hub.log(), [])

    def test_paths_outside_the_api_are_404(self):
        for path in ("/v2/library/alpine", "/v2/library/alpine/nothing/latest", "/v2/_catalog"):
            with self.subTest(path):
                self.assert_refused(self.mirror.get(path), (404, 405))

    def test_a_callers_own_credentials_are_refused(self):
        own = base64.b64encode(b"me:secret-word").decode()
        for value in (f"Basic {own}", "Bearer abc.def.ghi"):
            with self.subTest(value.split()[0]):
                answer = self.mirror.get(MANIFEST, {"Authorization": value})
                self.assert_refused(answer, (400, 401, 403), ("UNAUTHORIZED", "DENIED", "UNSUPPORTED"))
        self.assertEqual(self.hub.log(), [])
        self.assertNotIn("secret-word", self.mirror.log())
        self.assertNotIn(own, self.mirror.log())

    def test_empty_basic_credentials_are_anonymous(self):
        answer = self.mirror.get(MANIFEST, {"Authorization": "Basic Og==", "Accept": "*/*"})

        self.assertEqual(answer.status, 200)

    def test_the_log_has_no_tokens_and_no_signatures(self):
        digest = self.new_blob(1000)
        self.assert_blob(self.mirror.blob(digest), digest)

        for secret in ("signature=", "Bearer ey", "access_token"):
            self.assertNotIn(secret, self.mirror.log())
