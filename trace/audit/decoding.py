"""JSON of somebody who may be hostile. Pure."""

from typing import TypeVar

import msgspec

T = TypeVar("T")


def decoded(decoder: "msgspec.json.Decoder[T]", data: bytes | str) -> T:
    """Return what JSON says. Raises msgspec.DecodeError, which is a ValueError.

    What is no UTF-8, or nested so deeply that reading it would not end, is refused alike.
    """
    try:
        return decoder.decode(data)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from None
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None
