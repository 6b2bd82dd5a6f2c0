"""The floor of a scan without nginx: a WSGI function that has every page in memory."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("FOODTRACE_BENCH_PAGES", "."))
PAGES = {
    f"/{path.relative_to(FOLDER)}": path.read_bytes()
    for path in FOLDER.rglob("*")
    if path.is_file() and "FOODTRACE_BENCH_PAGES" in os.environ
}


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer with the page of this path."""
    body = PAGES.get(environ["PATH_INFO"], b"")
    start_response(
        "200 OK",
        [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))],
    )
    return [body]
