"""Python clients with an OpenTelemetry SDK of their own: `fastmcp` 4 and the official `mcp` 2.

Each journey is one trace of the client's. The server must continue it.
"""

import asyncio
import logging
import os
from dataclasses import dataclass

import mcp
from fastmcp import Client as FastMcp
from fastmcp.client.transports import StdioTransport
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import Implementation
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from harness.checks import check, confirm, only, part
from harness.processes import LOGS
from harness.received import sink
from harness.splunk import over_http, over_stdio, splunk

STATELESS = "2026-07-28"
WITH_SESSIONS = "2025-11-25"

GOOD = {"query": "index=main | stats count by host", "earliest_time": "-24h"}
BAD = {"query": "index=main | frobnicate", "earliest_time": "-24h"}


@dataclass
class Journey:
    """What a client does, and what must be seen of it."""

    client: str
    transport: str
    version: str
    # What is given to the client, which may have to find the version out.
    mode: str

    @property
    def name(self):
        return f"{self.client} {self.transport} {self.mode}"

    @property
    def methods(self):
        """The requests that the server must get, in order."""
        start = {"legacy": ["initialize"], "auto": ["server/discover"]}.get(self.mode, [])
        return start + ["tools/list"] + ["tools/call"] * 3


JOURNEYS = [
    Journey("fastmcp", "http", STATELESS, STATELESS),
    Journey("fastmcp", "http", STATELESS, "auto"),
    Journey("fastmcp", "http", WITH_SESSIONS, "legacy"),
    Journey("fastmcp", "stdio", WITH_SESSIONS, "legacy"),
    Journey("mcp", "http", STATELESS, STATELESS),
    Journey("mcp", "http", WITH_SESSIONS, "legacy"),
    Journey("mcp", "stdio", STATELESS, STATELESS),
]


def connect(journey, url, command):
    """The client of a journey, not connected yet. Its name is on the server's spans."""
    program, environment = command
    # Servers that the client starts say there what they do.
    log = LOGS / f"{journey.name}.stderr"
    info = Implementation(name=journey.name, version="1.0.0")
    if journey.client == "fastmcp":
        server = url
        if journey.transport == "stdio":
            server = StdioTransport(program, [], environment, cwd="/", log_file=log)
        return FastMcp(server, mode=journey.mode, client_info=info)
    server = url
    if journey.transport == "stdio":
        parameters = StdioServerParameters(command=program, env=environment, cwd="/")
        server = stdio_client(parameters, errlog=log.open("w"))
    return mcp.Client(server, mode=journey.mode, client_info=info)


async def travel(journey, url, command):
    """Runs a journey inside one span; gives its trace id and what the client got."""
    tracer = trace.get_tracer("journeys")
    with tracer.start_as_current_span(journey.name) as span:
        async with connect(journey, url, command) as client:
            tools = await client.list_tools()
            tools = getattr(tools, "tools", tools)
            failed = []
            for name, arguments in (
                ("list_indexes", {}),
                ("run_oneshot_search", GOOD),
                ("run_oneshot_search", BAD),
            ):
                failed.append(await call(client, name, arguments))
    return f"{span.get_span_context().trace_id:032x}", {tool.name for tool in tools}, failed


async def call(client, name, arguments):
    """Whether the tool says that it failed."""
    if isinstance(client, FastMcp):
        result = await client.call_tool(name, arguments, raise_on_error=False)
        return bool(result.is_error)
    return bool((await client.call_tool(name, arguments)).is_error)


