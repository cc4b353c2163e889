"""pbctl at a terminal: live tables, progress, passwords; completion in bash."""

import http.server
import json
import os
import re
import signal
import socketserver
import subprocess
import threading
import time

import pytest

from ctl import DONE, NOT_ASKED, PBCTL, REFUSED, Terminal, as_json, call, ok, rows
from harness import BUILD, DEADLINE, Client, XmlError

ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l", "\x1b[?7h\x1b[?25h\x1b[?1049l"


@pytest.fixture
def pb(balancer):
    b = balancer(time_scale=None)
    b.smtp = b.add_cluster("MX", "smtp")
    b.add_box("MX", "MAIL1", 2501)
    b.add_box("MX", "MAIL2", 2502, light="red")
    return b


@pytest.fixture
def terminal(pb, keep):
    return lambda *args, **kw: keep(Terminal(pb, *args, **kw))


def frames(text):
    """What stood on the screen, one after the other."""
    return [re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\r", "", f) for f in text.split("\x1b[H")[1:]]


# --- top ---

def test_top(pb, terminal):
    t = terminal("top", "0.2")
    t.until(r"\x1b\[J")
    with Client(pb.smtp):
        t.until(r"mails_per_s.*\x1b\[J.*MX +smtp +1 ")
        t.type("x")  # a key without a meaning
        t.until(r"\x1b\[J", len(t.shown))
        t.type("q")
        assert t.end() == DONE
    assert t.shown.startswith(ENTER) and t.shown.endswith(LEAVE)
    first, *_, last = frames(t.shown)
    assert "mails_per_s" not in first  # there is nothing to compare with yet
    assert re.search(r"^ +0 +worker +\d+", last, re.M) and re.search(r"supervisor", last)
    assert "\x1b[31mred" in t.shown and "\x1b[32mgreen" in t.shown


def test_top_rates(pb, terminal):
    """What moves between two frames is told a second."""
    t = terminal("top", "0.5")
    t.until("mails_per_s")
    for _ in range(5):
        Client(pb.smtp).close()
    seen = t.until(r"MX +smtp +\d+ +(?!0\.0)(\d+\.\d) ", len(t.shown))
    assert 0 < float(seen[1]) <= 10
    t.type("q")
    assert t.end() == DONE


@pytest.mark.parametrize("number,status", [(signal.SIGINT, DONE), (signal.SIGTERM, -signal.SIGTERM),
                                           (signal.SIGHUP, -signal.SIGHUP)])
def test_top_and_signals(terminal, number, status):
    t = terminal("top", "0.2")
    t.until(r"\x1b\[J")
    if number == signal.SIGINT:
        t.type("\x03")
    else:
        os.kill(t.pid, number)
    assert t.end() == status
    assert t.shown.endswith(LEAVE)


def test_top_on_a_small_screen(pb, terminal):
    t = terminal("top", "0.2", lines=6)
    t.until(r"\x1b\[J.*\x1b\[J.*\x1b\[J")
    t.type("q")
    assert t.end() == DONE
    assert all(f.count("\n") <= 5 for f in frames(t.shown)[1:])


def test_top_survives_the_service(pb, terminal):
    t = terminal("top", "0.2")
    t.until(r"\x1b\[J")
    pb.stop()
    t.until("no protobalance runs on")
    here = len(t.shown)
    pb.start()
    t.until(r"mails_per_s", here)
    t.type("q")
    assert t.end() == DONE


def test_top_without_a_terminal(pb):
    text = ok(pb, "top", "0.2")
    assert "\x1b" not in text and text.count("mails_per_s") == 2
    data = as_json(pb, "top", "0.2")
    assert data["clusters"][0]["mails_per_s"] == "0.0"
    assert [b["light"] for b in data["boxes"]] == ["green", "red"]
    assert {p["role"] for p in data["processes"]} >= {"admin", "worker", "supervisor"}
    out = call(pb, "top", "0")
    assert out.returncode == NOT_ASKED and "not in 0.1..86400" in out.stderr


# --- stats -watch ---

def watch(pb, *options):
    return subprocess.Popen([PBCTL, "-directory", pb.state, *options, "stats", "--watch", "0.2"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_watch(pb):
    p = watch(pb)
    text = ""
    while text.count("uptime_s") < 3:
        text += p.stdout.readline()
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=DEADLINE)
    assert p.returncode == -signal.SIGINT and "\x1b" not in text


def test_watch_for_programs(pb):
    p = watch(pb, "-json")
    lines = [json.loads(p.stdout.readline()) for _ in range(3)]
    assert all(one["clusters"][0]["clusterid"] == "MX" for one in lines)
    pb.stop()
    _, told = p.communicate(timeout=DEADLINE)
    assert p.returncode == NOT_ASKED and "no protobalance runs" in told


def test_watch_at_a_terminal(terminal):
    t = terminal("stats", "-watch", "0.2")
    t.until(r"uptime_s.*\x1b\[H\x1b\[2J.*uptime_s")
    t.type("\x03")
    assert t.end() == -signal.SIGINT


# --- a table at a terminal, and not ---

def test_colours_only_at_a_terminal(pb, terminal):
    pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", comment="c" * 100)
    t = terminal("box", "list")
    assert t.end() == DONE
    assert "\x1b[32mgreen\x1b[0m" in t.shown and "c" * 47 + "…" in t.shown
    text = ok(pb, "box", "list")
    assert "\x1b" not in text and "c" * 100 in text


def test_what_a_terminal_would_act_upon(pb):
    pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", comment="a\u009b31mb\u202ec\nd")
    assert "a?31mb?c d" in ok(pb, "box", "list")
    assert re.search(r"^comment: +a\?31mb\?c\n +d$", ok(pb, "box", "show", "MX", "MAIL1"), re.M)
    assert as_json(pb, "box", "show", "MX", "MAIL1")["comment"] == "a\u009b31mb\u202ec\nd"


# --- progress ---

class Slow(socketserver.ThreadingUnixStreamServer):
    """A service whose reread takes until stats has told three times how far it is."""

    def __init__(self, folder):
        self.asked, self.enough = 0, threading.Event()
        super().__init__(str(folder / "admin.sock"), SlowHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self):
        return super().get_request()[0], ("local", 0)


class SlowHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        command = re.match(r"<(\w+)>", self.rfile.read(int(self.headers["Content-Length"])).decode())[1]
        values = "<read>7</read>"
        if command == "stats":
            self.server.asked += 1
            values = ("<work><command>reread</command><done>%d</done><of>1000</of></work>"
                      % (self.server.asked * 250))
            if self.server.asked == 3:
                self.server.enough.set()
        else:
            assert self.server.enough.wait(DEADLINE)
        text = (f"<response><command>{command}</command><status>ok</status>{values}"
                "</response>").encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


def test_bar(keep, tmp_path):
    with Slow(tmp_path) as server:
        begin = time.monotonic()
        t = keep(Terminal(None, program=[PBCTL, "-directory", tmp_path, "reread"]))
        assert t.end() == DONE
        took = time.monotonic() - begin
        server.shutdown()
    assert took > 0.7  # a question every quarter of a second
    assert "\r\x1b[Kreread [##########" + "." * 30 + "]  25%  250 of 1000" in t.shown
    assert "\r\x1b[Kreread [" + "#" * 20 + "." * 20 + "]  50%  500 of 1000" in t.shown
    assert t.shown.endswith("\r\x1b[Kread: 7\r\n")


def test_progress(pb, terminal, tmp_path):
    """It stands on the terminal while reread runs, and is gone when it is done."""
    path = tmp_path / "users.csv"
    path.write_text("".join(f"user{i:06}@example.com\t\tMAIL1\n" for i in range(300000)))
    t = terminal("import", path)
    t.until(r"\r\x1b\[Kreread [\d\[]")
    assert t.end() == DONE
    behind = t.shown[t.shown.rindex("\r\x1b[K") + 4:]
    assert "of" not in behind and re.search(r"added: +300000", behind)
    out = call(pb, "import", path)  # no terminal, no bar
    assert out.returncode == DONE and out.stderr == ""


# --- passwords ---

def new_password_works(pb, password):
    """The console's password is checked where nobody can see it: by what the service stores."""
    changes = pb.xml("audit", limit=1).find("changes")[0]
    return changes.findtext("command") == "changepassword" and \
        password not in changes.findtext("what")


def test_password_is_asked_twice(pb, terminal):
    t = terminal("password")
    for prompt in ("new password: ", "once more: "):
        t.until(prompt)
        while not t.hidden():
            time.sleep(0.01)
        t.type("a-good-password\n")
    assert t.end() == DONE
    assert "a-good-password" not in t.shown and new_password_works(pb, "a-good-password")


def test_passwords_that_differ(pb, terminal):
    t = terminal("password")
    for prompt, typed in (("new password: ", "one-password"), ("once more: ", "another-one")):
        t.until(prompt)
        while not t.hidden():
            time.sleep(0.01)
        t.type(typed + "\n")
    assert t.end() == NOT_ASKED
    assert "the two are not the same" in t.shown
    assert not new_password_works(pb, "one-password")


def test_password_of_an_account_is_asked_twice(pb, terminal):
    for second, status in (("another\n", NOT_ASKED), ("a secret\n", DONE)):
        t = terminal("account", "add", "anna@example.com", "user_password=-")
        for prompt, typed in (("user_password: ", "a secret\n"), ("once more: ", second)):
            t.until(prompt)
            while not t.hidden():
                time.sleep(0.01)
            t.type(typed)
        assert t.end() == status and "a secret" not in t.shown
    shown = pb.xml("getemail", email_address="anna@example.com", show_password=1)
    assert shown.findtext("user_password") == "a secret"


def test_password_from_elsewhere(pb):
    ok(pb, "password", stdin="from-a-program\n")
    assert new_password_works(pb, "from-a-program")
    assert call(pb, "password", "password=short").returncode == REFUSED
    ok(pb, "password", "new_accesskey=-", stdin="a-new-access-key\n")
    assert pb.xml("getinfo", key="a-new-access-key") is not None
    with pytest.raises(XmlError):
        pb.xml("getinfo")


# --- completion ---

def complete(line, have, folder):
    """What bash offers behind that line, as it does when TAB is pressed."""
    script = (f"source {BUILD / 'pbctl.bash'}\n"
              'COMP_LINE=$1 COMP_POINT=${#1}\n'
              '_pbctl\n'
              'printf "%s\\n" "${COMPREPLY[@]}"\n')
    out = subprocess.run([have("bash"), "--norc", "-c", script, "bash", line], text=True,
                         capture_output=True, timeout=DEADLINE,
                         env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
    assert out.stderr == "", out.stderr
    return out.stdout.split()


@pytest.fixture
def completes(pb, tmp_path, have):
    """completes(line): "pbctl" in it asks this service."""
    (tmp_path / "pbctl").symlink_to(PBCTL)

    def ask(line):
        return complete(line.replace("DIR", str(pb.state)), have, tmp_path)
    return ask


@pytest.mark.parametrize("line,offers", [
    ("pbctl acc", ["account"]), ("pbctl account ", "add show set delete list move".split()),
    ("pbctl -directory DIR light ", ["MX"]), ("pbctl -directory DIR light MX ", ["MAIL1", "MAIL2"]),
    ("pbctl -directory DIR light MX MAIL1 g", ["green"]),
    # readline replaces what stands behind the last = only
    ("pbctl cluster set MX tls=", ["none", "starttls", "implicit"]),
    ("pbctl -directory DIR account add a@b.cc boxid=MAIL2", ["MAIL2"]),
    ("pbctl account list --b", ["--box"]), ("pbctl -directory DIR account list --box ", ["MAIL1", "MAIL2"]),
    ("pbctl box set MX MAIL1 tls_v", ["tls_verify="]),
    ("pbctl -directory /nonexistent light ", []), ("pbctl import ", []), ("pbctl nosuch ", []),
])
def test_completion(completes, line, offers):
    assert completes(line) == offers


def test_completion_in_an_interactive_bash(pb, have, keep, tmp_path):
    """TAB is pressed."""
    (tmp_path / "pbctl").symlink_to(PBCTL)
    (tmp_path / "rc").write_text(f"PS1='$ '\nPATH={tmp_path}:$PATH\nsource {BUILD / 'pbctl.bash'}\n"
                                 "bind 'set enable-bracketed-paste off'\n")
    t = keep(Terminal(pb, program=[have("bash"), "--rcfile", tmp_path / "rc", "-i"]))
    t.until(r"\$ ")
    t.type(f"pbctl -directory {pb.state} light MX MAIL2 ye\t\n")
    t.until(r"light: +yellow")
    t.type(f"pbctl -directory {pb.state} box set MX MAIL1 tls=st\ttls_ver\t1\n")
    t.until(r"tls=starttls")
    t.type("exit\n")
    t.end()
    lights = {b["boxid"]: b["light"] for b in rows(ok(pb, "box", "list"))}
    assert lights["MAIL2"] == "yellow"
    box = as_json(pb, "box", "show", "MX", "MAIL1")
    assert box["tls"] == "starttls" and box["tls_verify"] is True
