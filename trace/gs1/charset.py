"""Which characters GS1 keys and web addresses may hold, and how they are percent-encoded."""

from urllib.parse import quote

from foodtrace.trace.errors import Invalid, Problem, mark

DIGITS = frozenset("0123456789")
LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

# GS1 General Specifications, section 7.11: lots and serials; component parts; signatures.
CHARSET_82 = DIGITS | LETTERS | frozenset("!\"%&'()*+,-./:;<=>?_")
CHARSET_39 = DIGITS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ#-/")
CHARSET_64 = DIGITS | LETTERS | frozenset("-_")

# RFC 3986, appendix A: unreserved, gen-delims, sub-delims, and the percent sign.
URI_CHARACTERS = DIGITS | LETTERS | frozenset("-._~:/?#[]@!$&'()*+,;=%")
HEX_DIGITS = DIGITS | frozenset("ABCDEFabcdef")


def is_digits(text: str) -> bool:
    """Say whether the text is ASCII digits only: `str.isdigit` takes full-width ones too."""
    return text.isascii() and text.isdigit()


def check_uri_text(text: str, limit: int) -> None:
    """Refuse what can stand in no web address: other scripts, spaces, invisible characters."""
    if not 0 < len(text) <= limit:
        raise Invalid(
            Problem(
                "identifier",
                mark("An identifier has 1 to %(limit)s characters"),
                mark("Send the complete identifier and nothing else"),
                {"limit": limit},
            )
        )
    if not URI_CHARACTERS.issuperset(text):
        at = next(index for index, char in enumerate(text) if char not in URI_CHARACTERS)
        raise Invalid(
            Problem(
                "identifier",
                mark("Character %(code)s at position %(at)s cannot stand in an identifier"),
                mark("Write half-width letters and digits, and percent-encode the rest"),
                {"code": f"U+{ord(text[at]):04X}", "at": at + 1},
            )
        )


def decoded(text: str) -> str:
    """Return the text with its percent escapes resolved, once. Raises Invalid if they are broken.

    Bytes outside ASCII become U+FFFD: no GS1 key holds any, so the caller refuses them.
    """
    first, *escaped = text.split("%")
    parts = [first]
    for part in escaped:
        if len(part) < 2 or part[0] not in HEX_DIGITS or part[1] not in HEX_DIGITS:
            raise Invalid(
                Problem(
                    "identifier",
                    mark("A percent sign is not followed by two hexadecimal digits"),
                    mark("Write a percent sign itself as %%25"),
                )
            )
        code = int(part[:2], 16)
        parts.append(chr(code) if code < 0x80 else "\ufffd")
        parts.append(part[2:])
    return "".join(parts)


def encoded(value: str) -> str:
    """Return the value as one segment of a path: all but letters, digits and -._~ is escaped."""
    return value if value.isalnum() else quote(value, safe="")


def checked_value(name: str, value: str, limit: int, charset: frozenset[str] = CHARSET_82) -> str:
    """Return a lot, serial or other free value; raise Invalid if GS1 does not allow it.

    A value of dots alone is refused too: web clients take such a segment for a folder.
    """
    if not 0 < len(value) <= limit:
        raise Invalid(
            Problem(
                name,
                mark("%(name)s has 1 to %(limit)s characters, this has %(length)s"),
                mark("Write the value as it is printed on the label"),
                {"name": name, "limit": limit, "length": len(value)},
            )
        )
    if not charset.issuperset(value) or value in (".", ".."):
        raise Invalid(
            Problem(
                name,
                mark("%(name)s holds a character that GS1 does not allow"),
                mark("Use half-width letters, digits and the signs %(signs)s"),
                {"name": name, "signs": "".join(sorted(charset - DIGITS - LETTERS))},
            )
        )
    return value
