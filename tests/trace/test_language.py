"""The language of a page."""

import pytest
from werkzeug.datastructures import LanguageAccept
from werkzeug.http import parse_accept_header

from foodtrace.trace.language import choose_locale


def choose(asked=None, kept=None, header=""):
    return choose_locale(asked, kept, parse_accept_header(header, LanguageAccept))


def test_chinese_where_nothing_is_said():
    assert choose() == "zh_Hans_CN"


@pytest.mark.parametrize(
    ("asked", "kept", "header", "locale"),
    [
        ("en", "zh-CN", "zh", "en"),
        (None, "en", "zh-CN,zh", "en"),
        ("xx", "en", "zh", "en"),
        ("xx", None, "", "zh_Hans_CN"),
        (None, None, "en-GB,en;q=0.9,zh;q=0.1", "en"),
        (None, None, "zh-TW", "zh_Hans_CN"),
        (None, None, "fr;q=0.9,zh;q=0.2", "zh_Hans_CN"),
        (None, None, "fr", "en"),
        (None, None, "*", "zh_Hans_CN"),
        (None, None, "zh;q=0,en", "en"),
        ("ZH_cn", None, "en", "zh_Hans_CN"),
        ("<script>", None, "en", "en"),
    ],
)
def test_what_is_asked_for_then_what_was_chosen_then_what_the_browser_says(
    asked, kept, header, locale
):
    assert choose(asked, kept, header) == locale
