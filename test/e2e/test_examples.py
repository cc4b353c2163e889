"""docs/examples: each of them against a running protobalance, whose store then tells."""

import http.server
import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from harness import Process, XmlError, free_port, wait_for
from servers import ROOT, Exim, Postfix

EXAMPLES = ROOT / "docs" / "examples"
CLIENTS = {"python3": "account.py", "perl": "account.pl", "php": "account.php",
           "java": "Account.java", "sh": "account.sh"}
ANNA = "anna@example.com"
NASTY = " gr\u00fc\u00dfe <&>\"' ]]> &amp; \\ $HOME %s `id` \u20ac\U0001f600"


@pytest.fixture
def pb(balancer):
    pb = balancer(workers=1, time_scale=1000)
    pb.add_cluster("Cluster001", "tcp")
    pb.add_box("Cluster001", "BOX001", free_port(), light="yellow")
    return pb


def environment(pb, url=None, key=None):
    keyfile = pb.directory / "key"
    keyfile.write_text((key or pb.key()) + "\n")
    keyfile.chmod(0o600)
    return {**os.environ, "BALANCE_KEYFILE": str(keyfile),
            "BALANCE_URL": url or f"http://127.0.0.1:{pb.http}/xml"}


def run(argv, env, stdin=""):
    return subprocess.run([str(a) for a in argv], input=stdin, env=env, capture_output=True,
                          text=True, encoding="utf-8", timeout=60)


@pytest.fixture(scope="session")
def java(have, tmp_path_factory):
    """Compiled once; `java Account.java` would compile it each time."""
    classes = tmp_path_factory.mktemp("java")
    subprocess.run([have("javac"), "-d", classes, EXAMPLES / "Account.java"], check=True)
    return [have("java"), "-XX:TieredStopAtLevel=1", "-cp", classes, "Account"]


@pytest.fixture(params=CLIENTS)
def client(request, pb, have):
    """client(argument..., stdin="", env={}): one run of an example in each language."""
    if request.param == "java":
        argv = request.getfixturevalue("java")
    else:
        argv = [have(request.param), EXAMPLES / CLIENTS[request.param]]
    return lambda *arguments, stdin="", env=None: run([*argv, *arguments],
                                                      env or environment(pb), stdin)


def done(out):
    assert (out.returncode, out.stderr) == (0, ""), out
    return out.stdout


def failed(out, status, *words):
    """Its one line of error; nothing on standard output."""
    assert (out.returncode, out.stdout) == (status, ""), out
    for word in words:
        assert word in out.stderr, out
    return out.stderr


def stored(pb, address=ANNA):
    try:
        root = pb.xml("getemail", email_address=address, show_password=1)
        return {e.tag: e.text or "" for e in root}
    except XmlError as e:
        assert e.status == 404
        return None


@pytest.mark.timeout(120)
def test_life_of_an_account(pb, client):
    assert done(client("add", ANNA, "MAIL1", stdin="first word\n")) == ""
    assert stored(pb)["user_password"] == "first word" and stored(pb)["boxid"] == "MAIL1"
    assert done(client("password", ANNA, stdin=NASTY + "\n")) == ""
    assert stored(pb)["user_password"] == NASTY
    assert done(client("password", ANNA, stdin="without a newline")) == ""
    assert stored(pb)["user_password"] == "without a newline"
    pb.xml("commitmodifyemail", email_address=ANNA, auto_reply_subject=NASTY,
           auto_reply_body="two\nlines")
    shown = done(client("show", ANNA))
    want = stored(pb)
    del want["user_password"]
    for tag in ("command", "status"):
        del want[tag]
    assert shown == "".join(f"{tag}: {value}\n" for tag, value in want.items())
    assert done(client("delete", ANNA)) == ""
    assert stored(pb) is None


def test_java_from_its_source(pb, have):
    """As its users run it."""
    argv = [have("java"), EXAMPLES / "Account.java"]
    done(run([*argv, "add", ANNA, "MAIL1"], environment(pb), NASTY))
    assert stored(pb)["user_password"] == NASTY


