"""A subscriber's server: HTTPS on loopback, with certificates made for the test."""

import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from foodtrace.trace.subscriptions.destinations import Destinations

HOST = "partner.example"
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class Received:
    """One request as it came."""

    def __init__(self, handler, body):
        self.method, self.path = handler.command, handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body


class Receiver:
    """Keeps what it receives; answers with the next of `answers`, then 200."""

    def __init__(self, folder, names=(HOST,)):
        self.received, self.answers = [], []
        self.connections = 0
        # Set to keep an answer back until it is set again.
        self.free = threading.Event()
        self.free.set()
        self.ca_file, chain = make_certificates(folder, names)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        self.server = make_server(self, context)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self):
        return f"https://{HOST}:{self.port}/hook"

    def destinations(self, **changes):
        values = {
            "hosts": frozenset({(HOST, self.port)}),
            "networks": LOOPBACK,
            "ca_file": self.ca_file,
            "resolve": lambda host, port: ["127.0.0.1"],
        }
        return Destinations(**(values | changes))

    def close(self):
        self.free.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def receiving(folder, **options):
    receiver = Receiver(folder, **options)
    try:
        yield receiver
    finally:
        receiver.close()


def make_server(receiver, context):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.received.append(Received(self, body))
            receiver.free.wait(20)
            answer = receiver.answers.pop(0) if receiver.answers else 200
            if callable(answer):
                answer(self)
                return
            status, headers, text = answer if isinstance(answer, tuple) else (answer, {}, b"")
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def get_request(self):
            sock, address = super().get_request()
            receiver.connections += 1
            # The handshake is made in the thread of the request, where it may fail.
            wrapped = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            wrapped.settimeout(20)
            return wrapped, address

        def handle_error(self, request, client_address):
            pass  # clients that hang up are what some tests are about

    return Server(("127.0.0.1", 0), Handler)


def make_certificates(folder, names):
    """Write an authority's certificate, and a chain for these names; return both paths."""
    now = datetime.now(UTC)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
    holder = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])

    def signed(subject, public_key, *extensions):
        builder = x509.CertificateBuilder(
            authority, subject, public_key, x509.random_serial_number(),
            now - timedelta(days=1), now + timedelta(days=1),
        )  # fmt: skip
        for extension, is_critical in extensions:
            builder = builder.add_extension(extension, critical=is_critical)
        return builder.sign(authority_key, hashes.SHA256())

    use = x509.KeyUsage(*[False] * 5, True, True, *[False] * 2)
    root = signed(
        authority,
        authority_key.public_key(),
        (x509.BasicConstraints(ca=True, path_length=None), True),
        (use, True),
        (x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key()), False),
    )
    leaf = signed(
        holder,
        key.public_key(),
        (x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), False),
    )
    pem = serialization.Encoding.PEM
    ca_file, chain = folder / "ca.pem", folder / "chain.pem"
    ca_file.write_bytes(root.public_bytes(pem))
    chain.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + leaf.public_bytes(pem)
    )
    return ca_file, chain
