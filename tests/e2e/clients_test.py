"""Real clients pull through the mirror: cold, warm, by tag, by digest, by Host, and with the upstream gone."""

import hashlib
import json
import tempfile
import unittest
from pathlib import Path

import engines
from harness import MirrorTest, free_port, needs_longshore


def digest_of(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class ClientTest(MirrorTest):
    programs = ()

    @classmethod
    def setUpClass(cls):
        absent = engines.missing(*cls.programs)
        if absent:
            raise unittest.SkipTest(f"{', '.join(absent)} is not installed")
        cls.room = tempfile.TemporaryDirectory(prefix="e2e-client-", ignore_cleanup_errors=True)
        cls.addClassCleanup(cls.room.cleanup)

    def by_digest(self, name):
        repository, _, tag = name.partition(":")
        return f"{repository}@{digest_of(self.hub.manifest(repository, tag or 'latest')[1])}"

    def assert_one_get_per_blob(self):
        for digest, row in self.hub.counts()["blobs"].items():
            self.assertLessEqual(row.get("cdn_get", 0), 1, digest)

    def assert_upstream_idle_for(self, pull):
        before = [entry for entry in self.hub.log() if entry["method"] == "GET"]
        pull()
        after = [entry for entry in self.hub.log() if entry["method"] == "GET"]
        self.assertEqual(len(after), len(before), after[len(before):])


class Skopeo(ClientTest):
    programs = ("skopeo",)

    def setUp(self):
        super().setUp()
        self.skopeo = engines.Skopeo(Path(self.scratch.name) / "skopeo")

    def check(self, directory, name):
        repository, _, tag = name.partition(":")
        self.assertEqual((directory / "manifest.json").read_bytes(), self.hub.manifest(repository, tag or "latest")[1])
        for blob in directory.iterdir():
            if len(blob.name) == 64:
                self.assertEqual(digest_of(blob.read_bytes()), f"sha256:{blob.name}")

    def test_copies_every_image_shape_cold_and_warm(self):
        for name in ("library/alpine", "library/busybox", "library/layers", "library/empty", "team/app:1.0"):
            for state in ("cold", "warm"):
                with self.subTest(f"{name} {state}"):
                    self.check(self.skopeo.copy(self.mirror.image(name)), name)

    @needs_longshore
    def test_a_warm_copy_asks_upstream_for_nothing(self):
        self.skopeo.copy(self.mirror.image("library/alpine"))

        self.assert_one_get_per_blob()
        self.assert_upstream_idle_for(lambda: self.skopeo.copy(self.mirror.image("library/alpine")))

    def test_copies_by_digest_to_an_oci_layout(self):
        directory = self.skopeo.copy(self.mirror.image(self.by_digest("library/alpine")), kind="oci")

        index = json.loads((directory / "index.json").read_text())
        self.assertEqual(index["manifests"][0]["digest"], digest_of(self.hub.manifest("library/alpine", "latest")[1]))

    def test_copies_by_host(self):
        self.check(self.skopeo.copy(f"docker.localhost:{self.mirror.port}/library/alpine"), "library/alpine")

    @needs_longshore
    def test_copies_by_the_short_name(self):
        self.check(self.skopeo.copy(self.mirror.image("alpine")), "library/alpine")

    def test_copies_cached_images_with_the_upstream_stopped(self):
        self.skopeo.copy(self.mirror.image("library/layers"))
        self.hub.stop()

        self.check(self.skopeo.copy(self.mirror.image("library/layers")), "library/layers")

    def test_an_unknown_image_fails(self):
        self.assertIsNone(self.skopeo.copy(self.mirror.image("library/alpine:no-such-tag"), check=False))


class Podman(ClientTest):
    programs = ("podman",)

    def setUp(self):
        super().setUp()
        self.podman = engines.Podman(Path(self.scratch.name) / "podman")

    def pull(self, image):
        self.podman.podman("rmi", "--all", "--force")
        self.podman.podman("pull", "--quiet", "--tls-verify=false", image)
        return json.loads(self.podman.podman("image", "inspect", image).stdout)[0]

    def test_pulls_cold_warm_and_by_digest(self):
        first = self.pull(self.mirror.image("library/alpine:3.20"))
        self.assertEqual(self.pull(self.mirror.image("library/alpine:3.20"))["Id"], first["Id"])
        self.assertEqual(self.pull(self.mirror.image(self.by_digest("library/alpine:3.20")))["Id"], first["Id"])
        self.assertGreater(first["Size"], 0)

    def test_pulls_docker_hub_names_by_a_configured_mirror(self):
        self.podman.mirror_docker_hub_at(f"127.0.0.1:{self.mirror.port}")

        self.assertEqual(len(self.pull("docker.io/library/layers")["RootFS"]["Layers"]), 6)
        self.assertTrue(self.hub.log("cdn"))

    def test_pulls_by_host(self):
        self.assertTrue(self.pull(f"docker.localhost:{self.mirror.port}/library/busybox")["Id"])

    def test_pulls_cached_images_with_the_upstream_stopped(self):
        first = self.pull(self.mirror.image("library/busybox"))
        self.hub.stop()

        self.assertEqual(self.pull(self.mirror.image("library/busybox"))["Id"], first["Id"])


class Docker(ClientTest):
    """One dockerd for the class; its registry-mirrors entry is the port every mirror of the class takes."""

    programs = ("dockerd", "containerd", "docker")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.port = free_port()
        cls.docker = engines.Docker(Path(cls.room.name) / "docker", f"http://127.0.0.1:{cls.port}")
        cls.addClassCleanup(cls.docker.close)

    def start_mirror(self, *flags, **options):
        mirror = super().start_mirror(*flags, **options)
        mirror.stop()
        mirror.port = self.port
        return mirror.start()

    def setUp(self):
        super().setUp()
        self.forget()

    def forget(self):
        images = self.docker.docker("images", "--all", "--quiet").stdout.split()
        if images:
            self.docker.docker("rmi", "--force", *set(images))

    def pull(self, image):
        self.forget()
        self.docker.docker("pull", image)
        return json.loads(self.docker.docker("image", "inspect", image).stdout)[0]

    def check_direct(self, name, layers):
        first = self.pull(self.mirror.image(name))
        self.assertEqual(len(first["RootFS"]["Layers"]), layers)
        self.assertEqual(self.pull(self.mirror.image(name))["Id"], first["Id"])
        self.assertEqual(self.pull(self.mirror.image(self.by_digest(name)))["Id"], first["Id"])

    def test_pulls_an_oci_index_cold_warm_and_by_digest(self):
        self.check_direct("library/alpine", 1)

    def test_pulls_docker_media_types_cold_warm_and_by_digest(self):
        self.check_direct("library/layers", 6)

    @needs_longshore
    def test_a_pull_fetches_each_blob_once_and_a_second_nothing(self):
        self.pull(self.mirror.image("library/layers"))

        self.assert_one_get_per_blob()
        self.assert_upstream_idle_for(lambda: self.pull(self.mirror.image("library/layers")))

    def test_pulls_hub_names_through_registry_mirrors(self):
        for image in ("alpine", "busybox:latest", f"{self.by_digest('library/layers')}", "team/app:1.0"):
            with self.subTest(image):
                self.assertTrue(self.pull(image)["Id"])
        self.assertTrue(self.hub.log("cdn"))

    def test_pulls_by_host(self):
        first = self.pull(f"docker.localhost:{self.mirror.port}/library/alpine")

        self.assertEqual(self.pull(self.mirror.image("library/alpine"))["Id"], first["Id"])

    @needs_longshore
    def test_pulls_by_the_short_name(self):
        self.assertEqual(len(self.pull(self.mirror.image("alpine"))["RootFS"]["Layers"]), 1)

    def test_pulls_cached_images_with_the_upstream_stopped(self):
        for image in (self.mirror.image("library/alpine"), "busybox"):
            with self.subTest(image):
                first = self.pull(image)
                self.hub.stop()
                self.assertEqual(self.pull(image)["Id"], first["Id"])
                self.hub.start()

    @needs_longshore
    def test_cached_images_pull_after_a_restart_with_the_upstream_stopped(self):
        first = self.pull(self.mirror.image("library/alpine"))
        self.hub.stop()
        self.mirror.stop()
        self.mirror.start()

        self.assertEqual(self.pull(self.mirror.image("library/alpine"))["Id"], first["Id"])

    def test_a_pulled_image_holds_the_upstreams_bytes(self):
        pulled = self.pull(self.mirror.image("library/layers"))
        config = json.loads(self.hub.manifest("library/layers", "latest")[1])["config"]["digest"]

        self.assertEqual(pulled["Id"], config)

    def test_an_unknown_image_fails_with_the_registrys_words(self):
        failed = self.docker.docker("pull", self.mirror.image("library/alpine:no-such-tag"), check=False)

        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("manifest", failed.stderr)
        self.assertIn("unknown", failed.stderr)
