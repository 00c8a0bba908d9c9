"""A server that others wrote for Sentry's protocol takes what we send: Bugsink.

It keeps errors, lets logs and sessions pass by, and asks not to be sent transactions, by a rate
limit in every answer. The error is read back by its REST API, what was delivered from the
envelopes that it kept, and how it answered from its access log.
"""

import asyncio
import json
import logging
import os
import re
import shutil
import sqlite3
import sys
import urllib.request
from collections import Counter

from clients import WITH_SESSIONS, Journey, connect, travel
from harness.checks import check, confirm, only, part
from harness.envelopes import Envelope
from harness.processes import HOME, LOGS, Program, run
from harness.splunk import over_http, splunk
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

# Installed on its own: its packages have names like `events` and `api`.
PACKAGES = HOME / "bugsink"
# An instance that nobody has used yet. Making its databases takes long, copying them does not.
EMPTY = PACKAGES / "empty"
DATA = HOME / "bugsink-data"
SETTINGS = {"PYTHONPATH": str(PACKAGES), "PYTHONDONTWRITEBYTECODE": "1"}

# It must not phone home. It keeps envelopes, which say what was delivered. Nothing here outlives
# the run, so the disk need not be waited for.
CONFIGURATION = """
BUGSINK["PHONEHOME"] = False
BUGSINK["KEEP_ENVELOPES"] = 1000
for database in DATABASES.values():
    database.setdefault("OPTIONS", {})["init_command"] = "PRAGMA synchronous=OFF"
"""
ENVIRONMENT = "bugsink"
# Each must have come: none of the others may disturb the error. The reports tell of transactions
# that it asked not to be sent.
NEEDED = {"event", "transaction", "log", "sessions", "client_report"}
HELD_BACK = {(category, "ratelimit_backoff") for category in ("transaction", "span")}
DELIVERY = r'"POST /api/\d+/envelope/[^"]*" (\d{3}) '
JOURNEY = Journey("mcp", "http", WITH_SESSIONS, "legacy")


def python(*words, cwd):
    """Runs a module of Bugsink's to its end; gives what it wrote to stdout."""
    code, out, err = run(sys.executable, "-m", *words, cwd=cwd, seconds=600, **SETTINGS)
    confirm(" ".join(words), code == 0, f"exit code {code}\n{out}\n{err}")
    return out


def prepare():
    """An empty instance below `DATA`."""
    if not (EMPTY / "ready").exists():
        shutil.rmtree(EMPTY, ignore_errors=True)
        EMPTY.mkdir(parents=True)
        python("bugsink.scripts.create_conf", "--template=local", "--host=127.0.0.1", cwd=EMPTY)
        with open(EMPTY / "bugsink_conf.py", "a") as configuration:
            configuration.write(CONFIGURATION)
        for database in ("default", "snappea"):
            python("bugsink.scripts.manage", "migrate", f"--database={database}", cwd=EMPTY)
        (EMPTY / "ready").touch()
    shutil.rmtree(DATA, ignore_errors=True)
    shutil.copytree(EMPTY, DATA)
    return python("bugsink.scripts.manage", "create_auth_token", cwd=DATA).split()[-1]


