"""Events taken out of their documents, so that each says all by itself what it said there."""

from collections.abc import Sequence

import msgspec

Contexts = tuple[msgspec.Raw, ...]


class _Head(msgspec.Struct):
    """What an event of a document inherits from it."""

    context: msgspec.Raw = msgspec.field(name="@context", default=msgspec.Raw(b""))


def inherited_contexts(document: bytes, length: int) -> Contexts:
    """Return what an event of so many bytes inherits; a bare event is its own document."""
    if length == len(document.strip()):
        return ()
    return parts_of_context(msgspec.json.decode(document, type=_Head).context)


def parts_of_context(context: msgspec.Raw) -> Contexts:
    """Return the parts of a context: none, one, or those of a list."""
    if not bytes(context):
        return ()
    if bytes(context).startswith(b"["):
        return tuple(msgspec.json.decode(context, type=list[msgspec.Raw]))
    return (context,)


def merged_contexts(inherited: Sequence[msgspec.Raw], own: Sequence[msgspec.Raw]) -> Contexts:
    """Return what is in force in an event: what it inherits, then its own.

    The only address that a context may name is that of EPCIS, in one of its versions: it
    is said once.
    """
    texts = {bytes(each) for each in own}
    has_address = any(is_address(each) for each in own)
    kept = [
        each
        for each in inherited
        if bytes(each) not in texts and not (is_address(each) and has_address)
    ]
    return (*kept, *own)


def is_address(part: msgspec.Raw) -> bool:
    """Tell whether a part of a context is an address, and not a set of prefixes."""
    return bytes(part).startswith(b'"')
