"""The service as `foodtrace serve` runs it, with an error made on purpose if one is asked for."""

from foodtrace.consumer_web import serving

from .errors import error_of_environment


def application():
    """Return the service, in a worker."""
    error_of_environment()
    from foodtrace.consumer_web.app import from_environment

    return from_environment()


def run(port, workers):
    """Serve until the process is ended."""
    serving._application = application
    serving.serve("127.0.0.1", port, workers=workers)
