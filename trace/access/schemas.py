"""The forms of the account pages."""

from marshmallow import Schema, fields, validate

from foodtrace.trace.access.actor import Role


class KeyForm(Schema):
    """A new API key. `party` is the name of a registered organisation."""

    role = fields.Enum(Role, by_value=True, required=True)
    party = fields.String(load_default=None, validate=validate.Length(max=200))
    note = fields.String(load_default=None, validate=validate.Length(max=100))
    expires_on = fields.Date(load_default=None)


class PersonForm(Schema):
    """A new account."""

    username = fields.String(required=True, validate=validate.Length(max=40))
    display_name = fields.String(load_default=None, validate=validate.Length(max=100))
    role = fields.Enum(Role, by_value=True, required=True)
    party = fields.String(load_default=None, validate=validate.Length(max=200))


class ChangeForm(Schema):
    """What an administrator does to an account."""

    change = fields.String(
        required=True, validate=validate.OneOf(["open", "close", "password", "codes"])
    )