@pytest.mark.timeout(120)
def test_what_is_refused(pb, client):
    """The words of protobalance, exit status 1, and nothing has changed."""
    pb.add_account(ANNA, "MAIL1")
    before = stored(pb)
    failed(client("add", ANNA, "MAIL2", stdin="x"), 1, "exists already", "(email_exists)")
    failed(client("add", "bert@example.com", "<&\"'>", stdin="x"), 1, "boxid", "<&\"'>",
           "(bad_value)")
    failed(client("password", ANNA, stdin="{XYZ}abc"), 1, "unknown {SCHEME}", "(bad_value)")
    failed(client("show", "none@example.com"), 1, "no such email address: none@example.com",
           "(no_such_email)")
    failed(client("delete", "none@example.com"), 1, "(no_such_email)")
    failed(client("delete", f"x</email_address></deleteemail><!--{ANNA}"), 1, "(bad_value)")
    failed(client("delete", ANNA, env=environment(pb, key="<wrong&>")), 1, "key")
    assert stored(pb) == before and stored(pb, "bert@example.com") is None


class Stranger(threading.Thread):
    """A web server that is no protobalance."""

    def __init__(self, answer):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.answer = answer
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/xml"
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            with c:
                c.recv(65536)
                c.sendall(self.answer)

    def kill(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


HTML = (b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n"
        b"Content-Length: 31\r\n\r\n<html><body>It works!<br></html>"[:-1])
XML = (b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nConnection: close\r\n"
       b"Content-Length: 15\r\n\r\n<a><b>x</b></a>")


@pytest.mark.timeout(120)
def test_what_cannot_be_asked(pb, client, request):
    down = f"http://127.0.0.1:{free_port()}/xml"
    failed(client("delete", ANNA, env=environment(pb, url=down)), 2, "cannot ask")
    for answer in (HTML, XML):
        stranger = Stranger(answer)
        request.addfinalizer(stranger.kill)
        failed(client("delete", ANNA, env=environment(pb, url=stranger.url)), 2, "cannot ask")
    missing = {**environment(pb), "BALANCE_KEYFILE": str(pb.directory / "none")}
    failed(client("delete", ANNA, env=missing), 2, "cannot ask", "none")
    nothing = {k: v for k, v in environment(pb).items() if k != "BALANCE_KEYFILE"}
    failed(client("delete", ANNA, env=nothing), 2, "usage: ")
    for arguments in ([], ["delete"], ["delete", ANNA, "x"], ["add", ANNA], ["remove", ANNA]):
        failed(client(*arguments), 2, "usage: ")


def test_no_secret_is_an_argument(pb, have, tmp_path):
    """The shell's only helper that could show one is curl."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("curl", "sed"):
        (tools / tool).write_text(f'#!/bin/sh\necho "$0" "$@" >>{tmp_path}/arguments\n'
                                  f'exec {have(tool)} "$@"\n')
        (tools / tool).chmod(0o755)
    env = {**environment(pb), "PATH": f"{tools}:{os.environ['PATH']}"}
    done(run(["sh", EXAMPLES / "account.sh", "add", ANNA, "MAIL1"], env, "the password"))
    seen = (tmp_path / "arguments").read_text()
    assert "curl" in seen and pb.key() not in seen and "the password" not in seen


# --- the manual's ---

def light(pb):
    return next(b.findtext("light") for b in pb.xml("listclusters").iter("box"))


def test_manual(pb, have):
    env = environment(pb)
    argv = [have("python3"), EXAMPLES / "manual.py"]
    for colour in ("green", "yellow", "red", "green"):
        out = run([*argv, colour, "Cluster001", "BOX001"], env)
        assert done(out).startswith("HTTP/1.") and "<status>ok</status>" in out.stdout
        assert light(pb) == colour
    out = run([*argv, "green", "Cluster001", "BOX2"], env)
    assert out.returncode == 1 and "no_such_box" in out.stdout
    out = run([*argv, "green", "Cluster001", "BOX001"], environment(pb, key="wrong"))
    assert out.returncode == 1 and " 403 " in out.stdout
    down = environment(pb, url=f"http://127.0.0.1:{free_port()}/xml")
    failed(run([*argv, "green", "Cluster001", "BOX001"], down), 2, "cannot ask")
    failed(run([*argv, "blue", "Cluster001", "BOX001"], env), 2, "usage: ")
    failed(run([*argv, "green", "Cluster001"], env), 2, "usage: ")


def test_manual_byte_for_byte(pb, have):
    """What the manual's own script sends: c.send of these three pieces."""
    document = ('\n<?xml version="1.0" encoding="UTF-8" ?>\n<yellow>\n'
                '  <accesskey>qwerty12345</accesskey>\n  <clusterid>Cluster001</clusterid>\n'
                '  <boxid>BOX001</boxid>\n</yellow>\n')
    want = (f"POST /xml HTTP/1.0\r\ncontent-length: {len(document)}\r\n\r\n{document}").encode()
    got = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        def listen():
            c, _ = server.accept()
            with c:
                c.settimeout(5)
                while sum(map(len, got)) < len(want):
                    got.append(c.recv(65536))
                c.shutdown(socket.SHUT_WR)
                got.append(c.recv(65536))  # nothing more came
        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        env = environment(pb, url=f"http://127.0.0.1:{server.getsockname()[1]}/xml",
                          key="qwerty12345")
        run([have("python3"), EXAMPLES / "manual.py", "yellow", "Cluster001", "BOX001"], env)
        listener.join(10)
    assert b"".join(got) == want


# --- the queue's light ---

def queue_light(have, *options, queue, low=10, high=20):
    return [have("python3"), EXAMPLES / "queue-light", *options, "Cluster001", "BOX001", low, high,
            queue]


def test_queue_light(pb, have, tmp_path):
    queue, env = tmp_path / "length", environment(pb)
    for length, before, after in ((15, "yellow", "yellow"), (10, "yellow", "yellow"),
                                  (9, "yellow", "green"), (15, "green", "green"),
                                  (20, "green", "green"), (21, "green", "yellow"),
                                  (1000, "yellow", "yellow"), (15, "yellow", "yellow"),
                                  (0, "yellow", "green")):
        queue.write_text(f"{length}\n")
        out = done(run(queue_light(have, queue=queue), env))
        assert light(pb) == after, length
        assert out == ("" if before == after else
                       f"Cluster001/BOX001: {length} mails are queued, {before} turns {after}\n")
    pb.xml("red", clusterid="Cluster001", boxid="BOX001")
    for length in (0, 1000):
        queue.write_text(f"{length}\n")
        assert done(run(queue_light(have, queue=queue), env)) == "" and light(pb) == "red"


class Between(http.server.BaseHTTPRequestHandler):
    """Hands requests on; somebody sets a light just before or behind the one that is set here."""
    pb, before, behind = None, (), ()

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        sets = any(body.startswith(f"<{c}>".encode()) for c in ("green", "yellow"))
        lights, self.__class__.before = (self.before, ()) if sets else ((), self.before)
        later, self.__class__.behind = (self.behind, ()) if sets else ((), self.behind)
        for light in lights:
            self.pb.xml(light, boxid="BOX001", clusterid="Cluster001")
        status, text = self.pb.post(body)
        for light in later:
            self.pb.xml(light, boxid="BOX001", clusterid="Cluster001")
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text if isinstance(text, bytes) else text.encode())

    def log_message(self, *args):
        pass


