"""Schema errors as problems in our words."""

from datetime import date
from enum import Enum

import pytest
from marshmallow import Schema, ValidationError, fields, validate

from foodtrace.trace.validation import invalid_from


class Colour(Enum):
    RED = "red"


class Everything(Schema):
    name = fields.String(validate=validate.Length(min=2, max=3))
    long = fields.String(validate=validate.Length(max=3))
    short = fields.String(validate=validate.Length(min=3))
    full = fields.String(validate=validate.Length(min=1))
    exact = fields.String(validate=validate.Length(equal=3))
    whole = fields.Integer(strict=True)
    least = fields.Integer(validate=validate.Range(min=1))
    above = fields.Decimal(validate=validate.Range(min=0, min_inclusive=False))
    most = fields.Integer(validate=validate.Range(max=9))
    below = fields.Integer(validate=validate.Range(max=9, max_inclusive=False))
    between = fields.Integer(validate=validate.Range(min=1, max=3))
    number = fields.Decimal()
    day = fields.Date()
    time = fields.AwareDateTime()
    truth = fields.Boolean()
    choice = fields.String(validate=validate.OneOf(["a", "b"]))
    colour = fields.Enum(Colour, by_value=True)
    code = fields.String(validate=validate.Regexp(r"[a-z]+$"))
    key = fields.UUID()
    mail = fields.Email()
    address = fields.URL()
    items = fields.List(fields.Integer())
    inner = fields.Nested(lambda: Inner())
    odd = fields.Dict()
    checked = fields.Raw(validate=validate.NoneOf([2]))


class Inner(Schema):
    needed = fields.String(required=True)


def problems(body):
    with pytest.raises(ValidationError) as error:
        Everything().load(body)
    return {problem.place: problem for problem in invalid_from(error.value.messages).problems}


def test_a_missing_field_is_named_by_its_pointer():
    assert problems({"inner": {}})["/inner/needed"].text == "This must be filled in."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"name": "abcd"}, "The length does not fit. Write 2 to 3 characters."),
        ({"long": "abcd"}, "This is too long. Write at most 3 characters."),
        ({"short": "a"}, "This is too short. Write at least 3 characters."),
        ({"full": ""}, "This must be filled in."),
        ({"exact": "a"}, "The length does not fit. Write exactly 3 characters."),
        ({"whole": 1.5}, "This is not a whole number. Write digits only."),
        ({"least": 0}, "The value is too small. Choose 1 or more."),
        ({"above": 0}, "The value is too small. Choose more than 0."),
        ({"most": 10}, "The value is too large. Choose 9 or less."),
        ({"below": 9}, "The value is too large. Choose less than 9."),
        ({"between": 4}, "The value does not fit. Choose a value from 1 to 3."),
        ({"number": "x"}, "This is not a number. Write digits, with a full stop before decimals."),
        (
            {"number": "NaN"},
            "This is not a number. Write digits, with a full stop before decimals.",
        ),
        ({"day": "x"}, "This is not a date. Write it like 2026-11-22."),
        ({"time": "x"}, "This is not a time. Write it like 2026-11-22T14:00:00+08:00."),
        ({"truth": "x"}, "This is neither true nor false."),
        ({"choice": "c"}, "This is not one of the choices. Choose one of: a, b."),
        ({"colour": "x"}, "This is not one of the choices. Choose one of: red."),
        ({"code": "1"}, "This does not have the right form."),
        ({"key": "x"}, "This is not a UUID."),
        ({"mail": "x"}, "This is not an e-mail address."),
        ({"address": "x"}, "This is not a web address. Begin with https://."),
        ({"items": 1}, "This is not a list."),
        ({"inner": 1}, "This is not an object."),
        ({"odd": 1}, "This is not an object."),
        ({"checked": 2}, "This value does not fit."),
        ({"name": None}, "This must be filled in."),
        ({"name": 1}, "This is not a text."),
        ({"strange": 1}, "There is no field of this name. Check the spelling, or leave it out."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_every_sentence_of_marshmallow_is_said_in_our_words(body, text):
    (problem,) = problems(body).values()
    assert problem.text == text
    assert problem.place == f"/{next(iter(body))}"


def test_items_of_a_list_are_counted_from_zero():
    assert set(problems({"items": [1, "x", 2, "y"]})) == {"/items/1", "/items/3"}


def test_a_name_with_a_slash_is_escaped_in_the_pointer():
    assert set(problems({"a/b~c": 1})) == {"/a~1b~0c"}


def test_a_body_that_is_no_object_is_one_problem_of_the_whole():
    (problem,) = problems([1]).values()
    assert problem.place == ""


def test_a_sentence_of_our_own_is_kept():
    error = ValidationError({"day": [f"{date(2026, 1, 1)} is 100 % over"]})
    (problem,) = invalid_from(error.messages).problems
    assert problem.text == "2026-01-01 is 100 % over."
