"""The service as it would be without its log: what statements wait for is never done.

For comparison only: the same applications over the same tables, but nothing is given a place,
signed or published.
"""

from foodtrace.consumer_web.app import join_apps
from foodtrace.consumer_web.opening import open_any_store
from foodtrace.trace.settings import Settings
from foodtrace.trace.worker import Worker

_settings = Settings.from_environment()
_store = open_any_store(_settings)
Worker(_store, _settings).start()
app = join_apps(_store, _settings)
