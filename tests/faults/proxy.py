"""A line between the service and PostgreSQL that can be cut, silenced, slowed and reset."""

import socket
import struct
import threading
import time
from contextlib import suppress

from sqlalchemy import make_url

OPEN, CUT, SILENT, SLOW, RESET = "open", "cut", "silent", "slow", "reset"
# One megabit a second, for all connections together.
SLOW_OCTETS = 125_000
_COMMIT = b"COMMIT"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Proxy:
    """Passes connections on to a server of this machine, as its `mode` says.

    OPEN: as it comes. CUT: all connections are reset, and new ones at once. SILENT: nothing
    passes, new connections too say nothing; what was sent arrives when that is over, as TCP
    sends it again. SLOW: one megabit a second. RESET:
    whoever commits is reset before it learns how that ended; every second time the server
    has done it by then.
    """

    def __init__(self, url):
        self._url, self.mode, self.resets = make_url(url), OPEN, 0
        self._pairs, self._lock = set(), threading.Lock()
        self._line = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self):
        """The address of the same database over this line."""
        over = self._url.difference_update_query(["host", "port"])
        over = over.set(host="127.0.0.1", port=self.port)
        return over.render_as_string(hide_password=False)

    def _connected(self):
        folder = self._url.query.get("host")
        if folder is None:
            return socket.create_connection((self._url.host, self._url.port))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{folder}/.s.PGSQL.{self._url.port or 5432}")
        return server

    def set(self, mode):
        """Change the mode, for connections that are there and for those that come."""
        self.mode = mode
        if mode == CUT:
            self._reset_all()

    def close(self):
        """Take no more connections, and end those that are there."""
        self._listener.close()
        self._reset_all()

    def _reset_all(self):
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            self._reset(pair)

    def _reset(self, pair):
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            # Who waits for octets of this end in another thread would keep it open.
            with suppress(OSError):
                end.shutdown(socket.SHUT_RD)
            end.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._begin, args=[client], daemon=True).start()

    def _begin(self, client):
        if self.mode == CUT:
            self._reset((client,))
            return
        try:
            server = self._connected()
        except OSError:
            self._reset((client,))
            return
        pair = (client, server)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._pairs.add(pair)
        threading.Thread(target=self._pass, args=[pair, server, client], daemon=True).start()
        self._pass(pair, client, server)

    def _pass(self, pair, source, sink):
        """Pass on what one end says."""
        with suppress(OSError):
            while octets := source.recv(65_536):
                if self.mode == SLOW:
                    with self._line:
                        time.sleep(len(octets) / SLOW_OCTETS)
                while self.mode == SILENT:
                    time.sleep(0.02)
                if self.mode == RESET and source is pair[0] and _COMMIT in octets:
                    self._lose_answer(pair, octets)
                    return
                sink.sendall(octets)
        while self.mode == SILENT:
            time.sleep(0.02)
        self._reset(pair)

    def _lose_answer(self, pair, octets):
        client, server = pair
        with self._lock:
            self.resets += 1
            is_done = self.resets % 2 == 0
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        # First, for the server may answer at once.
        client.close()
        server.sendall(octets)
        if is_done:
            time.sleep(0.05)
        self._reset(pair)
