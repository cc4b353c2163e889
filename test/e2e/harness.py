"""What the end-to-end tests stand on: protobalance, its boxes and its XML interface as objects.

Everything runs on free loopback ports in a directory of its own, and ends with the test,
whatever happens: each process is ended by its id.
"""

import http.client
import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

from xmlclient import (GONE, InFlight, LocalConnection, XmlClient, XmlError, answer_of, document,
                       progress, values)

BUILD = Path(os.environ.get("PB_BUILD", Path(__file__).resolve().parents[2] / "build"))
LONG = bool(os.environ.get("PB_LONG"))  # make check-full: longer kill and fault runs
DEADLINE = 30  # seconds that any wait may take; only a broken product reaches it


def free_port():
    """Below the range from which the kernel takes the ports of outgoing connections: one of
    those could take it before its server listens there."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


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
        self.tls = None  # an ssl.SSLContext, when the interface speaks TLS
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

    def crashes(self):
        """Lines of the log that tell of a child that died, or of what a sanitizer found."""
        return re.findall(r"^.*(?:starting it anew|Sanitizer|runtime error).*$",
                          self.log_text(), re.M)

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

    def connection(self):
        if self.tls:
            return http.client.HTTPSConnection("127.0.0.1", self.http, timeout=DEADLINE,
                                               context=self.tls)
        return http.client.HTTPConnection("127.0.0.1", self.http, timeout=DEADLINE)

    def post(self, body, headers=None, path="/xml", connection=None):
        """Raw: (HTTP status, body)."""
        c = connection or self.connection()
        try:
            c.request("POST", path, body, headers or {})
            r = c.getresponse()
            return r.status, r.read()
        finally:
            c.close()

    def xml(self, command, key=None, **params):
        """One command; the <response> element. A refusal is an XmlError."""
        return answer_of(command, *self.post(document(command, key or self.key(), params.items())))

    def local(self, command, **params):
        """The same over the socket that needs no key."""
        body = document(command, None, params.items())
        return answer_of(command, *self.post_local(body))

    def post_local(self, body):
        return self.post(body, connection=LocalConnection(self.state / "admin.sock"))

    def answers(self):
        """Does the interface answer, and find all well?"""
        c = self.connection()
        try:
            c.request("GET", "/healthz")
            return c.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            c.close()

    def refused(self, command, key=None, **params):
        """The XmlError of a command that must be refused."""
        try:
            self.xml(command, key, **params)
        except XmlError as e:
            return e
        raise AssertionError(f"{command} {params} was taken")

    # --- short forms ---

    def add_cluster(self, name, kind, **settings):
        """Listens on a free port of loopback, which is returned."""
        port = settings.pop("listen_port", None) or free_port()
        if kind == "smtp":
            settings.setdefault("smtp_host_name", "mx.example.com")
            settings.setdefault("default_spam_setting", 0)
            settings.setdefault("error_sleep_s", 0)
        settings.setdefault("max_client_connections", 1000000)
        settings.setdefault("max_client_concurrent", 100000)
        self.xml("addcluster", clusterid=name, type=kind, listen_address="127.0.0.1",
                 listen_port=port, **settings)
        return port

    def add_box(self, cluster, name, port, light="green", **settings):
        settings.setdefault("probe_interval_s", 0)  # a box's connections are its sessions'
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

    def ledger_is_written(self):
        """Waits until every fact of the journals is on disk; bytes of them so far."""
        def written():
            j = self.xml("stats").find("journal")
            return (j.findtext("published_bytes") == j.findtext("applied_bytes")
                    and j.findtext("published_bytes"))
        return int(wait_for("journals are applied", written))

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
        """All at once; a watchdog first, or it would start the next life."""
        for pid in [self.pid, self.supervisor(), *self.children().values()]:
            try:
                if pid:
                    os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        super().kill()


class Shot:
    """Aims at admin, or at all processes, so that fire() takes no time of its own; over() waits
    until the service is there again."""

    def __init__(self, balancer, everything):
        self.balancer, self.everything, children = balancer, everything, balancer.children()
        self.admin = children["admin"]
        self.pids = [balancer.pid, *children.values()] if everything else [self.admin]

    def fire(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)

    def over(self):
        if self.everything:
            self.balancer.kill()
            self.balancer.start()
        wait_for("admin is back",
                 lambda: self.balancer.children().get("admin", self.admin) != self.admin)
        wait_for("it answers", self.balancer.answers)


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


class OddBox(threading.Thread):
    """An SMTP server that answers as its table says; what is not there, it answers well. Keys
    are "greeting", verbs and "end"; of a list each answer is given once, the last for ever.
    mails counts what it has answered 2xx at the end, rcpts are those of the last mail."""

    GOOD = {"greeting": "220 odd ESMTP", "EHLO": "250-odd\r\n250 PIPELINING", "DATA": "354 go",
            "end": "250 2.0.0 ok", "QUIT": "221 bye"}

    def __init__(self, **answers):
        super().__init__(daemon=True)
        self.answers = {**self.GOOD, **answers}
        self.mails, self.rcpts = 0, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.smtp = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed by kill()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            with connection, connection.makefile("rb") as lines:
                self.say(connection, "greeting")
                rcpts = []
                for line in lines:
                    verb = line[:4].decode(errors="replace").upper().strip()
                    said = self.say(connection, verb)
                    if verb == "QUIT":
                        return
                    if verb in ("RSET", "MAIL"):
                        rcpts = []
                    if verb == "RCPT" and said[0] == "2":
                        rcpts.append(re.search("<(.*)>", line.decode()).group(1))
                    if verb == "DATA" and said[0] == "3":
                        while next(lines) != b".\r\n":
                            pass
                        self.rcpts = rcpts
                        answer = self.next_answer("end")
                        self.mails += answer[0] == "2"
                        self.say(connection, "end", answer)
        except (OSError, StopIteration):
            pass

    def next_answer(self, what):
        answer = self.answers.get(what, "250 ok")
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer

    def say(self, connection, what, answer=None):
        answer = answer or self.next_answer(what)
        connection.sendall(answer.encode() + b"\r\n")
        return answer

    def kill(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    argv = ["odd box"]

    def output(self):
        return ""


class Gone(Exception):
    """The server has closed (or reset) the connection instead of answering."""


class Client:
    """An SMTP client without manners: says exactly what it is told to."""

    def __init__(self, port, hello=True):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        if hello:
            assert self.reply()[0] == 220
            self.offer = self.command("EHLO client.example.org")[1]

    def send(self, data):
        try:
            self.socket.sendall(data.encode() if isinstance(data, str) else data)
        except OSError as e:
            raise Gone(e) from e

    def reply(self):
        """(code, text of all lines)"""
        lines = []
        while not lines or lines[-1][3:4] == b"-":
            try:
                lines.append(self.file.readline())
            except OSError as e:
                raise Gone(e) from e
            if not lines[-1].endswith(b"\r\n"):
                raise Gone(f"end of file after {lines}")
        text = "\n".join(one[4:-2].decode() for one in lines)
        return int(lines[-1][:3]), text

    def command(self, line):
        self.send(line + "\r\n")
        return self.reply()

    def mail(self, sender, *recipients, params=""):
        """MAIL and RCPTs; the codes of the RCPTs."""
        assert self.command(f"MAIL FROM:<{sender}>{params}")[0] == 250
        return [self.command(f"RCPT TO:<{r}>")[0] for r in recipients]

    def end(self):
        """Our side is done; what the server still has to say can be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Breaks the connection with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Try:
    """One transaction of a Mail: what was answered."""

    def __init__(self):
        self.rcpt = {}     # address: (code, text)
        self.data = None   # (code, text) when it was not 354
        self.end = None    # (code, text) of the end mark
        self.each = None   # PRDR: [(code, text)] behind 353
        self.verdict = {}  # address: code that stands for it; 0: the connection broke

    def code(self):
        """The one to show: of the end mark, of DATA, of the first RCPT refused."""
        if self.end or self.data:
            return (self.end or self.data)[0]
        return next((c for c, _ in self.rcpt.values() if c // 100 != 2), 0)

    def text(self):
        return (self.end or self.data or next(iter(self.rcpt.values())))[1]


class Mail:
    """One mail in the queue of a sending MTA, which tries again what was answered 4xx."""

    def __init__(self, port, message_id, *recipients, sender="me@sender.org", body="hello\r\n",
                 prdr=False, pipelined=False):
        self.pipelined = pipelined
        self.port, self.id, self.sender, self.prdr = port, message_id, sender, prdr
        self.recipients = list(recipients)
        self.body = body
        self.open = list(recipients)  # neither delivered nor bounced
        self.codes = {}               # last verdict of each
        self.tries = []

    def text(self):
        """The mail as this try sends it: trace fields differ from try to try."""
        return (f"Received: from there by here; try {len(self.tries)}\r\n"
                f"X-Trace: {len(self.tries)}\r\n"
                f"Message-ID: <{self.id}>\r\nFrom: {self.sender}\r\nSubject: faults\r\n"
                f"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n{self.body}")

    def attempt(self, client=None, halfway=None, recipients=None):
        """One transaction with all that are open; the Try. halfway() is called when the first
        half of the mail is out."""
        t = Try()
        mine = client is None
        try:
            client = client or Client(self.port)
            self._transaction(client, t, recipients or list(self.open), halfway)
        except Gone:
            pass  # those without a word stay open
        finally:
            if mine and client:
                client.close()
        self.tries.append(t)
        self.codes.update(t.verdict)
        self.open = [r for r in self.open if self.codes.get(r, 0) // 100 not in (2, 5)]
        return t

    def _envelope(self, c, t, recipients):
        """MAIL, RCPTs and DATA, one by one or in pieces of 100; the answer to DATA, None when
        no recipient was taken and so it was not said."""
        at_once = 100 if self.pipelined or len(recipients) > 100 else 1
        lines = [f"MAIL FROM:<{self.sender}>{' PRDR' if self.prdr else ''}"]
        lines += [f"RCPT TO:<{r}>" for r in recipients] + ["DATA"] * self.pipelined
        replies = []
        for i in range(0, len(lines), at_once):
            c.send("".join(f"{line}\r\n" for line in lines[i:i + at_once]))
            replies += [c.reply() for _ in lines[i:i + at_once]]
        assert replies[0][0] == 250
        t.rcpt = dict(zip(recipients, replies[1:]))
        t.verdict = {r: code for r, (code, _) in t.rcpt.items()}
        if self.pipelined:
            return replies[-1]
        if any(code // 100 == 2 for code in t.verdict.values()):
            return c.command("DATA")
        c.command("RSET")
        return None

    def _transaction(self, c, t, recipients, halfway):
        go = self._envelope(c, t, recipients)
        taken = [r for r in recipients if t.verdict[r] // 100 == 2]
        if not taken:
            assert not go or go[0] // 100 == 5, go
            return
        for r in taken:
            t.verdict[r] = 0
        code, text = go
        if code == 354:
            mail = self.text() + ("" if self.body.endswith("\r\n") else "\r\n") + ".\r\n"
            c.send(mail[:len(mail) // 2])
            if halfway:
                halfway()
            c.send(mail[len(mail) // 2:])
            t.end = code, text = c.reply()
        else:
            t.data = code, text
        if code == 353:
            t.each = [c.reply() for _ in taken]
            t.verdict.update((r, e[0]) for r, e in zip(taken, t.each))
        else:
            t.verdict.update((r, code) for r in taken)

    def retry(self, most=8):
        """Tries until nobody is open: True. What was put off at RCPT alone is tried at once
        again, as everything is here: queues wait, tests need not."""
        while self.open and most:
            self.attempt()
            most -= 1
        return not self.open
