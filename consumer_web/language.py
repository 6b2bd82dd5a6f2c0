"""The language that a reader of the public site gets.

No cookie remembers a choice: `?lang=` says it, else the browser does, else it is Chinese.
"""

from functools import lru_cache

from flask import has_request_context, request
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from foodtrace.trace.language import CHINESE, choose_locale

LONGEST_HEADER = 500


@lru_cache(maxsize=1024)
def choose(asked: str, accepted: str) -> str:
    """Return the locale for a `lang` parameter and an Accept-Language header.

    >>> choose("", "fr;q=0.9, en-GB;q=0.8, zh;q=0.1")
    'en'
    >>> choose("zh-CN", "en"), choose("", "")
    ('zh_Hans_CN', 'zh_Hans_CN')
    """
    header = parse_accept_header(accepted[:LONGEST_HEADER], LanguageAccept)
    return choose_locale(asked, None, header)


def current_locale() -> str:
    """Return the locale of this request, as Flask-Babel wants it; Chinese outside one."""
    if not has_request_context():
        return CHINESE
    return choose(request.args.get("lang", ""), request.headers.get("Accept-Language", ""))
