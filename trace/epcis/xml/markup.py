"""Pieces of XML as text: names, attributes, characters."""

import re

_START = (
    "A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_NAME = re.compile(f"[{_START}][-.0-9\u00b7\u0300-\u036f\u203f\u2040{_START}]*")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# A lone carriage return, and white space in an attribute, would come back as something else.
_IN_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_IN_ATTRIBUTE = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
    | {letter: f"&#{ord(letter)};" for letter in "\t\n\r"}
)


def is_name(text: str) -> bool:
    """Say whether a text is the local name of an element (an NCName)."""
    return bool(_NAME.fullmatch(text))


def is_xml(text: str) -> bool:
    """Say whether XML 1.0 has all characters of a text."""
    return not _NO_XML.search(text)


def in_text(text: str) -> str:
    """Return a text as the content of an element."""
    return text.translate(_IN_TEXT)


def in_attribute(text: str) -> str:
    """Return a text as the value of an attribute, which stands in double quotes."""
    return text.translate(_IN_ATTRIBUTE)
