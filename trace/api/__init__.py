"""The EPCIS 2.0 REST binding."""

from flask import Blueprint

from foodtrace.trace.api import (
    capture,
    discovery,
    events,
    export,
    openapi,
    queries,
    subscriptions,
    vocabularies,
)
from foodtrace.trace.api.headers import announce
from foodtrace.trace.api.negotiation import negotiate

bp = Blueprint("epcis", __name__, url_prefix="/epcis")
for part in (discovery, capture, events, vocabularies, queries, subscriptions, export, openapi):
    bp.register_blueprint(part.bp)
bp.before_request(negotiate)
bp.after_app_request(announce)
