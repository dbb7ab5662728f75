"""Restarts without loss, and giving up root: what the rows do not cover."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from pathlib import Path

from harness import BINARY, MirrorTest, PEER, Program, free_port, get, until

MEBI = 1 << 20
USER = "nobody"
NET_BIND_SERVICE = 1 << 10


def needs_root(test):
    return unittest.skipUnless(os.geteuid() == 0, "needs root")(test)


class LongshoreTest(MirrorTest):
    def setUp(self):
        if PEER != "longshore":
            raise unittest.SkipTest("longshore only")
        super().setUp()

    def program(self, *flags, data=None, port=None, admin=None, log="other"):
        made = Program([BINARY, "mirror", "--listen", f"127.0.0.1:{port or free_port()}", "--admin-listen",
                        f"127.0.0.1:{admin or free_port()}", "--data-dir", str(data or self.mirror.data), "--upstream",
                        f"docker={self.hub.url}", *flags], self.mirror.directory / log)
        self.addCleanup(self.end, made)
        return made

    @staticmethod
    def end(program):
        if program.running():
            program.send(signal.SIGKILL)
            program.wait(10)


class HandOver(LongshoreTest):
    flags = ("--grace-period", "20s")

    def take_over(self):
        old = self.mirror.program
        self.mirror.flags = (*self.flags, "--take-over")
        self.mirror.start()
        return old

    def slow_pull(self, digest, answers):
        client = threading.Thread(target=lambda: answers.append(self.mirror.blob(digest)))
        client.start()
        self.assertTrue(until(lambda: self.hub.blob_gets(digest)))
        time.sleep(0.2)
        return client

    def test_a_fill_under_way_is_finished_by_the_old_process_and_served_by_the_new_one(self):
        digest = self.new_blob(2 * MEBI)
        self.hub.fault("slow", rate=MEBI)
        answers = []
        client = self.slow_pull(digest, answers)
        old = self.take_over()
        self.assertTrue(old.running(), "it drains")
        client.join()

        self.assertEqual(old.wait(20), 0, old.tail())
        self.assert_blob(answers[0], digest)
        self.hub.clear_faults()
        self.hub.stop()
        self.assert_blob(self.mirror.blob(digest), digest)
        staging = self.mirror.data / "mirror/tmp"
        self.assertTrue(until(lambda: not list(staging.iterdir())), list(staging.iterdir()))

    def test_what_the_old_process_leaves_when_it_is_killed_is_removed(self):
        digest = self.new_blob(2 * MEBI)
        self.hub.fault("slow", rate=MEBI // 4)
        client = self.begin_pull(digest)
        staging = self.mirror.data / "mirror/tmp"
        self.assertTrue(until(lambda: list(staging.iterdir())))
        old = self.take_over()
        self.assertTrue(list(staging.iterdir()), "the old process still needs it")
        old.send(signal.SIGKILL)
        old.wait(10)
        client.join()

        self.assertTrue(until(lambda: not list(staging.iterdir())), list(staging.iterdir()))

    def test_a_successor_that_fails_changes_nothing(self):
        taken = self.program(data=self.mirror.directory / "elsewhere")
        self.assertTrue(until(lambda: "ready" in taken.tail()))
        port = next(word for word in taken.tail().split() if word.startswith("address=127"))
        failing = self.program("--take-over", port=int(port.rpartition(":")[2].strip('"')), log="failing")

        self.assertNotEqual(failing.wait(20), 0)
        self.assertEqual(self.mirror.manifest("latest").status, 200)
        self.assertTrue(until(lambda: "hand_over_failed" in self.mirror.log()))
        self.take_over().wait(30)
        self.assertEqual(self.mirror.manifest("latest").status, 200)

    def test_local_sockets_stay_with_the_new_process(self):
        for _ in range(2):
            self.take_over().wait(30)
            self.assertTrue(until(lambda: "predecessor_ended" in self.mirror.log()))

        stats = subprocess.run([BINARY, "mirror", "stats", "--data-dir", str(self.mirror.data)], capture_output=True,
                               text=True, timeout=30)
        self.assertEqual(stats.returncode, 0, stats.stderr)
        self.assertEqual((self.mirror.data / "lock").read_text().split()[0], str(self.mirror.program.pid))

    def test_taking_over_where_nobody_runs_is_a_start(self):
        self.mirror.stop()
        self.mirror.flags = (*self.flags, "--take-over")
        self.mirror.start()

        self.assertEqual(self.mirror.manifest("latest").status, 200)

    def test_a_second_process_without_the_flag_is_refused(self):
        other = self.program()

        self.assertNotEqual(other.wait(20), 0)
        self.assertIn(f"process {self.mirror.program.pid}", other.tail())


class SocketActivation(LongshoreTest):
    def test_a_socket_that_nothing_is_configured_for_is_an_error(self):
        import socket
        with socket.create_server(("127.0.0.1", 0)) as passed:
            port = passed.getsockname()[1]
            command = [BINARY, "mirror", "--listen", f"127.0.0.1:{free_port()}", "--data-dir",
                       str(self.mirror.directory / "other")]
            done = subprocess.run(["/bin/sh", "-c", f'exec 3<&{passed.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"',
                                   "sh", *command], pass_fds=[passed.fileno()], capture_output=True, text=True,
                                  timeout=30)

        self.assertEqual(done.returncode, 1)
        self.assertIn(f"127.0.0.1:{port}", done.stderr)
        self.assertIn("socket unit", done.stderr)


@needs_root
class User(LongshoreTest):
    def setUp(self):
        super().setUp()
        # Above the scratch directory of the test, everybody may pass.
        self.open = Path(tempfile.mkdtemp(prefix="longshore-user-"))
        self.addCleanup(shutil.rmtree, self.open, True)
        self.open.chmod(0o755)
        self.account = pwd.getpwnam(USER)

    def start_as_user(self, *flags, data=None):
        program = self.program("--user", USER, *flags, data=data or self.open / "new/data", port=self.port())
        self.assertTrue(until(lambda: " ready " in program.tail() or not program.running(), 20), program.tail())
        self.assertTrue(program.running(), program.tail())
        return program

    def port(self):
        self.listening = getattr(self, "listening", None) or free_port()
        return self.listening

    @staticmethod
    def threads(program):
        for thread in Path(f"/proc/{program.pid}/task").iterdir():
            yield dict(line.split(":", 1) for line in (thread / "status").read_text().splitlines())

    def test_every_thread_is_the_user_and_can_only_bind(self):
        program = self.start_as_user()

        for status in self.threads(program):
            self.assertEqual(set(status["Uid"].split()), {str(self.account.pw_uid)}, status["Name"])
            self.assertEqual(set(status["Gid"].split()), {str(self.account.pw_gid)})
            self.assertNotIn("0", status["Groups"].split())
            self.assertEqual(status["NoNewPrivs"].strip(), "1")
            for name in ("CapPrm", "CapEff"):
                self.assertIn(int(status[name], 16), (0, NET_BIND_SERVICE), name)
            for name in ("CapInh", "CapBnd", "CapAmb"):
                self.assertEqual(int(status[name], 16), 0, name)

    def test_a_data_directory_that_is_made_is_the_users(self):
        program = self.start_as_user()

        for path in (self.open / "new", self.open / "new/data", self.open / "new/data/lock"):
            self.assertEqual(path.stat().st_uid, self.account.pw_uid, path)
        self.assertEqual(get(self.port(), "/v2/library/alpine/manifests/latest").status, 200, program.tail())

    def test_a_data_directory_of_root_is_refused_with_what_to_do(self):
        (self.open / "roots").mkdir(mode=0o700)
        program = self.program("--user", USER, data=self.open / "roots")

        self.assertNotEqual(program.wait(20), 0)
        self.assertIn("chown", program.tail())
        self.assertIn(USER, program.tail())

    def test_a_certificate_of_root_is_read_at_the_start_and_refused_at_a_reload(self):
        cert, key = self.open / "c.pem", self.open / "c.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-days", "2", "-subj", "/CN=a.test", "-keyout", str(key), "-out", str(cert)], check=True,
                       capture_output=True)
        key.chmod(0o600)
        tls = free_port()
        program = self.start_as_user("--tls-listen", f"127.0.0.1:{tls}", "--certificate", f"cert={cert},key={key}")
        program.send(signal.SIGHUP)

        self.assertTrue(until(lambda: "reload_refused" in program.tail()), program.tail())
        self.assertIn("certificates[0]", program.tail())
        self.assertIn(str(key), program.tail())
        shown = subprocess.run(["curl", "-sk", f"https://127.0.0.1:{tls}/v2/"], capture_output=True, timeout=20)
        self.assertEqual(shown.returncode, 0, "the old certificate stays")
        os.chown(key, self.account.pw_uid, -1)
        program.send(signal.SIGHUP)
        self.assertTrue(until(lambda: " reloaded" in program.tail()), program.tail())

    def test_ports_below_1024_can_be_bound(self):
        script = (f"ip link set lo up && exec {BINARY} mirror --user {USER} --listen 127.0.0.1:80 "
                  f"--data-dir {self.open}/low")
        program = Program(["unshare", "--net", "sh", "-c", script], self.mirror.directory / "low")
        self.addCleanup(self.end, program)

        self.assertTrue(until(lambda: " ready " in program.tail() or not program.running(), 20))
        self.assertTrue(program.running(), program.tail())

    def test_who_is_not_root_cannot_become_another(self):
        program = Program(["setpriv", "--reuid", str(self.account.pw_uid), "--clear-groups", BINARY, "mirror", "--user",
                           "daemon", "--listen", f"127.0.0.1:{free_port()}", "--data-dir", str(self.open / "x")],
                          self.mirror.directory / "ordinary")

        self.assertNotEqual(program.wait(20), 0)
        self.assertIn("only root can become daemon", program.tail())

    def test_a_user_that_is_not_there_is_an_error_that_names_it(self):
        program = self.program("--user", "no-such-user", data=self.open / "y")

        self.assertNotEqual(program.wait(20), 0)
        self.assertIn("no-such-user", program.tail())

    def test_root_without_a_user_is_warned(self):
        self.assertTrue(until(lambda: "running_as_root" in self.mirror.log(), 5))


if __name__ == "__main__":
    unittest.main()
