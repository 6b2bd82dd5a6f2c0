"""Requests of every kind that /epcis/openapi.json describes, and of kinds that it does not.

``CASES=20000 make fuzz`` runs many; tests/trace/test_epcis_schemathesis.py runs some. Every
answer must be one that is described, and none may be a fault of ours.
"""

import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import load_all_checks
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from foodtrace.trace.store.migrate import upgrade
from foodtrace.trace.store.session import Store

from .web import add_key, add_party, bearer, staff_app

DATA = Path(__file__).parent / "data/epcis/Capture/Documents"
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Parts of addresses under which there is something.
KNOWN = {
    "event_id": "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
    "event_type": "ObjectEvent",
    "epc": "urn:epc:id:sgtin:0614141.107346.2018",
    "biz_step": "shipping",
    "biz_location": "urn:epc:id:sgln:0614141.00888.0",
    "read_point": "urn:epc:id:sgln:0614141.07346.1234",
    "disposition": "in_transit",
    "query_name": "shipped",
}
# What is not supported is answered so, and says so (docs/epcis.md).
HONEST = 501


def fuzz(store, cases, start=1, tell=lambda text: None):
    """Send so many cases, spread over the operations; return how often each status came.

    The same numbers give the same cases. Raises what a check or the application raises.
    """
    app = staff_app(store)
    key = bearer(add_key(store, "producer", add_party(store, "绿源农场")))
    client = app.test_client()
    fill(client, key)
    load_all_checks()
    schema = schemathesis.openapi.from_wsgi("/epcis/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    # There is not much to find behind OPTIONS.
    weights = [1 if operation.method == "options" else 5 for operation in operations]
    statuses = Counter()
    for number, (operation, weight) in enumerate(zip(operations, weights, strict=True)):
        share = -(-cases * weight // sum(weights))
        keep_query(client, key)  # an operation before may have deleted it
        _fuzz_operation(operation, key, share, start + number, statuses)
        tell(f"{share:7} cases of {operation.label}")
    return statuses


def fill(client, key):
    """Have some events on record, so that there is something to find."""
    for path in sorted(DATA.iterdir()):
        client.post(
            "/epcis/capture", data=path.read_bytes(), headers=key, content_type="application/json"
        )


def keep_query(client, key):
    """Have the query that KNOWN names, unless it is there."""
    client.post(
        "/epcis/queries",
        json={"name": KNOWN["query_name"], "query": {"EQ_bizStep": ["shipping"]}},
        headers=key,
    )


def _fuzz_operation(operation, key, cases, start, statuses):
    kinds = [operation.as_strategy(mode) for mode in GenerationMode]
    named = {each.name for each in operation.path_parameters}
    known = {name: value for name, value in KNOWN.items() if name in named}
    if known:
        kinds.append(operation.as_strategy(GenerationMode.POSITIVE, path_parameters=known))

    @seed(start)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(kinds))
    def send(case):
        response = case.call(headers=key)
        statuses[operation.label, response.status_code] += 1
        assert response.status_code < 500 or response.status_code == HONEST, response.text
        if response.status_code != 405:  # a part of the path can make it another path
            case.validate_response(response, checks=CHECKS)

    send()


def main():
    """Run as many cases as CASES says, from the number SEED on; print what was answered."""
    cases, start = int(os.environ.get("CASES", "2000")), int(os.environ.get("SEED", "1"))
    with tempfile.TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{folder}/fuzz.sqlite")
        upgrade(store)
        statuses = fuzz(store, cases, start, lambda text: print(text, flush=True))
        store.close()
    for (operation, status), times in sorted(statuses.items()):
        print(f"{times:7} {status} {operation}")
    print(f"{sum(statuses.values()):7} cases, all as described; seed {start}")


if __name__ == "__main__":
    sys.exit(main())
