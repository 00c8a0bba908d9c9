"""The official collector with the configurations of `otel-collector/`: agent, load balancer, two samplers, Sentry.

Checked are the sampling of whole traces, and what is lost when an agent or a sampler is killed. The highest rate is
measured: `COLLECTOR_SECONDS=30` for that long.
"""

import math
import os
import re
import shutil
import signal
import time
from collections import Counter
from dataclasses import replace

from equality import differences
from harness.chain import BACKEND_PATH, SENTRY_PATH, TAIL, chain, until, write_members
from harness.checks import check, confirm, only, part
from harness.load import (
    CLIENT,
    SPANS,
    App,
    Arrivals,
    Kind,
    Sent,
    Template,
    randomness,
    send,
    threshold,
)
from harness.otelcol import Collector, sentry_settings
from harness.processes import HOME
from harness.quickstart import quickstart
from harness.received import Received, sink
from harness.shipped import shipped
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

SECONDS = float(os.environ.get("COLLECTOR_SECONDS", "5"))
# Of each kind. One in a hundred health checks is kept, so that some are.
TRACES = 6000

HTTP = {"sentry.op": "http.server", "http.route": "/reports"}
HEALTH = {"sentry.op": "http.server", "http.route": "/health"}
MCP = {"sentry.op": "mcp.server", "mcp.method.name": "tools/call", "mcp.tool.name": "search"}
TOOL = {"sentry.op": "mcp.tool", "mcp.tool.name": "search"}
# About a kilobyte, on two of three spans.
WIDE = {
    f"mcp.some.attribute.number.{number}": f"a value of some thirty chars {number}" for number in range(20)
}
SPLUNK = {"sentry.op": "splunk.api", "splunk.operation": "search"}

ALWAYS = Kind("mcp", 100, attributes=MCP, child=TOOL)
BASE = Kind("base", 20, attributes=HTTP)
KINDS = [
    ALWAYS,
    Kind("slow tool", 100, attributes=MCP, child=TOOL, seconds=6),
    Kind("error", 100, attributes=HTTP, failed=True),
    Kind("splunk by itself", 30, CLIENT, attributes=SPLUNK),
    Kind("splunk in a request", 20, attributes=HTTP, child=SPLUNK),
    Kind("health", 1, attributes=HEALTH),
    Kind("health, of which the app let one in a hundred through", 1, attributes=HEALTH, head_percent=1),
    BASE,
    Kind("base, of which the app let a half through", 20, attributes=HTTP, head_percent=50),
    Kind("base, of which the app let a tenth through", 20, attributes=HTTP, head_percent=10),
    Kind("base, of an app that says nothing", 20, attributes=HTTP, head_percent=None),
]


def expected(kind, trace_ids):
    """The traces that the gateway keeps, where the app says with what threshold it has sampled."""
    return {one for one in trace_ids if randomness(one) >= threshold(kind.percent)}


def rates():
    """Which traces are kept, and that they are whole."""
    # Some policies look at the root, which comes last: on a slow machine, late.
    with sink("collector-rates") as target, chain("rates", target, wait=20) as running:
        since = time.monotonic()
        sent = send(App(running.agent.http), KINDS, TRACES)
        print(f"  {len(sent.all)} traces in {time.monotonic() - since:.1f} s")
        total = len(sent.all)
        until("all traces reach the samplers", lambda: sum(running.held()) >= total)
        check("each trace went to one sampler", sum(running.held()), total)
        shares = [round(one / total, 2) for one in running.held()]
        confirm(f"both got their share: {shares}", min(shares) > 0.3, "of two, about a half each")
        until("all are decided on", lambda: running.decided() >= total)
        kept = running.decided(sampled="true")
        arrived, second = (Arrivals(target.directory, path) for path in (SENTRY_PATH, BACKEND_PATH))
        arrived.wait("what is kept reaches Sentry", lambda it: len(it.whole()) >= kept)
        second.wait("what is kept reaches the second backend", lambda it: len(it.whole()) >= kept)
        check("Sentry and the second backend get the same traces", arrived.whole() ^ second.whole(), set())
        kept_rates(sent, arrived)
        thresholds(arrived)
        confirm(
            "kept traces are whole, and their spans came once",
            len(arrived.spans) == len(arrived.whole()) and not arrived.copies(),
            f"{len(arrived.spans)} traces, {len(arrived.whole())} whole, {arrived.copies()} copies",
        )
        votes(running, sent)
        on_disk(running, arrived)
        red_metrics(target, sent)


