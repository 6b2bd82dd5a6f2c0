"""The whole service: the public and the staff application, joined by the path.

The public one knows no cookies and no sessions, so that its pages may be cached; the
staff one knows who is asking before every request. Both share one store.
"""

from collections.abc import Iterable
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING

from flask import Flask
from flask_babel import Babel

from foodtrace.consumer_web import (
    health,
    log_pages,
    page_cache,
    pages,
    refusals,
    report_pages,
    stamp_pages,
)
from foodtrace.consumer_web.language import current_locale
from foodtrace.consumer_web.opening import open_store
from foodtrace.consumer_web.proofs import pages as proof_pages
from foodtrace.consumer_web.resolver import pages as resolver_pages
from foodtrace.inspections import api as inspections_api
from foodtrace.inspections import pages as inspection_pages
from foodtrace.inspections.scanning import next_steps as inspection_steps
from foodtrace.producers import api as producers_api
from foodtrace.producers import pages as producers_pages
from foodtrace.producers.pages.scanning import next_steps as producers_steps
from foodtrace.producers.printing.jobs import JOBS as PRINT_JOBS
from foodtrace.trace import api as epcis_api
from foodtrace.trace.access import pages as account_pages
from foodtrace.trace.access.identify import set_up_identity
from foodtrace.trace.access.security import set_up_security
from foodtrace.trace.bodies import BodyGate
from foodtrace.trace.issuers import api as issuers_api
from foodtrace.trace.issuers import pages as issuers_pages
from foodtrace.trace.log import api as log_api
from foodtrace.trace.log.asking import ask
from foodtrace.trace.log.authority import authority_of
from foodtrace.trace.log.keeping import PACE_SECONDS, LogKeeper, attach
from foodtrace.trace.log.policy_file import policy_of
from foodtrace.trace.log.stamping import stamp
from foodtrace.trace.navigation import add_entries
from foodtrace.trace.personal import api as personal_api
from foodtrace.trace.personal import pages as personal_pages
from foodtrace.trace.problems import register_error_handlers
from foodtrace.trace.rest import make_api
from foodtrace.trace.scanning import api as scanning_api
from foodtrace.trace.scanning import pages as scanning_pages
from foodtrace.trace.scanning.steps import add_steps
from foodtrace.trace.settings import Settings
from foodtrace.trace.shell import set_up_shell
from foodtrace.trace.store.session import Store
from foodtrace.trace.subscriptions import pages as subscription_pages
from foodtrace.trace.web import Application, prepare
from foodtrace.trace.worker import JOBS, Job, Worker, stop_all

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Threads that may wait for the body of a request; serving.py starts more than these.
MOST_BODIES = 40
MOST_BODIES_OF_STRANGERS = 42
# The first part of every path of the staff application.
STAFF = frozenset(
    {"api", "epcis", "producers", "inspections", "login", "logout", "account", "staff", "scan"}
)


def create_app(settings: Settings) -> "WSGIApplication":
    """Return the service over the database of these settings, which must be migrated."""
    return join_apps(open_store(settings), settings)


def join_apps(store: Store, settings: Settings) -> "WSGIApplication":
    """Return the public and the staff application over one store, joined by the path."""
    public = create_public_app(store, settings)
    staff = create_staff_app(store, settings)

    def dispatch(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        first = environ.get("PATH_INFO", "/").split("/", 2)[1:2]
        application = staff if first and first[0] in STAFF else public
        return application(environ, start_response)

    return dispatch


def from_environment() -> "WSGIApplication":
    """Return the service as the environment describes it, at work: what a WSGI server calls.

    What is done later is done by a thread of the process, until that ends.
    """
    settings = Settings.from_environment()
    # What cannot be used is found out now, not at night.
    policy_of(settings)
    authority_of(settings)
    store = open_store(settings)
    Worker(store, settings, (*JOBS, *PRINT_JOBS)).start()
    # In a thread of its own: what others wait for is not behind a large document.
    Worker(store, settings, (_log_job(store, settings),), pace=PACE_SECONDS).start()
    # Witnesses and authorities are far away and may be slow: the log is signed meanwhile.
    Worker(store, settings, (ask,)).start()
    Worker(store, settings, (stamp,)).start()
    # Unlike those of atexit, these run at the end of granian's processes as well.
    Finalize(None, stop_all, exitpriority=0)
    return join_apps(store, settings)


def _log_job(store: Store, settings: Settings) -> Job:
    """Return what keeps the log, or, where another process does, learns how it stands."""
    if not settings.is_sequenced_elsewhere:
        return LogKeeper(store, settings).keep

    def learn(store: Store, settings: Settings) -> bool:
        attach(store, settings)
        return False

    return learn


def create_public_app(store: Store, settings: Settings) -> Flask:
    """Return what anyone sees: no cookies, no sessions, no script."""
    app = Application(__name__, static_folder=None)
    prepare(app, store, settings)
    Babel(app, locale_selector=current_locale)
    app.register_blueprint(health.bp)
    app.register_blueprint(pages.bp)
    app.register_blueprint(resolver_pages.bp)
    app.register_blueprint(proof_pages.bp)
    app.register_blueprint(log_pages.bp)
    app.register_blueprint(stamp_pages.bp)
    app.register_blueprint(report_pages.bp)
    refusals.init_app(app)
    app.wsgi_app = page_cache.guard(app, store, settings)  # type: ignore[method-assign]  # Flask's own way
    return app


def create_staff_app(store: Store, settings: Settings) -> Flask:
    """Return the consoles and the APIs, for those who have an account or a key."""
    app = Application(__name__, static_folder=None, template_folder=None)
    app.url_map.strict_slashes = False  # people type /producers/ as well
    prepare(app, store, settings)
    set_up_shell(app)
    set_up_security(app, settings)
    set_up_identity(app)
    register_error_handlers(app, "trace/error.html")
    api = make_api(app)
    for blueprint in producers_api.BLUEPRINTS:
        api.register_blueprint(blueprint)
    api.register_blueprint(inspections_api.bp)
    api.register_blueprint(scanning_api.bp)
    api.register_blueprint(log_api.bp)
    api.register_blueprint(personal_api.bp)
    api.register_blueprint(issuers_api.bp)
    app.register_blueprint(epcis_api.bp)
    app.register_blueprint(account_pages.bp)
    # In the order of the navigation; its first entry is where a person begins.
    app.register_blueprint(producers_pages.bp)
    add_entries(app, producers_pages.NAVIGATION)
    app.register_blueprint(inspection_pages.bp)
    add_entries(app, inspection_pages.NAVIGATION)
    app.register_blueprint(scanning_pages.bp)
    add_entries(app, scanning_pages.NAVIGATION)
    app.register_blueprint(issuers_pages.bp)
    add_entries(app, issuers_pages.NAVIGATION)
    add_steps(app, producers_steps)
    add_steps(app, inspection_steps)
    app.register_blueprint(subscription_pages.bp)
    add_entries(app, subscription_pages.NAVIGATION)
    app.register_blueprint(personal_pages.bp)
    add_entries(app, personal_pages.NAVIGATION)
    add_entries(app, account_pages.NAVIGATION)
    gate = BodyGate(app.wsgi_app, strangers=MOST_BODIES_OF_STRANGERS, known=MOST_BODIES)
    app.wsgi_app = gate  # type: ignore[method-assign]  # Flask's own way to wrap
    return app
