"""A time-stamping authority made with openssl, which listens on loopback."""

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

CONFIG = """
[req]
distinguished_name = name
prompt = no
[name]
CN = Test authority
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
[signer]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[not_for_time]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
[tsa]
serial = serial
signer_cert = signer.pem
signer_key = signer.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384
accuracy = secs:1
ess_cert_id_chain = no
"""


def run(folder, *command):
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)


class Files:
    """The keys and certificates of an authority, in a folder."""

    def __init__(self, folder, name="Test authority", extensions="signer"):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "tsa.cnf").write_text(CONFIG)
        (self.folder / "serial").write_text("01")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        config = ["-config", "tsa.cnf"]
        run(
            folder, "openssl", "req", "-x509", *key, "-keyout", "root.key", "-out", "root.pem",
            "-days", "30", *config, "-extensions", "root", "-subj", f"/CN={name}",
        )  # fmt: skip
        run(
            folder, "openssl", "req", *key, "-keyout", "signer.key", "-out", "signer.csr",
            *config, "-subj", f"/CN={name} signer",
        )  # fmt: skip
        run(
            folder, "openssl", "x509", "-req", "-in", "signer.csr", "-CA", "root.pem",
            "-CAkey", "root.key", "-set_serial", "2", "-days", "20", "-out", "signer.pem",
            "-extfile", "tsa.cnf", "-extensions", extensions,
        )  # fmt: skip

    @property
    def certificate(self):
        return self.folder / "root.pem"

    def reply(self, query, *further):
        """Return the answer to a request, as OpenSSL gives it; with further certificates in it."""
        (self.folder / "query.tsq").write_bytes(query)
        config = CONFIG
        if further:
            (self.folder / "further.pem").write_text("".join(each.read_text() for each in further))
            config += "certs = further.pem\n"
        (self.folder / "reply.cnf").write_text(config)
        run(
            self.folder, "openssl", "ts", "-reply", "-config", "reply.cnf", "-section", "tsa",
            "-queryfile", "query.tsq", "-out", "reply.tsr",
        )  # fmt: skip
        return (self.folder / "reply.tsr").read_bytes()


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # whoever hangs up is what some tests are about


class LocalAuthority:
    """Answers with the next of `answers` (bytes, a status or a function), then as it should."""

    def __init__(self, files):
        self.files, self.queries, self.answers = files, [], []
        self.server = Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/tsa"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _answer(self, query):
        self.queries.append(query)
        answer = self.answers.pop(0) if self.answers else self.files.reply
        return answer(query) if callable(answer) else answer

    def _handler(authority):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                answer = authority._answer(self.rfile.read(int(self.headers["Content-Length"])))
                status, body = (answer, b"no") if isinstance(answer, int) else (200, answer)
                self.send_response(status)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        return Handler
