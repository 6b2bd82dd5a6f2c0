"""The way out: every request that this service sends to others goes through here.

Whoever subscribes names an address, and must not make us knock at doors that only we can
reach. So the operator lists the hosts that may be written to; the name is looked up once,
every address found must be public, and the connection goes to that very address, with the
certificate checked against the name. Nothing is followed, no proxy is asked, and whoever
answers slowly or much is cut off.

Witnesses of the log are asked through here too. Their addresses are the operator's own, in
the policy file, and so are listed with it; all else holds for them as well.
"""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path

from urllib3.exceptions import HTTPError, ReadTimeoutError

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.http_limits import LimitedHTTPConnection, LimitedHTTPSConnection
from foodtrace.trace.settings import Settings

LONGEST_URL = 2000
CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0
LARGEST_ANSWER = 64 * 1024
_MOST_ADDRESSES = 3
_LONGEST_TEXT = 300
_HTTPS_PORT = 443
_HTTP_PORT = 80
_LAST_PORT = 65535

# Printable ASCII only: urlsplit() would drop line ends, and others read backslashes their way.
_URL = re.compile(
    r"https://(?P<host>[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>(?:/[!-\"$->@-\[\]-~]*)?(?:\?[!-\"$-\[\]-~]*)?)"
)
# Unencrypted, and so to this very machine only: where a tunnel to a witness ends, for instance.
_PLAIN_URL = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\])(?::(?P<port>[0-9]{1,5}))?(?P<path>(?:/[!-\"$->@-\[\]-~]*)?)"
)

# IANA's registry of special addresses: written out, for what Python knows of it varies.
_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
            "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
# Only this is given out to the public; in it lie Teredo and others (2001::/23), documentation,
# 6to4 and AS112. IPv4 in IPv6, NAT64, local and multicast addresses lie outside.
_PUBLIC_V6 = IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    map(
        IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"),
    )
)

Resolve = Callable[[str, int], Iterable[str]]
Network = IPv4Network | IPv6Network


class Unreachable(Exception):
    """Nothing was delivered: why, for whoever looks after the receiver."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a message goes: a host that is allowed, its port, and path with query."""

    host: str
    port: int
    path: str
    is_plain: bool = False

    @property
    def authority(self) -> str:
        """Host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _HTTP_PORT if self.is_plain else _HTTPS_PORT
        return host if self.port == usual else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the beginning of the body."""

    status: int
    body: bytes
    content_type: str

    @property
    def text(self) -> str:
        """The first words of the body, for whoever looks after the receiver."""
        return _beginning(self.body)


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Answer whether an address is one of the public internet.

    >>> is_public(ip_address("8.8.8.8")), is_public(ip_address("::ffff:8.8.8.8"))
    (True, False)
    """
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    return address in _PUBLIC_V6 and not any(address in network for network in _SPECIAL_V6)


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a host, as the system's resolver knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


@dataclass(frozen=True, slots=True)
class Destinations:
    """The hosts that may be written to, and how.

    `networks` are the operator's own: an address in one of them may be private.
    """

    hosts: frozenset[tuple[str, int]]
    networks: tuple[Network, ...] = ()
    ca_file: Path | None = None
    resolve: Resolve = look_up
    connect_seconds: float = CONNECT_SECONDS
    total_seconds: float = TOTAL_SECONDS
    # Whether http:// may be written, to 127.0.0.1 and ::1.
    allow_plain: bool = False

    @classmethod
    def in_policy(
        cls, settings: Settings, urls: Iterable[str], *, seconds: float
    ) -> "Destinations":
        """Return the way to addresses of the operator's own. Raises Invalid for crooked ones.

        Their hosts may stand in the networks that those of subscribers may stand in.
        """
        targets = [_parsed(url, allow_plain=True) for url in urls]
        return cls(
            frozenset((target.host, target.port) for target in targets),
            settings.webhook_networks,
            settings.webhook_ca_file,
            total_seconds=seconds,
            allow_plain=True,
        )

    @classmethod
    def of(cls, settings: Settings) -> "Destinations":
        """Return what the settings of this installation allow."""
        return cls(settings.webhook_hosts, settings.webhook_networks, settings.webhook_ca_file)

    def target_of(self, url: str) -> Target:
        """Return where a URL leads. Raises Invalid unless it may be written to."""
        target = _parsed(url, allow_plain=self.allow_plain)
        if (target.host, target.port) not in self.hosts:
            raise Invalid(self._not_allowed(target.host, target.port))
        return target

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body to a URL, once, and return what comes back. Raises Unreachable."""
        begun = time.monotonic()
        try:
            target = self.target_of(url)
            connection = self._connect(target, self._addresses(target))
        except Invalid as refusal:
            raise Unreachable(refusal.problems[0].text) from None
        left = self.total_seconds - (time.monotonic() - begun)
        connection.seconds_in_all = connection.timeout = max(left, 0.0)
        try:
            connection.request(
                "POST",
                target.path,
                body=body,
                headers={"Host": target.authority, "User-Agent": "foodtrace", **headers},
                preload_content=False,
                decode_content=False,
            )
            response = connection.getresponse()
            return Answer(
                response.status,
                response.read(LARGEST_ANSWER),
                response.headers.get("Content-Type", ""),
            )
        except (TimeoutError, ReadTimeoutError):
            raise Unreachable("no whole answer in time") from None
        except (OSError, HTTPError, http.client.HTTPException) as error:
            raise Unreachable(_said(error)) from None
        finally:
            connection.close()

    def _not_allowed(self, host: str, port: int) -> Problem:
        if not self.hosts:
            return Problem(
                "dest",
                mark("This installation sends no messages to subscribers"),
                mark("Its operator has to list your host in FOODTRACE_WEBHOOK_HOSTS first"),
            )
        return Problem(
            "dest",
            mark("Messages are not sent to %(host)s, port %(port)s"),
            mark("Its operator has to list your host in FOODTRACE_WEBHOOK_HOSTS first"),
            {"host": host, "port": port},
        )

    def _addresses(self, target: Target) -> list[str]:
        """Look a host up, once, and return its addresses. Raises Unreachable if one may not be."""
        if target.is_plain:
            return [target.host]
        try:
            found = [ip_address(text) for text in self.resolve(target.host, target.port)]
        except (OSError, UnicodeError, ValueError) as error:
            raise Unreachable(f"{target.host} is not known: {_said(error)}") from None
        # One forbidden address among good ones is an attempt, not an accident.
        for address in found:
            if not is_public(address) and not any(address in net for net in self.networks):
                raise Unreachable(f"{target.host} is {address}, which is not a public address")
        if not found:
            raise Unreachable(f"{target.host} has no address")
        found.sort(key=lambda address: address.version)
        return [str(address) for address in found[:_MOST_ADDRESSES]]

    def _connect(self, target: Target, addresses: Iterable[str]) -> LimitedHTTPConnection:
        """Return a connection to the first address that takes one. Raises Unreachable."""
        reason = ""
        for address in addresses:
            try:
                connection = self._connection(target, address)
                connection.connect()
            except (OSError, HTTPError) as error:
                reason = _said(error)
            else:
                return connection
        raise Unreachable(f"no connection to {target.authority}: {reason}")

    def _connection(self, target: Target, address: str) -> LimitedHTTPConnection:
        if target.is_plain:
            return LimitedHTTPConnection(address, target.port, timeout=self.connect_seconds)
        return LimitedHTTPSConnection(
            address,
            target.port,
            timeout=self.connect_seconds,
            ssl_context=_trusting(self.ca_file),
            # The address was looked up already: the name is for the certificate.
            server_hostname=target.host,
        )


def _parsed(url: str, *, allow_plain: bool) -> Target:
    """Return where a URL leads. Raises Invalid unless it is written plainly."""
    found = plain = None
    if len(url) <= LONGEST_URL:
        plain = _PLAIN_URL.fullmatch(url) if allow_plain else None
        found = plain or _URL.fullmatch(url)
    port = int((found and found["port"]) or (_HTTP_PORT if plain else _HTTPS_PORT))
    if found is None or not 0 < port <= _LAST_PORT:
        raise Invalid(
            Problem(
                "dest",
                mark("This is no address that messages can be sent to"),
                mark(
                    "Write https://, a host and a path, without user name and fragment, "
                    "in at most %(most)s characters"
                ),
                {"most": LONGEST_URL},
            )
        )
    host = found["host"].strip("[]").lower()
    path = found["path"]
    return Target(host, port, path if path.startswith("/") else f"/{path}", plain is not None)


@cache
def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return the rules for certificates: the system's authorities, and those of the file."""
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _said(error: Exception) -> str:
    return _beginning(str(error).encode()) or type(error).__name__


def _beginning(text: bytes) -> str:
    """Return the first line's worth of an answer, without what could disturb a page or log."""
    start = text[: 4 * _LONGEST_TEXT].decode(errors="replace")
    return " ".join("".join(c if c.isprintable() else " " for c in start).split())[:_LONGEST_TEXT]
