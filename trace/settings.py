"""What an installation may set, read once from the environment."""

import os
import re
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from foodtrace.trace.errors import Invalid, Problem, mark
from foodtrace.trace.flushing import flush_folder, make_folder

_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one installation.

    `data` is the folder for everything written; `base_url` is what QR codes carry.
    """

    data: Path
    database_url: str
    base_url: str
    secret_key: str
    # Sessions are sent over HTTPS only, unless the site itself is served without it.
    secure_cookies: bool
    # Where messages to subscribers may go: hosts in lower case with their ports.
    webhook_hosts: frozenset[tuple[str, int]] = frozenset()
    # Networks of the operator's own that those hosts may stand in, though they are not public.
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    # Certificates of further authorities that may vouch for those hosts.
    webhook_ca_file: Path | None = None
    # Hosts, in lower case, that links of things lead to at once, without a page in between.
    link_hosts: frozenset[str] = frozenset()
    # Headers in which the operator's own proxy, and nobody else, says where a reader is (a
    # province) and at which address. Without the first nothing is known of places.
    region_header: str | None = None
    address_header: str | None = None
    # Folders for the keys of the logs, and for the last heads that were signed with them: on
    # another disk than the database, and in no backup of it. Without them: in `data`.
    log_keys: Path | None = None
    anchor: Path | None = None
    # Which witnesses are asked to cosign the log, and when a head counts (trace/log/policies.py).
    log_policy: Path | None = None
    # The time-stamping authority (RFC 3161), and the certificates that vouch for its answers.
    tsa_url: str | None = None
    tsa_certificate: Path | None = None
    # Another process, `foodtrace sequencer`, keeps the log: only that one reads its key.
    is_sequenced_elsewhere: bool = False

    @property
    def log_key_folder(self) -> Path:
        """Where the keys of the logs are."""
        return self.log_keys or self.data / "log-keys"

    @property
    def anchor_folder(self) -> Path:
        """Where the anchor is: the last heads that were signed."""
        return self.anchor or self.data / "anchor"

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read FOODTRACE_DATA, FOODTRACE_DATABASE_URL, FOODTRACE_BASE_URL, FOODTRACE_SECRET_KEY,
        FOODTRACE_WEBHOOK_HOSTS, FOODTRACE_WEBHOOK_NETWORKS, FOODTRACE_WEBHOOK_CA_FILE,
        FOODTRACE_LINK_HOSTS, FOODTRACE_REGION_HEADER, FOODTRACE_ADDRESS_HEADER,
        FOODTRACE_LOG_KEYS, FOODTRACE_ANCHOR, FOODTRACE_LOG_POLICY, FOODTRACE_SEQUENCER,
        FOODTRACE_TSA_URL and FOODTRACE_TSA_CERTIFICATE.

        Without a secret key, one is made on the first start and kept in the data folder.
        Raises Invalid when a host, network, file or header is none.
        """
        data = Path(os.environ.get("FOODTRACE_DATA", "data")).absolute()
        base_url = os.environ.get("FOODTRACE_BASE_URL", "http://127.0.0.1:8000").rstrip("/")
        return cls(
            data=data,
            database_url=os.environ.get("FOODTRACE_DATABASE_URL")
            or f"sqlite:///{data / 'foodtrace.sqlite'}",
            base_url=base_url,
            secret_key=os.environ.get("FOODTRACE_SECRET_KEY") or _kept_secret(data),
            secure_cookies=base_url.startswith("https://"),
            webhook_hosts=frozenset(
                map(_host, _listed(os.environ.get("FOODTRACE_WEBHOOK_HOSTS", "")))
            ),
            webhook_networks=tuple(
                map(_network, _listed(os.environ.get("FOODTRACE_WEBHOOK_NETWORKS", "")))
            ),
            webhook_ca_file=_file(
                "FOODTRACE_WEBHOOK_CA_FILE", os.environ.get("FOODTRACE_WEBHOOK_CA_FILE")
            ),
            link_hosts=frozenset(
                map(_link_host, _listed(os.environ.get("FOODTRACE_LINK_HOSTS", "")))
            ),
            region_header=_header(
                "FOODTRACE_REGION_HEADER", os.environ.get("FOODTRACE_REGION_HEADER")
            ),
            address_header=_header(
                "FOODTRACE_ADDRESS_HEADER", os.environ.get("FOODTRACE_ADDRESS_HEADER")
            ),
            log_keys=_folder(os.environ.get("FOODTRACE_LOG_KEYS")),
            anchor=_folder(os.environ.get("FOODTRACE_ANCHOR")),
            log_policy=_file("FOODTRACE_LOG_POLICY", os.environ.get("FOODTRACE_LOG_POLICY")),
            is_sequenced_elsewhere=_is_elsewhere(os.environ.get("FOODTRACE_SEQUENCER")),
            tsa_url=os.environ.get("FOODTRACE_TSA_URL") or None,
            tsa_certificate=_file(
                "FOODTRACE_TSA_CERTIFICATE", os.environ.get("FOODTRACE_TSA_CERTIFICATE")
            ),
        )


def _listed(value: str) -> list[str]:
    """Return what a setting lists, separated by commas."""
    return [part.strip() for part in value.split(",") if part.strip()]


def _host(entry: str) -> tuple[str, int]:
    """Return host and port of an entry: ``partner.example``, ``[2001:db8::7]:8443``."""
    match = _HOST.fullmatch(entry.lower())
    if match is None:
        raise _wrong("FOODTRACE_WEBHOOK_HOSTS", entry, mark("Write erp.partner.example:8443"))
    return match[1].strip("[]"), int(match[2] or 443)


def _link_host(entry: str) -> str:
    """Return an entry as hosts of links are compared: ``partner.example``, with its port."""
    if _HOST.fullmatch(entry.lower()) is None:
        raise _wrong("FOODTRACE_LINK_HOSTS", entry, mark("Write shop.partner.example"))
    return entry.lower().removesuffix(":443")


def _network(entry: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(entry)
    except ValueError:
        raise _wrong("FOODTRACE_WEBHOOK_NETWORKS", entry, mark("Write 10.1.0.0/16")) from None


def _file(setting: str, value: str | None) -> Path | None:
    if not value:
        return None
    if not Path(value).is_file():
        raise _wrong(setting, value, mark("Name a file that is there"))
    return Path(value).absolute()


def _folder(value: str | None) -> Path | None:
    return Path(value).absolute() if value else None


def _is_elsewhere(value: str | None) -> bool:
    if value not in (None, "", "here", "elsewhere"):
        raise _wrong("FOODTRACE_SEQUENCER", value, mark("Write here or elsewhere"))
    return value == "elsewhere"


def _header(setting: str, value: str | None) -> str | None:
    if not value:
        return None
    if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", value) is None:
        raise _wrong(setting, value, mark("Write the name of a header, such as X-Real-IP"))
    return value


def _wrong(setting: str, value: str, fix: str) -> Invalid:
    rule = mark("The setting %(setting)s cannot be %(value)s")
    return Invalid(Problem("", rule, fix, {"setting": setting, "value": value}))


def _kept_secret(data: Path) -> str:
    """Return the secret in the data folder; make it, readable by its owner only, if absent."""
    path = data / "secret.key"
    if not path.exists():
        make_folder(data)
        # Another process may start at this moment: it must never read half a secret.
        descriptor, whole = tempfile.mkstemp(dir=data)  # for its owner only
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())  # else a power cut leaves the name, and nothing in it
        with suppress(FileExistsError):
            os.link(whole, path)
        os.unlink(whole)
        flush_folder(data)
    return path.read_text()
