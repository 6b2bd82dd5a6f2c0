"""Every route, and what each role gets from it. Plain data: a new route needs a row here.

A row is ``(method, path): outcomes``. The path is the rule as Flask has it. The outcomes
are one for all, or a mapping from a role (or ANYONE, who is not signed in) to one, with
`REST` for those that are not named. Machines' paths are tried with the key of the role,
pages with a session.

OK      the role may; the answer is anything but 401, 403 or the way to the sign-in page
LOGIN   sent to the sign-in page (pages), or 401 (machines)
NO      403, or 404 where the thing is another's

What a path needs for its parts stands in PARTS.
"""

OK, LOGIN, NO = "ok", "login", "no"
ANYONE, REST = "anyone", "rest"
ALL_ROLES = ("producer", "operator", "laboratory", "inspector", "regulator", "administrator")

SIGNED_IN = {ANYONE: LOGIN, REST: OK}


def only(*roles):
    """Return the outcomes of a route for these roles."""
    return {ANYONE: LOGIN, REST: NO} | dict.fromkeys(roles, OK)


MOVERS = only("producer", "operator")
SIGNERS = only("producer", "operator", "laboratory")
ERASERS = only("producer", "operator", "laboratory", "administrator")
REGISTRARS = only("regulator", "administrator")
ALL_BUT_INSPECTORS = ("producer", "operator", "laboratory", "regulator", "administrator")

# What stands for <parts> of paths; things that do not exist, unless a test makes them.
PARTS = {
    "filename": "trace/console.css",
    "token": "none",
    "link_id": "999999",
    "user_id": "999999",
    "run_id": "999999",
    "key_id": "999999",
    "key": "09506000134352/10/NONE",
    "capture_id": "none",
    "delivery_id": "none",
    "event_id": "urn:uuid:none",
    "event_type": "ObjectEvent",
    "epc": "urn:epc:id:sgtin:9506000.013435.1",
    "biz_step": "storing",
    "biz_location": "urn:epc:id:sgln:9506000.00001.0",
    "read_point": "urn:epc:id:sgln:9506000.00001.0",
    "disposition": "active",
    "query_name": "none",
    "subscription_id": "none",
    "certificate_id": "999999",
    "recall_id": "999999",
    "identifier": "01/09506000134352/10/NONE",
    "job_id": "none",
    "party_id": "999999",
    "place_id": "999999",
    "product_id": "999999",
    "shipment_id": "999999",
    "year": "2026",
    "path": "0/000",
    "day": "2026-11-18",
    "name": "2026-11-18.tsr",
    "index": "0",
    "sha256": "0" * 64,
}

