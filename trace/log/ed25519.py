"""Ed25519 keys that are safe to trust (RFC 8032).

OpenSSL refuses a signature whose S is not below the order of the group, but takes any 32 bytes
for a public key. Under a key of small order one signature fits many messages: its owner could
exchange what was signed, or deny it. Here such bytes are no key at all.
"""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KEY_SIZE = 32
SIGNATURE_SIZE = 64

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P


class UnsafeKey(ValueError):
    """These bytes are not a public key that proves anything."""


@lru_cache(maxsize=1024)
def require_safe(public_key: bytes) -> None:
    """Raise UnsafeKey unless these bytes are the one spelling of a point of no small order.

    Refused: another length, y of 2**255 - 19 and more, no point of the curve, the eight points
    whose order divides 8.
    """
    if len(public_key) != KEY_SIZE:
        raise UnsafeKey(f"an Ed25519 key has {KEY_SIZE} bytes, not {len(public_key)}")
    number = int.from_bytes(public_key, "little")
    # The highest bit chooses between x and -x.
    y = number & (2**255 - 1)
    if y >= _P:
        raise UnsafeKey("the key spells its point with a y that is not below 2**255 - 19")
    # -x² + y² = 1 + d x² y²
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if pow(x_squared, (_P - 1) // 2, _P) not in (0, 1):
        raise UnsafeKey("the key is no point of the curve")
    if _is_of_small_order(x_squared, y * y % _P):
        raise UnsafeKey("the key is of small order: its signatures prove nothing")


def _is_of_small_order(x_squared: int, y_squared: int) -> bool:
    """Whether eight times the point is the neutral element.

    Doubled, a point has x = 2xy / (y² - x²) and y = (x² + y²) / (2 - y² + x²). The order divides
    4 where x or y is 0 (then the doubled x is 0), and is 8 where the doubled y is 0.
    """
    return x_squared == 0 or y_squared == 0 or (x_squared + y_squared) % _P == 0


def is_signature(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether this is the key's signature of the message; False also for a key that is unsafe."""
    try:
        require_safe(public_key)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, UnsafeKey):
        return False
    return True
