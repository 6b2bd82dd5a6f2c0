"""Policies: the standard's example, each rule of its syntax, and when a quorum is met."""

import re
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foodtrace.trace.log.notes import COSIGNATURE, Signer
from foodtrace.trace.log.policies import (
    LARGEST_POLICY,
    MOST_OF_A_KIND,
    Group,
    Log,
    PolicyError,
    Witness,
    parse_policy,
)

LOG = Signer("trace.example/log/2026", bytes([1]) * 32)


def witness_key(number, name=None):
    return Signer(name or f"w{number}.example", number.to_bytes(32, "big"), COSIGNATURE)


KEYS = [witness_key(number) for number in range(10, 20)]
X1, X2, X3, Y1, Y2, Y3, *_ = (key.vkey for key in KEYS)
EXAMPLE = f"""\
log {LOG.vkey}

witness X1 {X1}
witness X2 {X2}
witness X3 {X3}
group X-witnesses 2 X1 X2 X3

witness Y1 {Y1}
witness Y2 {Y2}
witness Y3 {Y3}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def refused(text, line=None):
    data = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(PolicyError) as caught:
        parse_policy(data)
    assert caught.value.line == line
    if line is not None:
        assert str(caught.value).startswith(f"line {line}: ")
    return str(caught.value)


def test_it_works():
    policy = parse_policy(EXAMPLE.encode())
    assert policy.logs == (Log(LOG.verifier, None),)
    assert policy.witnesses[0] == Witness("X1", KEYS[0].verifier, None)
    assert [witness.name for witness in policy.witnesses] == ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
    assert policy.groups[0] == Group("X-witnesses", 2, ("X1", "X2", "X3"))
    assert policy.quorum == "X-and-Y"
    assert policy.is_met({"X1", "X3", "Y2"})
    assert not policy.is_met({"X1", "X2", "X3"})
    assert not policy.is_met({"X1", "Y1", "Y2", "Y3"})


def test_every_set_of_cosigners_is_judged_as_the_standard_says():
    policy = parse_policy(EXAMPLE.encode())
    names = [witness.name for witness in policy.witnesses]
    for count in range(7):
        for cosigners in combinations(names, count):
            xs, ys = (sum(name.startswith(letter) for name in cosigners) for letter in "XY")
            assert policy.is_met(cosigners) == (xs >= 2 and ys >= 1), cosigners


def test_whoever_the_policy_does_not_name_does_not_count():
    policy = parse_policy(EXAMPLE.encode())
    assert not policy.is_met({"X1", "Y1", "X-and-Y", "X-witnesses", "Y-witnesses", "somebody"})


def test_a_quorum_of_none_is_always_met():
    policy = parse_policy(b"quorum none\n")
    assert (policy.logs, policy.witnesses, policy.groups) == ((), (), ())
    assert policy.is_met(())
    assert policy.required == frozenset()


def test_a_quorum_can_be_one_witness():
    policy = parse_policy(f"witness R {X1}\nwitness S {X2}\nquorum R\n".encode())
    assert policy.is_met({"R"})
    assert not policy.is_met({"S"})


def test_the_witnesses_that_no_quorum_can_do_without_are_known():
    text = f"""
