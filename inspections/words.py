"""The words of inspection in plain language. Pure: English, marked; the page translates."""

from foodtrace.inspections.rules import CertificateKind, Comparator, Outcome, Verdict
from foodtrace.inspections.tracing import Standing
from foodtrace.trace.chain.ledger import State
from foodtrace.trace.chain.model import Hop
from foodtrace.trace.errors import mark
from foodtrace.trace.words import STEPS, step_text

KINDS = {
    CertificateKind.SELF_TEST: mark("Self-test"),
    CertificateKind.COMMISSIONED: mark("Commissioned test"),
    CertificateKind.SUPERVISION: mark("Official sampling"),
}
VERDICTS = {
    Verdict.PASS: mark("Passed"),
    Verdict.FAIL: mark("Failed"),
    Verdict.NOT_JUDGED: mark("Not judged"),
}
# The class of the mark that a verdict is shown in.
VERDICT_TAGS = {Verdict.PASS: "ok", Verdict.FAIL: "bad", Verdict.NOT_JUDGED: "warn"}
OUTCOMES = {
    Outcome.MEASURED: mark("measured"),
    Outcome.NOT_DETECTED: mark("not detected"),
    Outcome.BELOW_LOQ: mark("below the limit of quantification"),
}
COMPARATORS = {
    Comparator.AT_MOST: mark("≤ at most"),
    Comparator.LESS_THAN: mark("< less than"),
    Comparator.AT_LEAST: mark("≥ at least"),
    Comparator.MORE_THAN: mark("> more than"),
    Comparator.ABSENT: mark("must not be detected"),
}
SIGNS = {
    Comparator.AT_MOST: "≤",
    Comparator.LESS_THAN: "<",
    Comparator.AT_LEAST: "≥",
    Comparator.MORE_THAN: ">",
}
STANDINGS = {
    Standing.CONFIRMED: mark("confirmed by both sides"),
    Standing.CLAIMED_BY_SENDER: mark("claimed by the sender"),
    Standing.CLAIMED_BY_RECIPIENT: mark("claimed by the recipient"),
    Standing.CLAIMED_BY_OTHERS: mark("claimed by others"),
    Standing.VOID: mark("declared wrong, void"),
}
STATES = {
    State.HELD: mark("held"),
    State.CLAIMED: mark("held, claimed by the recipient alone"),
    State.IN_TRANSIT: mark("on the way"),
    State.USED: mark("used for other lots"),
    State.SOLD: mark("sold"),
    State.CONSUMED: mark("consumed"),
    State.DESTROYED: mark("destroyed"),
    State.GONE: mark("taken out of the record"),
    State.DISCREPANCY: mark("does not add up"),
}
ROLES = {
    "input": mark("used"),
    "output": mark("made"),
    "parent": mark("container"),
    "child": mark("content"),
    "epc": "",
    "": mark("inside a container"),
}
RECALL_CLASSES = {
    1: mark("Class I: serious harm to health, or death"),
    2: mark("Class II: ordinary harm to health"),
    3: mark("Class III: false or wrong label"),
}
_MAKING = frozenset({None, "commissioning", "creating_class_instance"})

# What a recall's form begins with, in both languages whatever the reader's is.
ADVICE = "停止食用，退回购买处。"
ADVICE_EN = "Stop eating it. Take it back where you bought it."
COMPENSATION = "由生产者全额退款。"
COMPENSATION_EN = "The producer refunds the price in full."


def step_of(hop: Hop) -> str:
    """Return the name of a hop's step: what makes lots of lots is processing, however called."""
    if hop.type == "TransformationEvent" and hop.biz_step in _MAKING:
        return STEPS["transforming"]
    return step_text(hop.biz_step)
