"""The rules that an auditor holds a log to, and what it means when one does not hold."""

from typing import NamedTuple

FRESH_SECONDS = 600
SKEW_SECONDS = 60


class Rule(NamedTuple):
    """One rule; `name` is for machines and for docs/audit.md."""

    name: str
    text: str
    means: str


READABLE = Rule(
    "readable",
    "What a log has published stays there for everybody to read.",
    "Nobody can check this part of the log; the operator has to bring it back.",
)
PINNED = Rule(
    "pinned",
    "The policy names every log that is published, and every log that it names is published.",
    "Nothing vouches for a log that the policy does not know, and one that is gone hides what "
    "was in it.",
)
SIGNED = Rule(
    "signed",
    "A checkpoint is signed with the key of its log in the policy, and every signature of a "
    "witness in the policy is right.",
    "This checkpoint proves nothing; it may be another's, or made up.",
)
QUORUM = Rule(
    "quorum",
    "A checkpoint counts when the witnesses that the policy asks for have cosigned it.",
    "Only the operator says that everybody is shown this history: others may be shown another.",
)
FRESH = Rule(
    "fresh",
    f"The newest checkpoint was cosigned within the last {FRESH_SECONDS // 60} minutes.",
    "The log stands still, or an older head is shown to keep newer entries from sight.",
)
FORWARD = Rule(
    "forward",
    "A log never becomes shorter, and its newest checkpoint never older, than it was seen before.",
    "Entries are withheld, or the database was set back and went on from there.",
)
APPEND_ONLY = Rule(
    "append-only",
    "A log keeps all that it has ever signed, unchanged and in its place.",
    "History was rewritten: entries were altered, removed, exchanged or put in between, or other "
    "readers are shown another log. The two signed checkpoints prove it; keep both.",
)
ROOT = Rule(
    "root",
    "The entries of a log give the root that its checkpoint signs.",
    "What is served is not what was signed: entries were altered, removed, exchanged or put in "
    "between.",
)
TILE = Rule(
    "tile",
    "A tile holds the hashes of the entries below it.",
    "Proofs made from this tile are wrong, or the entries are not those that were hashed.",
)
LEAF = Rule(
    "leaf",
    "An entry is a leaf of 41 bytes: version 1, time, commitment.",
    "This entry says nothing that could be checked.",
)
TIME_ORDER = Rule(
    "time-order",
    "The time of a leaf is never before that of the leaf before it.",
    "The times of the log are not those of its entries: some were made to look older.",
)
TIME_WINDOW = Rule(
    "time-window",
    "The time of a leaf lies between the last cosignature of a head without it and the first "
    f"cosignature of a head with it, give or take {SKEW_SECONDS} seconds.",
    "The log's time of these entries is wrong: they were dated back or forward.",
)
YEARS = Rule(
    "years",
    "The first leaf of a year holds the last checkpoint of the year before.",
    "The log of the earlier year may have been exchanged as a whole.",
)
OPENING = Rule(
    "opening",
    "What is shown of a statement gives the commitment in its leaf.",
    "What is shown is not what was logged: it was altered afterwards, or never logged.",
)
PUBLIC_STAYS = Rule(
    "public-stays",
    "A statement about keys is public from the moment it is logged, and stays.",
    "A key was added, revoked or hidden afterwards, for signatures that were made before.",
)
SERIES = Rule(
    "series",
    "The numbers of a series begin with 1 and have no gap; what may not be seen still shows its "
    "number.",
    "A statement was left out of what is shown.",
)
SERIES_STAYS = Rule(
    "series-stays",
    "A number of a series that was shown once is shown again.",
    "A statement that was shown before is withheld now.",
)
INCLUSION = Rule(
    "inclusion",
    "Every statement that is shown is in the log, where the proof says.",
    "The statement was never logged, or stands in another place.",
)
FILE = Rule(
    "file",
    "A file has the SHA-256 that a logged statement names.",
    "This is not the file that was logged: it was exchanged.",
)
KEY_VALID = Rule(
    "key-valid",
    "A signature counts when its key was enrolled before it in the log, and not revoked before it.",
    "Whoever had the key at that place in the log, it was not the one who is named.",
)
KEY_LET_IN = Rule(
    "key-let-in",
    "The first key of a party has shown that it is held; each later one is vouched for by an older "
    "key of the party, or confirmed by a regulator.",
    "Somebody has given itself a key in the name of this party. Ask the party.",
)
BUNDLE = Rule(
    "bundle",
    "What is shown of a thing is a proof bundle of the form foodtrace-proof/1.",
    "Nothing of it can be checked.",
)
TIME_KNOWN = Rule(
    "time-known",
    f"Witnesses cosign so often that the time of each entry is proved to {FRESH_SECONDS // 60} "
    "minutes.",
    "Within the longer time in between, nobody but the operator says when these entries were made.",
)
STAMPED = Rule(
    "stamped",
    "A time-stamping authority has signed the last head of each day, after the end of that day.",
    "The stamp does not prove that the head existed then: whoever needs a proof of time has to "
    "take what witnesses say.",
)

RULES = (
    READABLE,
    PINNED,
    SIGNED,
    QUORUM,
    FRESH,
    FORWARD,
    APPEND_ONLY,
    ROOT,
    TILE,
    LEAF,
    TIME_ORDER,
    TIME_WINDOW,
    TIME_KNOWN,
    YEARS,
    OPENING,
    PUBLIC_STAYS,
    SERIES,
    SERIES_STAYS,
    INCLUSION,
    FILE,
    KEY_VALID,
    KEY_LET_IN,
    BUNDLE,
    STAMPED,
)