def continued(journey, received, trace_id, sent):
    """The server's requests in the client's trace, each below the client's own span of it."""
    requests = [span for span in received.requests() if span.trace_id == trace_id]
    methods = sorted(span.method for span in requests)
    check(f"{journey.name}: the trace goes on", methods, sorted(journey.methods))
    for span in requests:
        parent = sent.get(span.parent_id)
        confirm(
            f"{journey.name}: {span.name} stands below the client's span",
            parent is not None
            and parent.kind == trace.SpanKind.CLIENT
            and f"{parent.context.trace_id:032x}" == span.trace_id
            and span.method in (parent.attributes.get("mcp.method.name"), *parent.name.split()),
            f"expected: a client span of {span.method}; got: {parent and parent.to_json()}",
        )
        copy = received.in_sentry(span)
        got = copy and (copy.parent_id, copy.op, copy.name)
        check(f"{journey.name}: so in Sentry", got, (span.parent_id, "mcp.server", span.name))
    return requests


def described(journey, received, trace_id, requests):
    """What the requests say of protocol, session, client and transport."""
    # A handshake has no version before it ends.
    after = [span for span in requests if span.method != "initialize"]
    versions = {span.attributes.get("mcp.protocol.version") for span in after}
    check(f"{journey.name}: the protocol's version", versions, {journey.version})
    clients = {span.attributes.get("mcp.client.name") for span in after}
    check(f"{journey.name}: the client's name", clients, {journey.name})
    network = {span.attributes.get("network.transport") for span in requests}
    expected = {"http": "tcp", "stdio": "pipe"}[journey.transport]
    check(f"{journey.name}: the transport", network, {expected})
    sessions = {span.attributes.get("mcp.session.id") for span in after}
    if journey.version == WITH_SESSIONS and journey.transport == "http":
        session = only(f"{journey.name}: one session", sessions)
        confirm(f"{journey.name}: the session has an id", session, f"got: {session!r}")
    else:
        spans = received.trace(trace_id) + [
            span for request in requests for span in linked(received, request)
        ]
        named = [span.name for span in spans if "mcp.session.id" in span.attributes]
        check(f"{journey.name}: no span has a session's id", named, [])


def linked(received, span):
    """The spans that a span is linked to."""
    return [found for link in span.links if (found := received.by_id(*link))]


def around(journey, received, requests):
    """What stands beside and below the requests: HTTP as a link, tools and Splunk as children."""
    for span in requests:
        ops = [other.op for other in linked(received, span)]
        expected = ["http.server"] if journey.transport == "http" else []
        check(f"{journey.name}: {span.name} is linked to {expected or 'nothing'}", ops, expected)
    calls = [span for span in requests if span.method == "tools/call"]
    for request in calls:
        ops, below = [], request
        while below:
            children = [
                span
                for span in received.trace(request.trace_id)
                if span.parent_id == below.span_id
            ]
            below = children[0] if children else None
            ops += [below.op] if below else []
        check(
            f"{journey.name}: {request.name} reaches Splunk",
            ops,
            ["mcp.tool", "splunk.api", "http.client"],
        )
    errors = sorted(
        (span.name, span.status, span.attributes.get("error.type"))
        for span in calls
        if span.status != "unset"
    )
    expected = [("tools/call run_oneshot_search", "error", "tool_error")]
    check(f"{journey.name}: the refused search is the one error", errors, expected)


def main():
    # The clients' own warnings are no concern of a check.
    logging.basicConfig(filename=LOGS / "clients.log", filemode="w")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    with part("clients: fastmcp and mcp"), sink("clients") as target, splunk() as settings:
        settings |= target.settings
        done = []
        with over_http(settings) as url:
            for journey in JOURNEYS:
                travelled = travel(journey, url, over_stdio(settings))
                done.append((journey, *asyncio.run(travelled)))
        received = target.received()
        received.agree()
        sent = {f"{span.context.span_id:016x}": span for span in memory.get_finished_spans()}
        for journey, trace_id, tools, failed in done:
            expected = {"get_splunk_health", "list_indexes", "run_oneshot_search"}
            check(f"{journey.name}: the tools", tools & expected, expected)
            check(f"{journey.name}: what the tools answered", failed, [False, False, True])
            requests = continued(journey, received, trace_id, sent)
            described(journey, received, trace_id, requests)
            around(journey, received, requests)


if __name__ == "__main__":
    main()
