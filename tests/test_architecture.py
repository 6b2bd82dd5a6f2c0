"""The tree is what docs/architecture.md says: layers, names, one line a folder and module."""

import doctest
import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("trace", "producers", "inspections", "consumer_web")
PACKAGES = tuple(f"foodtrace.{folder}" for folder in FOLDERS)
# Alembic runs this one, and it migrates when it is imported.
NOT_IMPORTED = {"foodtrace.trace.store.migrations.env"}


def module_names():
    """Every module of the four packages, found as Python finds it."""
    found = []
    for name in PACKAGES:
        package = importlib.import_module(name)
        found.append(name)
        walked = pkgutil.walk_packages(package.__path__, f"{name}.")
        found += [module.name for module in walked if module.name not in NOT_IMPORTED]
    return found


MODULES = module_names()


def test_the_import_contracts_hold():
    """In a process of its own: import-linter switches the loggers of its process off."""
    command = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(
        [command, "--config", ROOT / "setup.cfg", "--no-cache"], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("name", MODULES)
def test_a_module_can_be_imported_and_its_examples_hold(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_no_module_is_imported_under_its_folders_name():
    for name in MODULES:
        importlib.import_module(name)
    short = [
        name
        for name, module in sys.modules.items()
        if name.split(".")[0] in FOLDERS
        and str(getattr(module, "__file__", "") or "").startswith(str(ROOT))
    ]
    assert short == []


def test_the_folder_trace_does_not_hide_the_module_of_the_standard_library():
    assert not (ROOT / "trace" / "__init__.py").exists()
    assert hasattr(importlib.import_module("trace"), "Trace")


def test_every_module_in_the_folders_is_installed():
    """A folder that setup.cfg does not list would be missing from the wheel."""
    in_tree = {
        "foodtrace." + ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }
    in_tree = {name.removesuffix(".__init__") for name in in_tree} | {"foodtrace.trace"}
    assert in_tree == {*MODULES, *NOT_IMPORTED}, "run make, or pip install -e ."


def test_architecture_names_every_folder_and_module():
    told = (ROOT / "docs" / "architecture.md").read_text()
    wanted = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            place = path.relative_to(ROOT)
            if "versions" in place.parts:
                continue
            wanted.append(
                f"`{place.parent.as_posix()}/`"
                if path.stem == "__init__"
                else f"`{place.as_posix()}`"
            )
    assert [name for name in wanted if name not in told] == []


def test_architecture_names_nothing_that_is_gone():
    told = (ROOT / "docs" / "architecture.md").read_text()
    named = re.findall(rf"`((?:{'|'.join(FOLDERS)})/[\w/.]*)`", told)
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_folder_is_typed():
    for package in PACKAGES:
        for path in sys.modules[package].__path__:
            assert (Path(path) / "py.typed").exists(), package
