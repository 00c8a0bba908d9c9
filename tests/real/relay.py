"""Sentry's own normalizer over every event and transaction, and the rules of its ingestion.

Judged is all that sinks received: from the tests in Rust (the archive that `run` names), from the
quickstart, and from the parts that ran before this one.
"""

import json
import math
import os
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from harness.checks import Wrong, check, confirm, part
from harness.envelopes import RULES, Envelope, broken
from harness.processes import BIN, HOME, run
from sentry_relay.exceptions import RelayError
from sentry_relay.processing import StoreNormalizer

REPOSITORY = Path(__file__).parents[2]
EXPECTED = Path(__file__).with_name("relay-expected.toml")
RECEIVED = HOME / "received"
ITEMS = ("event", "transaction")
# What has a sink, and so must be seen to send.
TESTKIT = "telemetry-testkit"


@dataclass
class Sent:
    """An envelope: whose test or part sent it, and the file that it lies in."""

    source: str
    file: Path
    body: bytes

    @property
    def envelope(self):
        try:
            return Envelope.read(self.body)
        except (ValueError, KeyError) as error:
            raise Wrong(f"no envelope: {self.file}\n  {error!r}") from None


def sent_by(directory):
    """What is kept below a directory, whose folders have the names of the senders."""
    return [
        Sent(file.relative_to(directory).parts[0], file, file.read_bytes())
        for file in sorted(directory.rglob("*.envelope"))
    ]


def senders():
    """The packages that depend on the testkit: each of them sends something."""
    for manifest in sorted([*REPOSITORY.glob("*/Cargo.toml"), *REPOSITORY.glob("*/*/Cargo.toml")]):
        package = tomllib.loads(manifest.read_text())
        if any(TESTKIT in package.get(kind, {}) for kind in ("dependencies", "dev-dependencies")):
            yield package["package"]["name"]


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
    # There Relay puts what it does not know of a user.
    if path == ("user",) and kept:
        kept = (kept.get("data") or {}) | kept
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


def entries(table, *names):
    """The entries of a table of what is expected; each has a reason."""
    listed = tomllib.loads(EXPECTED.read_text()).get(table, [])
    for entry in listed:
        confirm(
            f"{table}: {', '.join(str(entry.get(name)) for name in names)}: there is a reason",
            set(entry) == {*names, "reason"} and entry["reason"].strip(),
            f"expected: {names}, reason; got: {entry}",
        )
    return {tuple(entry[name] for name in names) for entry in listed}


def unlisted(found, listed):
    """What was found and is not listed, each path once, with an example and how often."""
    examples, times = {}, Counter()
    for one in found:
        *which, details = one
        which = tuple(which)
        if which not in listed:
            examples.setdefault(which, details)
            times[which] += 1
    return [f"{' '.join(which)}: {examples[which]} ({times[which]} times)" for which in times]


def unneeded(found, listed):
    """What is listed and was not found."""
    return sorted(" ".join(which) for which in listed - {tuple(one[:-1]) for one in found})


def quickstart():
    """Runs the quickstart; its sink keeps what it receives beside that of the parts."""
    kept = {"TELEMETRY_TESTKIT_ARCHIVE": str(RECEIVED), "CARGO_PKG_NAME": "quickstart"}
    code, out, err = run(BIN / "quickstart", **kept)
    confirm("the quickstart ends well", code == 0, f"exit code {code}\n{out}\n{err}")


def main():
    with part("relay"):
        quickstart()
        left_out = {package for (package,) in entries("left_out", "package")}
        listed = entries("finding", "source", "item", "path")
        all_sent = sent_by(Path(os.environ["TESTS_ARCHIVE"])) + sent_by(RECEIVED)
        sources = {one.source for one in all_sent}
        check("what is left out is there to be left out", sorted(left_out - sources), [])
        judged = [(one, one.envelope) for one in all_sent if one.source not in left_out]
        kinds = Counter(head["type"] for _, envelope in judged for head, _ in envelope.items)
        print(f"  judged: {len(judged)} envelopes, {dict(kinds)}")
        print(f"  sent by: {', '.join(sorted(sources - left_out))}")
        useful = {one.source for one, envelope in judged if envelope.of(*ITEMS)}
        others = {package for (package,) in entries("other_content", "package")}
        check("each package that has a sink sent events or transactions", sorted({*senders()} - useful), sorted(others))
        normalize = normalizer()
        found = [
            (one.source, kind, path, f"{details} in {one.file}")
            for one, envelope in judged
            for kind in ITEMS
            for _, data in envelope.of(kind)
            for path, details in findings(normalize, data)
        ]
        wrong = [
            (one.source, "envelope", rule, f"{what} in {one.file}")
            for one, _ in judged
            for rule, what in broken(one.body)
        ]
        for kind in ITEMS:
            check(
                f"Relay refuses, changes and cuts nothing of the kind {kind}: {kinds[kind]}",
                unlisted([one for one in found if one[1] == kind], listed)[:20],
                [],
            )
        for rule in ("sizes", *RULES):
            check(
                f"envelopes: {rule}: {len(judged)}",
                unlisted([one for one in wrong if one[2] == rule], listed)[:20],
                [],
            )
        check("what is listed is found", unneeded(found + wrong, listed), [])


if __name__ == "__main__":
    main()
