"""Sentry's envelopes as they were sent, and the rules that its ingestion holds them to.

Most of these rules are broken in silence: the answer is 200, and the item is dropped later. Words
and formats are asked of Relay's own code (`sentry_relay`) where it has them.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from sentry_relay.consts import SPAN_STATUS_NAME_TO_CODE
from sentry_relay.exceptions import RelayError
from sentry_relay.processing import VALID_PLATFORMS, parse_release

from .received import items

# Relay's limit of an event or transaction, and of a container; bytes, uncompressed.
EVENT_BYTES = 1_048_576
CONTAINER_BYTES = 12 * 1_048_576
# Relay keeps about so many small spans of a transaction and cuts the others; we send no more than
# is safe.
SPANS = 1_000
# Relay takes times of up to a minute ahead.
AHEAD_SECONDS = 60

CONTAINERS = {
    "log": "application/vnd.sentry.items.log+json",
    "span": "application/vnd.sentry.items.span.v2+json",
    "trace_metric": "application/vnd.sentry.items.trace-metric+json",
}
LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
TYPES = {
    "string": (str,),
    "integer": (int,),
    "double": (float, int),
    "boolean": (bool,),
    "array": (list,),
}
# Items of which an envelope has at most one; events and transactions count as one kind.
ALONE = {"event": "event", "transaction": "event", "profile_chunk": "profile_chunk"} | {
    name: name for name in CONTAINERS
}


@dataclass
class Envelope:
    """An envelope: its header, and header and content of each item."""

    header: dict
    items: list

    @classmethod
    def read(cls, body):
        header = json.loads(body.partition(b"\n")[0])
        return cls(header, [(head, content(payload)) for head, payload in items(body)])

    def of(self, *kinds):
        """Header and content of the items of some kinds."""
        return [(head, data) for head, data in self.items if head["type"] in kinds]


def content(payload):
    """What an item holds: JSON, or the bytes if it is something else."""
    try:
        return json.loads(payload)
    except ValueError:
        return payload


def headers(envelope):
    """The envelope's header: when it was sent, where to, and whose id it has."""
    for name in ("dsn", "sent_at"):
        if not envelope.header.get(name):
            yield f"no {name}"
    for head, data in envelope.of("event", "transaction"):
        ids = [envelope.header.get("event_id"), data.get("event_id")]
        # With or without dashes.
        plain = [str(one).replace("-", "") for one in ids]
        if not re.fullmatch("[0-9a-f]{32}", plain[0]) or plain[0] != plain[1]:
            yield f"event_id of envelope and {head['type']}: {ids}"


def traces(envelope):
    """The header's trace: the transaction's; and where no other service began it, of our words."""
    trace = envelope.header.get("trace")
    if not trace:
        if envelope.of("transaction", "span"):
            yield "no trace"
        return
    for name in ("trace_id", "public_key"):
        if not isinstance(trace.get(name), str) or not trace[name]:
            yield f"{name} {trace.get(name)!r}"
    for name in ("sample_rate", "sample_rand", "sampled"):
        if not isinstance(trace.get(name, ""), str):
            yield f"{name} is not text: {trace[name]!r}"
    for _, data in envelope.of("transaction"):
        root = data["contexts"]["trace"]
        expected = {"trace_id": root["trace_id"]}
        # Who begins a trace says what stands here, and nobody may change it later.
        if not root.get("parent_span_id"):
            expected |= {name: data.get(name) for name in ("release", "environment")}
            expected["public_key"] = public_key(envelope)
        got = {name: trace.get(name) for name in expected}
        if got != expected:
            yield f"trace {got}, transaction {expected}"


def public_key(envelope):
    """The key in the DSN."""
    found = re.match(r"https?://(\w+)@", envelope.header.get("dsn", ""))
    return found and found[1]


def alone(envelope):
    """Two of a kind, and both are lost."""
    kinds = [ALONE[head["type"]] for head, _ in envelope.items if head["type"] in ALONE]
    for kind in sorted(set(kinds)):
        if kinds.count(kind) > 1:
            yield f"{kinds.count(kind)} items of the kind {kind}"


def containers(envelope):
    """The content type of a container, and how many items it says it has."""
    for head, data in envelope.of(*CONTAINERS):
        if head.get("content_type") != CONTAINERS[head["type"]]:
            yield f"{head['type']}: content type {head.get('content_type')!r}"
        there = data.get("items") if isinstance(data, dict) else None
        if not isinstance(there, list) or not there:
            yield f"{head['type']}: no items"
        elif head.get("item_count") != len(there):
            yield f"{head['type']}: item_count {head.get('item_count')!r} of {len(there)}"


def sizes(body, envelope):
    """Bytes before compression, and spans of a transaction."""
    for head, payload in items(body):
        limit = CONTAINER_BYTES if head["type"] in CONTAINERS else EVENT_BYTES
        if len(payload) > limit:
            yield f"{head['type']}: {len(payload)} bytes of {limit}"
    for _, data in envelope.of("transaction"):
        if len(data.get("spans", [])) > SPANS:
            yield f"transaction: {len(data['spans'])} spans of {SPANS}"


