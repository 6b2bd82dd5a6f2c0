"""The frame of a resource: its methods and OPTIONS, what its address takes, what it answers."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Response, current_app
from flask.typing import RouteCallable

_View = TypeVar("_View", bound=Callable[..., Any])

JSON_TYPE = "application/json"
LD_JSON_TYPE = "application/ld+json"
XML_TYPES = ("application/xml", "text/xml")
EVENT_TYPES = (JSON_TYPE, LD_JSON_TYPE, *XML_TYPES)

PAGING = ("perPage", "nextPageToken")


class Resources(Blueprint):
    """A blueprint whose every address also answers OPTIONS: 204, with ``Allow``.

    The headers that tell what is spoken here are on every answer (headers.py).
    """

    def __init__(self, name: str, import_name: str) -> None:
        super().__init__(name, import_name)
        self._described: set[str] = set()

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: RouteCallable | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Add a rule, and one for OPTIONS where the address is new. Slashes are kept as sent."""
        options = {"merge_slashes": False} | options
        super().add_url_rule(rule, endpoint, view_func, provide_automatic_options=False, **options)
        if rule not in self._described:
            self._described.add(rule)
            name = f"{endpoint or getattr(view_func, '__name__', '')}_options"
            options["methods"] = ["OPTIONS"]
            super().add_url_rule(rule, name, describe, provide_automatic_options=False, **options)


def describe(**_parts: str) -> Response:
    """Say what the address allows, whether or not there is anything."""
    response = current_app.make_default_options_response()
    response.status_code = 204
    return response


def answers(*media_types: str) -> Callable[[_View], _View]:
    """Mark a view with the media types that it can answer in, the preferred one first."""

    def mark(view: _View) -> _View:
        view.media_types = media_types  # type: ignore[attr-defined]  # a mark on the function
        return view

    return mark


def takes(*names: str) -> Callable[[_View], _View]:
    """Mark a view with the parameters that its address takes; others are refused."""

    def mark(view: _View) -> _View:
        view.parameters = names  # type: ignore[attr-defined]  # a mark on the function
        return view

    return mark


def takes_a_query(view: _View) -> _View:
    """Mark a view whose address takes the parameters of the query language."""
    view.parameters = None  # type: ignore[attr-defined]  # a mark on the function
    return view


def media_types_of(view: Callable[..., Any]) -> tuple[str, ...]:
    """Return what a view can answer in; nothing for a view that answers without a body."""
    found: tuple[str, ...] = getattr(view, "media_types", ())
    return found


def parameters_of_view(view: Callable[..., Any]) -> tuple[str, ...] | None:
    """Return which parameters a view takes; None stands for the query language."""
    found: tuple[str, ...] | None = getattr(view, "parameters", ())
    return found
