"""Starting, stopping, crashing, and what an operator sees."""

import json
import signal
import subprocess
import threading
import time
import unittest

from harness import BINARY, MirrorTest, PEER, Program, free_port, get, needs_longshore, until

MEBI = 1 << 20


class Lifecycle(MirrorTest):
    def fill(self):
        digest = self.new_blob(500_000)
        self.assert_blob(self.mirror.blob(digest), digest)
        manifest = self.mirror.manifest("latest")
        self.assertEqual(manifest.status, 200)
        return digest, manifest

    def check_kept(self, digest, manifest):
        self.hub.stop()
        self.assert_blob(self.mirror.blob(digest), digest)
        again = self.mirror.manifest(manifest.digest)
        self.assertEqual((again.status, again.body), (200, manifest.body))
        self.assertEqual(again.headers["Content-Type"], manifest.headers["Content-Type"])

    def test_the_cache_outlives_a_restart(self):
        kept = self.fill()
        self.mirror.stop()
        self.mirror.start()

        self.check_kept(*kept)

    def test_the_cache_outlives_kill_9(self):
        kept = self.fill()
        time.sleep(0.5)
        self.mirror.kill()
        self.mirror.start()

        self.check_kept(*kept)

    def test_a_kill_while_filling_leaves_nothing_wrong(self):
        digest = self.new_blob(2 * MEBI)
        self.hub.fault("slow", rate=MEBI)
        client = self.begin_pull(digest)
        until(lambda: self.hub.blob_gets(digest))
        time.sleep(0.5)
        self.mirror.kill()
        client.join()
        self.hub.clear_faults()
        self.mirror.start()

        self.assert_blob(self.mirror.blob(digest), digest)

    @needs_longshore
    def test_tags_of_a_stopped_upstream_still_answer_after_a_restart(self):
        _, manifest = self.fill()
        self.hub.stop()
        self.mirror.stop()
        self.mirror.start()

        self.assertEqual(self.mirror.manifest("latest").body, manifest.body)

    @needs_longshore
    def test_sigterm_lets_a_transfer_finish_and_ends_with_0(self):
        digest = self.new_blob(2 * MEBI)
        self.hub.fault("slow", rate=2 * MEBI)
        answers = []
        client = threading.Thread(target=lambda: answers.append(self.mirror.blob(digest)))
        client.start()
        until(lambda: self.hub.blob_gets(digest))
        time.sleep(0.2)
        self.mirror.stop()
        client.join()

        self.assert_blob(answers[0], digest)

    @needs_longshore
    def test_a_second_signal_ends_at_once(self):
        digest = self.new_blob(2 * MEBI)
        self.hub.fault("slow", rate=MEBI // 8)
        client = self.begin_pull(digest)
        until(lambda: self.hub.blob_gets(digest))
        program, self.mirror.program = self.mirror.program, None
        began = time.monotonic()
        program.send(signal.SIGTERM)
        time.sleep(0.3)
        program.send(signal.SIGTERM)
        program.wait(10)
        client.join()

        self.assertLess(time.monotonic() - began, 5)

    @needs_longshore
    def test_a_data_directory_in_use_is_an_error_that_names_it(self):
        other = Program([BINARY, "mirror", "--listen", f"127.0.0.1:{free_port()}", "--admin-listen",
                         f"127.0.0.1:{free_port()}", "--data-dir", str(self.mirror.data)],
                        self.mirror.directory / "other")
        self.assertNotEqual(other.wait(20), 0)
        self.assertIn(str(self.mirror.data), other.tail())

    @needs_longshore
    def test_a_data_directory_may_be_relative(self):
        ports = [free_port(), free_port()]
        other = Program([BINARY, "mirror", "--listen", f"127.0.0.1:{ports[0]}", "--admin-listen",
                         f"127.0.0.1:{ports[1]}", "--data-dir", "relative"], self.mirror.directory / "other",
                        cwd=self.mirror.directory)
        self.addCleanup(other.end)

        self.assertTrue(until(lambda: "ready" in other.tail() or not other.running()))
        self.assertEqual(get(ports[0], "/v2/").status, 200)

    @needs_longshore
    def test_a_port_in_use_is_an_error_that_names_it(self):
        other = Program([BINARY, "mirror", "--listen", f"127.0.0.1:{self.mirror.port}", "--admin-listen",
                         f"127.0.0.1:{free_port()}", "--data-dir", str(self.mirror.directory / "elsewhere")],
                        self.mirror.directory / "other")
        self.assertNotEqual(other.wait(20), 0)
        self.assertIn(str(self.mirror.port), other.tail())


class Operator(MirrorTest):
    def setUp(self):
        if PEER != "longshore":
            raise unittest.SkipTest("longshore only")
        super().setUp()

    def admin(self, path):
        return get(self.mirror.admin_port, path)

    def run_binary(self, *args):
        return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=30)

    def test_ready_and_healthcheck_answer_200(self):
        self.assertEqual(self.admin("/ready").status, 200)
        self.assertEqual(self.admin("/healthcheck").status, 200)

    def test_healthcheck_verb_reports_by_its_status(self):
        url = f"http://127.0.0.1:{self.mirror.admin_port}/healthcheck"

        self.assertEqual(self.run_binary("healthcheck", "--url", url).returncode, 0)
        self.assertNotEqual(self.run_binary("healthcheck", "--url", f"http://127.0.0.1:{free_port()}/").returncode, 0)

    def test_the_admin_surface_refuses_foreign_hosts(self):
        self.assertEqual(get(self.mirror.admin_port, "/metrics", {"Host": "evil.example"}).status, 421)

    def test_metrics_count_hits_misses_and_bytes(self):
        digest = self.new_blob(100_000)
        self.mirror.blob(digest)

        def hit():
            self.mirror.blob(digest)
            return self.mirror.metric("longshore_registry_hits_total") >= 1

        self.assertTrue(until(hit), self.mirror.metrics())
        self.assertGreaterEqual(self.mirror.metric("longshore_registry_misses_total"), 1)
        self.assertEqual(self.mirror.metric("longshore_registry_fetched_bytes_total"), 100_000)
        self.assertGreaterEqual(self.mirror.metric("longshore_registry_served_bytes_total"), 200_000)

    def test_stats_verb_shows_the_registry(self):
        self.mirror.manifest("latest")

        shown = self.run_binary("mirror", "stats", "--data-dir", str(self.mirror.data))

        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertIn("docker", shown.stdout)

    def test_version_in_json(self):
        shown = self.run_binary("version", "--json")

        self.assertEqual(shown.returncode, 0)
        self.assertIn("version", json.loads(shown.stdout))

    def test_one_line_per_request_in_the_log(self):
        self.mirror.manifest("latest")

        self.assertTrue(until(lambda: "path=/v2/library/alpine/manifests/latest" in self.mirror.log(), 5),
                        self.mirror.log())

    def test_nothing_listens_that_was_not_named(self):
        listening = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True).stdout
        ports = {line.split()[3].rpartition(":")[2] for line in listening.splitlines()
                 if f"pid={self.mirror.program.pid}," in line}

        self.assertEqual(ports, {str(self.mirror.port), str(self.mirror.admin_port)})


