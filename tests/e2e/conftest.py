"""A real server with the demonstration, and a real Chromium in front of it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

FOODTRACE = Path(sys.executable).with_name("foodtrace")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
PHONE = {"width": 320, "height": 640}


@dataclass
class Site:
    """A running server: where it is, what the terminal said, and who may sign in."""

    url: str
    database_url: str
    terminal: str
    passwords: dict[str, str] = field(repr=False)

    @property
    def host(self):
        return urlsplit(self.url).netloc


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The server that `make run` starts, on a free port, in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {**os.environ, "FOODTRACE_DATA": str(folder), "FOODTRACE_BASE_URL": url}
    environment.pop("FOODTRACE_DATABASE_URL", None)

    def command(*arguments):
        done = subprocess.run(
            [FOODTRACE, *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("migrate")
    terminal = command("demo", "--if-empty")
    passwords = dict(re.findall(r"^  (shifan\.\w+) +(\S+)", terminal, re.MULTILINE))
    log = (folder / "server.log").open("w")
    server = subprocess.Popen(
        [FOODTRACE, "serve", "--port", str(port)],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until_ready(server, f"{url}/readyz", folder / "server.log")
        yield Site(url, f"sqlite:///{folder / 'foodtrace.sqlite'}", terminal, passwords)
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def wait_until_ready(server, url, log):
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    pytest.fail(log.read_text())


@pytest.fixture(scope="session")
def browser():
    """The system's Chromium."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on PATH: .ci/system installs one")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def visit(browser, site):
    """Open windows: each call gives a page in a fresh context, whose requests are recorded.

    At the end no page may have asked another host for anything.
    """
    contexts = []
    requests = []

    def open_page(**options):
        settings = {"viewport": PHONE, "locale": "zh-CN", "java_script_enabled": False}
        context = browser.new_context(**{**settings, **options})
        context.set_default_timeout(15_000)
        context.on("request", lambda request: requests.append(request.url))
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    elsewhere = [url for url in requests if urlsplit(url).scheme != "data"]
    assert [url for url in elsewhere if urlsplit(url).netloc != site.host] == []


@pytest.fixture
def unfold():
    """Open everything that is folded on a page, as a reader would."""

    def open_all(page):
        folded = page.locator("main details:not([open]) > summary")
        while folded.count():
            folded.first.click()

    return open_all
