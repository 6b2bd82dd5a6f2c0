"""The codes of a run as a table that a label program or a spreadsheet opens."""

from collections.abc import Iterator, Sequence

from flask import Response

from foodtrace.producers.labels import lot_url

_LINES = 500


def sent(codes: Sequence[str], run_id: int, first: int, base_url: str) -> Response:
    """Return an answer with a line for each code: position, identifier, and what it says.

    No cell begins with a sign that makes a formula of it: identifiers begin with a slash.
    """
    response = Response(_lines(codes, first, base_url), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="codes-{run_id}.csv"'
    return response


def _lines(codes: Sequence[str], first: int, base_url: str) -> Iterator[bytes]:
    yield b"position,identifier,url\r\n"
    for begin in range(0, len(codes), _LINES):
        yield b"".join(
            f"{position},{code},{lot_url(base_url, code)}\r\n".encode()
            for position, code in enumerate(codes[begin : begin + _LINES], start=first + begin)
        )
