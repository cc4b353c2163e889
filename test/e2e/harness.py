"""What the end-to-end tests stand on: protobalance, its boxes and its XML interface as objects.

Everything runs on free loopback ports in a directory of its own, and ends with the test,
whatever happens: each process is ended by its id.
"""

import http.client
import os
import re
import signal
import socket
import subprocess
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from xml.sax.saxutils import escape

BUILD = Path(os.environ.get("PB_BUILD", Path(__file__).resolve().parents[2] / "build"))
LONG = bool(os.environ.get("PB_LONG"))  # make check-full: longer kill and fault runs
DEADLINE = 30  # seconds that any wait may take; only a broken product reaches it


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, deadline=DEADLINE):
    """Polls until condition() is true; its value. Fails with what was waited for."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {deadline} s")
        time.sleep(0.02)


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def is_running(pid):
    """false also for a zombie, which only waits to be reaped."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Process:
    """A child process with its output in a file; ended by stop()."""

    def __init__(self, argv, log, env=None, cwd=None):
        self.log = Path(log)
        self.argv = [str(a) for a in argv]
        with self.log.open("ab") as out:
            self.child = subprocess.Popen(
                self.argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=cwd,
                env={**os.environ, **(env or {})}, start_new_session=True)

    @property
    def pid(self):
        return self.child.pid

    def alive(self):
        return self.child.poll() is None

    def output(self):
        return self.log.read_text(errors="replace")

    def stop(self, sig=signal.SIGTERM, timeout=10):
        """Ends it; its exit status. What does not end in time is killed and fails."""
        if self.alive():
            self.child.send_signal(sig)
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(self.child.pid, signal.SIGKILL)
            self.child.wait()
            raise AssertionError(f"{self.argv[0]} did not end; its output:\n{self.output()}")

    def kill(self):
        """For the end of a test: no questions asked."""
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()


class XmlError(Exception):
    def __init__(self, status, code, text):
        super().__init__(f"HTTP {status} {code}: {text}")
        self.status, self.code, self.text = status, code, text


