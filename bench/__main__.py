"""`make bench`: print one table, each figure with its ratio to the floor of the same run."""

import argparse
import tempfile
from pathlib import Path

from bench import capture, chain, query, scan
from bench.databases import fill_postgresql, fill_sqlite, postgresql
from bench.figures import Figure, progress, table
from bench.supply import Supply
from tests.postgres import PostgresServer

PARTS = ("chain", "scan", "capture", "query")


def main() -> None:
    """Run the parts that are asked for, all if none is."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], metavar="chain|scan|capture|query"
    )
    parser.add_argument("--quick", action="store_true", help="a small graph and short runs")
    chosen = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="foodtrace-bench-") as folder, postgresql() as server:
        for part in chosen.parts or PARTS:
            figures += RUN[part](Path(folder), server, chosen.quick)
    print(table(figures))


def chains(folder: Path, server: PostgresServer, quick: bool) -> list[Figure]:
    """Measure walks on supply graphs of 10^5 and 10^6 edges."""
    figures = []
    for edges in (100_000,) if quick else (100_000, 1_000_000):
        progress(f"a supply graph of {edges:,} edges")
        supply = Supply(edges)
        asked = chain.questions(supply, 40 if quick else 200)
        urls = (
            fill_sqlite(folder / f"supply-{edges}.sqlite", supply),
            fill_postgresql(server, supply, f"supply_{edges}"),
        )
        del supply
        for url in urls:
            figures += chain.measure(url, edges, asked)
    return figures


RUN = {"chain": chains, "scan": scan.measure, "capture": capture.measure, "query": query.measure}

if __name__ == "__main__":
    main()
