"""Sentry's own normalizer over every event and transaction, and the rules of its ingestion.

Judged is all that sinks received since `run` began: from the end-to-end tests in Rust, and from
the parts that ran before this one.
"""

import json
import math
import tomllib
from collections import Counter
from pathlib import Path

from harness.checks import check, confirm, part
from harness.envelopes import RULES, Envelope, broken
from harness.processes import HOME
from sentry_relay.exceptions import RelayError
from sentry_relay.processing import StoreNormalizer

EXPECTED = Path(__file__).with_name("relay-expected.toml")
RECEIVED = HOME / "received"
# The end-to-end tests send far more; fewer would mean that they did not run.
ENOUGH = 100


def tags(pairs):
    """Tags, which Relay has as pairs; one that it refused is null."""
    return {pair[0]: pair[1] for pair in pairs or [] if pair}


# Relay moves these, and so says nothing of them.
MOVED = {
    "server_name": lambda kept: tags(kept.get("tags")).get("server_name"),
    "message": lambda kept: (kept.get("logentry") or {}).get("formatted"),
}


def normalizer():
    return StoreNormalizer(project_id=1, key_id="1", protocol_version="7", enable_trimming=True)


def findings(normalize, sent):
    """What the normalizer says of an item, and what it changes without a word: path and details."""
    try:
        kept = normalize.normalize_event(raw_event=json.dumps(sent))
    except RelayError as error:
        return [("", f"refused: {error!r}")]
    found = [(plain(error.get("name", "")), f"error: {error}") for error in kept.get("errors") or []]
    found += [(path, f"changed: {why}") for path, why in remarks(kept.get("_meta") or {})]
    for name, where in MOVED.items():
        if name in sent and where(kept) == sent[name]:
            kept[name] = sent[name]
    return found + [
        (path, f"sent {before!r:.200}, kept {after!r:.200}") for path, before, after in lost(sent, kept)
    ]


def plain(path):
    """A path without places in lists."""
    return ".".join("*" if step.isdigit() else step for step in path.split("."))


def remarks(meta, path=()):
    """What `_meta` says, with the path that it is about."""
    for key, value in meta.items():
        if key == "":
            yield plain(".".join(path)), value
        elif isinstance(value, dict):
            yield from remarks(value, (*path, key))


def lost(sent, kept, path=()):
    """The values that were sent and are not there any more. Times are kept to the microsecond."""
    if path == ("tags",):
        kept = tags(kept)
    if isinstance(sent, dict) and isinstance(kept, dict):
        for key, value in sent.items():
            yield from lost(value, kept.get(key), (*path, key))
    elif isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        for before, after in zip(sent, kept):
            yield from lost(before, after, (*path, "*"))
    elif not same(sent, kept):
        yield ".".join(path), sent, kept


def same(sent, kept):
    if isinstance(sent, float) and isinstance(kept, (int, float)):
        return math.isclose(sent, kept, rel_tol=1e-9)
    # What is empty may be left out.
    return sent == kept or (sent in (None, {}, [], "") and not kept)


def expected():
    """The findings that are listed, each with its reason."""
    listed = tomllib.loads(EXPECTED.read_text()).get("finding", [])
    for entry in listed:
        confirm(
            f"the finding at {entry.get('path')} has a reason",
            set(entry) == {"item", "path", "reason"} and entry["reason"].strip(),
            f"expected: item, path, reason; got: {entry}",
        )
    return {(entry["item"], entry["path"]) for entry in listed}


def unlisted(found, listed):
    """What was found and is not listed, each path once, with an example and how often."""
    examples, times = {}, Counter()
    for kind, path, details in found:
        if (kind, path) not in listed:
            examples.setdefault((kind, path), details)
            times[kind, path] += 1
    return [f"{kind} {path}: {examples[kind, path]} ({times[kind, path]} times)" for kind, path in times]


def main():
    with part("relay"):
        bodies = [file.read_bytes() for file in sorted(RECEIVED.rglob("*.envelope"))]
        envelopes = [Envelope.read(body) for body in bodies]
        kinds = Counter(head["type"] for envelope in envelopes for head, _ in envelope.items)
        sources = sorted(one.name for one in RECEIVED.iterdir())
        print(f"  judged: {len(bodies)} envelopes, {dict(kinds)}, from {', '.join(sources)}")
        normalize, listed, found = normalizer(), expected(), []
        for kind in ("event", "transaction"):
            judged = [data for envelope in envelopes for _, data in envelope.of(kind)]
            confirm(
                f"there are enough of the kind {kind}: {len(judged)}",
                len(judged) > ENOUGH,
                f"expected: more than {ENOUGH}\n  got:      {len(judged)}",
            )
            found = [(kind, *one) for data in judged for one in findings(normalize, data)]
            check(
                f"Relay refuses, changes and cuts nothing of the kind {kind}: {len(judged)}",
                unlisted(found, listed)[:20],
                [],
            )
        wrong = [one for body in bodies for one in broken(body)]
        for rule in ("sizes", *RULES):
            check(
                f"envelopes: {rule}: {len(bodies)}",
                [what for name, what in wrong if name == rule][:20],
                [],
            )


if __name__ == "__main__":
    main()
