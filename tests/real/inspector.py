"""The MCP Inspector's command line: trace context in `_meta`, in HTTP headers, and in both."""

import json
import re
import secrets
from dataclasses import dataclass

from harness.checks import check, confirm, only, part
from harness.processes import HOME, run
from harness.received import sink
from harness.splunk import over_http, splunk

INSPECTOR = (
    HOME / "bin" / "node",
    HOME / "node" / "node_modules" / "@modelcontextprotocol" / "inspector"
    / "clients" / "launcher" / "build" / "index.js",
    "--cli",
)
VERSIONS = {"legacy": "2025-11-25", "modern": "2026-07-28"}


@dataclass
class Parent:
    """A span of somebody else's, as the Inspector is told of it."""

    trace_id: str
    span_id: str

    @classmethod
    def new(cls):
        return cls(secrets.token_hex(16), secrets.token_hex(8))

    @property
    def id(self):
        return (self.trace_id, self.span_id)

    def __str__(self):
        return f"00-{self.trace_id}-{self.span_id}-01"


@dataclass
class Call:
    """A call of a tool, with the parents that it names."""

    era: str
    meta: Parent | None = None
    http: Parent | None = None

    @property
    def name(self):
        where = [name for name in ("meta", "http") if getattr(self, name)]
        return f"inspector {self.era}, context in {' and '.join(where) or 'nothing'}"

    def make(self, url):
        words = ["--method", "tools/call", "--tool-name", "list_indexes", "--quiet"]
        words += ["--transport", "http", "--protocol-era", self.era]
        if self.meta:
            words += ["--metadata", f"traceparent={self.meta}"]
        if self.http:
            words += ["--header", f"traceparent: {self.http}"]
        code, out, err = run(*INSPECTOR, url, *words)
        confirm(f"{self.name}: the call is answered", code == 0, f"exit code {code}\n{out}\n{err}")
        answer = json.loads(out)
        indexes = answer.get("structuredContent", {}).get("indexes")
        confirm(f"{self.name}: with indexes", indexes, f"got: {out}")


CALLS = [
    Call(era, Parent.new() if meta else None, Parent.new() if http else None)
    for era in VERSIONS
    for meta, http in ((True, False), (False, True), (True, True), (False, False))
]


def request_of(call, received):
    """The call's request. Who gives no context cannot be found by it, so these are the rest."""
    requests = [span for span in received.requests() if span.method == "tools/call"]
    given = {one.trace_id for one in map(root, CALLS) if one}
    of_era = [
        span
        for span in requests
        if span.attributes.get("mcp.protocol.version") == VERSIONS[call.era]
        and (span.trace_id == root(call).trace_id if root(call) else span.trace_id not in given)
    ]
    return only(f"{call.name}: its request", of_era)


def root(call):
    """The parent that a call must be below, at last."""
    return call.meta or call.http


def placed(call, received):
    """Where the request stands, and what it is linked to."""
    request = request_of(call, received)
    http = http_of(call, received, request)
    copy = received.in_sentry(request)
    above = call.http.id if call.http else (http.trace_id, "")
    check(f"{call.name}: parent of the HTTP span", (http.trace_id, http.parent_id), above)
    parent = call.meta.id if call.meta else http.id
    for side, span in (("OTLP", request), ("Sentry", copy)):
        got = span and (span.trace_id, span.parent_id)
        check(f"{call.name}: parent of the MCP span, {side}", got, parent)
        links = span and span.links
        check(f"{call.name}: links, {side}", links, [http.id] if call.meta else [])
    if call.meta:
        confirm(
            f"{call.name}: HTTP is a trace of its own",
            http.trace_id != call.meta.trace_id,
            f"got: {http.trace_id} for both",
        )
    sessions = {span.attributes.get("mcp.session.id") for span in (request, http)}
    if call.era == "modern":
        check(f"{call.name}: no session", sessions, {None})
    else:
        session = only(f"{call.name}: one session", sessions)
        confirm(f"{call.name}: it has an id", re.fullmatch(r"[\x21-\x7e]+", session or ""), session)


def http_of(call, received, request):
    """The HTTP span of a request: its link where `_meta` is the parent, else its parent."""
    ids = request.links if call.meta else [(request.trace_id, request.parent_id)]
    spans = [span for one in ids if (span := received.by_id(*one))]
    return only(f"{call.name}: its HTTP span", [span for span in spans if span.op == "http.server"])


def main():
    with part("inspector"), sink("inspector") as target, splunk() as settings:
        with over_http(settings | target.settings) as url:
            for call in CALLS:
                call.make(url)
        received = target.received()
        received.agree()
        for call in CALLS:
            placed(call, received)


if __name__ == "__main__":
    main()
