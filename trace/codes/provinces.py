"""The 34 provinces by their codes, and how far apart their capitals lie. Pure.

Codes are the first two digits of GB/T 2260, and the letters of ISO 3166-2:CN that address
databases give. The places are those of the seats of government, to a hundredth of a degree.
"""

from functools import cache
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

EARTH_RADIUS_KM = 6371.0


class Province(NamedTuple):
    """A province: its letters and names, and where its capital lies, in degrees."""

    letters: str
    name: str
    name_en: str
    north: float
    east: float


PROVINCES = {
    "11": Province("BJ", "北京", "Beijing", 39.90, 116.41),
    "12": Province("TJ", "天津", "Tianjin", 39.13, 117.20),
    "13": Province("HE", "河北", "Hebei", 38.04, 114.51),
    "14": Province("SX", "山西", "Shanxi", 37.87, 112.55),
    "15": Province("NM", "内蒙古", "Inner Mongolia", 40.84, 111.75),
    "21": Province("LN", "辽宁", "Liaoning", 41.80, 123.43),
    "22": Province("JL", "吉林", "Jilin", 43.82, 125.32),
    "23": Province("HL", "黑龙江", "Heilongjiang", 45.80, 126.53),
    "31": Province("SH", "上海", "Shanghai", 31.23, 121.47),
    "32": Province("JS", "江苏", "Jiangsu", 32.06, 118.80),
    "33": Province("ZJ", "浙江", "Zhejiang", 30.27, 120.16),
    "34": Province("AH", "安徽", "Anhui", 31.82, 117.23),
    "35": Province("FJ", "福建", "Fujian", 26.07, 119.30),
    "36": Province("JX", "江西", "Jiangxi", 28.68, 115.86),
    "37": Province("SD", "山东", "Shandong", 36.65, 117.12),
    "41": Province("HA", "河南", "Henan", 34.75, 113.63),
    "42": Province("HB", "湖北", "Hubei", 30.59, 114.31),
    "43": Province("HN", "湖南", "Hunan", 28.23, 112.94),
    "44": Province("GD", "广东", "Guangdong", 23.13, 113.26),
    "45": Province("GX", "广西", "Guangxi", 22.82, 108.37),
    "46": Province("HI", "海南", "Hainan", 20.04, 110.20),
    "50": Province("CQ", "重庆", "Chongqing", 29.56, 106.55),
    "51": Province("SC", "四川", "Sichuan", 30.57, 104.07),
    "52": Province("GZ", "贵州", "Guizhou", 26.65, 106.63),
    "53": Province("YN", "云南", "Yunnan", 25.04, 102.71),
    "54": Province("XZ", "西藏", "Tibet", 29.65, 91.13),
    "61": Province("SN", "陕西", "Shaanxi", 34.34, 108.94),
    "62": Province("GS", "甘肃", "Gansu", 36.06, 103.83),
    "63": Province("QH", "青海", "Qinghai", 36.62, 101.78),
    "64": Province("NX", "宁夏", "Ningxia", 38.49, 106.23),
    "65": Province("XJ", "新疆", "Xinjiang", 43.83, 87.62),
    "71": Province("TW", "台湾", "Taiwan", 25.04, 121.56),
    "81": Province("HK", "香港", "Hong Kong", 22.32, 114.17),
    "82": Province("MO", "澳门", "Macao", 22.20, 113.55),
}
_BY_LETTERS = {province.letters: code for code, province in PROVINCES.items()}


def province_code(text: str) -> str | None:
    """Return the two digits of a province, for the ways in which address databases name it.

    >>> province_code("44"), province_code("440300"), province_code("CN-GD"), province_code("GD")
    ('44', '44', '44', '44')
    >>> province_code("California") is None
    True
    """
    word = text.strip().upper().removeprefix("CN-")
    if word.isascii() and word.isdecimal() and len(word) in (2, 6):
        return word[:2] if word[:2] in PROVINCES else None
    return _BY_LETTERS.get(word)


@cache
def distance_km(one: str, other: str) -> float:
    """Return how far the capitals of two provinces lie apart, on a sphere.

    >>> round(distance_km("11", "31"), -1)
    1070.0
    """
    a, b = PROVINCES[one], PROVINCES[other]
    half_north = radians(b.north - a.north) / 2
    half_east = radians(b.east - a.east) / 2
    chord = (
        sin(half_north) ** 2 + cos(radians(a.north)) * cos(radians(b.north)) * sin(half_east) ** 2
    )
    return 2 * EARTH_RADIUS_KM * asin(sqrt(chord))
