"""The witness over HTTP: an ASGI application, so that slow senders hold no thread.

POST /add-checkpoint   c2sp.org/tlog-witness
GET  /                 who this is, and the last checkpoint of each log, as text
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from foodtrace.trace.witness.cosigning import Witness
from foodtrace.trace.witness.rules import LARGEST_SUBMISSION, Refusal
from foodtrace.trace.witness.state import DamagedState

SECONDS_TO_SEND = 10.0
TEXT = "text/plain; charset=utf-8"
SIZE = "text/x.tlog.size"

_log = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Answer(NamedTuple):
    """A whole answer; `more` are further header fields."""

    status: int
    body: bytes
    content_type: str = TEXT
    more: tuple[tuple[str, str], ...] = ()


class Application:
    """The ASGI application that answers for a witness."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, or live through start and end of the server."""
        if scope["type"] == "lifespan":
            await _live(self._witness, receive, send)
        elif scope["type"] == "http":
            try:
                made = await self._answer(scope, receive)
            except Exception:
                _log.exception("a request failed for a fault of this program")
                made = Answer(500, b"This witness has a fault; nothing was cosigned.\n")
            await _send(made, send, with_body=scope["method"] != "HEAD")

    async def _answer(self, scope: Message, receive: Receive) -> Answer:
        path, method = scope["path"], scope["method"]
        if path == "/add-checkpoint":
            return await self._submitted(scope, receive) if method == "POST" else _allowed("POST")
        if path == "/":
            if method in ("GET", "HEAD"):
                return await asyncio.to_thread(_introduce, self._witness)
            return _allowed("GET, HEAD")
        return Answer(404, b"There are / and /add-checkpoint here.\n")

    async def _submitted(self, scope: Message, receive: Receive) -> Answer:
        try:
            body = await _body(scope, receive)
        except Refusal as refusal:
            # What is left of the body is not waited for.
            return Answer(refusal.status, _line(refusal.reason), more=(("Connection", "close"),))
        return await asyncio.to_thread(_add_checkpoint, self._witness, body)


def _add_checkpoint(witness: Witness, body: bytes) -> Answer:
    try:
        return Answer(200, witness.add_checkpoint(body))
    except Refusal as refusal:
        if refusal.size is not None:
            return Answer(refusal.status, f"{refusal.size}\n".encode(), SIZE)
        return Answer(refusal.status, _line(refusal.reason))
    except DamagedState:
        return _damaged()


def _introduce(witness: Witness) -> Answer:
    """Say who this is and what it has seen: others compare it with what they see."""
    try:
        heads = witness.state.heads()
    except DamagedState:
        return _damaged()
    lines = [f"witness {witness.signer.vkey}"]
    for origin in sorted({*heads, *witness.logs.origins()}):
        head = heads.get(origin)
        if head is None:
            lines.append(f"\n{origin}\nnothing cosigned yet")
        else:
            lines.append(f"\n{head.note.decode()}cosigned {datetime.fromtimestamp(head.time, UTC)}")
    return Answer(200, "\n".join([*lines, ""]).encode(), more=(("Cache-Control", "no-store"),))


def _damaged() -> Answer:
    _log.exception("the state cannot be used; nothing is cosigned")
    return Answer(503, b"The state of this witness cannot be used; nothing is cosigned.\n")


def _allowed(methods: str) -> Answer:
    return Answer(405, f"Allowed here: {methods}.\n".encode(), more=(("Allow", methods),))


async def _body(scope: Message, receive: Receive) -> bytes:
    """Receive a body whole, in time and within the limit. Raises Refusal."""
    lengths = [value for name, value in scope["headers"] if name.lower() == b"content-length"]
    if lengths and (not lengths[0].isdigit() or int(lengths[0][:20]) > LARGEST_SUBMISSION):
        raise Refusal(413, f"A submission has at most {LARGEST_SUBMISSION} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(SECONDS_TO_SEND):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(400, "The body ended early")
                body += message.get("body", b"")
                if len(body) > LARGEST_SUBMISSION:
                    raise Refusal(413, f"A submission has at most {LARGEST_SUBMISSION} bytes")
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Refusal(408, f"The body did not come within {SECONDS_TO_SEND:g} seconds") from None


def _line(text: str) -> bytes:
    return f"{text}\n".encode(errors="replace")


async def _send(answer: Answer, send: Send, *, with_body: bool) -> None:
    headers = [
        ("Content-Type", answer.content_type),
        ("Content-Length", str(len(answer.body))),
        ("X-Content-Type-Options", "nosniff"),
        *answer.more,
    ]
    await send(
        {
            "type": "http.response.start",
            "status": answer.status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        }
    )
    await send({"type": "http.response.body", "body": answer.body if with_body else b""})


async def _live(witness: Witness, receive: Receive, send: Send) -> None:
    """Say that all is ready, and close the state at the end."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            witness.state.close()
            return
