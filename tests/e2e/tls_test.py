"""TLS end to end: which name is answered for, certificates and authorities that change while handshakes run, client
certificates, kernel TLS that is not there."""

import json
import signal
import ssl
import subprocess
import threading

import harness
import tls_world as tls
from harness import MirrorTest, free_port, needs_longshore, until


HOSTS = ("ec.test", "a.ec.test", "a.b.ec.test", "other.test")


class TlsTest(MirrorTest):
    def setUp(self):
        self.port = free_port()
        super().setUp()

    def start_mirror(self, *flags, **options):
        self.authority = tls.Authority(self.scratch.name)
        cert, key = self.authority.server("ec.test", "*.ec.test")
        other, other_key = self.authority.server("other.test")
        hosts = [part for name in HOSTS for part in ("--default-host", name)]
        return super().start_mirror(
            *hosts, "--tls-listen", f"127.0.0.1:{self.port}", "--certificate", f"cert={cert},key={key}", "--certificate",
            f"cert={other},key={other_key}", "--log-format", "json", *self.more_flags(), *flags, **options)

    def more_flags(self):
        return ()

    def client(self, **options):
        return tls.Client(self.port, self.authority, **options)

    def events(self, name):
        lines = [json.loads(line) for line in self.mirror.log().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == name]

    def reload(self, word="reloaded"):
        before = len(self.events(word))
        self.mirror.program.send(signal.SIGHUP)
        self.assertTrue(until(lambda: len(self.events(word)) > before, 20))


@needs_longshore
class AuthorityTest(TlsTest):
    """421 is for a request whose host the certificate shown does not cover, whatever the server name said."""

    def http1(self, name, host):
        with self.client(name=name) as client:
            return client.get(host=host)

    def http2(self, name, authority):
        """The status by HTTP/2 on a connection made for `name`; None: made without a server name."""
        import h2.config
        import h2.connection
        import h2.events
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        with tls.Client(self.port, context=context, name=name) as client:
            self.assertEqual(client.socket.selected_alpn_protocol(), "h2")
            speaker = h2.connection.H2Connection(h2.config.H2Configuration())
            speaker.initiate_connection()
            speaker.send_headers(1, [(":method", "GET"), (":scheme", "https"), (":authority", authority),
                                     (":path", "/v2/")], end_stream=True)
            client.socket.sendall(speaker.data_to_send())
            while True:
                data = client.socket.recv(65536)
                self.assertTrue(data, "the server ended the connection")
                for event in speaker.receive_data(data):
                    if isinstance(event, h2.events.ResponseReceived):
                        return int(dict(event.headers)[b":status"])
                client.socket.sendall(speaker.data_to_send())

    def test_a_name_and_its_own_host(self):
        for ask in (self.http1, self.http2):
            self.assertEqual(ask("ec.test", "ec.test"), 200)
            self.assertEqual(ask("other.test", "other.test"), 200)

    def test_a_connection_serves_every_host_of_its_certificate(self):
        for ask in (self.http1, self.http2):
            self.assertEqual(ask("ec.test", "a.ec.test"), 200)
            self.assertEqual(ask("a.ec.test", "EC.test:443"), 200)

    def test_a_host_of_another_certificate(self):
        for ask in (self.http1, self.http2):
            self.assertEqual(ask("ec.test", "other.test"), 421)
            self.assertEqual(ask("other.test", "a.ec.test"), 421)
            self.assertEqual(ask("ec.test", "a.b.ec.test"), 421)
            self.assertEqual(ask("ec.test", "127.0.0.1"), 421)

    def test_without_a_server_name(self):
        self.assertEqual(self.http2(None, "ec.test"), 200)  # the first certificate is shown
        self.assertEqual(self.http2(None, "other.test"), 421)

    def test_the_connection_goes_on_after_421(self):
        with self.client() as client:
            self.assertEqual([client.get(host="other.test"), client.get(host="ec.test")], [421, 200])


