"""What the laboratories of the demonstration test, and the limits that they judge by.

The limit is the one of the edition in force when the sample was taken. Numbers are those of
the editions before GB 2762-2025 and GB 2763-2026: they serve the demonstration, and are no
source of law.
"""

from datetime import date
from decimal import Decimal

from foodtrace.inspections.rules import Comparator, Limit, Outcome, Result


def _contaminants(value: str, sampled: date) -> Limit:
    """A limit of the food safety standard for contaminants."""
    if sampled >= date(2026, 9, 2):
        return _limit(value, "GB 2762-2025", date(2026, 9, 2))
    return _limit(value, "GB 2762-2022", date(2023, 6, 30))


def _residues(value: str, sampled: date) -> Limit:
    """A limit of the food safety standard for pesticide residues."""
    if sampled >= date(2026, 3, 1):
        return _limit(value, "GB 2763-2026", date(2026, 3, 1))
    return _limit(value, "GB 2763-2021", date(2021, 9, 3))


def _limit(value: str, standard: str, since: date) -> Limit:
    return Limit(Comparator.AT_MOST, Decimal(value), standard, since)


def _lead(value: str, limit: Limit) -> Result:
    return Result(
        "铅（以Pb计）",
        Outcome.MEASURED,
        Decimal(value),
        "mg/kg",
        "Lead (as Pb)",
        "7439-92-1",
        "GB 5009.12-2023",
        limit,
    )


def _cadmium(value: str, limit: Limit) -> Result:
    return Result(
        "镉（以Cd计）",
        Outcome.MEASURED,
        Decimal(value),
        "mg/kg",
        "Cadmium (as Cd)",
        "7440-43-9",
        "GB 5009.15-2023",
        limit,
    )


def chili(sampled: date, clothianidin: str) -> list[Result]:
    """Fresh chilies; the amount of clothianidin decides, its limit is 0.05 mg/kg."""
    return [
        Result(
            "噻虫胺",
            Outcome.MEASURED,
            Decimal(clothianidin),
            "mg/kg",
            "Clothianidin",
            "210880-92-5",
            "GB 23200.121-2021",
            _residues("0.05", sampled),
        ),
        Result(
            "毒死蜱",
            Outcome.NOT_DETECTED,
            Decimal("0.01"),
            "mg/kg",
            "Chlorpyrifos",
            "2921-88-2",
            "GB 23200.113-2018",
            _residues("0.02", sampled),
        ),
        _lead("0.024", _contaminants("0.1", sampled)),
        _cadmium("0.018", _contaminants("0.05", sampled)),
    ]


def soybeans(sampled: date) -> list[Result]:
    """Soybeans."""
    return [
        _lead("0.052", _contaminants("0.2", sampled)),
        _cadmium("0.031", _contaminants("0.2", sampled)),
        Result(
            "铬（以Cr计）",
            Outcome.MEASURED,
            Decimal("0.21"),
            "mg/kg",
            "Chromium (as Cr)",
            "7440-47-3",
            "GB 5009.123-2023",
            _contaminants("1.0", sampled),
        ),
    ]


def rapeseed_oil(sampled: date) -> list[Result]:
    """Rapeseed oil."""
    oil = "GB 2716-2018", date(2018, 12, 21)
    return [
        Result(
            "酸价（以KOH计）",
            Outcome.MEASURED,
            Decimal("0.62"),
            "mg/g",
            "Acid value (as KOH)",
            None,
            "GB 5009.229-2016",
            _limit("3", *oil),
        ),
        Result(
            "过氧化值",
            Outcome.MEASURED,
            Decimal("0.061"),
            "g/100 g",
            "Peroxide value",
            None,
            "GB 5009.227-2023",
            _limit("0.25", *oil),
        ),
        Result(
            "黄曲霉毒素B1",
            Outcome.NOT_DETECTED,
            Decimal("0.1"),
            "μg/kg",
            "Aflatoxin B1",
            "1162-65-8",
            "GB 5009.22-2016",
            _limit("10", "GB 2761-2017", date(2017, 9, 17)),
        ),
        Result(
            "苯并[a]芘",
            Outcome.MEASURED,
            Decimal("1.3"),
            "μg/kg",
            "Benzo[a]pyrene",
            "50-32-8",
            "GB 5009.27-2016",
            _contaminants("10", sampled),
        ),
    ]


def salt(sampled: date) -> list[Result]:
    """Refined salt."""
    purity = Limit(Comparator.AT_LEAST, Decimal("98.5"), "GB/T 5461-2016", date(2016, 9, 1))
    return [
        Result(
            "氯化钠（湿基）",
            Outcome.MEASURED,
            Decimal("99.2"),
            "g/100 g",
            "Sodium chloride (wet basis)",
            "7647-14-5",
            "GB 5009.42-2016",
            purity,
        ),
        Result(
            "总砷（以As计）",
            Outcome.BELOW_LOQ,
            Decimal("0.02"),
            "mg/kg",
            "Total arsenic (as As)",
            "7440-38-2",
            "GB 5009.11-2024",
            _contaminants("0.5", sampled),
        ),
    ]


def chili_oil(sampled: date, lead: str) -> list[Result]:
    """The finished chili oil. Moisture has no limit and is there for information."""
    return [
        _lead(lead, _contaminants("1.0", sampled)),
        Result(
            "山梨酸及其钾盐（以山梨酸计）",
            Outcome.NOT_DETECTED,
            Decimal("0.005"),
            "g/kg",
            "Sorbic acid",
            "110-44-1",
            "GB 5009.28-2016",
            _limit("1.0", "GB 2760-2024", date(2025, 2, 8)),
        ),
        Result(
            "沙门氏菌",
            Outcome.NOT_DETECTED,
            None,
            "/25 g",
            "Salmonella",
            None,
            "GB 4789.4-2024",
            Limit(Comparator.ABSENT, None, "GB 29921-2021", date(2021, 11, 22)),
        ),
        Result(
            "水分",
            Outcome.MEASURED,
            Decimal("6.2"),
            "g/100 g",
            "Moisture",
            None,
            "GB 5009.3-2016",
        ),
    ]


def chopped_chili(sampled: date) -> list[Result]:
    """Chopped, salted chilies."""
    return [_lead("0.038", _contaminants("0.5", sampled))]