def names(envelope):
    """Platform, release and environment: others are replaced or dropped."""
    for head, data in envelope.of("event", "transaction", "profile_chunk"):
        platforms = VALID_PLATFORMS | ({"rust"} if head["type"] == "profile_chunk" else set())
        if data.get("platform") not in platforms:
            yield f"{head['type']}: platform {data.get('platform')!r}"
    named = [(head["type"], data) for head, data in envelope.of("event", "transaction")]
    named += [("sessions", data.get("attrs", {})) for _, data in envelope.of("sessions")]
    for kind, data in named:
        if not sound_release(data.get("release")):
            yield f"{kind}: release {data.get('release')!r}"
        environment = data.get("environment")
        if not re.fullmatch(r"[^\\/\x00-\x1f\x7f]{1,64}", environment or "") or environment.lower() == "none":
            yield f"{kind}: environment {environment!r}"


def sound_release(release):
    """Whether Relay takes it. An item without a release belongs to none."""
    try:
        return bool(release) and bool(parse_release(release))
    except RelayError:
        return False


def times(envelope):
    """A transaction's spans: ids, and times that end after they start, and not in the future."""
    for _, data in envelope.of("transaction"):
        root = data["contexts"]["trace"]
        spans = [root | {name: data.get(name) for name in ("start_timestamp", "timestamp")}]
        seen = set()
        for span in spans + data.get("spans", []):
            name = f"span {span.get('span_id')} ({span.get('op')})"
            if span.get("trace_id") != root["trace_id"]:
                yield f"{name}: trace_id {span.get('trace_id')!r}, not {root['trace_id']}"
            if not re.fullmatch("(?!0{16})[0-9a-f]{16}", str(span.get("span_id"))):
                yield f"{name}: malformed span_id"
            if span.get("span_id") in seen:
                yield f"{name}: twice"
            seen.add(span.get("span_id"))
            start, end = span.get("start_timestamp"), span.get("timestamp")
            if not all(isinstance(one, (int, float)) for one in (start, end)) or end < start:
                yield f"{name}: from {start!r} to {end!r}"
            elif end > sent_at(envelope) + AHEAD_SECONDS:
                yield f"{name}: ends after it was sent: {end!r}"
            if span.get("status") not in SPAN_STATUS_NAME_TO_CODE:
                yield f"{name}: status {span.get('status')!r}"


def sent_at(envelope):
    """When the envelope was sent, in seconds."""
    text = re.sub(r"(\.\d{6})\d+", r"\1", envelope.header["sent_at"])
    return datetime.fromisoformat(text).timestamp()


def logs(envelope):
    """Log records: what they must have, and that attributes are of the type they say."""
    for _, data in envelope.of("log"):
        for log in data.get("items", []):
            name = f"log {log.get('body')!r}"
            if not isinstance(log.get("timestamp"), (int, float)):
                yield f"{name}: timestamp {log.get('timestamp')!r}"
            if not re.fullmatch("[0-9a-f]{32}", str(log.get("trace_id"))):
                yield f"{name}: trace_id {log.get('trace_id')!r}"
            if log.get("level") not in LEVELS:
                yield f"{name}: level {log.get('level')!r}"
            if not isinstance(log.get("body"), str):
                yield f"{name}: no body"
            for key, attribute in log.get("attributes", {}).items():
                if not sound_attribute(attribute):
                    yield f"{name}: attribute {key}: {attribute!r}"


def sound_attribute(attribute):
    """Whether a value is of the type that stands beside it."""
    if not isinstance(attribute, dict) or not {"value", "type"} <= set(attribute):
        return False
    kind, value = attribute["type"], attribute["value"]
    if isinstance(value, bool) and kind != "boolean":
        return False
    return isinstance(value, TYPES.get(kind, ()))


def counts(envelope):
    """Sessions and client reports: one negative number, and all of the item is dropped."""
    for _, data in envelope.of("sessions"):
        for bucket in data.get("aggregates") or [{}]:
            if not isinstance(bucket.get("started"), str):
                yield f"sessions: started {bucket.get('started')!r}"
            numbers = {key: bucket[key] for key in bucket if key not in ("started", "did")}
            if not numbers or not all(map(natural, numbers.values())):
                yield f"sessions: counts {numbers!r}"
    for _, data in envelope.of("client_report"):
        for lost in data.get("discarded_events") or [{}]:
            if not natural(lost.get("quantity")):
                yield f"client_report: quantity {lost.get('quantity')!r}"
            for name in ("reason", "category"):
                if not 0 < len(lost.get(name, "")) <= 200:
                    yield f"client_report: {name} {lost.get(name)!r}"


def natural(number):
    """Whether it is an integer, and not negative."""
    return isinstance(number, int) and not isinstance(number, bool) and number >= 0


RULES = {
    "ids, DSN and time of sending": headers,
    "the trace in the header": traces,
    "one item of a kind": alone,
    "content type and item_count": containers,
    "platform, release and environment": names,
    "ids, times and status of spans": times,
    "logs and their attributes": logs,
    "counts of sessions and client reports": counts,
}


def broken(body):
    """The rules that an envelope breaks: pairs of the rule and what is wrong."""
    envelope = Envelope.read(body)
    found = [("sizes", what) for what in sizes(body, envelope)]
    return found + [(rule, what) for rule, judge in RULES.items() for what in judge(envelope)]
