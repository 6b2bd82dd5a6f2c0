"""A disk that forgets what it was not told to flush: what may be on it after a power cut.

A volume follows the calls that were made on a folder. Of a file, what was written before a flush
of that file began is there once the flush has ended; of a folder, the names in it once the folder
was flushed. Of everything else any part may be there, in any order: each piece of a write, each
change of a length, each name for itself. No real file system forgets as much as that, and none
promises more.
"""

from dataclasses import dataclass, field

# What a disk writes at once: a page, or a sector of an older one.
PIECES = (4_096, 512)
# Not of the disk: SQLite makes the first anew, and the others belong to processes that are gone.
_VOLATILE = ("-shm", "postmaster.pid", "postmaster.opts")


@dataclass
class Write:
    """Octets at a place of a file; `data` None: it was made that long."""

    number: int
    place: int
    data: bytes | None
    is_done: bool = False


@dataclass
class File:
    """A file: as it is, as it is on the disk for certain, and the writes between the two."""

    now: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    waiting: list = field(default_factory=list)
    position: int = 0  # of the next write that names no place

    def write(self, write):
        _apply(self.now, write)
        self.waiting.append(write)

    def begin_flush(self):
        """Return the writes that a flush which begins now is for."""
        return [write for write in self.waiting if write.is_done]

    def end_flush(self, covered):
        flushed = {id(write) for write in covered}
        for write in covered:
            _apply(self.durable, write)
        self.waiting = [write for write in self.waiting if id(write) not in flushed]

    def after_cut(self, ratio, piece, random):
        """Return what is in the file; `ratio` is how much of what was not flushed is there."""
        if ratio == 1:
            return bytes(self.now)
        left = bytearray(self.durable)
        for write in self.waiting:
            for part in _pieces(write, piece):
                if random.random() < ratio:
                    _apply(left, part)
        if len(left) < len(self.now) and random.random() < ratio:
            left.extend(bytes(len(self.now) - len(left)))  # long already, and not yet filled
        return bytes(left)


@dataclass
class Folder:
    """A folder: its names as they are, as they are on the disk, and the changes between."""

    now: dict = field(default_factory=dict)
    durable: dict = field(default_factory=dict)
    waiting: list = field(default_factory=list)

    def change(self, number, name, node):
        """Give a name to a node, or take it away (None)."""
        _name(self.now, name, node)
        self.waiting.append((number, name, node))

    def begin_flush(self):
        """Return the changes that a flush which begins now is for."""
        return list(self.waiting)

    def end_flush(self, covered):
        for _, name, node in covered:
            _name(self.durable, name, node)
        self.waiting = [each for each in self.waiting if each not in covered]

    def after_cut(self, is_kept):
        """Return the names that are there."""
        left = dict(self.durable)
        for number, name, node in self.waiting:
            if is_kept(number):
                _name(left, name, node)
        return left


class Volume:
    """What is below one folder, from a moment on at which all of it is on the disk."""

    def __init__(self, root):
        self.root = str(root)
        self.top = _loaded(root)
        self.writes = 0  # changes of any kind so far

    def holds(self, path):
        return path == self.root or path.startswith(self.root + "/")

    def node(self, path):
        """Return the file or folder of that name, None if there is none."""
        node = self.top
        for name in self._names(path):
            if not isinstance(node, Folder) or name not in node.now:
                return None
            node = node.now[name]
        return node

    def _names(self, path):
        return [name for name in path[len(self.root) :].split("/") if name]

    def _folder_of(self, path):
        folder, _, name = path.rpartition("/")
        return self.node(folder), name

    def number(self):
        self.writes += 1
        return self.writes

    def make(self, path, node):
        """Give the node that name."""
        folder, name = self._folder_of(path)
        folder.change(self.number(), name, node)

    def remove(self, path):
        self.make(path, None)

    def rename(self, old, new):
        """Both names change at once, where nothing is flushed between."""
        node, number = self.node(old), self.number()
        for path, value in ((old, None), (new, node)):
            folder, name = self._folder_of(path)
            folder.change(number, name, value)

    def write(self, path, place, data):
        """Begin a write at a place, or where the last one ended (None); return it."""
        file = self.node(path)
        if place is None:
            place = file.position
            file.position += len(data)
        write = Write(self.number(), place, data)
        file.write(write)
        return write

    def resize(self, path, length):
        write = Write(self.number(), length, None, is_done=True)
        self.node(path).write(write)

    def after_cut(self, ratio, piece, random):
        """Return one content that the disk may have: {path below the root: octets or None}.

        None stands for a folder.
        """
        kept = {}

        def is_kept(number):
            return ratio == 1 or kept.setdefault(number, random.random() < ratio)

        def found(folder, path):
            for name, node in folder.after_cut(is_kept).items():
                if name.endswith(_VOLATILE):
                    continue
                if isinstance(node, Folder):
                    yield path + name, None
                    yield from found(node, f"{path}{name}/")
                else:
                    yield path + name, node.after_cut(ratio, piece, random)

        return dict(found(self.top, ""))


def _loaded(path):
    if not path.is_dir():
        data = path.read_bytes()
        return File(bytearray(data), bytearray(data))
    names = {each.name: _loaded(each) for each in path.iterdir() if not each.is_socket()}
    return Folder(dict(names), dict(names))


def _name(names, name, node):
    if node is None:
        names.pop(name, None)
    else:
        names[name] = node


def _apply(content, write):
    if write.data is None:
        del content[write.place :]
        content.extend(bytes(write.place - len(content)))
        return
    if len(content) < write.place:
        content.extend(bytes(write.place - len(content)))
    content[write.place : write.place + len(write.data)] = write.data


def _pieces(write, piece):
    """The parts of a write that a disk may keep without the others."""
    if write.data is None:
        yield write
        return
    at, end = write.place, write.place + len(write.data)
    while at < end:
        until = min(end, (at // piece + 1) * piece)
        yield Write(write.number, at, write.data[at - write.place : until - write.place])
        at = until


def put(content, folder):
    """Make a folder that holds this content."""
    folder.mkdir(parents=True)
    for path, data in content.items():
        if data is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(data)
