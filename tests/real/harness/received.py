"""What the sink received: spans by OTLP and spans in Sentry's transactions, side by side.

OTLP is read with OpenTelemetry's own Python classes, Sentry's envelopes as their specification
says. Neither shares code with what wrote them.
"""

import json
import re
import shutil
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from .checks import check, confirm
from .processes import HOME, Program

KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
STATUSES = {0: "unset", 1: "ok", 2: "error"}


@dataclass
class Span:
    """A span, from either side. Ids are lowercase hex; no parent is the empty string."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    op: str
    status: str
    kind: str = ""
    attributes: dict = field(default_factory=dict)
    links: list = field(default_factory=list)

    @property
    def id(self):
        return (self.trace_id, self.span_id)

    @property
    def method(self):
        return self.attributes.get("mcp.method.name")


@contextmanager
def sink(name):
    """`telemetry-sink`, with an empty directory for what it receives."""
    directory = HOME / "received" / name
    shutil.rmtree(directory, ignore_errors=True)
    with Program("telemetry-sink", "--dir", str(directory)) as program:
        yield Sink(program, directory)


class Sink:
    """A sink that listens; `settings` point a program's telemetry at it."""

    def __init__(self, program, directory):
        self.program, self.directory = program, directory
        names = ("SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT")
        self.settings = {name: program.find(rf"^{name}=(\S+)") for name in names}

    def received(self):
        """All that came. The programs that send must have ended."""
        self.program.stop()
        return Received(self.directory, self.program.err.read_text(errors="replace"))


class Received:
    """What came, in memory; with `path`, only by requests to that one."""

    def __init__(self, directory, log, path=""):
        self.otlp, self.sentry = [], []
        for about in sorted(directory.glob("*.headers.json")):
            if path and json.loads(about.read_text())["path"] != path:
                continue
            stem = about.name.removesuffix(".headers.json")
            for file in directory.glob(f"{stem}.*"):
                if file.suffix == ".pb" and stem.endswith("-traces"):
                    self.otlp += otlp_spans(file.read_bytes())
                elif file.suffix == ".envelope":
                    self.sentry += sentry_spans(file.read_bytes())
        self.answers = re.findall(r"^#\d+ \w+ (\S+) (\S+) ", log, re.MULTILINE)

    def agree(self):
        """Checks that all was sound, and that both sides got the same spans."""
        refused = [answer for answer in self.answers if answer[1] != "200"]
        check("the sink refused nothing that the server sent", refused, [])
        # An empty set would agree with itself.
        confirm("spans came by OTLP", self.otlp, f"requests: {self.answers}")
        otlp, sentry = (Counter(span.id for span in side) for side in (self.otlp, self.sentry))
        # The names say more than the ids.
        names = {span.id: f"{span.op} {span.name}" for span in self.otlp + self.sentry}
        apart = [
            f"{names[one]} {one}: {otlp[one]} times by OTLP, {sentry[one]} times in Sentry"
            for one in names
            if otlp[one] != 1 or sentry[one] != 1
        ]
        check(f"Sentry and OTLP got the same spans, once: {len(names)}", apart[:20], [])

    def requests(self):
        """The server spans of MCP requests, as OTLP has them."""
        return [span for span in self.otlp if span.op == "mcp.server"]

    def trace(self, trace_id):
        """All spans of a trace, as OTLP has them."""
        return [span for span in self.otlp if span.trace_id == trace_id]

    def in_sentry(self, span):
        """The same span, as Sentry has it."""
        return next((other for other in self.sentry if other.id == span.id), None)

    def by_id(self, trace_id, span_id):
        """A span, as OTLP has it."""
        return next((span for span in self.otlp if span.id == (trace_id, span_id)), None)


def otlp_spans(body):
    request = ExportTraceServiceRequest.FromString(body)
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                attributes = {pair.key: value(pair.value) for pair in span.attributes}
                yield Span(
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    name=span.name,
                    op=attributes.get("sentry.op", ""),
                    status=STATUSES[span.status.code],
                    kind=KINDS.get(span.kind, ""),
                    attributes=attributes,
                    links=[(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                )


def otlp_resources(directory):
    """The resources of the spans that came by OTLP."""
    for file in directory.glob("*-traces.pb"):
        for resource in ExportTraceServiceRequest.FromString(file.read_bytes()).resource_spans:
            yield {pair.key: value(pair.value) for pair in resource.resource.attributes}


def value(any_value):
    """An attribute's value; arrays as lists."""
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(one) for one in any_value.array_value.values]
    return getattr(any_value, kind) if kind else None


def sentry_spans(body):
    for header, payload in items(body):
        if header["type"] != "transaction":
            continue
        transaction = json.loads(payload)
        root = transaction["contexts"]["trace"]
        yield sentry_span(root | {"description": transaction["transaction"]}, root)
        for span in transaction["spans"]:
            yield sentry_span(span, root)


def sentry_span(span, root):
    links = span.get("links") or []
    return Span(
        trace_id=span.get("trace_id", root["trace_id"]),
        span_id=span["span_id"],
        parent_id=span.get("parent_span_id") or "",
        name=span.get("description") or "",
        op=span.get("op") or "",
        status=span.get("status") or "",
        attributes=span.get("data") or {},
        links=[(link["trace_id"], link["span_id"]) for link in links],
    )


def items(envelope):
    """The items of an envelope: header and payload. A header may name the payload's length."""
    _, _, rest = envelope.partition(b"\n")
    while rest.strip():
        line, _, rest = rest.partition(b"\n")
        header = json.loads(line)
        length = header.get("length", rest.find(b"\n") if b"\n" in rest else len(rest))
        yield header, rest[:length]
        rest = rest[length:].removeprefix(b"\n")
