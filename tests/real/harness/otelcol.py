"""The official collector with the configurations of `otel-collector/`, on free ports."""

import os
import re
import signal
import socket
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from .checks import Wrong
from .processes import START_SECONDS, Program

SHIPPED = Path(__file__).resolve().parents[3] / "otel-collector"
# Set by `run`.
BINARY = os.environ.get("OTELCOL", "")
CONSISTENT = "--feature-gates=processor.tailsamplingprocessor.usetracestate"
PORTS = ("GRPC", "HTTP", "HEALTH", "METRICS")

# Not through a proxy.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_ports(count):
    """Ports that nobody listens on. They are held until all are known, so that they differ."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [server.getsockname()[1] for server in held]
    for server in held:
        server.close()
    return ports


def sentry_settings(target):
    """The settings that name a sink as Sentry's OTLP endpoint."""
    dsn = urlsplit(target.settings["SENTRY_DSN"])
    project = dsn.path.strip("/")
    return {
        "SENTRY_OTLP_ENDPOINT": f"http://{dsn.hostname}:{dsn.port}/api/{project}/integration/otlp",
        "SENTRY_PUBLIC_KEY": dsn.username,
    }


class Collector:
    """A collector that can be killed and started again, with the same ports and directory.

    `config` names a file of `otel-collector/`; `overrides` are settings in the collector's own
    notation, such as `processors::batch::timeout: 2s`.
    """

    def __init__(self, name, config, directory, overrides=(), **settings):
        self.name, self.config, self.directory = name, config, Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.ports = dict(zip(PORTS, free_ports(len(PORTS))))
        self.overrides = [f"--config=yaml:{one}" for one in overrides]
        self.settings = settings
        self.program = None
        self.starts = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.program.__exit__()

    @property
    def grpc(self):
        return f"127.0.0.1:{self.ports['GRPC']}"

    @property
    def http(self):
        return f"http://127.0.0.1:{self.ports['HTTP']}"

    @property
    def file(self):
        return self.directory / "output.jsonl"

    @property
    def log(self):
        return self.program.err.read_text(errors="replace")

    def start(self):
        """Starts it, and waits until it is healthy."""
        self.starts += 1
        ports = {f"OTEL_COLLECTOR_{name}_PORT": str(port) for name, port in self.ports.items()}
        files = {
            "OTEL_COLLECTOR_STORAGE": str(self.directory / "storage"),
            "OTEL_COLLECTOR_FILE": str(self.file),
        }
        self.program = Program(
            f"otelcol-{self.name}-{self.starts}",
            f"--config={SHIPPED / self.config}",
            *self.overrides,
            CONSISTENT,
            program=BINARY,
            **(ports | files | self.settings),
        )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers(f"http://127.0.0.1:{self.ports['HEALTH']}/"):
            if self.program.process.poll() is not None or time.monotonic() > deadline:
                raise Wrong(f"{self.name} is not healthy\n{self.log[-3000:]}")
            time.sleep(0.05)

    def answers(self, url):
        try:
            with closing(direct.open(url, timeout=2)) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self):
        """kill -9."""
        self.signal(signal.SIGKILL)
        self.program.process.wait()

    def signal(self, number):
        self.program.process.send_signal(number)

    def stop(self):
        self.program.stop()

    def metric(self, name, **labels):
        """The sum of one of its own metrics, over all series that have these labels."""
        url = f"http://127.0.0.1:{self.ports['METRICS']}/metrics"
        with closing(direct.open(url, timeout=5)) as answer:
            return total(answer.read().decode(), name, labels)


def total(exposition, name, labels):
    """The sum of a counter or gauge in Prometheus' text format. Counters may end in `_total`."""
    found = 0.0
    line = re.compile(rf"^{name}(?:_total)?(?:\{{(.*)\}})? (\S+)$", re.MULTILINE)
    for match in line.finditer(exposition):
        has = dict(re.findall(r'(\w+)="([^"]*)"', match[1] or ""))
        if labels.items() <= has.items():
            found += float(match[2])
    return found