STAFF = {
    ("GET", "/staff/static/<path:filename>"): OK,
    ("GET", "/api/v1/openapi.json"): OK,
    # Signing in and out
    ("GET", "/login"): OK,
    ("POST", "/login"): OK,
    # Without the first step, the password, they lead back to the sign-in page
    ("GET", "/login/code"): LOGIN,
    ("POST", "/login/code"): LOGIN,
    ("GET", "/login/lost"): {ANYONE: LOGIN, REST: OK},
    ("POST", "/login/lost"): {ANYONE: LOGIN, REST: OK},
    ("GET", "/login/select"): LOGIN,
    ("POST", "/login/select"): LOGIN,
    ("POST", "/logout"): LOGIN,
    # EPCIS: those who act capture; captures and events of others are not found
    ("GET", "/epcis/capture"): SIGNED_IN,
    ("POST", "/epcis/capture"): only("producer", "operator", "laboratory", "administrator"),
    ("GET", "/epcis/"): SIGNED_IN,
    ("GET", "/epcis/openapi.json"): OK,
    ("GET", "/epcis/capture/<capture_id>"): SIGNED_IN,
    ("POST", "/epcis/events"): only("producer", "operator", "laboratory", "administrator"),
    ("GET", "/epcis/events"): SIGNED_IN,
    ("GET", "/epcis/events/<path:event_id>"): SIGNED_IN,
    ("GET", "/epcis/eventTypes"): SIGNED_IN,
    ("GET", "/epcis/eventTypes/<path:event_type>"): SIGNED_IN,
    ("GET", "/epcis/eventTypes/<path:event_type>/events"): SIGNED_IN,
    ("GET", "/epcis/epcs"): SIGNED_IN,
    ("GET", "/epcis/epcs/<path:epc>"): SIGNED_IN,
    ("GET", "/epcis/epcs/<path:epc>/events"): SIGNED_IN,
    ("GET", "/epcis/bizSteps"): SIGNED_IN,
    ("GET", "/epcis/bizSteps/<path:biz_step>"): SIGNED_IN,
    ("GET", "/epcis/bizSteps/<path:biz_step>/events"): SIGNED_IN,
    ("GET", "/epcis/bizLocations"): SIGNED_IN,
    ("GET", "/epcis/bizLocations/<path:biz_location>"): SIGNED_IN,
    ("GET", "/epcis/bizLocations/<path:biz_location>/events"): SIGNED_IN,
    ("GET", "/epcis/readPoints"): SIGNED_IN,
    ("GET", "/epcis/readPoints/<path:read_point>"): SIGNED_IN,
    ("GET", "/epcis/readPoints/<path:read_point>/events"): SIGNED_IN,
    ("GET", "/epcis/dispositions"): SIGNED_IN,
    ("GET", "/epcis/dispositions/<path:disposition>"): SIGNED_IN,
    ("GET", "/epcis/dispositions/<path:disposition>/events"): SIGNED_IN,
    ("GET", "/epcis/export"): SIGNED_IN,
    ("GET", "/epcis/queries"): SIGNED_IN,
    ("POST", "/epcis/queries"): SIGNED_IN,
    ("GET", "/epcis/queries/<query_name>"): SIGNED_IN,
    ("DELETE", "/epcis/queries/<query_name>"): SIGNED_IN,
    ("GET", "/epcis/queries/<query_name>/events"): SIGNED_IN,
    ("GET", "/epcis/queries/<query_name>/subscriptions"): SIGNED_IN,
    ("POST", "/epcis/queries/<query_name>/subscriptions"): SIGNED_IN,
    ("GET", "/epcis/queries/<query_name>/subscriptions/<subscription_id>"): SIGNED_IN,
    ("DELETE", "/epcis/queries/<query_name>/subscriptions/<subscription_id>"): SIGNED_IN,
    ("DELETE", "/epcis/nextPageToken/<token>"): SIGNED_IN,  # 501: it says so
    # One's own account
    ("GET", "/account"): SIGNED_IN,
    ("GET", "/account/start"): SIGNED_IN,
    ("GET", "/account/password"): SIGNED_IN,
    ("POST", "/account/password"): SIGNED_IN,
    ("GET", "/account/verify"): SIGNED_IN,
    ("POST", "/account/verify"): SIGNED_IN,
    ("GET", "/account/totp"): SIGNED_IN,
    ("POST", "/account/totp"): SIGNED_IN,
    ("POST", "/account/totp/<token>"): SIGNED_IN,
    # What is sent to one's own programs; what is another's is not found
    ("GET", "/account/personal"): ERASERS,
    ("POST", "/account/personal/search"): ERASERS,
    ("POST", "/account/personal/erasures"): ERASERS,
    ("GET", "/account/personal/openings"): only("regulator"),
    ("POST", "/account/personal/openings"): only("regulator"),
    ("POST", "/api/v1/personal/openings"): only("regulator"),
    ("POST", "/api/v1/personal/erasures"): ERASERS,
    ("GET", "/account/subscriptions"): SIGNED_IN,
    ("GET", "/account/subscriptions/<subscription_id>"): SIGNED_IN,
    ("POST", "/account/subscriptions/<subscription_id>/end"): SIGNED_IN,
    ("POST", "/account/subscriptions/<subscription_id>/messages/<delivery_id>"): SIGNED_IN,
    # Keys of devices, and what they sign
    ("GET", "/account/devices"): SIGNERS,
    ("POST", "/account/devices"): SIGNERS,
    ("POST", "/account/devices/<int:key_id>/confirmation"): SIGNERS,
    ("POST", "/account/devices/<int:key_id>/end"): SIGNERS,
    ("POST", "/account/devices/<int:key_id>/compromise"): SIGNERS,
    ("GET", "/account/devices/waiting"): only("regulator"),
    ("POST", "/account/devices/waiting/<int:key_id>"): only("regulator"),
    ("GET", "/account/signing"): SIGNERS,
    ("POST", "/account/signing"): SIGNERS,
    ("GET", "/api/v1/events/<path:event_id>/proof"): SIGNED_IN,
    ("GET", "/api/v1/keys"): SIGNERS,
    ("POST", "/api/v1/keys"): SIGNERS,
    ("GET", "/api/v1/keys/waiting"): only("regulator"),
    # Without a voucher: the word of a regulator
    ("POST", "/api/v1/keys/<int:key_id>/confirmation"): only("regulator"),
    ("POST", "/api/v1/keys/<int:key_id>/end"): SIGNERS,
    ("POST", "/api/v1/keys/<int:key_id>/compromise"): SIGNERS,
    ("GET", "/api/v1/unsigned"): SIGNERS,
    ("POST", "/api/v1/signatures"): SIGNERS,
    # Everybody's accounts and keys
    ("GET", "/account/people"): only("administrator"),
    ("POST", "/account/people"): only("administrator"),
    ("POST", "/account/people/<int:user_id>"): only("administrator"),
    ("GET", "/account/keys"): only("administrator"),
    ("POST", "/account/keys"): only("administrator"),
    ("POST", "/account/keys/<key_id>/withdraw"): only("administrator"),
    # Those who make and move food: the register
    ("GET", "/api/v1/parties"): SIGNED_IN,
    ("POST", "/api/v1/parties"): REGISTRARS,
    ("GET", "/api/v1/parties/<int:party_id>"): only(*ALL_BUT_INSPECTORS),
    ("PATCH", "/api/v1/parties/<int:party_id>"): only(*ALL_BUT_INSPECTORS),
    ("GET", "/api/v1/places"): SIGNED_IN,
    ("POST", "/api/v1/places"): only(*ALL_BUT_INSPECTORS),
    ("GET", "/api/v1/places/<int:place_id>"): SIGNED_IN,
    ("PATCH", "/api/v1/places/<int:place_id>"): only(*ALL_BUT_INSPECTORS),
    ("GET", "/api/v1/products"): SIGNED_IN,
    ("POST", "/api/v1/products"): only("producer", "regulator", "administrator"),
    ("GET", "/api/v1/products/<int:product_id>"): SIGNED_IN,
    ("PATCH", "/api/v1/products/<int:product_id>"): only("producer", "regulator", "administrator"),
    ("GET", "/api/v1/links"): only("producer", "operator", "laboratory"),
    ("POST", "/api/v1/links"): only("producer", "operator", "laboratory"),
    ("DELETE", "/api/v1/links/<int:link_id>"): only("producer", "operator", "laboratory"),
    # … lots and what happens to them
    ("GET", "/api/v1/lots"): SIGNED_IN,
    ("POST", "/api/v1/lots"): only("producer"),
    ("POST", "/api/v1/splits"): only("producer"),
    ("GET", "/api/v1/lots/<path:identifier>"): SIGNED_IN,
    ("GET", "/api/v1/lots/<path:identifier>/qr.svg"): SIGNED_IN,
    ("GET", "/api/v1/lots/<path:identifier>/qr.png"): SIGNED_IN,
    ("GET", "/api/v1/code-runs"): only("producer"),
    ("POST", "/api/v1/code-runs"): only("producer"),
    ("GET", "/api/v1/code-runs/<int:run_id>"): only("producer"),
    ("GET", "/api/v1/code-runs/<int:run_id>/codes"): only("producer"),
    ("GET", "/api/v1/code-runs/<int:run_id>/codes.csv"): only("producer"),
    ("POST", "/api/v1/code-runs/<int:run_id>/activations"): only("producer"),
    ("POST", "/api/v1/code-runs/<int:run_id>/ends"): only("producer"),
    ("GET", "/api/v1/code-warnings"): only("producer"),
    ("GET", "/api/v1/prints"): MOVERS,
    ("POST", "/api/v1/prints"): MOVERS,
    ("GET", "/api/v1/prints/<job_id>"): MOVERS,
    ("GET", "/api/v1/prints/<job_id>/file"): MOVERS,
    ("GET", "/api/v1/stock"): MOVERS,
    ("GET", "/api/v1/shipments"): MOVERS,
    ("POST", "/api/v1/shipments"): MOVERS,
    ("POST", "/api/v1/receipts"): MOVERS,
    ("POST", "/api/v1/packings"): MOVERS,
    ("POST", "/api/v1/unpackings"): MOVERS,
    ("POST", "/api/v1/temperatures"): MOVERS,
    ("POST", "/api/v1/sales"): MOVERS,
    ("POST", "/api/v1/destructions"): MOVERS,
    # … and their console
    ("GET", "/producers"): MOVERS,
    ("GET", "/producers/stock"): MOVERS,
    ("GET", "/producers/scan"): MOVERS,
    ("GET", "/producers/register"): MOVERS,
    ("GET", "/producers/links"): MOVERS,
    ("POST", "/producers/links"): MOVERS,
    ("POST", "/producers/links/<int:link_id>/end"): MOVERS,  # 404: there is none
    ("GET", "/producers/profile"): MOVERS,
    ("POST", "/producers/profile"): MOVERS,
    ("GET", "/producers/places/new"): MOVERS,
    ("POST", "/producers/places/new"): MOVERS,
    ("GET", "/producers/products/new"): only("producer"),
    ("POST", "/producers/products/new"): only("producer"),
    ("GET", "/producers/products/<int:product_id>"): only("producer"),
    ("POST", "/producers/products/<int:product_id>"): only("producer"),
    ("GET", "/producers/lots"): MOVERS,
    ("GET", "/producers/lots/new"): only("producer"),
    ("POST", "/producers/lots/new"): only("producer"),
    ("GET", "/producers/lots/<path:identifier>"): MOVERS,
    ("GET", "/producers/lots/<path:identifier>/label"): MOVERS,
    ("GET", "/producers/lots/<path:identifier>/qr.svg"): MOVERS,
    ("GET", "/producers/lots/<path:identifier>/qr.png"): MOVERS,
    ("GET", "/producers/codes"): only("producer"),
    ("GET", "/producers/codes/new"): only("producer"),
    ("POST", "/producers/codes/new"): only("producer"),
    ("GET", "/producers/codes/<int:run_id>"): only("producer"),
    ("GET", "/producers/codes/<int:run_id>/codes.csv"): only("producer"),
    ("GET", "/producers/codes/activate"): only("producer"),
    ("POST", "/producers/codes/activate"): only("producer"),
    ("GET", "/producers/codes/end"): only("producer"),
    ("POST", "/producers/codes/end"): only("producer"),
    ("POST", "/producers/codes/looked"): only("producer"),
    ("GET", "/producers/prints"): MOVERS,
    ("GET", "/producers/prints/new"): MOVERS,
    ("POST", "/producers/prints/new"): MOVERS,
    ("GET", "/producers/prints/<job_id>"): MOVERS,
    ("GET", "/producers/prints/<job_id>/file"): MOVERS,
    ("GET", "/producers/ship"): MOVERS,
    ("POST", "/producers/ship"): MOVERS,
    ("GET", "/producers/receive"): MOVERS,
    ("GET", "/producers/receive/other"): MOVERS,
    ("POST", "/producers/receive/other"): MOVERS,
    ("GET", "/producers/receive/<int:shipment_id>"): MOVERS,
    ("POST", "/producers/receive/<int:shipment_id>"): MOVERS,
    ("GET", "/producers/pack"): MOVERS,
    ("POST", "/producers/pack"): MOVERS,
    ("GET", "/producers/unpack"): MOVERS,
    ("POST", "/producers/unpack"): MOVERS,
    ("GET", "/producers/temperatures"): MOVERS,
    ("POST", "/producers/temperatures"): MOVERS,
    ("GET", "/producers/sell"): MOVERS,
    ("POST", "/producers/sell"): MOVERS,
    # Those who check
    ("GET", "/scan"): SIGNED_IN,
    ("POST", "/scan"): SIGNED_IN,
    ("POST", "/scan/frames"): SIGNED_IN,  # 400: no picture
    ("POST", "/api/v1/scans"): SIGNED_IN,  # 400: nothing scanned
    ("GET", "/inspections/lots"): only("inspector", "regulator", "administrator"),
    ("GET", "/inspections/lots/<path:identifier>"): only("inspector", "regulator", "administrator"),
    ("GET", "/inspections/recalls"): SIGNED_IN,
    ("GET", "/inspections/recalls/<int:recall_id>"): SIGNED_IN,
    ("POST", "/inspections/recalls/<int:recall_id>/end"): SIGNED_IN,  # 404: there is none
    ("GET", "/inspections/recalls/new/<path:identifier>"): only("producer", "regulator"),
    ("POST", "/inspections/recalls/new/<path:identifier>"): only("producer", "regulator"),
    ("GET", "/inspections/certificates"): SIGNED_IN,
    ("GET", "/inspections/certificates/new"): only("laboratory", "inspector"),
    ("POST", "/inspections/certificates/new"): only("laboratory", "inspector"),
    # 404 for those whose it is not; not at all for those who run the service
    ("GET", "/inspections/certificates/<int:certificate_id>/report"): only(
        "producer", "operator", "laboratory", "inspector", "regulator"
    ),
    ("GET", "/inspections/certificates/<int:certificate_id>"): SIGNED_IN,
    ("POST", "/inspections/certificates/<int:certificate_id>/withdrawal"): SIGNED_IN,  # 404
    ("GET", "/api/v1/certificates"): SIGNED_IN,
    ("POST", "/api/v1/certificates"): only("laboratory", "inspector"),
    ("GET", "/api/v1/certificates/<int:certificate_id>"): SIGNED_IN,
    ("POST", "/api/v1/reports"): only("laboratory", "inspector"),
    ("GET", "/api/v1/certificates/<int:certificate_id>/report"): only(
        "producer", "operator", "laboratory", "inspector", "regulator"
    ),
    ("POST", "/api/v1/certificates/<int:certificate_id>/withdrawal"): only(
        "laboratory", "inspector", "regulator"
    ),
    ("GET", "/api/v1/recalls"): SIGNED_IN,
    ("POST", "/api/v1/recalls"): only("producer", "regulator"),
    ("GET", "/api/v1/recalls/<int:recall_id>"): SIGNED_IN,
    ("GET", "/api/v1/recalls/<int:recall_id>/reach"): only(
        "inspector", "regulator", "administrator"
    ),
    ("POST", "/api/v1/recalls/<int:recall_id>/end"): only("regulator"),
    ("GET", "/api/v1/lots/<path:identifier>/corrections"): SIGNED_IN,
    ("GET", "/api/v1/lots/<path:identifier>/chain"): only(
        "inspector", "regulator", "administrator"
    ),
}

