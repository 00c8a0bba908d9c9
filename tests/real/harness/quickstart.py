"""The quickstart, which sends its spans to its own endpoint as Sentry and as OTLP, and by OTLP to another one."""

import shutil

from .checks import confirm, only
from .processes import BIN, HOME, run
from .received import Received

HEALTH_CHECKS = 200


def quickstart(name, endpoint, **settings):
    """Runs it to its end; gives the directory of what its own endpoint received, and what that was."""
    archive = HOME / "received" / f"{name}-app"
    shutil.rmtree(archive, ignore_errors=True)
    code, out, said = run(
        BIN / "quickstart",
        "--health-checks",
        HEALTH_CHECKS,
        OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        TELEMETRY_TESTKIT_ARCHIVE=str(archive),
        # Every span that there is to compare.
        SENTRY_TRACES_SAMPLE_RATE="1.0",
        **settings,
    )
    confirm("the quickstart's own checks hold", code == 0, f"exit code {code}\n{out}\n{said}")
    directory = only("archives of the quickstart", archive.glob("*/*"))
    direct = Received(directory, "")
    confirm(f"spans came: {len(direct.otlp)}", len(direct.otlp) > 500, "expected: some hundred")
    return directory, direct