class Reload(MirrorTest):
    def setUp(self):
        if PEER != "longshore":
            raise unittest.SkipTest("longshore only")
        super().setUp()
        self.mirror.stop()
        self.file = self.mirror.directory / "longshore.yaml"
        self.write("mirror: {tag_ttl: 60s}\n")
        self.mirror.flags = ("--config", str(self.file))
        self.mirror.start()

    def write(self, text):
        self.file.write_text(text)

    def reload(self, text, word):
        """Sends SIGHUP and waits for a log line with the word."""
        self.write(text)
        seen = self.mirror.log().count(word)
        self.mirror.program.send(signal.SIGHUP)
        self.assertTrue(until(lambda: self.mirror.log().count(word) > seen), self.mirror.program.tail())

    def test_a_new_upstream_serves_after_sighup(self):
        host = {"Host": f"own.localhost:{self.mirror.port}", "Accept": "*/*"}
        path = "/v2/team/app/manifests/1.0"
        self.assertEqual(self.mirror.get(path, host).status, 404)
        self.reload(f"mirror: {{upstreams: {{own: {{url: \"{self.hub.url}\"}}}}}}\n", "reloaded")

        self.assertTrue(until(lambda: self.mirror.get(path, host).status == 200))

    def test_a_bad_file_leaves_the_old_configuration_serving(self):
        self.reload("mirror: {tag_tll: 60s}\n", "tag_tll")

        self.assertEqual(self.mirror.manifest("latest").status, 200)

    def test_a_reload_drops_no_transfer(self):
        digest = self.new_blob(2 * MEBI)
        self.hub.fault("slow", rate=2 * MEBI)
        answers = []
        client = threading.Thread(target=lambda: answers.append(self.mirror.blob(digest)))
        client.start()
        until(lambda: self.hub.blob_gets(digest))
        self.reload("mirror: {tag_ttl: 30s}\n", "reloaded")
        client.join()

        self.assert_blob(answers[0], digest)
