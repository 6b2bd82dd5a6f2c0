"""What an installation may set, read once from the environment."""

import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


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

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read FOODTRACE_DATA, FOODTRACE_DATABASE_URL, FOODTRACE_BASE_URL, FOODTRACE_SECRET_KEY.

        Without a secret key, one is made on the first start and kept in the data folder.
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
        )


def _kept_secret(data: Path) -> str:
    """Return the secret in the data folder; make it, readable by its owner only, if absent."""
    path = data / "secret.key"
    if not path.exists():
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Another process may start at this moment: it must never read half a secret.
        descriptor, whole = tempfile.mkstemp(dir=data)  # for its owner only
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        with suppress(FileExistsError):
            os.link(whole, path)
        os.unlink(whole)
    return path.read_text()
