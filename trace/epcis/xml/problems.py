"""Problem documents in XML (RFC 7807, appendix A), for clients that speak XML alone."""

from collections.abc import Mapping
from typing import Any

from foodtrace.trace.epcis.xml.markup import in_text, is_xml

_NAMESPACE = "urn:ietf:rfc:7807"


def problem_xml(document: Mapping[str, Any]) -> bytes:
    """Return a problem document as ``application/problem+xml``.

    Members are elements, entries of a list are elements called ``i``. The names of the members
    must be names of elements. Characters that XML does not have become U+FFFD.
    """
    content = _members(document)
    declaration = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{declaration}<problem xmlns="{_NAMESPACE}">{content}</problem>\n'.encode()


def _members(value: Mapping[str, Any]) -> str:
    return "".join(f"<{name}>{_content(part)}</{name}>" for name, part in value.items())


def _content(value: Any) -> str:
    if isinstance(value, Mapping):
        return _members(value)
    if isinstance(value, (list, tuple)):
        return "".join(f"<i>{_content(part)}</i>" for part in value)
    if value is None:
        return ""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return in_text("".join(letter if is_xml(letter) else "\ufffd" for letter in text))
