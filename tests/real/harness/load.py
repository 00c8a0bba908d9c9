"""Traces of three spans in quantity, and what became of them.

A request is serialized once; then only ids are written into its bytes. Each trace comes in two requests, as if two
programs had sent it: its children first, its root later.
"""

import http.client
import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from .checks import Wrong

SPANS = 3
# The randomness of a trace: the last 56 bits of its id.
RANDOMNESS = 7
SERVER, CLIENT, INTERNAL = (
    trace_pb2.Span.SPAN_KIND_SERVER,
    trace_pb2.Span.SPAN_KIND_CLIENT,
    trace_pb2.Span.SPAN_KIND_INTERNAL,
)


@dataclass
class Kind:
    """Traces of one kind: what stands on the root, and which share the gateway is to keep."""

    name: str
    percent: float
    kind: int = SERVER
    attributes: dict = field(default_factory=dict)
    # What stands on the child of the root.
    child: dict = field(default_factory=dict)
    failed: bool = False
    seconds: float = 0.1
    # The share that the app's own sampler lets through; `None`: it says nothing of it.
    head_percent: float | None = 100

    @property
    def kept_percent(self):
        """The share of all traces that is kept in the end."""
        return min(self.percent, self.head_percent or 100)

    @property
    def threshold(self):
        return threshold(self.head_percent)

    @property
    def trace_state(self):
        if self.head_percent is None:
            return ""
        digits = f"{self.threshold:014x}".rstrip("0") or "0"
        return f"ot=th:{digits}"


def threshold(percent):
    """The least randomness that is kept, of 2^56."""
    every = 2 ** (8 * RANDOMNESS)
    return every - round((100 if percent is None else percent) / 100 * every)


def randomness(trace_id):
    return int.from_bytes(trace_id[-RANDOMNESS:], "big")


class Template:
    """Requests for `size` traces of a kind: one with the children, one with the roots."""

    def __init__(self, kind, size, service="load"):
        self.kind, self.size = kind, size
        self.parts = [Part(self.message(service, children), size) for children in (True, False)]

    def message(self, service, children):
        request = ExportTraceServiceRequest()
        resource = request.resource_spans.add()
        attribute(resource.resource, "service.name", service)
        scope = resource.scope_spans.add()
        now = time.time_ns()
        for number in range(self.size):
            ids = [placeholder(number, place) for place in range(1 + SPANS)]
            spans = [(1, 2), (2, 3)] if children else [(None, 1)]
            for parent, place in spans:
                span = scope.spans.add(
                    trace_id=ids[0] * 2,
                    span_id=ids[place],
                    parent_span_id=ids[parent] if parent else b"",
                    name=f"{self.kind.name} {place}",
                    kind=self.kind.kind if place == 1 else INTERNAL,
                    trace_state=self.kind.trace_state,
                    start_time_unix_nano=now - int(self.kind.seconds * 1e9),
                    end_time_unix_nano=now,
                )
                attributes = {1: self.kind.attributes, 2: self.kind.child}.get(place, {})
                for key, value in attributes.items():
                    attribute(span, key, value)
                attribute(span, "text", "some forty characters, as attributes are")
                if self.kind.failed and place == 3:
                    span.status.code = trace_pb2.Status.STATUS_CODE_ERROR
        return request.SerializeToString()

    def fill(self):
        """New ids: the trace ids, and the two requests. The app's own sampler drops some before."""
        trace_ids, dropped = [], 0
        while len(trace_ids) < self.size:
            trace_id = os.urandom(16)
            if randomness(trace_id) < self.kind.threshold:
                dropped += 1
            else:
                trace_ids.append(trace_id)
        span_ids = [os.urandom(8 * SPANS) for _ in trace_ids]
        bodies = [part.fill(trace_ids, span_ids) for part in self.parts]
        return trace_ids, dropped, bodies


def attribute(owner, key, value):
    owner.attributes.add(key=key).value.string_value = value


def placeholder(number, place):
    """Eight bytes that are nowhere else in a request."""
    return b"\xf5" + place.to_bytes(1, "big") + number.to_bytes(4, "big") + b"\xf6\xf7"


