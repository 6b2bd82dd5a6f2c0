"""The commands link: GS1 Digital Link URIs to element strings and back. They need no database."""

import click

from foodtrace.trace.gs1.elements import parse_elements
from foodtrace.trace.gs1.links import Permissions, build_link, parse_link


@click.group()
def link() -> None:
    """GS1 Digital Link URIs and the element strings of bar codes.

    What breaks a rule is refused with the place ((10):3 is the third character of the lot),
    the rule and the fix, and status 1.
    """


@link.command()
@click.argument("uris", nargs=-1, required=True, metavar="URI…")
@click.option("--short-gtin", is_flag=True, help="Also take a GTIN of 8, 12 or 13 digits.")
@click.option("--words", is_flag=True, help="Also take words as AIs: /gtin/…/lot/….")
def parse(uris: tuple[str, ...], *, short_gtin: bool, words: bool) -> None:
    """Print the element string of each link, ^ for FNC1."""
    permit = Permissions(zero_suppressed_gtin=short_gtin, words=words)
    for uri in uris:
        click.echo(parse_link(uri, permit).element_string)


@link.command()
@click.argument("elements", nargs=-1, required=True, metavar="ELEMENTSTRING…")
@click.option("--stem", metavar="URL", help="What stands before the key, not https://id.gs1.org.")
def build(elements: tuple[str, ...], *, stem: str | None) -> None:
    """Print the link of each element string: (01)…(10)…, or ^01…10…^17….

    A bracket that belongs to a value is written as \\(.
    """
    for text in elements:
        click.echo(build_link(parse_elements(text), stem))
