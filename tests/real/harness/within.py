"""Runs a command within a deadline, and leaves none of its processes running.

    python3 within.py [--log <file>] [--part] <seconds> <command>...

With `--log` its output goes to a file, and is shown if it fails. With `--part` a process that is
still there when the command has ended is a failure, too, and after a failure the end of each log
that was written meanwhile is shown. The exit code is the command's, or 1. Signals to end, and on
Linux the end of whoever started this, end the command, too.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

# What was told to end, or ends with its parent, may take so long.
END_SECONDS = 5
# Of each log.
LINES = 40
# Of prctl(2).
SET_PDEATHSIG = 1
SET_CHILD_SUBREAPER = 36


def keep_together():
    """Where the system can do that: orphans of the command become children of this process, and
    the end of its own parent is a signal."""
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        prctl(SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def children():
    """What runs below this process: process ids and what they are. Linux alone says."""
    try:
        pids = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        return {}
    return {int(pid): described(pid) for pid in pids}


def described(pid):
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    return b" ".join(words).decode(errors="replace")[:200].strip()


def reap():
    """Takes notice of the children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def left(seconds):
    """What still runs after a while: nothing, as a rule."""
    deadline = time.monotonic() + seconds
    while True:
        reap()
        found = children()
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


class Stopped(Exception):
    """A signal came; the number is the argument."""


class Signals:
    """Notes the signals that ask us to end; raises only where something can be done about it."""

    def __init__(self, *numbers):
        self.came, self.raises = [], False
        for number in numbers:
            signal.signal(number, self.note)

    def note(self, number, _):
        self.came.append(number)
        self.check()

    def check(self):
        if self.raises and self.came:
            raise Stopped(self.came[0])


def kill(process):
    """Ends the command with all its processes."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    # What made a group of its own comes to us once its parent has gone, and its children next.
    deadline = time.monotonic() + END_SECONDS
    while (found := left(0)) and time.monotonic() < deadline:
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def logs(directory, since):
    """The ends of the logs that were written since."""
    for log in sorted(directory.glob("*")):
        if log.is_file() and log.stat().st_mtime >= since and log.stat().st_size:
            yield log, log.read_text(errors="replace").splitlines()[-LINES:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=float)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--part", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    # Files have coarse times.
    since = time.time() - 1
    out = asked.log.open("wb") if asked.log else None
    signals = Signals(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    keep_together()
    process = subprocess.Popen(asked.command, stdout=out, stderr=out, start_new_session=True)
    wrong, code = [], None
    try:
        # Not before the command can be ended, too.
        signals.raises = True
        signals.check()
        code = process.wait(asked.seconds)
        found = left(END_SECONDS) if asked.part else {}
        wrong += [f"left running: {pid} {what}" for pid, what in found.items()]
        if found:
            kill(process)
    except subprocess.TimeoutExpired:
        wrong.append(f"not done after {asked.seconds:g} s")
        kill(process)
    except Stopped as stopped:
        signals.raises = False
        kill(process)
        sys.exit(128 + stopped.args[0])
    if code:
        wrong.append(f"exit code {code}")
    if not wrong:
        return
    if asked.log:
        sys.stderr.write(asked.log.read_text(errors="replace"))
    if asked.part:
        for log, lines in logs(Path(os.environ["REAL_DIR"]) / "logs", since):
            print(f"--- the end of {log}", *lines, sep="\n", file=sys.stderr)
    print(f"failed: {' '.join(asked.command)}: {'; '.join(wrong)}", file=sys.stderr)
    sys.exit(code if code and code > 0 else 1)


if __name__ == "__main__":
    main()