class Balancer(Process):
    """protobalance itself. Traffic log: daily, in directory/traffic."""

    def __init__(self, directory, *options, workers=2, time_scale=None, start=True, env=None):
        self.directory = Path(directory)
        self.state = self.directory / "state"
        self.traffic = self.directory / "traffic"
        self.traffic.mkdir(parents=True, exist_ok=True)
        self.http = free_port()
        self.workers = workers
        self.options = options
        self.env = dict(env or {})
        if time_scale:
            self.env["PB_TIME_SCALE"] = str(time_scale)
        if start:
            self.start()

    def command_line(self):
        return [BUILD / "protobalance", "-directory", self.state, "-http",
                f"127.0.0.1:{self.http}", "-workers", str(self.workers),
                "-daily", self.traffic, *self.options]

    def start(self):
        before = self.log_text().count("info: running:")
        super().__init__(self.command_line(), self.directory / "error.log", env=self.env)
        wait_for("protobalance runs",
                 lambda: not self.alive() or self.log_text().count("info: running:") > before)
        assert self.alive(), self.output()
        return self

    def log_text(self):
        path = self.directory / "error.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def credentials(self):
        lines = (self.state / "first-login").read_text().splitlines()
        return dict(line.split(": ", 1) for line in lines)

    def key(self):
        if not hasattr(self, "_key"):
            self._key = self.credentials()["accesskey"]
        return self._key

    # --- XML ---

    def post(self, body, headers=None, path="/xml"):
        """Raw: (HTTP status, body)."""
        c = http.client.HTTPConnection("127.0.0.1", self.http, timeout=DEADLINE)
        try:
            c.request("POST", path, body, headers or {})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def xml(self, command, key=None, **params):
        """One command; the <response> element. A refusal is an XmlError."""
        rows = "".join(f"<{k}>{escape(str(v))}</{k}>" for k, v in params.items())
        body = f"<{command}><accesskey>{key or self.key()}</accesskey>{rows}</{command}>"
        status, text = self.post(body.encode())
        root = ET.fromstring(text)
        if root.findtext("status") != "ok":
            raise XmlError(status, root.findtext("code"), root.findtext("error"))
        assert status == 200
        return root

    # --- short forms ---

    def add_cluster(self, name, kind, **settings):
        """Listens on a free port of loopback, which is returned."""
        port = settings.pop("listen_port", None) or free_port()
        if kind == "smtp":
            settings.setdefault("smtp_host_name", "mx.example.com")
            settings.setdefault("default_spam_setting", 0)
        settings.setdefault("max_client_connections", 1000000)
        settings.setdefault("max_client_concurrent", 100000)
        self.xml("addcluster", clusterid=name, type=kind, listen_address="127.0.0.1",
                 listen_port=port, **settings)
        return port

    def add_box(self, cluster, name, port, light="green", **settings):
        self.xml("addbox", clusterid=cluster, boxid=name, connect_address="127.0.0.1",
                 connect_port=port, **settings)
        if light != "yellow":
            self.xml(light, clusterid=cluster, boxid=name)

    def add_account(self, address, box, password="secret", **settings):
        self.xml("addnewemail", email_address=address, user_password=password, boxid=box,
                 **settings)

    def add_alias(self, address, *members, **settings):
        self.xml("addnewalias", alias_address=address, alias_list=",".join(members), **settings)

    def counters(self, cluster=None, box=None):
        """Of stats: the whole cluster's or one box's, as {name: int}."""
        root = self.xml("stats")
        for c in root.find("clusters"):
            if cluster and c.findtext("clusterid") != cluster:
                continue
            rows = c if box is None else next(
                b for b in c.find("boxes") if b.findtext("boxid") == box)
            return {e.tag: int(e.text) for e in rows if re.fullmatch(r"-?\d+", e.text or "")}
        raise KeyError(cluster)

    # --- processes ---

    def children(self):
        """{role as in ps: pid}, e.g. {"worker 1": 4711, "admin": 4712, ...}"""
        out = subprocess.run(["ps", "--no-headers", "-o", "pid,args", "--ppid",
                              str(self.supervisor())], capture_output=True, text=True).stdout
        rows = re.findall(r"^\s*(\d+) protobalance: (.*?)\s*$", out, re.M)
        return {role: int(pid) for pid, role in rows}

    def supervisor(self):
        if "-watchdog" not in self.options:
            return self.pid
        out = subprocess.run(["ps", "--no-headers", "-o", "pid", "--ppid", str(self.pid)],
                             capture_output=True, text=True).stdout.split()
        return int(out[0]) if out else 0

    def traffic_lines(self, pattern=""):
        text = "".join(p.read_text(errors="replace") for p in sorted(self.traffic.iterdir()))
        return [line for line in text.splitlines() if re.search(pattern, line)]

    def kill(self):
        for pid in [self.supervisor(), *self.children().values()]:
            try:
                if pid:
                    os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        super().kill()


class DemoBox(Process):
    """build/demobox: a box that fails on purpose. faults() changes how while it runs."""

    def __init__(self, directory, name, *options, kinds=("smtp", "pop3"), faults=()):
        self.directory = Path(directory) / name
        self.directory.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.control = self.directory / "faults"
        self.control.write_text("".join(f"{f}\n" for f in faults))
        self.events = self.directory / "events"
        self.ports = {k: free_port() for k in kinds}
        self.listeners = [a for k in kinds for a in (f"-{k}", f"127.0.0.1:{self.ports[k]}")]
        self.options = options
        self.start()

    def start(self):
        super().__init__([BUILD / "demobox", *self.listeners, "-name", self.name, "-directory",
                          self.directory / "mail", "-log", self.events, "-nosync", "-control",
                          self.control, *self.options], self.directory / "output")
        wait_for(f"demobox {self.name}", lambda: not self.alive() or
                 all(can_connect(p) for p in self.ports.values()))
        assert self.alive(), self.output()

    @property
    def smtp(self):
        return self.ports["smtp"]

    @property
    def pop3(self):
        return self.ports["pop3"]

    def faults(self, *specs):
        before = self.events_text().count("control ")
        self.control.write_text("".join(f"{f}\n" for f in specs))
        os.kill(self.pid, signal.SIGHUP)
        wait_for("faults are read", lambda: self.events_text().count("control ") > before)

    def events_text(self):
        return self.events.read_text(errors="replace") if self.events.exists() else ""

    def mails(self, address="*"):
        """Bytes of every mail stored for address, in order of arrival."""
        files = [p for p in (self.directory / "mail").glob(f"{address}/*/*") if p.is_file()
                 and p.parent.name != "tmp"]
        return [p.read_bytes() for p in sorted(files, key=lambda p: p.stat().st_mtime_ns)]

    def copies(self, message_id):
        """How many copies of this mail the box has stored, over all mailboxes."""
        return sum(f"<{message_id}>".encode() in m for m in self.mails())
