"""The mirror over every way in: HTTP/1.1 and HTTP/2, in clear and over TLS. The client is curl."""

import hashlib
import subprocess
from pathlib import Path

from harness import MirrorTest, free_port, needs_longshore


def curl(*arguments, output=None):
    """(version, status, body); curl's own failures are errors."""
    target = ["-o", str(output)] if output else ["-o", "/dev/null"]
    done = subprocess.run(["curl", "-sS", "--max-time", "60", "--noproxy", "*", "-w", "%{http_version} %{http_code}",
                           *target, *arguments], capture_output=True, text=True, timeout=90)
    if done.returncode:
        raise AssertionError(f"curl ended with {done.returncode}: {done.stderr}")
    version, status = done.stdout.split()
    return version, int(status)


@needs_longshore
class Versions(MirrorTest):
    def setUp(self):
        self.tls_port = free_port()
        self.flags = ("--tls-listen", f"127.0.0.1:{self.tls_port}", "--development-ca")
        super().setUp()
        self.authority = next(self.mirror.data.rglob("development-ca.pem"))

    def ways(self):
        """(name, arguments, base URL, version) of every way in."""
        clear, secure = f"http://localhost:{self.mirror.port}", f"https://localhost:{self.tls_port}"
        trust = ["--cacert", str(self.authority)]
        return [("http/1.1", ["--http1.1"], clear, "1.1"), ("h2c", ["--http2-prior-knowledge"], clear, "2"),
                ("https/1.1", ["--http1.1", *trust], secure, "1.1"), ("h2", ["--http2", *trust], secure, "2")]

    def body_over(self, way, path, *more):
        name, arguments, base, version = way
        output = Path(self.scratch.name, "body")
        self.assertEqual(curl(*arguments, *more, base + path, output=output), (version, 200), name)
        return output.read_bytes()

    def test_a_cold_and_then_warm_blob_comes_whole_over_each(self):
        for way in self.ways():
            digest = self.new_blob(3_000_000, way[0])
            for state in ("cold", "warm"):
                with self.subTest(f"{state} over {way[0]}"):
                    body = self.body_over(way, f"/v2/library/blobs/blobs/{digest}")
                    self.assertEqual(f"sha256:{hashlib.sha256(body).hexdigest()}", digest)

    def test_the_manifest_is_the_same_over_each(self):
        media_type, wanted = self.hub.manifest("library/alpine", "latest")
        for way in self.ways():
            with self.subTest(way[0]):
                body = self.body_over(way, "/v2/library/alpine/manifests/latest", "-H", f"Accept: {media_type}")
                self.assertEqual(body, wanted)

    def test_a_range_of_a_blob_comes_over_each(self):
        digest = self.new_blob(200_000)
        whole = self.mirror.blob(digest).body
        for name, arguments, base, version in self.ways():
            with self.subTest(name):
                output = Path(self.scratch.name, "part")
                answer = curl(*arguments, "-r", "1000-70999", f"{base}/v2/library/blobs/blobs/{digest}", output=output)
                self.assertEqual(answer, (version, 206))
                self.assertEqual(output.read_bytes(), whole[1000:71000])

    def test_a_request_for_a_host_that_the_certificate_does_not_cover_is_misdirected(self):
        for name, arguments, base, version in self.ways()[2:]:
            with self.subTest(name):
                answer = curl(*arguments, "-H", "Host: registry.example", f"{base}/v2/")
                self.assertEqual(answer, (version, 421))
