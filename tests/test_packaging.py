"""What is installed is the whole program: a wheel in an empty environment, from any folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("trace", "producers", "inspections", "consumer_web")
SOURCES = (*FOLDERS, "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def run(*command, cwd, **environment):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy: a build writes into its folder."""
    source = tmp_path_factory.mktemp("source")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source / name)
    target = tmp_path_factory.mktemp("wheel")
    # With the build backend at hand nothing has to be fetched.
    here = int(version("setuptools").split(".")[0]) >= 77
    isolation = ["--no-build-isolation"] if here else []
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", *isolation, "-w", target, source,
        cwd=target)  # fmt: skip
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A virtual environment with the wheel, and nothing else of ours."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", wheel,
        cwd=folder)  # fmt: skip
    # What it depends on is here already: a plain path, so that the links of the editable
    # install (a .pth file over there) are not followed.
    (site_packages,) = folder.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def test_the_wheel_holds_every_file_of_the_four_folders(wheel):
    wanted = {
        f"foodtrace/{path.relative_to(ROOT).as_posix()}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("foodtrace/")}
    assert held == wanted
    kinds = {Path(name).suffix for name in held}
    assert kinds >= {".py", ".html", ".css", ".mo", ".json", ".mako", ".typed"}


def test_the_installed_program_works_from_any_folder(installed, tmp_path):
    def foodtrace(*arguments):
        return run(installed / "foodtrace", *arguments, cwd=tmp_path, FOODTRACE_DATA="data")

    where = run(
        installed / "python", "-c", "import foodtrace.trace.errors as m; print(m.__file__)",
        cwd=tmp_path,
    )  # fmt: skip
    assert where.stdout.startswith(str(installed.parent))

    assert "migrate" in foodtrace("--help").stdout
    foodtrace("migrate")
    lines = foodtrace("demo").stdout.splitlines()
    urls = [line for line in lines if line.startswith("http")]
    assert len(urls) == 1
    assert urls[0].startswith("http://127.0.0.1:8000/01/")

    exported = foodtrace("export").stdout
    assert len(json.loads(exported)["epcisBody"]["eventList"]) > 50
    assert (tmp_path / "data" / "foodtrace.sqlite").exists()
