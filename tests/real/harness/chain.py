"""Agent, load balancer and two samplers, with the shipped configurations, in front of a sink."""

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .checks import Wrong
from .otelcol import Collector, sentry_settings
from .processes import HOME

DECISION_WAIT = 6
# Where a sink gets them: as Sentry, and as the second backend.
SENTRY_PATH, BACKEND_PATH = "/api/1/integration/otlp/v1/traces", "/v1/traces"
TAIL = "otelcol_processor_tail_sampling"


@dataclass
class Chain:
    """Agent, first and second tier of the gateway."""

    agent: Collector
    balancer: Collector
    samplers: list
    # Whom the balancer sends to. It reads the file again at SIGHUP.
    members: Path

    def held(self):
        """Traces that each sampler has got."""
        return [one.metric(f"{TAIL}_new_trace_id_received") for one in self.samplers]

    def decided(self, **labels):
        """Traces that all samplers have decided on."""
        return sum(one.metric(f"{TAIL}_global_count_traces_sampled", **labels) for one in self.samplers)


@contextmanager
def chain(name, target, wait=DECISION_WAIT):
    """The whole chain, its end being the sink."""
    ends = sentry_settings(target) | {
        "OTEL_BACKEND_ENDPOINT": target.settings["OTEL_EXPORTER_OTLP_ENDPOINT"],
        "OTEL_GATEWAY_DECISION_WAIT": f"{wait}s",
    }
    root = HOME / "collector" / name
    root.mkdir(parents=True)
    members = root / "members.yaml"
    with ExitStack() as stack:
        samplers = [
            stack.enter_context(
                Collector(
                    f"{name}-sampler-{number}",
                    "gateway-sampler.yaml",
                    root / f"sampler-{number}",
                    ["connectors::span_metrics::metrics_flush_interval: 1s"],
                    **ends,
                )
            )
            for number in (1, 2)
        ]
        write_members(members, samplers)
        balancer = Collector(
            f"{name}-balancer",
            "gateway-balancer.yaml",
            root / "balancer",
            OTEL_GATEWAY_SAMPLERS=f"${{file:{members}}}",
        )
        stack.enter_context(balancer)
        agent = Collector(f"{name}-agent", "agent.yaml", root / "agent", OTEL_GATEWAY_ENDPOINT=balancer.grpc)
        stack.enter_context(agent)
        yield Chain(agent, balancer, samplers, members)


def write_members(file, samplers):
    names = ", ".join(f'"{one.grpc}"' for one in samplers)
    file.write_text(f"{{static: {{hostnames: [{names}]}}}}\n")


def until(what, holds, seconds=60):
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise Wrong(f"{what}: not within {seconds} s")
        time.sleep(0.05)
