"""pbctl for tests: called, asked for JSON, at a terminal; its tables read."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from harness import BUILD, DEADLINE

PBCTL = BUILD / "pbctl"
DONE, REFUSED, NOT_ASKED, PARTLY = range(4)


def call(pb, *args, stdin=None, env=None, cwd=None):
    return subprocess.run([PBCTL, "-directory", pb.state, *map(str, args)], capture_output=True,
                          text=True, input=stdin, timeout=DEADLINE * 2, cwd=cwd,
                          env={**os.environ, **(env or {})})


def ok(pb, *args, **kw):
    out = call(pb, *args, **kw)
    assert out.returncode == DONE, out.stderr
    return out.stdout


def unique(pairs):
    """For json.loads: a name that stands twice in an object is no good."""
    assert len({k for k, _ in pairs}) == len(pairs), pairs
    return dict(pairs)


def as_json(pb, *args, status=DONE, **kw):
    out = call(pb, "--json", *args, **kw)
    assert out.returncode == status, out.stderr
    assert out.stdout.count("\n") == 1
    return json.loads(out.stdout, object_pairs_hook=unique)


def rows(text):
    """A table as [{column: cell}]. A line with fewer cells than the head is cut below its words."""
    head, *lines = text.splitlines()
    starts = [m.start() for m in re.finditer(r"\S+", head)]
    names = head.split()
    return [dict(zip(names, line.split())) if len(line.split()) == len(names) else
            dict(zip(names, (line[a:b].strip() for a, b in zip(starts, starts[1:] + [None]))))
            for line in lines]


class Terminal:
    """pbctl, or another program, at a terminal of 80 by 24; shown is all that it wrote there."""

    def __init__(self, pb, *args, lines=24, program=None):
        self.shown = ""
        program = program or [PBCTL, "-directory", pb.state, *args]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(program[0], [str(a) for a in program])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 80, 0, 0))

    def read(self, deadline):
        """false: it has ended."""
        if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
            raise AssertionError(f"in vain; shown: {self.shown!r}")
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def until(self, pattern, behind=0):
        """Waits until that was shown; the match. behind: where to look from in shown."""
        deadline = time.monotonic() + DEADLINE
        while True:
            found = re.search(pattern, self.shown[behind:], re.S)
            if found:
                return found
            assert self.read(deadline), f"it ended without {pattern}; shown: {self.shown!r}"

    def type(self, text):
        os.write(self.fd, text.encode())

    def hidden(self):
        """Is what is typed not shown?"""
        return not termios.tcgetattr(self.fd)[3] & termios.ECHO

    def end(self):
        """Waits for its end; the exit status, or minus the signal."""
        deadline = time.monotonic() + DEADLINE
        while self.read(deadline):
            pass
        status = os.waitpid(self.pid, 0)[1]
        self.pid = None
        return os.waitstatus_to_exitcode(status)

    argv = ["pbctl"]

    def output(self):
        return self.shown

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)