def kept_rates(sent, arrived, kinds=KINDS):
    """Each kind's share, within four standard errors."""
    kept_traces = arrived.whole()
    for kind in kinds:
        traces = sent.traces[kind.name]
        population = len(traces) + sent.dropped[kind.name]
        kept = len(traces & kept_traces)
        share = kind.kept_percent / 100
        error = math.sqrt(population * share * (1 - share))
        confirm(
            f"{kind.name}: {kept} of {population} kept, {100 * kept / population:.2f} %",
            abs(kept - population * share) <= 4 * error,
            f"expected: {population * share:.0f}, standard error {error:.1f}",
        )
        if kind.head_percent is not None:
            wrong = (traces & kept_traces) ^ expected(kind, traces)
            check(f"{kind.name}: the same traces as the app's sampler would keep", wrong, set())


def thresholds(arrived):
    """What stands in the tracestate is the share that was kept in the end."""
    for kind in KINDS:
        if kind.head_percent is None:
            continue
        states = arrived.states[f"{kind.name} 1"]
        rates = {
            round(100 - 100 * int(one.removeprefix("ot=th:").ljust(14, "0"), 16) / 2**56, 6) for one in states
        }
        check(f"{kind.name}: its threshold says so", rates, {float(kind.kept_percent)})


def votes(running, sent):
    """Rules that others hide: how often they spoke."""
    name = f"{TAIL}_count_traces_sampled"
    for policy, kinds in (
        ("slow-tools", ["slow tool"]),
        ("mcp", ["mcp", "slow tool"]),
        ("errors", ["error"]),
    ):
        labels = {"policy": policy, "decision": "sampled"}
        spoke = sum(one.metric(name, **labels) for one in running.samplers)
        check(f"the rule {policy} spoke for these", spoke, sum(len(sent.traces[kind]) for kind in kinds))


def on_disk(running, arrived):
    """The samplers' files: each kept trace in one of them."""
    files = [Counter(re.findall(r'"traceId":"(\w+)"', one.file.read_text())) for one in running.samplers]
    apart = [
        trace.hex() for trace in arrived.spans if sorted(spans[trace.hex()] for spans in files) != [0, SPANS]
    ]
    check("each kept trace is in the file of one sampler", apart[:5], [])


def red_metrics(target, sent):
    """Metrics of all spans, kept or not; a span that an app has sampled stands for those that it dropped."""
    stand_for = {kind.name: round(100 / (kind.head_percent or 100)) for kind in KINDS}
    total = sum(SPANS * stand_for[name] * len(traces) for name, traces in sent.traces.items())
    found = {}

    def arrived():
        found.update(counted(target.directory))
        return sum(found.values()) >= total

    until("the span metrics reach the second backend", arrived)
    check("they count all spans, and those for which these stand", sum(found.values()), total)
    tools = sum(count for key, count in found.items() if key[1:] == ("mcp.tool", "search"))
    check("and those of a tool", tools, len(sent.traces["mcp"] | sent.traces["slow tool"]))


def counted(directory):
    """The newest value of each series of calls: by sampler and labels."""
    newest = {}
    for head in directory.glob("*-metrics.headers.json"):
        body = head.with_name(head.name.replace(".headers.json", ".pb")).read_bytes()
        for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    if metric.name == "traces.span.metrics.calls":
                        for point in metric.sum.data_points:
                            labels = {pair.key: pair.value.string_value for pair in point.attributes}
                            key = tuple(sorted(labels.items()))
                            newest[key] = max(newest.get(key, 0), point.as_int)
    found = {}
    for key, count in newest.items():
        labels = dict(key)
        short = (key, labels.get("sentry.op"), labels.get("mcp.tool.name"))
        found[short] = count
    return found


