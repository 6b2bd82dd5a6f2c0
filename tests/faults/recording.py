"""Every call that writes, flushes, names or answers, as strace saw them: to be played again."""

import re
from dataclasses import dataclass
from os.path import normpath

from .disk import File, Folder

CALLS = (
    "openat", "creat", "write", "pwrite64", "writev", "pwritev", "pwritev2", "ftruncate",
    "truncate", "fallocate", "fsync", "fdatasync", "rename", "renameat", "renameat2", "link",
    "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir",
    "copy_file_range", "sendfile", "splice", "lseek", "sendto", "sendmsg", "io_uring_enter",
)  # fmt: skip
STRACE = ("strace", "-f", "-qq", "-y", "-xx", "-s", "100000000", "--seccomp-bpf",
          "-e", f"trace={','.join(CALLS)}", "-e", "signal=none")  # fmt: skip

# Those that leave something on a disk, or change what is there for certain.
CHANGES = frozenset(CALLS) - {"openat", "lseek", "sendto", "sendmsg"}

_LINE = re.compile(r"^(\d+) +(?:<\.\.\. \w+ resumed>)?(.*)$", re.DOTALL)
_HEX = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_FILE = re.compile(r"(-?\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")


@dataclass
class Event:
    """That a call began, or ended: these are what a cut falls between."""

    name: str
    is_end: bool
    arguments: str
    result: str = ""  # the number that it returned
    begun: "Event | None" = None  # of an end
    covered: object = None  # what a flush is for, and what a write is


def events_of(lines):
    """Yield the events of strace's lines, in the order in which they happened."""
    begun = {}
    for line in lines:
        pid, text = _LINE.match(line.rstrip("\n")).groups()
        if text.startswith(("+++", "---")) or text.endswith(" <detached ...>"):
            continue
        if text.endswith("<unfinished ...>"):
            head = text.removesuffix("<unfinished ...>").rstrip()
            name, _, arguments = head.partition("(")
            begun[pid] = (head, Event(name, False, arguments))
            yield begun[pid][1]
            continue
        head, start = begun.pop(pid, ("", None))
        call, is_whole, result = (head + text).rpartition(" = ")
        if not is_whole:
            raise ValueError(f"strace wrote what is not understood: {line[:200]}")
        name, _, arguments = call.rstrip().removesuffix(")").partition("(")
        result, _, _ = result.partition("<")[0].partition(" ")
        if start is None:
            start = Event(name, False, arguments)
            yield start
        yield Event(name, True, arguments, result, start)


def strings(text):
    """Return the strings among arguments; raise where strace has cut one off."""
    found = list(_HEX.finditer(text))
    if any(each[2] for each in found):
        raise ValueError("strace has cut a string off")
    return [_octets(each[1]) for each in found]


def files(text):
    """Return the paths of the descriptors among arguments."""
    return [_octets(each[2]).decode() for each in _FILE.finditer(text)]


def said(event):
    """Return what a process begins to say to the other end of a connection, or nothing."""
    if event.is_end or event.name not in ("sendto", "write", "writev", "sendmsg"):
        return b""
    to = _FILE.match(event.arguments)
    if to is None or not _octets(to[2]).startswith(b"socket:"):
        return b""
    return b"".join(strings(event.arguments))


def escaped(text):
    """Return a text as strace writes it."""
    return "".join(f"\\x{octet:02x}" for octet in text.encode())


def _octets(text):
    return bytes.fromhex(text.replace("\\x", ""))


