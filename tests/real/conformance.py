"""The MCP conformance suite against the fixture server, plain and traced."""

import difflib
import json
import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from harness.checks import check, confirm, part
from harness.processes import HOME, Program, run
from harness.received import sink

EXPECTED = Path(__file__).with_name("conformance-expected.toml")
PASSED = ("SUCCESS", "INFO")


@dataclass
class Suite:
    """A release of the suite, the versions of the protocol it is run for, and what it uses."""

    name: str
    package: str
    versions: tuple
    # Each must have spans.
    methods: set
    # The requests that fail, by the name of their span, as `error.type`.
    errors: dict

    @property
    def command(self):
        package = HOME / "node" / "node_modules" / self.package
        return (HOME / "bin" / "node", package / "dist" / "index.js")


ALWAYS = {
    "completion/complete",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
}
SUITES = (
    Suite(
        name="released",
        package="@modelcontextprotocol/conformance",
        versions=("2025-06-18", "2025-11-25"),
        methods=ALWAYS
        | {
            "initialize",
            "ping",
            "logging/setLevel",
            "resources/subscribe",
            "resources/unsubscribe",
        },
        errors={"tools/call test_error_handling": {"tool_error"}},
    ),
    Suite(
        name="next",
        package="conformance-next",
        versions=("2025-03-26", "2026-07-28"),
        methods=ALWAYS | {"server/discover"},
        errors={"tools/call test_error_handling": {"tool_error"}},
    ),
)


PASSED = ("SUCCESS", "INFO")


def scenarios(suite, version):
    """The server scenarios of a version, as the suite lists them."""
    code, out, err = run(*suite.command, "list", "--server", "--spec-version", version)
    confirm(f"the suite knows {version}", code == 0, err)
    names = re.findall(r"^\s+- (\S+)", out, re.MULTILINE)
    confirm(f"{version} has server scenarios: {len(names)}", names, out)
    return sorted(names)


def results(suite, url, version, how):
    """What the suite finds: for each scenario its checks."""
    directory = HOME / "conformance" / f"{how}-{version}"
    shutil.rmtree(directory, ignore_errors=True)
    which = ("--suite", "all", "--spec-version", version)
    # Its exit code says no more than what it writes down.
    run(*suite.command, "server", "--url", url, *which, "-o", directory)
    found = {}
    for file in directory.glob("*/checks.json"):
        name = re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*Z$", "", file.parent.name)
        found[name] = json.loads(file.read_text())
    return found


def verdicts(found):
    """The verdict of each check, in order."""
    return {
        name: [(one["id"], one["status"], one.get("errorMessage")) for one in checks]
        for name, checks in found.items()
    }


def details(found):
    """All that the suite wrote down, without what differs between any two runs."""
    text = json.dumps(found, sort_keys=True, indent=0)
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "SESSION", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(r'"date": ".*?"', '"date": "TIME"', text)
    # The suite makes them of the time.
    text = re.sub(r'ubscriptionId": \d+', 'ubscriptionId": NUMBER', text)
    # Streams that are opened at once are numbered as they come.
    text = re.sub(r'"id": "\d+/\d+"', '"id": "EVENT"', text)
    return text.splitlines()


def difference(plain, traced):
    """The lines in which two findings differ, as a diff has them."""
    lines = difflib.unified_diff(details(plain), details(traced), "plain", "traced", n=2)
    return [line.rstrip("\n") for line in lines]


def failures(found, version):
    """The checks that do not pass."""
    return {
        (version, name, one["id"])
        for name, checks in found.items()
        for one in checks
        if one["status"] not in PASSED
    }


def expected():
    """The failures that are listed, each with its reason."""
    listed = tomllib.loads(EXPECTED.read_text()).get("failure", [])
    for entry in listed:
        confirm(
            f"the failure of {entry.get('check')} has a reason",
            set(entry) == {"version", "scenario", "check", "reason"} and entry["reason"].strip(),
            f"expected: version, scenario, check, reason; got: {entry}",
        )
    return {(entry["version"], entry["scenario"], entry["check"]) for entry in listed}


def unexpected(failed, listed):
    """What is wrong with the failures: those not listed, and the listed ones that passed."""
    new = [f"fails and is not listed: {one}" for one in sorted(failed - listed)]
    return new + [f"is listed and passes: {one}" for one in sorted(listed - failed)]


def served(suite, how, *arguments, **settings):
    """The suite's results of one server, for all versions."""
    url_file = HOME / f"{how}.url"
    url_file.unlink(missing_ok=True)
    with Program("conformance-server", "--url-file", url_file, *arguments, **settings) as server:
        url = server.find(r"^(\S+)", url_file)
        found = {version: results(suite, url, version, how) for version in suite.versions}
        server.stop()
    return found


def compare(suite, plain, traced):
    failed = set()
    for version in suite.versions:
        names = scenarios(suite, version)
        check(f"{version}: all scenarios ran, plain", sorted(plain[version]), names)
        check(f"{version}: all scenarios ran, traced", sorted(traced[version]), names)
        for name in names:
            check(
                f"{version} {name}: the same with tracing: {summary(traced[version][name])}",
                verdicts(traced[version])[name],
                verdicts(plain[version])[name],
            )
            check(
                f"{version} {name}: the client saw the same",
                difference(plain[version][name], traced[version][name]),
                [],
            )
        failed |= failures(traced[version], version)
    listed = {one for one in expected() if one[0] in suite.versions}
    check("failures are those that are listed", unexpected(failed, listed), [])


def summary(checks):
    passed = sum(one["status"] in PASSED for one in checks)
    return f"{passed} of {len(checks)} passed"


def telemetry(suite, received):
    received.agree()
    spans = received.requests()
    methods = {span.method for span in spans}
    check("each method of the suite has spans", sorted(suite.methods - methods), [])
    stray = [span.name for span in spans if not received.by_id(span.trace_id, span.parent_id)]
    check("each request stands below its HTTP request", stray, [])
    errors = {}
    for span in spans:
        if span.status == "error":
            errors.setdefault(span.name, set()).add(span.attributes.get("error.type"))
    check("what fails is an error, and nothing else", errors, suite.errors)
    unknown = sorted({span.name for span in spans if span.name.endswith(" _OTHER")})
    check("no tool or prompt of the server is unknown", unknown, [])
    # The next suite asks for it; a client's text must not become a name.
    named = [span.name for span in received.otlp if "unknown/method" in f"{span.name} {span.method}"]
    check("no span is named after a method that does not exist", named, [])


def main():
    for suite in SUITES:
        with part(f"conformance, {suite.name} suite: plain"):
            plain = served(suite, "plain", "--plain")
        title, name = f"conformance, {suite.name} suite: traced", f"conformance-{suite.name}"
        with part(title), sink(name) as target:
            traced = served(suite, "traced", **target.settings)
            compare(suite, plain, traced)
            telemetry(suite, target.received())


if __name__ == "__main__":
    main()
