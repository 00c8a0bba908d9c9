"""Two receivers of OTLP that others wrote, independently of the official collector: rotel and Arize Phoenix.

rotel passes on what it gets: it must be the same. Phoenix stores it: its API must give our spans back.
"""

import json
import os
import shutil
import sys
import time

from equality import differences, status
from harness.checks import Wrong, check, confirm, part
from harness.otelcol import direct as opener
from harness.otelcol import free_ports
from harness.processes import HOME, Program
from harness.quickstart import quickstart
from harness.received import sink

ROTEL = HOME / "rotel" / "rotel" / "rotel-agent"
PHOENIX = HOME / "phoenix"
PHOENIX_DATA = HOME / "phoenix-data"
# It imports much at its start.
SECONDS = 180


def rotel():
    grpc, http = free_ports(2)
    with sink("rotel") as target:
        words = [
            "start",
            f"--otlp-grpc-endpoint=127.0.0.1:{grpc}",
            f"--otlp-http-endpoint=127.0.0.1:{http}",
            "--exporter=otlp",
            f"--otlp-exporter-endpoint={target.settings['OTEL_EXPORTER_OTLP_ENDPOINT']}",
            "--otlp-exporter-protocol=http",
        ]
        with Program("rotel", *words, program=ROTEL) as agent:
            agent.find(r"(Starting Rotel)")
            _, direct = quickstart("rotel", f"http://127.0.0.1:{http}")
            # What it has is sent before it ends.
            agent.stop()
        through = target.received()
    check("each span came once", len({span.id for span in through.otlp}), len(through.otlp))
    check("the same spans", list(differences(direct.otlp, through.otlp))[:5], [])


def phoenix():
    shutil.rmtree(PHOENIX_DATA, ignore_errors=True)
    PHOENIX_DATA.mkdir()
    port, grpc = free_ports(2)
    settings = {
        "PYTHONPATH": str(PHOENIX),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(grpc),
        "PHOENIX_WORKING_DIR": str(PHOENIX_DATA),
        # It must not phone home.
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    url = f"http://127.0.0.1:{port}"
    words = ["-m", "phoenix.server.main", "serve"]
    with Program("phoenix", *words, program=sys.executable, **settings) as server:
        until("Phoenix starts", server, lambda: answer(f"{url}/healthz") is not None)
        # It takes traces alone.
        _, direct = quickstart("phoenix", url, OTEL_LOGS_EXPORTER="none", OTEL_METRICS_EXPORTER="none")
        wanted = {span.id for span in direct.otlp}
        stored = {}

        def all_there():
            stored.update(spans(url))
            return wanted <= set(stored)

        until(f"its API gives back {len(wanted)} spans", server, all_there)
    check("and no others", set(stored) - wanted, set())
    apart = [found for span in direct.otlp if (found := changed(span, stored[span.id]))]
    check("with their names, parents, status and attributes", apart[:5], [])
    parents = [span for span in direct.otlp if span.parent_id]
    confirm(f"{len(parents)} of them have a parent", parents, "none has")


def answer(url):
    """The body of a GET, or nothing if nobody answers."""
    try:
        with opener.open(url, timeout=10) as response:
            return response.read()
    except OSError:
        return None


def spans(url):
    """All spans that it has, by id."""
    cursor = ""
    while cursor is not None:
        page = json.loads(answer(f"{url}/v1/projects/default/spans?limit=500{cursor}") or '{"data": []}')
        for span in page["data"]:
            yield (span["context"]["trace_id"], span["context"]["span_id"]), span
        following = page.get("next_cursor")
        cursor = f"&cursor={following}" if following else None


def changed(span, stored):
    """What is not as it was sent. It adds attributes of its own; that is no change."""
    expected = {
        "name": span.name,
        "parent_id": span.parent_id,
        "status": status(span),
    } | span.attributes
    got = {
        "name": stored["name"],
        "parent_id": stored["parent_id"] or "",
        "status": {"ERROR": "error"}.get(stored["status_code"], "ok"),
    } | stored["attributes"]
    return {key: (value, got.get(key)) for key, value in expected.items() if got.get(key) != value}


def until(what, server, holds):
    deadline = time.monotonic() + SECONDS
    while not holds():
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise Wrong(f"{what}: not within {SECONDS} s\n{server.err.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)
    print(f"  ok  {what}", flush=True)


def main():
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    with part("receivers: rotel"):
        rotel()
    with part("receivers: Arize Phoenix"):
        phoenix()


if __name__ == "__main__":
    main()
