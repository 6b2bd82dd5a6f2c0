"""Chinese and English: who gets which, and that nothing is left in the other."""

import re

import pytest

from foodtrace.consumer_web.language import choose

from .conftest import CHILI_LOT, SAUCE, SAUCE_LOT


@pytest.mark.parametrize(
    ("asked", "accepted", "locale"),
    [
        ("", "", "zh_Hans_CN"),
        ("", "zh-TW", "zh_Hans_CN"),
        ("", "en-GB,en;q=0.9", "en"),
        ("", "zh;q=0.3, en;q=0.9", "en"),
        ("", "*", "zh_Hans_CN"),
        ("", "en;q=0", "en"),
        ("en", "zh-CN", "en"),
        ("zh-CN", "en", "zh_Hans_CN"),
        ("xx", "en", "en"),
        ("", "en" + ",zh" * 100_000, "en"),
        ("", ";;;,,,q=", "en"),
    ],
)
def test_the_address_wins_then_the_browser_then_chinese(asked, accepted, locale):
    assert choose(asked, accepted) == locale


def test_a_page_says_its_language_and_where_the_others_are(stage, client):
    stage.whole_chain()
    for query, tag in (("?lang=en", "en"), ("?lang=zh-CN", "zh-CN"), ("", "zh-CN")):
        page = client.get(SAUCE_LOT + query).get_data(as_text=True)
        assert f'<html lang="{tag}">' in page
        assert '<link rel="alternate" hreflang="zh-CN" href="?lang=zh-CN">' in page
        assert '<link rel="alternate" hreflang="en" href="?lang=en">' in page


def test_the_other_language_keeps_what_was_asked_for(client):
    page = client.get("/?code=hello&lang=en").get_data(as_text=True)
    assert 'href="?code=hello&amp;lang=zh-CN"' in page


@pytest.mark.parametrize(
    "path",
    [SAUCE_LOT, CHILI_LOT, SAUCE, f"{SAUCE}?lot=NEVER", "/01/1/10/A", "/", "/recalls", "/no"],
)
def test_a_chinese_page_has_no_english_words_left(stage, read, path):
    stage.whole_chain()
    stage.recall(CHILI_LOT)
    stage.withdraw(stage.certify(SAUCE_LOT, number="HD-0002"))
    page = read(path, lang="zh-CN")[1]
    text = re.sub(r"<[^>]+>", " ", page.split("</style>")[1])
    left = set(re.findall(r"[A-Za-z]{3,}", text)) - {"English", "Cookie", "GTIN", "NEVER"}
    assert not {word for word in left if word not in SAUCE and not word.isupper()} - {
        "https",
        "trace",
        "example",
    }


def test_in_english_what_has_no_english_name_is_marked_as_chinese(stage, read):
    stage.whole_chain()
    page = read(SAUCE_LOT)[1]
    text = re.sub(r'<span lang="zh-CN">[^<]*</span>', "", page.split("</style>")[1])
    text = text.replace("中文", "")
    assert not re.findall("[\u4e00-\u9fff]+", text)