class Api:
    """Its REST API."""

    def __init__(self, url, token):
        self.url, self.token = url, token
        # Not through a proxy.
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self, path, **body):
        """The answer of a GET, or of a POST where there is a body."""
        request = urllib.request.Request(
            f"{self.url}/api/canonical/0/{path}",
            data=json.dumps(body).encode() if body else None,
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        with self.opener.open(request, timeout=60) as answer:
            return json.load(answer)


def deliveries(log):
    """The status of each delivery, from an access log."""
    return re.findall(DELIVERY, log)


def complaints(log):
    """The lines of a log that speak of errors, warnings or exceptions."""
    words = r"\b(ERROR|CRITICAL|WARN\w*)\b|^Traceback"
    return [line for line in log.splitlines() if re.search(words, line)]


def delivered():
    """The envelopes that it kept."""
    connection = sqlite3.connect(DATA / "db.sqlite3")
    try:
        rows = connection.execute("SELECT data FROM ingest_envelope").fetchall()
    finally:
        connection.close()
    return [Envelope.read(bytes(row[0])) for row in rows]


def held_back(envelopes):
    """What the reports say was not sent: category and reason."""
    reports = [report for one in envelopes for _, report in one.of("client_report")]
    return {(lost["category"], lost["reason"]) for report in reports for lost in report["discarded_events"]}


def differences(sent, stored):
    """The parts of an event that are not stored as they were sent: tags, contexts, stack and all."""
    return [
        f"{name}: sent {sent.get(name)!r:.300}, stored {stored.get(name)!r:.300}"
        for name in sorted(set(sent) | set(stored))
        if sent.get(name) != stored.get(name)
    ]


def is_the_error(event, trace_id):
    """Checks that it is the failed call."""
    check("the error's trace id", event["contexts"]["trace"]["trace_id"], trace_id)
    check("its environment", event["environment"], ENVIRONMENT)
    error = event["exception"]["values"][-1]
    check("the exception's type", error["type"], "BadRequest")
    text = error["value"]
    confirm("its text names the mistake", "Unknown search command 'frobnicate'" in text, text)


async def look(url):
    """Requests of another client, none of which fails."""
    async with connect(JOURNEY, url, (None, None)) as client:
        await client.list_tools()


def travelled(api, answered):
    """One client's calls, of which one fails, by a server whose DSN is the instance's.

    After that others', once an answer has said what is not wanted: these are not sent."""
    team = api("teams/", name="tests")
    project = api("projects/", name="server", team=team["id"])
    dsn = api(f"projects/{project['id']}/")["dsn"]
    # The port was not known when the configuration was written.
    key = re.match(r"http://(\w+)@", dsn)[1]
    dsn = api.url.replace("http://", f"http://{key}@") + f"/{project['id']}"
    with splunk() as settings:
        settings |= {"SENTRY_DSN": dsn, "SENTRY_ENVIRONMENT": ENVIRONMENT}
        with over_http(settings) as url:
            trace_id, _, failed = asyncio.run(travel(JOURNEY, url, (None, None)))
            answered()
            asyncio.run(look(url))
    check("what the tools answered", failed, [False, False, True])
    said = (LOGS / "mcp-server-splunk.stderr").read_text()
    lost = [line for line in complaints(said) if "a tool failed" not in line]
    check("the server warns of nothing but the failed tool", lost, [])
    return project, trace_id


def main():
    # The client's own warnings are no concern of a check.
    logging.basicConfig(filename=LOGS / "bugsink-client.log", filemode="w")
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    trace.set_tracer_provider(TracerProvider())
    with part("bugsink"):
        token = prepare()
        access = DATA / "access.log"
        words = ["-m", "gunicorn", "bugsink.wsgi", "--bind=127.0.0.1:0", "--threads=4"]
        words += [f"--access-logfile={access}", "--no-control-socket"]
        where = {"program": sys.executable, "cwd": DATA}
        with Program("bugsink", *words, **where, **SETTINGS) as bugsink:
            url = bugsink.find(r"Listening at: (http://\S+)", bugsink.err)
            api = Api(url, token)
            project, trace_id = travelled(api, lambda: bugsink.find(DELIVERY, access))
            issue = only("its issues", api(f"issues/?project={project['id']}")["results"])
            listed = only("events of the issue", api(f"events/?issue={issue['id']}")["results"])
            event = api(f"events/{listed['id']}/")
            bugsink.stop()
        is_the_error(event["data"], trace_id)
        envelopes = delivered()
        kinds = Counter(head["type"] for one in envelopes for head, _ in one.items)
        missing = sorted(NEEDED - set(kinds))
        confirm(f"it was sent {dict(kinds)}", not missing, f"missing: {missing}")
        check("nothing but transactions was held back", held_back(envelopes), HELD_BACK)
        _, sent = only("events sent", [one for each in envelopes for one in each.of("event")])
        check("the error is stored as it was sent", differences(sent, event["data"]), [])
        answers = deliveries(access.read_text())
        check(f"each delivery is answered with 200: {len(answers)}", set(answers), {"200"})
        check("each was one envelope", len(answers), len(envelopes))
        check("its log has no error", complaints(bugsink.err.read_text()), [])


if __name__ == "__main__":
    main()
