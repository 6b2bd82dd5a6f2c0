"""Proof in people's hands: the page of a bundle, the script that checks it, the proof files."""

import base64
import hashlib
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, make_response

from foodtrace.consumer_web.proofs.bundles import Bundle
from foodtrace.consumer_web.rendering import HEADERS, page
from foodtrace.trace.errors import NotFound, Problem, mark
from foodtrace.trace.log.checkpoints import cosignatures
from foodtrace.trace.log.notes import parse_note
from foodtrace.trace.log.places import shown_name
from foodtrace.trace.log.policies import Policy
from foodtrace.trace.log.policy_file import policy_of
from foodtrace.trace.log.receipts import Head, tlog_proof_of
from foodtrace.trace.web import reading, settings

bp = Blueprint("proofs", __name__)
SCRIPT = files("foodtrace.consumer_web").joinpath("static/proof.js").read_bytes()
_DIGEST = hashlib.sha256(SCRIPT).digest()
# Only this page has a script, and only this one script.
_CSP = (
    HEADERS["Content-Security-Policy"] + "; script-src 'self'; require-trusted-types-for 'script'"
)
PROOF_TYPE = "text/plain; charset=utf-8"


@bp.get("/log/<int:year>/proof/<int:index>.tlog-proof")
def proof_file(year: int, index: int) -> Response:
    """Give the proof that an entry is in the log, to be checked without us."""
    with reading() as session:
        proof = tlog_proof_of(session, year, index, policy_of(settings()))
    if proof is None:
        raise NotFound(
            Problem(
                "",
                mark("The log %(year)s has no published entry %(index)s"),
                mark("A new entry is published within seconds: try again then"),
                {"year": year, "index": index},
            )
        )
    response = make_response(proof)
    response.content_type = PROOF_TYPE
    name = f"{year}-{index}.tlog-proof"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    # A later one may have more witnesses.
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@bp.get("/proof.js")
def script() -> Response:
    """Give the script of the proof pages; its address changes with it."""
    response = make_response(SCRIPT)
    response.content_type = "text/javascript; charset=utf-8"
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def proof_page(path: str, bundle: Bundle, *, cache: str) -> Response:
    """Return the page of a bundle: all that it says, and a script that checks it."""
    policy = policy_of(settings())
    response = page(
        "proof.html",
        cache=cache,
        path=path,
        bundle=bundle,
        heads=[
            {"vkey": log.vkey, **_seen(bundle.heads[log.year], policy)}
            for log in bundle.logs
            if log.year in bundle.heads
        ],
        log_address=f"{settings().base_url}/log",
        script_url=f"/proof.js?{_DIGEST.hex()[:12]}",
        script_hash=f"sha256-{base64.b64encode(_DIGEST).decode()}",
        has_policy=policy is not None,
    )
    response.headers["Content-Security-Policy"] = _CSP
    return response


def _seen(head: Head, policy: Policy | None) -> dict[str, Any]:
    """Return a head of a log, and which of our witnesses cosigned it when."""
    names = {each.verifier: shown_name(each.name) for each in policy.witnesses} if policy else {}
    lines = cosignatures(parse_note(head.note), names)
    return {
        "origin": head.checkpoint.origin,
        "size": head.checkpoint.size,
        "witnesses": [
            (names[line.verifier], datetime.fromtimestamp(line.time, UTC)) for line in lines
        ],
    }
