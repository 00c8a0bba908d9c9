"""The programs under test, each started here and ended here."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

from .checks import Wrong

# Patience with programs on a busy machine.
START_SECONDS = 30
END_SECONDS = 30

# What is installed, built and written: set by `run`.
HOME = Path(os.environ["REAL_DIR"])
BIN = HOME / "bin"
LOGS = HOME / "logs"
LOGS.mkdir(parents=True, exist_ok=True)

# Settings of the person who runs this must not reach the programs.
FOREIGN = re.compile(r"^(SENTRY|OTEL|MCP|SPLUNK|RUST_LOG|NODE_OPTIONS)")


def environment(**settings):
    """The environment of a child: ours, without settings of what is tested, and `settings`."""
    kept = {key: value for key, value in os.environ.items() if not FOREIGN.match(key)}
    # Clients must not look for 127.0.0.1 behind a proxy, nor write to a home directory.
    fixed = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}
    fixed["HOME"] = str(HOME / "home")
    return kept | fixed | settings


class Program:
    """A running program, as a context: what still runs when the context ends is killed."""

    # The directory is none of this repository: no `.env` may be found.
    def __init__(self, name, *arguments, program=None, cwd="/", **settings):
        self.name = name
        self.out = LOGS / f"{name}.stdout"
        self.err = LOGS / f"{name}.stderr"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.process = subprocess.Popen(
                [program or BIN / name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment(**settings),
                cwd=cwd,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def find(self, pattern, file=None):
        """Waits for a line of stdout, or of `file`, and gives the pattern's first group."""
        file = file or self.out
        deadline = time.monotonic() + START_SECONDS
        while True:
            ended = self.process.poll() is not None
            text = file.read_text(errors="replace") if file.exists() else ""
            # A line counts once it is whole.
            found = re.search(rf"{pattern}.*\n", text, re.MULTILINE)
            if found:
                return found[1]
            if ended or time.monotonic() > deadline:
                why = "it ended" if ended else "out of time"
                said = self.err.read_text(errors="replace")[-2000:]
                raise Wrong(f"{self.name}: no {pattern!r} in {file}, {why}\n{said}")
            time.sleep(0.02)

    def stop(self):
        """Ends it, as a service manager would, and waits: what it had to send is sent."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            raise Wrong(f"{self.name}: still runs {END_SECONDS} s after SIGTERM") from None
        if code != 0:
            said = self.err.read_text(errors="replace")[-2000:]
            raise Wrong(f"{self.name}: exit code {code}, expected 0\n{said}")


def run(*command, seconds=180, cwd="/", **settings):
    """Runs a command to its end; gives the exit code, stdout and stderr."""
    try:
        done = subprocess.run(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            env=environment(**settings),
            cwd=cwd,
        )
    except subprocess.TimeoutExpired as late:
        said = b"".join(filter(None, (late.stdout, late.stderr))).decode(errors="replace")
        raise Wrong(f"{command[0]}: not done after {seconds} s\n{said[-2000:]}") from None
    return done.returncode, done.stdout, done.stderr