def app():
    """The quickstart in front of the whole chain: its MCP requests arrive, and what arrives is as it was sent."""
    with sink("collector-app") as target:
        with chain("app", target, wait=2) as running:
            _, direct = quickstart("collector", running.agent.http)
            always = {bytes.fromhex(span.trace_id) for span in direct.otlp if span.method}
            sent = Counter(span.trace_id for span in direct.otlp)
            arrived = Arrivals(target.directory, SENTRY_PATH)
            arrived.wait(
                "its MCP requests reach Sentry",
                lambda it: all(len(it.spans.get(one, ())) == sent[one.hex()] for one in always),
            )
        target.program.stop()
    through = Received(target.directory, "", SENTRY_PATH)
    kept = {span.trace_id for span in through.otlp}
    confirm(
        f"of {len(sent)} traces {len(kept)} are there by now, the {len(always)} with MCP requests among them",
        {one.hex() for one in always} <= kept < set(sent),
        f"MCP: {len(always)}, kept: {len(kept)}, sent: {len(sent)}",
    )
    same = differences([span for span in direct.otlp if span.trace_id in kept], through.otlp)
    check("their spans are as they were sent, and whole", list(same)[:5], [])


def redacted():
    """What an app did not redact, the agent does; what the app did redact stays as it is."""
    attributes = {
        "http.request.header.authorization": "Bearer 0123456789abcdef0123",
        "db.password": "hunter2",
        "url.query": "a=1&password=hunter2&b=2",
        "note": "sent with Splunk 0123456789abcdef0123",
        "token": "***REDACTED***",
        "url.path": "/reports",
        "gen_ai.usage.input_tokens": "12",
    }
    expected = attributes | {
        "http.request.header.authorization": "****",
        "db.password": "****",
        "url.query": "a=1&****&b=2",
        "note": "sent with ****",
    }
    with sink("collector-redacted") as target:
        directory = HOME / "collector" / "redacted"
        with Collector("redacted", "agent-to-sentry.yaml", directory, **sentry_settings(target)) as agent:
            _, _, (_, root) = Template(Kind("secrets", 100, attributes=attributes), 1).fill()
            App(agent.http).post(root)
            agent.stop()
        span = only("spans", target.received().otlp)
        got = {key: span.attributes.get(key) for key in expected}
        check("secrets are masked, and nothing else", got, expected)


def killed_agent():
    """kill -9 of an agent that has a queue: what it has acknowledged arrives."""
    with sink("collector-agent") as target, chain("agent", target, wait=1) as running:
        app = App(running.agent.http)
        sent = Sent()
        fill(app, sent, 1000)
        # The gateway hangs: what comes now stays with the agent.
        running.balancer.signal(signal.SIGSTOP)
        fill(app, sent, 3000)
        running.agent.kill()
        running.balancer.signal(signal.SIGCONT)
        check("an app is told that nobody is there", bool(app.attempt(b"")), True)
        running.agent.start()
        fill(app, sent, 1000)
        arrived = Arrivals(target.directory, SENTRY_PATH)
        arrived.wait("nothing that the agent acknowledged is lost", lambda it: sent.all <= it.whole())
        check(f"of {len(sent.all)} traces all came", sent.all - arrived.whole(), set())
        print(f"  {arrived.copies()} spans came twice: the agent could not know that the gateway had them")