class Part:
    """A serialized request, and where its ids are."""

    def __init__(self, body, size):
        self.body = body
        self.traces, self.spans = [], []
        for number in range(size):
            found = list(places(body, placeholder(number, 0) * 2))
            self.traces.append(found)
            self.spans.append(
                [list(places(body, placeholder(number, place))) for place in range(1, 1 + SPANS)]
            )

    def fill(self, trace_ids, span_ids):
        body = bytearray(self.body)
        for found, trace_id in zip(self.traces, trace_ids):
            for at in found:
                body[at : at + 16] = trace_id
        for each, ids in zip(self.spans, span_ids):
            for place, found in enumerate(each):
                for at in found:
                    body[at : at + 8] = ids[8 * place : 8 * place + 8]
        return bytes(body)


def places(body, pattern):
    at = body.find(pattern)
    while at >= 0:
        yield at
        at = body.find(pattern, at + len(pattern))


class App:
    """Sends to a collector as an app would: what is not acknowledged is sent again."""

    def __init__(self, url):
        self.address = urlsplit(url).netloc
        self.connection = None
        self.repeats = 0

    def post(self, body, seconds=60):
        """Sends until it is acknowledged."""
        deadline = time.monotonic() + seconds
        while True:
            problem = self.attempt(body)
            if not problem:
                return
            if time.monotonic() > deadline:
                raise Wrong(f"not acknowledged within {seconds} s: {problem}")
            self.repeats += 1
            time.sleep(0.05)

    def attempt(self, body):
        """Nothing, or why it was not acknowledged."""
        try:
            if not self.connection:
                self.connection = http.client.HTTPConnection(self.address, timeout=10)
            headers = {"Content-Type": "application/x-protobuf"}
            self.connection.request("POST", "/v1/traces", body, headers)
            answer = self.connection.getresponse()
            said = answer.read()
            return "" if answer.status == 200 else f"{answer.status} {said[:200]!r}"
        except (OSError, http.client.HTTPException) as error:
            self.connection = None
            return repr(error)


@dataclass
class Sent:
    """Traces that were acknowledged, by kind; and how many the app's own sampler had dropped before."""

    traces: dict = field(default_factory=dict)
    dropped: Counter = field(default_factory=Counter)

    def add(self, kind, trace_ids, dropped):
        self.traces.setdefault(kind.name, set()).update(trace_ids)
        self.dropped[kind.name] += dropped

    @property
    def all(self):
        return set().union(*self.traces.values())


def send(app, kinds, count, size=100):
    """Sends `count` traces of each kind, in turns; gives what was acknowledged."""
    sent = Sent()
    templates = [Template(kind, size) for kind in kinds]
    for _ in range(count // size):
        late = []
        for template in templates:
            trace_ids, dropped, (children, roots) = template.fill()
            app.post(children)
            late.append(roots)
            sent.add(template.kind, trace_ids, dropped)
        for roots in late:
            app.post(roots)
    return sent


class Arrivals:
    """Spans at a sink, read as they come. Only requests to `path`."""

    def __init__(self, directory, path):
        self.directory, self.path = directory, path
        self.read = set()
        # How often each span came: by trace id, by span id.
        self.spans = {}
        self.states = {}

    def look(self):
        """Reads what is new. A request is there once its head is."""
        for head in sorted(self.directory.glob("*-traces.headers.json")):
            if head in self.read:
                continue
            self.read.add(head)
            if json.loads(head.read_text())["path"] != self.path:
                continue
            body = head.with_name(head.name.replace(".headers.json", ".pb")).read_bytes()
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        of_trace = self.spans.setdefault(span.trace_id, Counter())
                        of_trace[span.span_id] += 1
                        self.states.setdefault(span.name, Counter())[span.trace_state] += 1
        return self

    def whole(self):
        """The traces of which all spans are there."""
        return {trace for trace, spans in self.spans.items() if len(spans) == SPANS}

    def copies(self):
        """How many spans came more than once."""
        return sum(count - 1 for spans in self.spans.values() for count in spans.values())

    def wait(self, what, holds, seconds=60):
        """Reads until `holds(self)`; the time that passed."""
        since = time.monotonic()
        while not holds(self.look()):
            if time.monotonic() - since > seconds:
                raise Wrong(f"{what}: not within {seconds} s; {len(self.whole())} whole traces came")
            time.sleep(0.1)
        return time.monotonic() - since
