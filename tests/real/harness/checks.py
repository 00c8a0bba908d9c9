"""Checks: a line each, and the end at the first that is wrong."""

import sys
from contextlib import contextmanager


class Wrong(Exception):
    """A check that does not hold."""


def check(what, got, expected):
    """Holds if both are equal."""
    confirm(what, got == expected, f"expected: {expected!r}\n  got:      {got!r}")


def confirm(what, holds, details):
    """Holds if `holds` is true; `details` say what was expected and what came."""
    if not holds:
        raise Wrong(f"{what}\n  {details}")
    print(f"  ok  {what}", flush=True)


def only(what, found):
    """The one thing found."""
    found = list(found)
    if len(found) != 1:
        listed = "".join(f"\n    {one}" for one in found)
        raise Wrong(f"{what}\n  expected: one\n  got:      {len(found)}{listed}")
    return found[0]


@contextmanager
def part(title):
    """Runs a part; a wrong check ends the program with what was expected and what came."""
    print(f"{title}", flush=True)
    try:
        yield
    except Wrong as wrong:
        print(f"  WRONG  {wrong}", file=sys.stderr, flush=True)
        sys.exit(1)