CODES = ("00", "01", "253", "255", "401", "402", "414", "417", "8003", "8004", "8006", "8010",
         "8013", "8017", "8018", "q")  # fmt: skip

# The public application knows nobody: each route is tried once, without cookie or key.
PUBLIC = {
    ("GET", "/"): OK,
    ("GET", "/healthz"): OK,
    ("GET", "/readyz"): OK,
    # The codes of things: every primary key of GS1 Digital Link, and ours
    **{("GET", f"/{key}/<path:key>"): OK for key in CODES},
    ("GET", "/away/<int:link_id>"): OK,
    ("GET", "/.well-known/gs1resolver"): OK,
    ("GET", "/linkset-context.jsonld"): OK,
    ("GET", "/recalls"): OK,
    ("GET", "/qr.svg"): OK,
    ("GET", "/robots.txt"): OK,
    # The log, for programs of people whom nobody here knows
    ("GET", "/log/"): OK,
    ("GET", "/log/logs.json"): OK,
    ("GET", "/log/policy"): OK,
    ("GET", "/log/<year>/"): OK,
    ("GET", "/log/<year>/checkpoint"): OK,
    ("GET", "/log/<year>/witnessed"): OK,
    ("GET", "/log/<year>/tile/<path:path>"): OK,
    ("GET", "/log/<year>/keys"): OK,
    ("GET", "/log/<year>/history/<day>"): OK,
    ("GET", "/log/<int:year>/proof/<int:index>.tlog-proof"): OK,
    ("GET", "/proof.js"): OK,
    ("GET", "/log/<year>/stamps/days.json"): OK,
    ("GET", "/log/<year>/stamps/<name>"): OK,
    ("GET", "/log/<year>/stamps/<index>/<name>"): OK,
    ("GET", "/reports/<sha256>"): OK,  # those that their laboratories made public
    ("GET", "/favicon.ico"): OK,
    ("GET", "/favicon.svg"): OK,
}
