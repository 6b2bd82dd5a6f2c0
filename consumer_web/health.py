"""For those who run the service: is it alive, and can it do its work?"""

from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy.exc import SQLAlchemyError

from foodtrace.trace.store.migrate import is_current
from foodtrace.trace.web import store

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def alive() -> Response:
    """Answer that the process is alive, whatever the database does."""
    return _answer({"status": "alive"})


@bp.get("/readyz")
def ready() -> tuple[Response, int]:
    """Answer 200 when the database answers and has this program's tables, else 503.

    A record that is read-only for now can be read: that is 200 as well, with the reason.
    """
    try:
        current = is_current(store())
    except SQLAlchemyError as error:
        current_app.logger.warning("not ready: %s", error)
        checks = {"database": "no answer", "migrations": "unknown"}
    else:
        checks = {"database": "ok", "migrations": "ok" if current else "behind"}
    is_ready = set(checks.values()) == {"ok"}
    reason = store().standing.reason
    status = "not ready" if not is_ready else "ready" if reason is None else "read-only"
    checks["record"] = "ok" if reason is None else reason.text
    return _answer({"status": status, "checks": checks}), 200 if is_ready else 503


def _answer(body: dict[str, object]) -> Response:
    response = jsonify(body)
    response.headers["Cache-Control"] = "no-store"
    return response
