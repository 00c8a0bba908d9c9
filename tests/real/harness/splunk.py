"""`mcp-server-splunk` against `splunk-simulator`, its telemetry going to a sink."""

from contextlib import contextmanager

from .processes import BIN, Program, environment


@contextmanager
def splunk():
    """The settings of a simulated Splunk."""
    with Program("splunk-simulator", "--port", "0", SPLUNK_TOKEN="simulated") as simulator:
        names = ("SPLUNK_SCHEME", "SPLUNK_HOST", "SPLUNK_PORT")
        settings = {name: simulator.find(rf"\b{name}=(\S+)") for name in names}
        yield settings | {"SPLUNK_TOKEN": "simulated"}


@contextmanager
def over_http(settings):
    """The URL of a server. It is ended, and has sent what waited, when the context ends."""
    arguments = ("--transport", "http", "--port", "0")
    with Program("mcp-server-splunk", *arguments, RUST_LOG="info", **settings) as server:
        yield server.find(r"serving MCP on (\S+)", server.err)
        server.stop()


def over_stdio(settings):
    """Command and environment of a server that its client starts."""
    return str(BIN / "mcp-server-splunk"), environment(**settings)
