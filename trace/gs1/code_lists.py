"""Lists of codes that values are checked against: countries, currencies, kinds of packages."""

import json
from collections.abc import Mapping
from importlib.resources import files

_LISTS: Mapping[str, str] = json.loads(
    (files("foodtrace.trace.gs1") / "data" / "code_lists.json").read_text("utf-8")
)

COUNTRY_NUMBERS = frozenset(_LISTS["iso3166"].split())  # ISO 3166-1 numeric
COUNTRIES = frozenset(_LISTS["iso3166alpha2"].split())  # ISO 3166-1 alpha-2
CURRENCY_NUMBERS = frozenset(_LISTS["iso4217"].split())  # ISO 4217 numeric
PACKAGE_TYPES = frozenset(_LISTS["packagetype"].split())  # UN/ECE Recommendation 21 and GS1's own
