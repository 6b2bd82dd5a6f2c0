"""Who may do what: one table of role, action and scope, and two questions to it.

An action is ``subject.verb``. Its scope for a role is *own* (things of the actor's own
party) or *any* (everybody's); where an action is missing, the role may not do it at all.

* Producers make, move and sell food; operators (cold stores, distributors, shops) move
  and sell it; a laboratory certifies it. All three capture events for their own party.
* An inspector sees every chain and issues certificates of inspection in the name of the
  authority it acts for. A regulator also keeps the register, withdraws and recalls.
* An administrator keeps accounts and the register. It may import events that no party
  captured, but **never captures, certifies or recalls in the name of a party**: who runs
  the service must not be able to speak for those who are recorded in it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

from foodtrace.trace.access.actor import Actor, Role
from foodtrace.trace.errors import Forbidden, NotFound, Problem, Unauthenticated, mark

Action = Literal[
    "event.capture",
    "event.read",
    "party.register",
    "party.revise",
    "party.read",
    "place.register",
    "product.register",
    "lot.register",
    "lot.move",  # ship, receive, pack, unpack, store, sell
    "lot.read",
    "key.keep",  # keys of devices that sign for a party: enrol, vouch, end
    "key.confirm",  # let a party's key in when all older ones are lost
    "statement.sign",
    "personal.read",  # personal values apart from the record
    "personal.open",  # the same for an authority that names its case; it is put on record
    "personal.erase",
    "link.keep",  # links of one's products, lots and places
    "certificate.issue",
    "certificate.withdraw",
    "certificate.read",
    "report.read",  # the file of a test report that is not public
    "recall.open",
    "recall.close",
    "chain.read",  # the whole chain both ways, with holders and amounts
    "account.manage",
]
Scope = Literal["own", "any"]

ACTIONS: tuple[Action, ...] = get_args(Action)

POLICY: Mapping[Role, Mapping[Action, Scope]] = MappingProxyType(
    {
        Role.PRODUCER: {
            "event.capture": "own",
            "event.read": "own",
            "party.revise": "own",
            "party.read": "any",
            "place.register": "own",
            "product.register": "own",
            "lot.register": "own",
            "lot.move": "own",
            "lot.read": "own",
            "key.keep": "own",
            "statement.sign": "own",
            "personal.read": "own",
            "personal.erase": "own",
            "link.keep": "own",
            "certificate.read": "own",
            "report.read": "own",
            "recall.open": "own",
            "chain.read": "own",
        },
        Role.OPERATOR: {
            "event.capture": "own",
            "event.read": "own",
            "party.revise": "own",
            "party.read": "any",
            "place.register": "own",
            "lot.move": "own",
            "lot.read": "own",
            "key.keep": "own",
            "statement.sign": "own",
            "personal.read": "own",
            "personal.erase": "own",
            "link.keep": "own",
            "certificate.read": "own",
            "report.read": "own",
            "chain.read": "own",
        },
        Role.LABORATORY: {
            "event.capture": "own",
            "event.read": "own",
            "party.revise": "own",
            "party.read": "any",
            "place.register": "own",
            "lot.read": "own",
            "key.keep": "own",
            "statement.sign": "own",
            "personal.read": "own",
            "personal.erase": "own",
            "link.keep": "own",
            "certificate.issue": "own",
            "certificate.withdraw": "own",
            "certificate.read": "own",
            "report.read": "own",
            "chain.read": "own",
        },
        Role.INSPECTOR: {
            "event.read": "any",
            "party.read": "any",
            "lot.read": "any",
            "personal.read": "own",
            "certificate.issue": "own",
            "certificate.withdraw": "own",
            "certificate.read": "any",
            "report.read": "any",
            "chain.read": "any",
        },
        Role.REGULATOR: {
            "event.read": "any",
            "party.register": "any",
            "party.revise": "any",
            "party.read": "any",
            "place.register": "any",
            "product.register": "any",
            "lot.read": "any",
            "key.confirm": "any",
            "personal.open": "any",
            "certificate.withdraw": "any",
            "certificate.read": "any",
            "report.read": "any",
            "recall.open": "any",
            "recall.close": "any",
            "chain.read": "any",
        },
        Role.ADMINISTRATOR: {
            "event.capture": "own",
            "event.read": "any",
            "party.register": "any",
            "party.revise": "any",
            "party.read": "any",
            "place.register": "any",
            "product.register": "any",
            "lot.read": "any",
            "personal.erase": "any",
            "certificate.read": "any",
            "chain.read": "any",
            "account.manage": "any",
        },
    }
)

# These act for an organisation: an account or key of such a role must name its party.
NEEDS_PARTY = frozenset({Role.PRODUCER, Role.OPERATOR, Role.LABORATORY})


def can(actor: Actor, action: Action, owner: int | None = None) -> bool:
    """Answer whether the actor may do this to a thing of the party `owner`.

    Without an owner the question is general: may the actor do it to anything at all, its
    own things at least? A thing that belongs to no party has the owner 0.

    >>> farm = Actor("user:li", 7, frozenset({Role.PRODUCER}))
    >>> can(farm, "lot.register", owner=7), can(farm, "lot.register", owner=8)
    (True, False)
    """
    scopes = {POLICY[role].get(action) for role in actor.roles}
    if "any" in scopes:
        return True
    return "own" in scopes and (owner is None or owner == actor.party_id)


def require(actor: Actor, action: Action, owner: int | None = None) -> None:
    """Raise unless the actor may do this to a thing of the party `owner`.

    Unauthenticated when nobody is signed in, Forbidden when no role of the actor has the
    action, NotFound when only the thing is another's: that it exists is not told either.
    """
    if can(actor, action, owner):
        return
    if not actor.roles:
        raise Unauthenticated()
    if can(actor, action):
        raise NotFound()
    raise Forbidden(
        Problem(
            "",
            mark("Your role (%(roles)s) does not include %(action)s"),
            mark("Ask an administrator for an account with another role"),
            {"roles": ", ".join(sorted(actor.roles)), "action": action},
        )
    )
