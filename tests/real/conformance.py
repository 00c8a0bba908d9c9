"""The MCP conformance suite against the fixture server, plain and traced."""

import json
import re
import shutil
import tomllib
from pathlib import Path

from harness.checks import check, confirm, part
from harness.processes import HOME, Program, run
from harness.received import sink

# Those that have server scenarios in this suite.
VERSIONS = ("2025-06-18", "2025-11-25")

EXPECTED = Path(__file__).with_name("conformance-expected.toml")
SUITE = (
    HOME / "bin" / "node",
    HOME / "node" / "node_modules" / "@modelcontextprotocol" / "conformance" / "dist" / "index.js",
)
PASSED = ("SUCCESS", "INFO")

# What the traced server must have spans of: the suite uses it all.
METHODS = {
    "initialize",
    "ping",
    "logging/setLevel",
    "completion/complete",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "prompts/list",
    "prompts/get",
}


def scenarios(version):
    """The server scenarios of a version, as the suite lists them."""
    code, out, err = run(*SUITE, "list", "--server", "--spec-version", version)
    confirm(f"the suite knows {version}", code == 0, err)
    names = re.findall(r"^\s+- (\S+)", out, re.MULTILINE)
    confirm(f"{version} has server scenarios: {len(names)}", names, out)
    return sorted(names)


def results(url, version, how):
    """What the suite finds: for each scenario its checks."""
    directory = HOME / "conformance" / f"{how}-{version}"
    shutil.rmtree(directory, ignore_errors=True)
    run(*SUITE, "server", "--url", url, "--suite", "all", "--spec-version", version, "-o", directory)
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
    text = json.dumps(found, sort_keys=True, indent=1)
    text = re.sub(r"127\.0\.0\.1:\d+", "HOST", text)
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "SESSION", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(r'"date": ".*?"', '"date": "TIME"', text)
    # Streams that are opened at once are numbered as they come.
    text = re.sub(r'"id": "\d+/\d+"', '"id": "EVENT"', text)
    return json.loads(text)


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


def served(how, *arguments, **settings):
    """The suite's results of one server, for all versions."""
    url_file = HOME / f"{how}.url"
    url_file.unlink(missing_ok=True)
    with Program("conformance-server", "--url-file", url_file, *arguments, **settings) as server:
        url = server.find(r"^(\S+)", url_file)
        found = {version: results(url, version, how) for version in VERSIONS}
        server.stop()
    return found


def compare(plain, traced):
    failed = set()
    for version in VERSIONS:
        names = scenarios(version)
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
                details(traced[version][name]),
                details(plain[version][name]),
            )
        failed |= failures(traced[version], version)
    check("failures are those that are listed", unexpected(failed, expected()), [])


def summary(checks):
    passed = sum(one["status"] in PASSED for one in checks)
    return f"{passed} of {len(checks)} passed"


def telemetry(received):
    received.agree()
    spans = received.requests()
    methods = {span.method for span in spans}
    check("each method of the suite has spans", sorted(METHODS - methods), [])
    unnamed = sorted({span.name for span in spans if "_OTHER" in span.name})
    check("no tool, prompt or method of the suite is unknown", unnamed, [])
    stray = [span.name for span in spans if not received.by_id(span.trace_id, span.parent_id)]
    check("each request stands below its HTTP request", stray, [])
    errors = {span.name: span.attributes.get("error.type") for span in spans if span.status == "error"}
    check("the tool that fails is the one error", errors, {"tools/call test_error_handling": "tool_error"})


def main():
    with part("conformance: plain"):
        plain = served("plain", "--plain")
    with part("conformance: traced"), sink("conformance") as target:
        traced = served("traced", **target.settings)
        compare(plain, traced)
        telemetry(target.received())


if __name__ == "__main__":
    main()
