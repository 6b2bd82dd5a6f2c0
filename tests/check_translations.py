"""Texts of the pages and their Chinese: extract, compile, and refuse what is not translated.

    python -m tests.check_translations            what is missing, one line each; status 1 if any
    python -m tests.check_translations --write    add new texts to each messages.po, drop those
                                                  that no file uses any more, compile messages.mo

A new text stands in messages.po with an empty msgstr: fill it and run --write again. What
is written depends on the texts alone (no dates, no line numbers), so nothing churns.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parent.parent
FOLDERS = ("trace", "producers", "inspections", "consumer_web")
LOCALE = "zh_Hans_CN"
METHODS = {".py": "python", ".html": "jinja2", ".txt": "jinja2"}
KEYWORDS = {
    "_": None,
    "mark": None,
    "gettext": None,
    "lazy_gettext": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
# A template that cannot be parsed is an error, not a file without texts.
OPTIONS = {"silent": "false", "encoding": "utf-8"}
PLACE = re.compile(r"%\((\w+)\)")


class DatelessCatalog(Catalog):
    """A catalogue whose header says nothing that changes with the day or the tool."""

    @property
    def mime_headers(self):
        """Name and value of each line of the header entry."""
        return [
            ("Project-Id-Version", self.project),
            ("Language", str(self.locale)),
            ("Plural-Forms", self.plural_forms),
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]


def sources(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that may hold texts, always in the same order."""
    for path in sorted(folder.rglob("*")):
        is_template = "templates" in path.relative_to(folder).parts
        if path.suffix in METHODS and path.is_file() and is_template == (path.suffix != ".py"):
            yield path


def extracted(folder: Path) -> DatelessCatalog:
    """Return the texts that a folder's code and templates use, not translated."""
    catalog = DatelessCatalog(
        LOCALE, project="foodtrace", header_comment="# The Chinese of foodtrace."
    )
    for path in sources(folder):
        place = path.relative_to(folder.parent).as_posix()
        for _line, text, _comments, context in extract_from_file(
            METHODS[path.suffix], path, keywords=KEYWORDS, options=OPTIONS
        ):
            if text:
                catalog.add(text, locations=[(place, 0)], context=context)
    for message in catalog:
        message.locations = sorted(set(message.locations))
    return catalog


def catalogue_path(folder: Path) -> Path:
    """Return where a folder keeps its Chinese."""
    return folder / "translations" / LOCALE / "LC_MESSAGES" / "messages.po"


def merged(folder: Path) -> DatelessCatalog:
    """Return the texts in use, with the translations that messages.po has for them."""
    catalog = extracted(folder)
    path = catalogue_path(folder)
    if path.exists():
        with path.open("rb") as file:
            known = read_po(file, locale=LOCALE)
        for message in texts(catalog):
            found = known.get(message.id, message.context)
            if found is not None:
                message.string = found.string
                message.flags |= found.flags & {"fuzzy"}
    return catalog


def texts(catalog: Catalog) -> list[Message]:
    """Return the entries of a catalogue without its header."""
    return [message for message in catalog if message.id]


def po_bytes(catalog: Catalog) -> bytes:
    """Return a catalogue as the text of a messages.po."""
    buffer = BytesIO()
    write_po(buffer, catalog, width=100, include_lineno=False)
    return buffer.getvalue()


def mo_bytes(catalog: Catalog) -> bytes:
    """Return a catalogue compiled, as the bytes of a messages.mo."""
    buffer = BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def words(text: str | Iterable[str]) -> list[str]:
    """Return the forms of a text: one, or singular and plural."""
    return [text] if isinstance(text, str) else list(text)


def used_in(message: Message) -> str:
    """Return the files that use a text."""
    return ", ".join(place for place, _line in message.locations)


def faults(message: Message) -> Iterator[str]:
    """Yield what is wrong with one translation."""
    strings = words(message.string or "")
    if not all(strings):
        yield "is not translated"
    elif message.fuzzy:
        yield "is fuzzy: check it and remove the flag"
    else:
        # Either form of a plural may leave its number out, but nobody may add a place.
        wanted = set(PLACE.findall(" ".join(words(message.id))))
        for string in strings:
            given = set(PLACE.findall(string))
            if given - wanted or (wanted - given and not message.pluralizable):
                yield f"has the places {sorted(wanted)}, its translation {sorted(given)}"


def problems(folder: Path) -> list[str]:
    """Return what is wrong with a folder's catalogue, one line each."""
    catalog = merged(folder)
    path = catalogue_path(folder)
    name = path.relative_to(folder.parent).as_posix()
    found = [
        f"{name}: {words(message.id)[0]!r} ({used_in(message)}) {fault}"
        for message in texts(catalog)
        for fault in faults(message)
    ]
    compiled = path.with_suffix(".mo")
    if not texts(catalog) and not path.exists():
        return found
    if not path.exists() or path.read_bytes() != po_bytes(catalog):
        found.append(f"{name}: does not hold exactly the texts in use: run `make translations`")
    elif not compiled.exists() or compiled.read_bytes() != mo_bytes(catalog):
        found.append(f"{name}: messages.mo is not what it compiles to: run `make translations`")
    return found


def conflicts(folders: Iterable[Path]) -> list[str]:
    """Return the texts that two folders translate differently: on a page only one can win."""
    first: dict[object, tuple[str, object]] = {}
    found = []
    for folder in folders:
        for message in texts(merged(folder)):
            key = (message.context, message.id)
            name, string = first.setdefault(key, (folder.name, message.string))
            if string != message.string:
                found.append(
                    f"{words(message.id)[0]!r} is {string!r} in {name} and {message.string!r} "
                    f"in {folder.name}: use one translation, or two English texts"
                )
    return found


def write(folder: Path) -> None:
    """Write a folder's messages.po and messages.mo."""
    catalog = merged(folder)
    path = catalogue_path(folder)
    if not texts(catalog) and not path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, body in ((path, po_bytes(catalog)), (path.with_suffix(".mo"), mo_bytes(catalog))):
        if not target.exists() or target.read_bytes() != body:
            target.write_bytes(body)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Check the catalogues of the four folders, or write them first; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--write", action="store_true", help="update messages.po and messages.mo")
    parser.add_argument("folders", nargs="*", metavar="FOLDER", help=f"of {', '.join(FOLDERS)}")
    options = parser.parse_args(arguments)
    folders = [root / name for name in options.folders or FOLDERS]
    if options.write:
        for folder in folders:
            write(folder)
    found = [line for folder in folders for line in problems(folder)] + conflicts(folders)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
