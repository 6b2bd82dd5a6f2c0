"""Answers that are sent piece by piece hold places, and give them back."""

import gc

import pytest

from foodtrace.trace.answers import AnswerGate
from foodtrace.trace.errors import Unavailable

PIECES = [b"a", b"b"]


def answer():
    return iter(PIECES)


def test_an_answer_is_its_pieces():
    assert list(AnswerGate(most=1, most_each=1).sent("li", answer)) == PIECES


def test_so_many_answers_are_sent_at_once():
    gate = AnswerGate(most=2, most_each=2)
    first, _second = gate.sent("li", answer), gate.sent("wang", answer)
    with pytest.raises(Unavailable):
        gate.sent("zhao", answer)
    first.close()
    assert list(gate.sent("zhao", answer)) == PIECES


def test_one_reader_cannot_take_all_places():
    gate = AnswerGate(most=5, most_each=1)
    first = gate.sent("li", answer)
    with pytest.raises(Unavailable):
        gate.sent("li", answer)
    assert list(gate.sent("wang", answer)) == PIECES
    first.close()
    assert list(gate.sent("li", answer)) == PIECES


def test_an_answer_gives_its_place_back_once():
    gate = AnswerGate(most=1, most_each=1)
    first = gate.sent("li", answer)
    first.close()
    _second = gate.sent("li", answer)
    first.close()
    with pytest.raises(Unavailable):
        gate.sent("li", answer)


def test_what_is_forgotten_or_refused_holds_no_place():
    gate = AnswerGate(most=1, most_each=1)
    forgotten = gate.sent("li", answer)
    next(forgotten)
    del forgotten
    gc.collect()

    def refused():
        raise Unavailable()

    with pytest.raises(Unavailable):
        gate.sent("li", refused)
    assert list(gate.sent("li", answer)) == PIECES