def fill(app, sent, count, size=100):
    """Sends whole traces that are always kept."""
    template = Template(ALWAYS, size)
    for _ in range(count // size):
        trace_ids, dropped, bodies = template.fill()
        for body in bodies:
            app.post(body)
        sent.add(ALWAYS, trace_ids, dropped)


def killed_sampler():
    """kill -9 of a sampler: at most the traces that it held are lost; and then it is gone for good."""
    with sink("collector-sampler") as target, chain("sampler", target) as running:
        app = App(running.agent.http)
        arrived = Arrivals(target.directory, SENTRY_PATH)
        before, during, after = Sent(), Sent(), Sent()
        fill(app, before, 1000)
        arrived.wait("the first traces", lambda it: before.all <= it.whole())
        first = running.held()
        fill(app, during, 1000)
        until("the next are with the samplers", lambda: sum(running.held()) == 2000)
        held = int(running.held()[1] - first[1])
        running.samplers[1].kill()
        # Some of these are for the one that is gone. They wait with the agent.
        fill(app, after, 1000)
        running.samplers[1].start()
        arrived.wait("what came after", lambda it: after.all <= it.whole())
        lost = during.all - arrived.whole()
        check("nothing that was decided is lost", before.all - arrived.whole(), set())
        confirm(
            f"at most what it held is lost: {len(lost)} of {held} traces",
            0 < held and len(lost) <= held,
            f"held {held}, lost {len(lost)}",
        )
        rehashed(running, app, arrived)
        print(f"  {arrived.copies()} spans came twice")


def rehashed(running, app, arrived):
    """One sampler fewer, in the middle of traces: those of the lost one go elsewhere, the others stay whole."""
    template = Template(ALWAYS, 100)
    first = running.held()
    parts = [template.fill() for _ in range(10)]
    for _, _, (children, _) in parts:
        app.post(children)
    until("the children are with the samplers", lambda: sum(running.held()) - sum(first) == 1000)
    moved = running.held()[1] - first[1]
    running.samplers[1].kill()
    write_members(running.members, running.samplers[:1])
    running.balancer.signal(signal.SIGHUP)
    for _, _, (_, roots) in parts:
        app.post(roots)
    sent = {trace for trace_ids, _, _ in parts for trace in trace_ids}
    arrived.wait("the rest of each trace", lambda it: sent <= set(it.spans))
    arrived.wait("and the other traces whole", lambda it: len(sent & it.whole()) >= 1000 - moved)
    check(
        f"not whole are the {moved:.0f} of the lost one, and no others",
        len(sent - arrived.whole()),
        moved,
    )


def highest_rate():
    """As fast as the agent takes them, small spans and those of the size that MCP servers make; nothing is lost."""
    for name, more in (("small", {}), ("usual", WIDE)):
        sustained(
            name,
            replace(ALWAYS, attributes=MCP | more, child=TOOL | more),
            replace(BASE, attributes=HTTP | more, child=more),
        )


def sustained(name, always, base):
    kinds = [always] + [base] * 9
    with sink(f"collector-{name}") as target, chain(name, target) as running:
        app, sent = App(running.agent.http), Sent()
        templates = [Template(kind, 200) for kind in kinds]
        begun = time.monotonic()
        while time.monotonic() - begun < SECONDS:
            for template in templates:
                trace_ids, dropped, bodies = template.fill()
                for body in bodies:
                    app.post(body)
                sent.add(template.kind, trace_ids, dropped)
        took = time.monotonic() - begun
        total = len(sent.all)
        until("the samplers have them all", lambda: sum(running.held()) >= total, 120)
        through = time.monotonic() - begun
        kept = expected(always, sent.traces["mcp"]) | expected(base, sent.traces["base"])
        arrived = Arrivals(target.directory, SENTRY_PATH)
        arrived.wait("what is kept reaches Sentry", lambda it: kept <= it.whole(), 120)
        check(f"{name} spans: of {total} traces none is lost", kept - arrived.whole(), set())
        check("nor kept by mistake", arrived.whole() - kept, set())
        size = sum(len(part.body) for part in templates[0].parts) / SPANS / templates[0].size
        print(f"  spans of {size:.0f} bytes, {100 * len(kept) / total:.0f} % kept, for {took:.1f} s:")
        print(f"  {total / took:.0f} traces/s acknowledged, {total / through:.0f} traces/s up to the samplers;")
        print(f"  {app.repeats} requests repeated, {arrived.copies()} spans twice")
        spans = SPANS * total
        for what, several in (
            ("agent", [running.agent]),
            ("first tier", [running.balancer]),
            ("second tier", running.samplers),
        ):
            cpu = sum(one.metric("otelcol_process_cpu_seconds") for one in several)
            memory = max(one.metric("otelcol_process_memory_rss") for one in several)
            print(f"  {what}: {spans / cpu:.0f} spans/s per core, {memory / 2**20:.0f} MiB")


def main():
    shutil.rmtree(HOME / "collector", ignore_errors=True)
    for title, what in (
        ("collector: what is shipped", shipped),
        ("collector: which traces are kept", rates),
        ("collector: the quickstart", app),
        ("collector: the second line of defence", redacted),
        ("collector: kill -9 of the agent", killed_agent),
        ("collector: kill -9 of a sampler", killed_sampler),
        ("collector: the highest rate", highest_rate),
    ):
        with part(title):
            what()


if __name__ == "__main__":
    main()
