"""The language of a page: Chinese or English, without a word about it in the address.

``?lang=`` first, then the reader's earlier choice, then what the browser asks for.
"""

from werkzeug.datastructures import LanguageAccept

CHINESE, ENGLISH = "zh_Hans_CN", "en"
# What stands in ?lang=, in the cookie and in <html lang>.
TAG_OF = {CHINESE: "zh-CN", ENGLISH: "en"}
NAME_OF = {CHINESE: "中文", ENGLISH: "English"}


def choose_locale(asked: str | None, kept: str | None, accepted: LanguageAccept) -> str:
    """Return the locale to answer in; Chinese where nothing is said.

    A reader whose browser names other languages only is answered in English.

    >>> choose_locale(None, None, LanguageAccept([("fr", 1)]))
    'en'
    """
    for wish in (asked, kept):
        locale = locale_of(wish)
        if locale is not None:
            return locale
    for tag, quality in accepted:
        if quality > 0:
            locale = CHINESE if tag == "*" else locale_of(tag)
            if locale is not None:
                return locale
    return ENGLISH if accepted else CHINESE


def locale_of(tag: str | None) -> str | None:
    """Return our locale for a language tag (zh, zh-CN, zh-Hant-TW, en-GB, …), if any.

    >>> locale_of("zh-CN"), locale_of("en-GB"), locale_of("fr")
    ('zh_Hans_CN', 'en', None)
    """
    language = (tag or "").replace("_", "-").split("-")[0].lower()
    return {"zh": CHINESE, "en": ENGLISH}.get(language)