@pytest.mark.parametrize("before,behind,after", [
    (["red"], [], "red"), ([], ["red"], "red"), (["red", "yellow"], [], "yellow"), ([], [], "green"),
    (["red"], ["yellow"], "yellow"),
])
def test_queue_light_is_not_alone(pb, have, tmp_path, before, behind, after):
    """What somebody else sets between its look and its change is not lost."""
    (tmp_path / "length").write_text("0\n")
    handler = type("Handler", (Between,), {"pb": pb, "before": before, "behind": behind})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}/xml"
        out = done(run(queue_light(have, queue=tmp_path / "length"), environment(pb, url=url)))
        server.shutdown()
    assert light(pb) == after
    assert out.startswith("Cluster001/BOX001: 0 mails are queued, yellow turns green\n")


def test_queue_light_in_trouble(pb, have, tmp_path):
    """What is not known changes nothing."""
    queue, env = tmp_path / "length", environment(pb)
    argv = queue_light(have, queue=queue)
    failed(run(argv, env), 2, "length")
    for text in ("", "many\n", "1 2\n"):
        queue.write_text(text)
        failed(run(argv, env), 2, "queue-light: ")
    queue.write_text("0\n")
    failed(run(argv, environment(pb, key="wrong")), 1, "key")
    failed(run(argv, environment(pb, url=f"http://127.0.0.1:{free_port()}/xml")), 2, "refused")
    failed(run([*argv[:3], "BOX2", *argv[4:]], env), 1, "no such box: Cluster001/BOX2")
    failed(run(queue_light(have, queue="postfix"), {**env, "PATH": str(tmp_path)}), 2, "postqueue")
    for bad in (queue_light(have, queue=queue, low=21), argv[:-1], [*argv, "x"],
                queue_light(have, "-every", queue=queue), queue_light(have, queue=queue, low="x")):
        failed(run(bad, env), 2, "usage: ")
    assert light(pb) == "yellow"
    for name, text in (("postqueue", "exit 1"), ("exim", "echo no number")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
        source = "postfix" if name == "postqueue" else "exim"
        failed(run(queue_light(have, queue=source),
                   {**env, "PATH": f"{tmp_path}:{os.environ['PATH']}"}), 2, "queue-light: ")
    assert light(pb) == "yellow"


def test_queue_light_as_a_service(pb, have, keep, tmp_path):
    """It goes on whatever happens: the file is gone, the balancer is gone."""
    queue = tmp_path / "length"
    queue.write_text("0\n")
    service = keep(Process(queue_light(have, "-every", "0.1", queue=queue), tmp_path / "output",
                           env=environment(pb)))
    wait_for("green", lambda: light(pb) == "green")
    queue.unlink()
    wait_for("the complaint", lambda: "No such file" in service.output())
    pb.stop()
    queue.write_text("100\n")
    wait_for("the complaint", lambda: "refused" in service.output())
    pb.start()
    wait_for("yellow", lambda: light(pb) == "yellow")
    assert service.alive()


def send(server, n):
    for i in range(n):
        server.sendmail("me@example.com", ["you@example.org"], f"Subject: {i}\n\ntext\n")


@pytest.mark.timeout(120)
def test_queue_light_of_postfix(pb, have, keep, tmp_path):
    """A real queue, whose relay host is down."""
    postfix = keep(Postfix(tmp_path / "postfix", relayhost=free_port()))
    env = {**environment(pb), "MAIL_CONFIG": str(postfix.etc)}
    argv = queue_light(have, queue="postfix", low=1, high=3)
    assert "green" in done(run(argv, env))
    send(postfix, 3)
    wait_for("the queue", lambda: len(postfix.queue()) == 3)
    assert done(run(argv, env)) == ""
    send(postfix, 1)
    wait_for("the queue", lambda: len(postfix.queue()) == 4)
    assert done(run(argv, env)) == "Cluster001/BOX001: 4 mails are queued, green turns yellow\n"
    assert light(pb) == "yellow"


@pytest.mark.timeout(300)
def test_queue_light_of_exim(pb, have, keep, tmp_path):
    exim = keep(Exim(tmp_path / "exim", relayhost=free_port()))
    tools = Path(tmp_path / "bin")
    tools.mkdir()
    (tools / "exim").write_text(f'#!/bin/sh\nexec {exim.binary} -C {exim.config} "$@"\n')
    (tools / "exim").chmod(0o755)
    env = {**environment(pb), "PATH": f"{tools}:{os.environ['PATH']}"}
    argv = queue_light(have, queue="exim", low=1, high=3)
    assert "green" in done(run(argv, env))
    send(exim, 4)
    wait_for("the queue", lambda: len(exim.queue()) == 4)
    assert done(run(argv, env)) == "Cluster001/BOX001: 4 mails are queued, green turns yellow\n"
    assert light(pb) == "yellow"