witness regulator {X1}
witness ngo {X2}
witness retailer {X3}
group others any ngo retailer
group Q all regulator others
quorum Q
"""
    assert parse_policy(text.encode()).required == {"regulator"}
    assert parse_policy(EXAMPLE.encode()).required == frozenset()


def test_urls_blanks_and_comments_are_read():
    text = (
        f"# 政策\n \t# indented\n\t log\t {LOG.vkey}   https://trace.example/log/2026 \t\n\n"
        f"witness 监管 {X1} https://w.example/a#b\nquorum 监管\n"
    )
    policy = parse_policy(text.encode())
    assert policy.logs[0].url == "https://trace.example/log/2026"
    assert policy.witnesses == (Witness("监管", KEYS[0].verifier, "https://w.example/a#b"),)


def test_only_blanks_and_tabs_part_the_items():
    """Spaces of Unicode are parts of names: they are octets."""
    policy = parse_policy(
        f"witness a\N{NO-BREAK SPACE}b {X1}\nquorum a\N{NO-BREAK SPACE}b\n".encode()
    )
    assert policy.witnesses[0].name == "a\N{NO-BREAK SPACE}b"


def test_names_are_octets():
    """A Kelvin sign is not a K, and octets that are no UTF-8 are names too."""
    text = f"witness K {X1}\nwitness \N{KELVIN SIGN} {X2}\n".encode()
    text += b"witness \xe9 " + X3.encode() + b"\nwitness \xc3\xa9 " + Y1.encode() + b"\n"
    policy = parse_policy(text + b"quorum \xe9\n")
    assert len({witness.name for witness in policy.witnesses}) == 4
    assert policy.is_met({policy.witnesses[2].name})
    assert not policy.is_met({policy.witnesses[3].name})
    assert "line 5" in refused(text + b"quorum \xea\n", 5)


def test_a_key_has_a_name_in_utf_8():
    assert "UTF-8" in refused(b"log \xe9+" + LOG.vkey.split("+", 1)[1].encode() + b"\n", 1)


def test_the_policy_of_the_manual_always_asks_for_the_regulator():
    manual = (Path(__file__).parents[2] / "docs" / "witness.md").read_text()
    (text,) = re.findall(r"```\n(log .*?\n)```", manual, re.DOTALL)
    text = text.replace("trace.example.com/log/2026+1a2b3c4d+AbCd…", LOG.vkey)
    for key in KEYS[:3]:
        text = re.sub(r"\S+\+…\+…", key.vkey, text, count=1)
    policy = parse_policy(text.encode())
    assert policy.required == {"regulator"}
    assert policy.is_met({"regulator", "ngo"})
    assert not policy.is_met({"regulator"})


def test_keywords_and_numbers_can_be_names_of_witnesses():
    text = f"witness all {X1}\nwitness 2 {X2}\nwitness #3 {X3}\ngroup any 2 all 2 #3\nquorum any\n"
    assert parse_policy(text.encode()).is_met({"all", "#3"})


@pytest.mark.parametrize("octet", [0x00, 0x08, 0x0B, 0x0D, 0x1F, 0x7F])
def test_control_characters_are_refused_even_in_comments(octet):
    assert f"0x{octet:02x}" in refused(b"# " + bytes([octet]) + b"\nquorum none\n", 1)


def test_a_file_that_was_cut_off_is_refused():
    assert "no end" in refused("quorum none\nlog", 2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("log", "log VKEY [URL]"),
        (f"log {LOG.vkey} https://a.example b", "log VKEY [URL]"),
        (f"witness {X1}", "witness NAME VKEY [URL]"),
        (f"witness w {X1} https://a.example b", "witness NAME VKEY [URL]"),
        ("group g all", "group NAME all|any|NUMBER NAME…"),
        ("group g", "group NAME all|any|NUMBER NAME…"),
        ("quorum", "quorum NAME"),
        ("quorum none none", "quorum NAME"),
        ("Quorum none", "'Quorum'"),
        ("monitor x", "'monitor'"),
        (f"log {X1}", "of kind 1"),
        (f"witness w {LOG.vkey}", "of kind 4"),
        (f"witness w {X1[:-4]}AAA=", "key"),
        (f"witness none {Y3}", "none"),
        ("group none all A", "none"),
        ("group g all none", "none"),
        ("group g all unknown", "'unknown' is defined on no line before"),
        ("group g all g", "'g' is defined on no line before"),
        ("group g any A A", "'A' is a member already"),
        ("group A any B", "'A' is taken already"),
        (f"witness A {Y3}", "'A' is taken already"),
        (f"witness C {X1}", "on a line before already"),
        (f"witness C {witness_key(10, 'other.example').vkey}", "on a line before already"),
        ("group g 0 A B", "'0'"),
        ("group g 3 A B", "'3'"),
        ("group g 01 A B", "'01'"),
        ("group g +1 A B", "'+1'"),
        ("group g -1 A B", "'-1'"),
        ("group g ١ A B", "'١'"),
        ("group g 99999999999999999999 A B", "from 1 to 2"),
        ("group g most A B", "'most'"),
        ("quorum unknown", "'unknown' is defined on no line before"),
    ],
)
def test_a_line_that_breaks_a_rule_is_named(line, said):
    start = f"witness A {X1}\nwitness B {X2}\n"
    assert said in refused(f"{start}{line}\nquorum A\n", 3)


def test_one_log_stands_there_once_whatever_it_is_called():
    other = Signer("other.example", bytes([1]) * 32)
    assert "already" in refused(f"log {LOG.vkey}\nlog {other.vkey}\nquorum none\n", 2)


def test_a_name_is_a_member_of_one_group_only():
    start = f"witness A {X1}\nwitness B {X2}\ngroup g any A B\n"
    assert "member already" in refused(f"{start}group h any A\nquorum g\n", 4)


def test_there_is_exactly_one_quorum_line():
    assert "no quorum line" in refused(f"witness A {X1}\n")
    assert "no quorum line" in refused("")
    assert "already" in refused("quorum none\nquorum none\n", 2)


def test_the_quorum_stands_after_what_it_names():
    refused(f"quorum A\nwitness A {X1}\n", 1)


def test_a_policy_of_32_logs_witnesses_and_groups_is_read_and_a_huge_one_is_not():
    def policy_of(count):
        lines = [f"log {Signer(f'l{i}', (i + 1).to_bytes(32, 'big')).vkey}" for i in range(count)]
        lines += [f"witness w{i} {witness_key(5000 + i).vkey}" for i in range(count)]
        lines += ["group g0 any w0", *(f"group g{i} all g{i - 1} w{i}" for i in range(1, count))]
        return "\n".join([*lines, f"quorum g{count - 1}", ""])

    policy = parse_policy(policy_of(32).encode())
    everybody = {witness.name for witness in policy.witnesses}
    assert policy.is_met(everybody)
    assert policy.required == everybody
    assert "at most 256 logs" in refused(policy_of(MOST_OF_A_KIND + 1), MOST_OF_A_KIND + 1)
    assert "bytes" in refused(b"#" * LARGEST_POLICY + b"\n")


@settings(max_examples=60)
@given(st.data())
def test_a_quorum_that_is_met_stays_met_when_more_cosign(data):
    shapes = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    free, lines = [], []
    for number, key in enumerate(KEYS):
        lines.append(f"witness w{number} {key.vkey}")
        free.append(f"w{number}")
    for number, count in enumerate(shapes):
        members, free = free[:count], free[count:]
        threshold = data.draw(st.integers(1, len(members)))
        lines.append(f"group g{number} {threshold} {' '.join(members)}")
        free.append(f"g{number}")
    policy = parse_policy("\n".join([*lines, f"quorum g{len(shapes) - 1}", ""]).encode())
    names = [witness.name for witness in policy.witnesses]
    some = set(data.draw(st.lists(st.sampled_from(names))))
    more = some | set(data.draw(st.lists(st.sampled_from(names))))
    assert policy.is_met(more) or not policy.is_met(some)
    assert policy.is_met(names)
    assert not policy.is_met(())


@settings(max_examples=200)
@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused_as_no_policy(data):
    try:
        policy = parse_policy(data)
    except PolicyError:
        return
    assert policy.quorum == "none"