class Player:
    """Plays events to volumes. Raises ValueError for a call that it does not know."""

    def __init__(self, volumes, cwd):
        self.volumes, self.cwd = volumes, cwd

    def play(self, event):
        """Follow one event; return the volume that it changed, or flushed, if it did."""
        name = event.name
        if name in ("sendto", "sendmsg"):
            return None
        if not event.is_end:
            return self._begin(event)
        if event.result in ("?", "-1"):
            return None
        if name in ("pwrite64", "write", "writev", "pwritev", "fsync", "fdatasync"):
            return self._end(event)
        return getattr(self, f"_{name}", self._unknown)(event)

    def _begin(self, event):
        if event.name in ("fsync", "fdatasync"):
            volume, path = self._of_descriptor(event)
            if volume is not None and (node := volume.node(path)) is not None:
                event.covered = (node, node.begin_flush())
            return volume
        if event.name not in ("pwrite64", "write", "writev", "pwritev"):
            return None
        volume, path = self._of_descriptor(event)
        if volume is None or volume.node(path) is None:
            return None
        data = b"".join(strings(event.arguments))
        place = None
        if event.name.startswith("p"):
            place = int(event.arguments.rstrip(") ").rpartition(",")[2])
        event.covered = volume.write(path, place, data)
        return volume

    def _end(self, event):
        if event.begun.covered is None:
            return None
        volume, _ = self._of_descriptor(event)
        if event.name.endswith("sync"):
            node, covered = event.begun.covered
            node.end_flush(covered)
        else:
            write = event.begun.covered
            if int(event.result) != len(write.data):
                raise ValueError(f"only a part was written: {event.result}")
            write.is_done = True
        return volume

    # --- calls that happen at once, when they end

    def _openat(self, event):
        volume, path = self._of_path(strings(event.arguments)[0], files(event.arguments))
        if volume is None:
            return None
        flags = event.arguments.rpartition('", ')[2]
        if "SYNC" in flags or "O_TMPFILE" in flags:
            raise ValueError(f"files are not opened so: {flags}")
        file, changed = volume.node(path), None
        if file is None:
            if "O_CREAT" not in flags:
                raise ValueError(f"a file is opened that is not there: {path}")
            changed, file = volume, File()
            volume.make(path, file)
        elif isinstance(file, File) and "O_TRUNC" in flags and file.now:
            changed = volume
            volume.resize(path, 0)
        if isinstance(file, File):
            file.position = len(file.now) if "O_APPEND" in flags else 0
        return changed

    def _lseek(self, event):
        volume, path = self._of_descriptor(event)
        if volume is not None and isinstance(file := volume.node(path), File):
            file.position = int(event.result)

    def _ftruncate(self, event):
        volume, path = self._of_descriptor(event)
        if volume is not None and volume.node(path) is not None:
            volume.resize(path, int(event.arguments.rpartition(",")[2]))
        return volume

    def _fallocate(self, event):
        volume, path = self._of_descriptor(event)
        if volume is not None:
            mode, place, length = event.arguments.split(", ")[1:]
            file = volume.node(path)
            if mode != "0":
                raise ValueError(f"fallocate of mode {mode}")
            volume.resize(path, max(len(file.now), int(place) + int(length)))
        return volume

    def _mkdir(self, event):
        volume, path = self._of_path(strings(event.arguments)[0])
        if volume is not None:
            volume.make(path, Folder())
        return volume

    def _unlink(self, event):
        volume, path = self._of_path(strings(event.arguments)[0], files(event.arguments))
        if volume is not None:
            volume.remove(path)
        return volume

    _rmdir = _unlinkat = _unlink

    def _rename(self, event):
        old, new = strings(event.arguments)
        volume, path = self._of_path(old)
        if volume is not None:
            volume.rename(path, self._of_path(new)[1])
        return volume

    def _link(self, event):
        old, new = strings(event.arguments)
        volume, path = self._of_path(old)
        if volume is not None:
            volume.make(self._of_path(new)[1], volume.node(path))
        return volume

    def _linkat(self, event):
        if any(path != self.cwd for path in files(event.arguments)):
            raise ValueError(f"a link between other folders: {event.arguments}")
        return self._link(event)

    def _unknown(self, event):
        paths = files(event.arguments) + [each.decode() for each in strings(event.arguments)]
        if any(self._volume(path) for path in paths) or event.name == "io_uring_enter":
            raise ValueError(f"the call {event.name} is not known")

    # --- where it happens

    def _of_descriptor(self, event):
        """Return the volume and path of the first descriptor; no volume for what is none's."""
        match = _FILE.match(event.arguments)
        if match is None or match[3]:
            return None, ""
        path = _octets(match[2]).decode(errors="replace")
        return self._volume(path), path

    def _of_path(self, name, at=()):
        path = name.decode()
        if not path.startswith("/"):
            path = f"{at[0] if at else self.cwd}/{path}"
        path = normpath(path)
        return self._volume(path), path

    def _volume(self, path):
        return next((each for each in self.volumes if each.holds(path)), None)