@needs_longshore
class ReloadTest(TlsTest):
    def start_mirror(self, *flags, **options):
        mirror = super().start_mirror(*flags, **options)
        self.cert, self.key = (self.authority.directory / f"leaf-{number}.{kind}" for number, kind in
                               ((1, "pem"), (0, "key")))
        return mirror

    def serial(self):
        with self.client() as client:
            self.assertEqual(client.get(), 200)
            return client.socket.getpeercert()["serialNumber"]

    def replace_certificate(self):
        cert, key = self.authority.server("ec.test", "*.ec.test")
        self.key.write_bytes(key.read_bytes())
        self.cert.write_bytes(cert.read_bytes())

    def test_certificates_change_while_handshakes_run(self):
        ending, failed, shaken = threading.Event(), [], [0]

        def shake():
            while not ending.is_set():
                try:
                    with self.client() as client:
                        self.assertEqual(client.get(), 200)
                    shaken[0] += 1
                except Exception as error:
                    failed.append(error)

        threads = [threading.Thread(target=shake) for _ in range(4)]
        standing = self.client()
        for thread in threads:
            thread.start()
        seen = {self.serial()}
        try:
            for _ in range(5):
                self.replace_certificate()
                self.reload()
                seen.add(self.serial())
        finally:
            ending.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(len(seen), 6, "each reload shows the new certificate from then on")
        self.assertGreater(shaken[0], 10)
        self.assertEqual(standing.get(), 200)
        standing.close()

    def test_a_broken_file_keeps_the_old_certificate(self):
        before = self.serial()
        self.cert.write_text("-----BEGIN CERTIFICATE-----\nbroken\n-----END CERTIFICATE-----\n")
        self.reload("reload_refused")
        self.assertEqual(self.serial(), before)
        [line] = self.events("config_mistake")
        self.assertEqual(line["path"], "certificates[0]")
        self.assertIn(str(self.cert), line["text"])

    def test_a_reload_keeps_resumption(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = tls.Client.trust(self.authority, version=version)
            with tls.Client(self.port, context=context) as client:
                client.get()
                session = client.socket.session
            self.reload()
            with tls.Client(self.port, context=context, session=session) as client:
                self.assertTrue(client.socket.session_reused)


@needs_longshore
class ClientCertificateTest(TlsTest):
    requirement = "required"

    def more_flags(self):
        self.clients = tls.Authority(self.scratch.name, "clients")
        self.file = self.clients.directory / "accepted.pem"
        self.file.write_bytes(self.clients.pem.read_bytes())
        return ("--tls-client-ca", str(self.file), "--tls-client-certificates", self.requirement)

    def status(self, show):
        """None when the connection is refused, at the handshake or (TLS 1.3) right after it."""
        try:
            with self.client(show=show) as client:
                return client.get()
        except (OSError, ConnectionError):
            return None

    def test_a_certificate_of_the_authority_is_let_in_and_logged_by_a_short_id(self):
        certificate = self.clients.client("builder")
        self.assertEqual(self.status(certificate), 200)
        digest = subprocess.run(["openssl", "x509", "-in", str(certificate[0]), "-noout", "-fingerprint", "-sha256"],
                                check=True, capture_output=True, text=True).stdout
        short = digest.partition("=")[2].replace(":", "").lower()[:16]
        self.assertTrue(until(lambda: any(line.get("client") == short for line in self.events("request"))))

    def test_the_chain_may_have_an_intermediate_and_no_more_than_four(self):
        issuer = self.clients
        for number in range(1, 6):
            issuer = tls.Authority(self.scratch.name, f"clients {number}", issuer=issuer)
            wanted = 200 if number <= 4 else None
            self.assertEqual(self.status(issuer.client("builder")), wanted, f"{number} intermediates")

    def test_others_are_refused(self):
        stranger = tls.Authority(self.scratch.name, "strangers")
        for what, show in (("none", None), ("of a stranger", stranger.client("builder")),
                           ("expired", self.clients.client("builder", days=-1)),
                           ("for servers", self.clients.client("builder", usage="serverAuth"))):
            self.assertIsNone(self.status(show), what)
        self.assertTrue(until(lambda: 'longshore_tls_handshakes_total{outcome="failed"} 4' in self.mirror.metrics()))

    def test_the_authorities_change_at_a_reload(self):
        other = tls.Authority(self.scratch.name, "others")
        old, new = self.clients.client("builder"), other.client("builder")
        self.assertEqual((self.status(old), self.status(new)), (200, None))
        self.file.write_bytes(other.pem.read_bytes())
        self.reload()
        self.assertEqual((self.status(old), self.status(new)), (None, 200))
        self.file.write_text("nothing\n")
        self.reload("reload_refused")
        self.assertEqual((self.status(old), self.status(new)), (None, 200))
        [line] = self.events("config_mistake")
        self.assertEqual(line["path"], "tls.client_ca")
        self.assertIn(str(self.file), line["text"])

    def test_no_session_outlives_its_authority(self):
        context = tls.Client.trust(self.authority, show=self.clients.client("builder"))
        with tls.Client(self.port, context=context) as client:
            client.get()
            session = client.socket.session
        with tls.Client(self.port, context=context, session=session) as client:
            self.assertTrue(client.socket.session_reused)
        self.file.write_bytes(tls.Authority(self.scratch.name, "others").pem.read_bytes())
        self.reload()
        with self.assertRaises((OSError, ConnectionError)):
            with tls.Client(self.port, context=context, session=session) as client:
                client.get()


@needs_longshore
class OptionalClientCertificateTest(ClientCertificateTest):
    requirement = "optional"

    def test_others_are_refused(self):
        self.assertEqual(self.status(None), 200)
        self.assertIsNone(self.status(tls.Authority(self.scratch.name, "strangers").client("builder")))


@needs_longshore
class KernelTlsTest(TlsTest):
    def more_flags(self):
        return ("--tls-kernel-tls",)

    def test_the_log_says_who_encrypts_and_files_arrive_either_way(self):
        self.assertTrue(until(lambda: self.events("kernel_tls") or self.events("kernel_tls_unavailable")))
        said = self.events("kernel_tls") + self.events("kernel_tls_unavailable")
        self.assertEqual(len(said), 1)
        self.assertTrue(said[0]["event"] == "kernel_tls" or ("kernel" in said[0]["why"] and said[0]["fix"]))
        digest = self.new_blob(3 << 20)
        with self.client() as client:
            self.assertEqual([client.get(f"/v2/library/blobs/blobs/{digest}") for _ in range(2)], [200, 200])


if __name__ == "__main__":
    harness.unittest.main()
