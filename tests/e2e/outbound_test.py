"""What the mirror sends: through a CONNECT proxy, never to private addresses on a public registry's word, never in
circles. The proxy is Debian's apache2 with mod_proxy_connect."""

import base64
import contextlib
import hashlib
import json
import socket
import tempfile
import time
from pathlib import Path

from harness import MIRRORS, MirrorTest, Program, free_port, needs_longshore, until
from hub.client import HubProcess
from own_network import run_inside

PUBLIC = "11.0.0.1"  # nobody's, in a network of its own
MODULES = ("mpm_worker", "authz_core", "proxy", "proxy_connect", "authn_core", "authn_file", "auth_basic", "authz_user")


class ConnectProxy:
    def __init__(self, scratch, user=None, password="", allowed="1-65535"):
        self.directory = Path(tempfile.mkdtemp(prefix="proxy-", dir=scratch))
        for directory in (Path(scratch), self.directory):
            directory.chmod(0o755)  # apache2 reads the passwords as nobody
        self.port = free_port()
        Path(self.directory, "users").write_text(
            f"{user}:{{SHA}}{base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()}\n")
        guard = (f"AuthType Basic\nAuthName proxy\nAuthUserFile {self.directory}/users\nRequire valid-user"
                 if user else "Require all granted")
        modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES)
        config = self.directory / "proxy.conf"
        config.write_text(f"""
ServerRoot {self.directory}
PidFile {self.directory}/pid
ServerName proxy.test
Listen 127.0.0.1:{self.port}
{modules}
User nobody
Group nogroup
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
ProxyRequests On
AllowCONNECT {allowed}
ErrorLog {self.directory}/error.log
LogFormat "%>s %r" line
CustomLog {self.directory}/access.log line
<Proxy "*">
{guard}
</Proxy>
""")
        self.program = Program(["apache2", "-DFOREGROUND", "-f", str(config)], self.directory / "log")
        if not until(self._answers):
            raise RuntimeError(f"apache2 did not start\n{self.program.tail()}")

    def _answers(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False

    def url(self, credentials=""):
        return f"http://{credentials}127.0.0.1:{self.port}"

    def lines(self):
        """Written when a tunnel ends."""
        log = self.directory / "access.log"
        return log.read_text().splitlines() if log.exists() else []

    def stop(self):
        self.program.end()


def message(answer):
    return json.loads(answer.body)["errors"][0]["message"]


@needs_longshore
class ThroughAProxy(MirrorTest):
    def mirror_behind(self, proxy_url, *flags):
        config = Path(self.scratch.name, "longshore.yaml")
        config.write_text(json.dumps({"mirror": {"upstreams": {"docker": {"url": self.hub.url, "proxy": proxy_url}}}}))
        return self.start_mirror("--config", str(config), *flags)

    def proxy(self, **options):
        proxy = ConnectProxy(self.scratch.name, **options)
        self.addCleanup(proxy.stop)
        return proxy

    def test_registry_token_server_and_storage_are_reached_through_it(self):
        proxy = self.proxy()
        mirror = self.mirror_behind(proxy.url())
        digest = self.new_blob(2_000_000)

        self.assertEqual(mirror.manifest("latest").status, 200)
        self.assert_blob(mirror.blob(digest), digest)

        mirror.stop()
        asked = {f"127.0.0.1:{self.hub.addresses[part]}" for part in ("front", "token", "cdn")}
        self.assertTrue(until(lambda: {line.split(" ")[2] for line in proxy.lines()} == asked), proxy.lines())
        self.assertEqual({line.split(" ")[0] for line in proxy.lines()}, {"200"})

    def test_credentials_are_sent_and_never_shown(self):
        proxy = self.proxy(user="puller", password="hunter2")
        mirror = self.mirror_behind(proxy.url("puller:hunter2@"))
        self.assertEqual(mirror.manifest("latest").status, 200)

        wrong = self.mirror_behind(proxy.url("puller:letmein@"))
        refused = wrong.manifest("latest")

        self.assert_refused(refused, (502,))
        self.assertIn(f"proxy http://127.0.0.1:{proxy.port} answered 407", message(refused))
        self.assertIn("does not take the credentials", message(refused))
        for text in (mirror.log(), wrong.log(), refused.body.decode()):
            self.assertNotIn("hunter2", text)
            self.assertNotIn("letmein", text)

    def test_a_proxy_that_wants_credentials_is_said_to(self):
        refused = self.mirror_behind(self.proxy(user="puller", password="x").url()).manifest("latest")

        self.assert_refused(refused, (502,))
        self.assertIn("it wants credentials", message(refused))

    def test_a_proxy_that_does_not_allow_the_port_is_said_to(self):
        refused = self.mirror_behind(self.proxy(allowed="443").url()).manifest("latest")

        self.assert_refused(refused, (502,))
        self.assertIn("answered 403", message(refused))

    def test_a_proxy_that_is_not_there_is_named(self):
        port = free_port()
        refused = self.mirror_behind(f"http://127.0.0.1:{port}").manifest("latest")

        self.assert_refused(refused, (502,))
        self.assertIn(f"proxy http://127.0.0.1:{port}", message(refused))

    def test_a_silent_proxy_is_given_up_in_time(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            mirror = self.mirror_behind(f"http://127.0.0.1:{silent.getsockname()[1]}", "--connect-timeout", "500ms")
            refused = mirror.manifest("latest", timeout=20)

        self.assert_refused(refused, (504,))

    def test_tls_goes_through_the_tunnel_and_is_checked_behind_it(self):
        tls_port = free_port()
        inner = self.start_mirror("--tls-listen", f"127.0.0.1:{tls_port}", "--development-ca")
        authority = str(next(inner.data.rglob("development-ca.pem")))
        proxy = self.proxy()
        config = Path(self.scratch.name, "tls.yaml")
        digest = self.new_blob(1_000_000)
        for ca_file, status in ((authority, 200), (None, 502)):
            upstream = {"url": f"https://localhost:{tls_port}", "proxy": proxy.url(),
                        **({"ca_file": ca_file} if ca_file else {})}
            config.write_text(json.dumps({"mirror": {"upstreams": {"docker": upstream}}}))
            outer = MIRRORS["longshore"](self.scratch.name, upstream["url"], "--config", str(config))
            self.addCleanup(outer.stop)
            self.assertEqual(outer.start().blob(digest).status, status)


@needs_longshore
class Loops(MirrorTest):
    def circle(self, size):
        mirrors = [MIRRORS["longshore"](self.scratch.name, "") for _ in range(size)]
        for mirror, following in zip(mirrors, mirrors[1:] + mirrors[:1]):
            mirror.upstream = f"http://127.0.0.1:{following.port}"
            self.addCleanup(mirror.stop)
        for mirror in mirrors:
            mirror.start()
        return mirrors

    def test_mirrors_in_a_circle_say_so_at_once(self):
        for size in (1, 2, 3):
            with self.subTest(f"{size}"):
                mirrors = self.circle(size)
                for path in ("/v2/library/alpine/manifests/latest", f"/v2/library/alpine/blobs/sha256:{'0' * 64}"):
                    for ask in (mirrors[0].get, mirrors[0].head):
                        began = time.monotonic()
                        answer = ask(path, timeout=20)
                        self.assertEqual(answer.status, 508, answer.body)
                        self.assertLess(time.monotonic() - began, 10)
                self.assertGreater(sum(mirror.metric("longshore_registry_loops_total") for mirror in mirrors), 0)

    def test_mirrors_in_a_row_pull(self):
        outer = MIRRORS["longshore"](self.scratch.name, f"http://127.0.0.1:{self.mirror.port}")
        self.addCleanup(outer.stop)
        outer.start()
        digest = self.new_blob(1_000_000)

        self.assert_blob(outer.blob(digest), digest)

        passed = {entry["cdn_loop"] for entry in self.hub.log("front") if digest in entry["path"]}
        self.assertEqual(len(passed), 1)
        self.assertRegex(passed.pop(), r"^longshore-[0-9a-f]{16}, longshore-[0-9a-f]{16}$")

    def test_a_field_that_cannot_be_read_is_refused(self):
        self.assert_refused(self.mirror.get("/v2/", {"CDN-Loop": "a;"}), (400,))

    def test_other_caches_are_not_told_of_one_another(self):
        digest = self.new_blob(1000)

        self.assert_blob(self.mirror.get(f"/v2/library/blobs/blobs/{digest}", {"CDN-Loop": "cloudflare; loops=1"}), digest)

        self.assertNotIn("cloudflare", " ".join(entry["cdn_loop"] or "" for entry in self.hub.log()))


def public_hub(stack, **settings):
    return stack.enter_context(HubProcess(host=PUBLIC, settings=settings))


def mirror_of(stack, hub, scratch, *flags, env=None):
    mirror = MIRRORS["longshore"](scratch, hub.url, *flags, env=env)
    stack.callback(mirror.stop)
    return mirror.start()


def expect(holds, what):
    if not holds:
        raise AssertionError(what)


def told_to_private_storage():
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        hub = public_hub(stack, auth=False)
        digest = hub.blob(1000, "private storage")
        mirror = mirror_of(stack, hub, scratch)
        cdn = hub.addresses["cdn"]
        for host in ("127.0.0.1", "localhost", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"):
            hub.set(cdn=f"http://{host}:{cdn}")
            refused = mirror.blob(digest)
            expect(refused.status == 502, f"{host}: {refused.status} {refused.body}")
            expect("allow_private_redirects" in message(refused), refused.body)
        expect(hub.blob_gets(digest) == 0, "the storage was asked")
        expect(mirror.metric("longshore_registry_redirects_refused_total") == 7, "not every refusal was counted")
        expect(until(lambda: "redirect_refused" in mirror.log()), "nothing was logged")
        hub.set(cdn=f"http://{PUBLIC}:{cdn}")
        expect(mirror.blob(digest).status == 502, "nobody is there")
        expect(mirror.metric("longshore_registry_redirects_refused_total") == 7, "a public address was refused")

        opened = mirror_of(stack, hub, scratch, "--upstream", "docker.allow_private_redirects=true")
        hub.set(cdn="")
        expect(opened.blob(digest).digest == digest, "the opened upstream did not serve")


def told_to_private_token_server():
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        hub = public_hub(stack)
        mirror = mirror_of(stack, hub, scratch)
        refused = mirror.manifest("latest")
        expect(refused.status == 502, f"{refused.status} {refused.body}")
        expect("allow_private_redirects" in message(refused), refused.body)
        expect(hub.counts()["tokens"] == 0, "the token server was asked")
        opened = mirror_of(stack, hub, scratch, "--upstream", "docker.allow_private_redirects=true")
        expect(opened.manifest("latest").status == 200, "the opened upstream did not serve")


def proxies_of_the_environment():
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory())
        hub = public_hub(stack)
        proxy = ConnectProxy(scratch)
        stack.callback(proxy.stop)
        opened = ("--upstream", "docker.allow_private_redirects=true")

        def tunnels(env, *flags):
            clear = {name: "" for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY")}
            before = len(proxy.lines())
            mirror = mirror_of(stack, hub, scratch, *opened, *flags, env={**clear, **env})
            answer = mirror.manifest("latest")
            expect(answer.status == 200, answer.body)
            mirror.stop()
            time.sleep(0.3)  # apache2 logs a tunnel at its end
            return [line.split(" ")[2] for line in proxy.lines()[before:]]

        asked = tunnels({"http_proxy": proxy.url()})
        # The token server is on this machine, which is always asked directly.
        expect(set(asked) == {f"{PUBLIC}:{hub.port}"}, asked)
        expect(tunnels({"HTTP_PROXY": proxy.url()}) == [], "HTTP_PROXY was believed")
        expect(tunnels({"http_proxy": proxy.url(), "NO_PROXY": "11.0.0.0/8"}) == [], "NO_PROXY was not heeded")
        expect(tunnels({"http_proxy": proxy.url(), "LONGSHORE_MIRROR_PROXY": "none"}) == [], "`none` was not heeded")

        refused = mirror_of(stack, hub, scratch, env={"http_proxy": proxy.url(), "NO_PROXY": "", "no_proxy": ""})
        answer = refused.manifest("latest")
        expect(answer.status == 502 and "allow_private_redirects" in message(answer), answer.body)


@needs_longshore
class PublicRegistries(MirrorTest):
    def setUp(self):
        pass

    def test_may_not_send_us_to_private_storage(self):
        run_inside(told_to_private_storage, [f"{PUBLIC}/32"])

    def test_may_not_send_us_to_a_private_token_server(self):
        run_inside(told_to_private_token_server, [f"{PUBLIC}/32"])

    def test_are_reached_by_the_proxies_of_the_environment(self):
        run_inside(proxies_of_the_environment, [f"{PUBLIC}/32"])
