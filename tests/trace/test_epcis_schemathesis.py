"""Requests made from the description of the EPCIS binding: nothing fails, nothing surprises."""

from ..fuzz_epcis import fuzz


def test_whatever_is_sent_the_answer_is_one_that_is_described(sqlite_store):
    statuses = fuzz(sqlite_store, cases=400)
    assert sum(statuses.values()) >= 300
    answered = {status for _, status in statuses}
    assert {200, 204, 400, 401, 404, 406} <= answered
