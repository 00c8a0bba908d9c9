"""One run, by three ways: through the bridge, by OTLP, and by OTLP through a collector. The spans are the same.

The quickstart sends all three at once: to its own endpoint as Sentry and as OTLP, and to an agent with the shipped
configuration, behind which stands a sink as Sentry's OTLP endpoint.
"""

import json
import shutil
from dataclasses import replace

from harness.checks import check, confirm, only, part
from harness.otelcol import Collector, sentry_settings
from harness.processes import HOME
from harness.quickstart import quickstart
from harness.received import items, otlp_resources, sink


def same(span):
    """A span without what the ways may tell differently:

    - attributes below `sentry.`: the bridge adds some and moves others to fields of their own; the kind is one;
    - arrays, which the bridge writes as JSON;
    - what Sentry's status says beyond ok and error; where OpenTelemetry has no status, the bridge takes that of HTTP.
    """
    return replace(
        span,
        kind=span.kind or span.attributes.get("sentry.kind", ""),
        status=status(span),
        attributes={
            key: json.dumps(value, separators=(",", ":")) if isinstance(value, list) else value
            for key, value in span.attributes.items()
            if not key.startswith("sentry.")
        },
    )


def status(span):
    if span.status not in ("unset", "ok", "error"):
        code = span.attributes.get("http.response.status_code", 0)
        by_code = code >= 400 and not span.attributes.get("error.type")
        return "ok" if by_code else "error"
    return "error" if span.status == "error" else "ok"


def differences(one, other):
    """The spans that are not the same on both sides, and what differs."""
    sides = [{span.id: same(span) for span in side} for side in (one, other)]
    for each in sorted(set(sides[0]) | set(sides[1])):
        got = [side.get(each) for side in sides]
        if None in got:
            yield f"{each}: only on one side: {got[0] or got[1]}"
        elif got[0] != got[1]:
            fields = [name for name, value in vars(got[0]).items() if value != vars(got[1])[name]]
            yield f"{got[0].op} {each}: " + ", ".join(
                f"{name}: {difference(*(vars(side)[name] for side in got))}" for name in fields
            )


def difference(one, other):
    if isinstance(one, dict):
        keys = [key for key in sorted(set(one) | set(other)) if one.get(key) != other.get(key)]
        return {key: (one.get(key), other.get(key)) for key in keys}
    return one, other


def bridged_resources(directory):
    """The resources that stand in Sentry's transactions."""
    for file in directory.glob("*.envelope"):
        for header, payload in items(file.read_bytes()):
            if header["type"] == "transaction":
                yield json.loads(payload)["contexts"]["otel"]["resource"]


def main():
    shutil.rmtree(HOME / "collector" / "equality", ignore_errors=True)
    with part("equality: bridge, OTLP and collector"), sink("equality") as target:
        agent = Collector(
            "equality-agent",
            "agent-to-sentry.yaml",
            HOME / "collector" / "equality",
            **sentry_settings(target),
        )
        with agent:
            directory, direct = quickstart("equality", agent.http)
            # What it has is sent before it ends.
            agent.stop()
        through = target.received()
        for name, side in (("the bridge", direct.sentry), ("the collector", through.otlp)):
            check(f"each span came once by {name}", len({span.id for span in side}), len(side))
            check(f"{name}: the same as by OTLP", list(differences(direct.otlp, side))[:5], [])
        failed = [span for span in direct.otlp if status(span) == "error"]
        confirm(f"some of them failed: {len(failed)}", failed, "none did")
        expected = only("resources by OTLP", unique(otlp_resources(directory)))
        for name, found in (
            ("the bridge", bridged_resources(directory)),
            ("the collector", otlp_resources(target.directory)),
        ):
            check(f"{name}: the same resource", unique(found), [expected])


def unique(found):
    return [dict(one) for one in {tuple(sorted(each.items())) for each in found}]


if __name__ == "__main__":
    main()
