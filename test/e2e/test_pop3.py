"""A user logs in and gets the mail from the box that holds it."""

import base64
import hashlib
import hmac
import os
import poplib
import smtplib
import socket
import subprocess
import time

import pytest

from harness import wait_for

MAIL = "Subject: hello\r\n\r\nline one\r\n.dot\r\nlast\r\n"
WRONG = b"-ERR [AUTH] wrong name or password"


class Pop:
    """A raw client: what it sends, what comes back, line by line."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.file = self.socket.makefile("rb")
        self.greeting = self.line()
        self.stamp = self.greeting.split(b" ", 1)[1]

    def line(self):
        return self.file.readline().rstrip(b"\r\n")

    def lines(self):
        return list(iter(self.line, b"."))

    def say(self, text):
        self.socket.sendall((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.line()

    def closed(self):
        return self.file.read() == b""


def mail_for(site):
    with smtplib.SMTP("127.0.0.1", site.smtp) as c:
        c.sendmail("me@sender.org", "team@example.com", MAIL)


def user_pass(c, user, password):
    c.say(f"USER {user}")
    return c.say(f"PASS {password}")


def apop(c, user, password):
    return c.say(f"APOP {user} {hashlib.md5(c.stamp + password.encode()).hexdigest()}")


def b64(data):
    return base64.b64encode(data if isinstance(data, bytes) else data.encode()).decode()


def plain(c, user, password):
    assert c.say("AUTH PLAIN") == b"+ "
    return c.say(b64(f"\0{user}\0{password}"))


def plain_initial(c, user, password):
    return c.say("AUTH plain " + b64(f"\0{user}\0{password}"))


def login(c, user, password):
    assert base64.b64decode(c.say("AUTH LOGIN")[2:]).lower().startswith(b"user")
    assert base64.b64decode(c.say(b64(user))[2:]).lower().startswith(b"pass")
    return c.say(b64(password))


def cram_md5(c, user, password):
    challenge = base64.b64decode(c.say("AUTH CRAM-MD5")[2:])
    digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
    return c.say(b64(f"{user} {digest}"))


def scram(c, user, password):
    """RFC 5802 with the server's proof checked."""
    bare = f"n={user},r=clientnonce"
    first = c.say("AUTH SCRAM-SHA-256 " + b64("n,," + bare))
    assert first.startswith(b"+ "), first
    server = base64.b64decode(first[2:]).decode()
    fields = dict(f.split("=", 1) for f in server.split(","))
    assert fields["r"].startswith("clientnonce") and int(fields["i"]) >= 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]),
                                 int(fields["i"]))
    final = f"c=biws,r={fields['r']}"
    auth = f"{bare},{server},{final}".encode()

    def mac(key, text):
        return hmac.new(key, text, "sha256").digest()
    client_key = mac(salted, b"Client Key")
    proof = bytes(a ^ b for a, b in
                  zip(client_key, mac(hashlib.sha256(client_key).digest(), auth)))
    answer = c.say(b64(f"{final},p={b64(proof)}"))
    if answer.startswith(b"+ "):
        verifier = base64.b64decode(answer[2:])
        assert verifier == b"v=" + b64(mac(mac(salted, b"Server Key"), auth)).encode()
        answer = c.say("")
    return answer


METHODS = [user_pass, apop, plain, plain_initial, login, cram_md5, scram]


@pytest.fixture
def mailbox(site):
    """make(**site's): a Site in which anna and bert have one mail each."""
    def make(**kw):
        s = site(**kw)
        mail_for(s)
        return s
    return make


def test_every_method(mailbox):
    s = mailbox()
    for method in METHODS:
        for user, box in zip(s.people, s.boxes):
            c = Pop(s.pop3)
            answer = method(c, user, "secret")
            assert answer.startswith(b"+OK"), (method.__name__, answer)
            assert c.say("STAT").startswith(b"+OK 1 ")
            assert c.say("RETR 1").startswith(b"+OK")
            assert b"..dot" in c.lines()
            assert c.say("QUIT").startswith(b"+OK") and c.closed()
    assert len(s.pb.traffic_lines(r"login ok user=anna@example.com method=\S+ box=MAIL1")) == 7
    assert s.pb.counters("POP")["logins"] == 14


@pytest.mark.parametrize("method", METHODS)
def test_wrong_password_or_name(mailbox, method):
    s = mailbox(time_scale=100)
    for user, password in (("anna@example.com", "wrong"), ("nobody@example.com", "secret"),
                           ("anna", "secret")):
        c = Pop(s.pop3)
        assert method(c, user, password) == WRONG
        # and it may try again
        assert method(c, "anna@example.com", "secret").startswith(b"+OK")
    assert s.pb.counters("POP")["refused_login"] == 3
    assert s.pb.traffic_lines("login refused user=nobody@example.com")


def test_tries_are_counted(mailbox):
    s = mailbox(time_scale=1000)
    c = Pop(s.pop3)
    for _ in range(5):
        assert user_pass(c, "anna@example.com", "wrong") == WRONG
    assert c.closed()


def test_failures_take_their_time(mailbox):
    """The same for those who exist and those who do not, and growing."""
    s = mailbox(time_scale=10)
    took = {}
    for user in ("anna@example.com", "nobody@example.com"):
        c = Pop(s.pop3)
        begin = time.monotonic()
        assert user_pass(c, user, "wrong") == WRONG
        took[user] = time.monotonic() - begin
    # 100 ms and then 200 ms: the network's failures count together
    assert 0.09 < took["anna@example.com"] < took["nobody@example.com"]
    c = Pop(s.pop3)
    assert user_pass(c, "bert@example.com", "secret").startswith(b"+OK")


def test_hashed_password(mailbox):
    s = mailbox(time_scale=100)
    hashed = subprocess.run(["openssl", "passwd", "-6", "geheim"], capture_output=True,
                            text=True, check=True).stdout.strip()
    for stored in (hashed, "{SHA512-CRYPT}" + hashed, "{CRYPT}" + hashed):
        s.pb.xml("commitmodifyemail", email_address="anna@example.com", user_password=stored)
        for method in (user_pass, plain, login):
            assert method(Pop(s.pop3), "anna@example.com", "geheim").startswith(b"+OK")
            assert method(Pop(s.pop3), "anna@example.com", "secret") == WRONG
        for method in (apop, cram_md5, scram):  # these need the plain one
            assert method(Pop(s.pop3), "anna@example.com", "geheim") == WRONG


def test_box_checks_empty_password(demobox, balancer, tmp_path):
    users = tmp_path / "users"
    users.write_text("anna@example.com\tofthebox\n")
    box = demobox("MAIL1", "-users", users)
    pb = balancer(time_scale=100)
    port = pb.add_cluster("POP", "pop3")
    pb.add_box("POP", "MAIL1", box.pop3)
    pb.add_account("anna@example.com", "MAIL1", password="")
    for method in (user_pass, plain, login):
        assert method(Pop(port), "anna@example.com", "ofthebox").startswith(b"+OK")
        assert method(Pop(port), "anna@example.com", "wrong") == WRONG
        assert method(Pop(port), "anna@example.com", "") == WRONG
    for method in (apop, cram_md5, scram):
        assert method(Pop(port), "anna@example.com", "ofthebox") == WRONG
        assert method(Pop(port), "anna@example.com", "") == WRONG


def test_no_command_is_smuggled_to_the_box(demobox, balancer):
    """Control bytes in a SASL password would be lines of their own."""
    box = demobox("MAIL1")
    pb = balancer(time_scale=100)
    port = pb.add_cluster("POP", "pop3")
    pb.add_box("POP", "MAIL1", box.pop3)
    pb.add_account("anna@example.com", "MAIL1", password="")
    answer = plain(Pop(port), "anna@example.com", "x\r\nUSER bert@example.com\r\nPASS y")
    assert answer == WRONG
    assert "bert" not in box.events_text()


@pytest.mark.parametrize("fault", ["greeting:drop", "greeting:refuse4", "greeting:garbage",
                                   "user:drop", "pass:drop", "pass:reset", "pass:garbage",
                                   "greeting:stall", "user:stall", "pass:stall"])
def test_box_trouble_is_temporary(mailbox, fault):
    s = mailbox(time_scale=1000)
    s.boxes[0].faults(fault)
    c = Pop(s.pop3)
    assert user_pass(c, "anna@example.com", "secret").startswith(b"-ERR [SYS/TEMP]")
    assert user_pass(c, "bert@example.com", "secret").startswith(b"+OK")
    assert s.pb.traffic_lines("login put off user=anna@example.com .* box=MAIL1 - ")
    wait_for("no session is left there",
             lambda: s.pb.counters("POP", "MAIL1")["sessions"] == 0)


@pytest.mark.parametrize("fault", ["user=anna@example.com:drop", "pass=anna@example.com:drop"])
def test_one_broken_mailbox_is_not_the_box(site, fault):
    s = site(1)
    s.pb.add_account("zoe@example.com", "MAIL1")
    s.boxes[0].faults(fault)
    assert user_pass(Pop(s.pop3), "anna@example.com", "secret").startswith(b"-ERR [SYS/TEMP]")
    assert user_pass(Pop(s.pop3), "zoe@example.com", "secret").startswith(b"+OK")


def test_box_that_refuses_our_password(mailbox):
    s = mailbox()
    s.boxes[0].faults("pass:refuse5")
    answer = user_pass(Pop(s.pop3), "anna@example.com", "secret")
    assert answer.startswith(b"-ERR") and not answer.startswith(b"-ERR [AUTH]")


def test_fallover_box(site):
    s = site()
    s.pb.xml("commitmodifybox", clusterid="POP", boxid="MAIL1", fallover_boxid="MAIL2")
    s.boxes[0].stop()
    assert user_pass(Pop(s.pop3), "anna@example.com", "secret").startswith(b"+OK")
    s.pb.xml("yellow", clusterid="POP", boxid="MAIL1")
    assert user_pass(Pop(s.pop3), "anna@example.com", "secret").startswith(b"+OK")


def test_lights(mailbox):
    s = mailbox()
    c = Pop(s.pop3)
    assert user_pass(c, "anna@example.com", "secret").startswith(b"+OK")
    s.pb.xml("yellow", clusterid="POP", boxid="MAIL1")
    assert c.say("STAT").startswith(b"+OK 1")  # running sessions end by themselves
    assert user_pass(Pop(s.pop3), "anna@example.com", "secret").startswith(b"-ERR [SYS/TEMP]")
    s.pb.xml("red", clusterid="POP", boxid="MAIL1")
    assert c.closed()
    s.pb.xml("green", clusterid="POP", boxid="MAIL1")
    assert user_pass(Pop(s.pop3), "anna@example.com", "secret").startswith(b"+OK")


def test_light_before_login(mailbox):
    s = mailbox()
    c = Pop(s.pop3)
    s.pb.xml("red", clusterid="POP", boxid="MAIL1")
    assert user_pass(c, "anna@example.com", "secret").startswith(b"-ERR [SYS/TEMP]")
    s.pb.xml("green", clusterid="POP", boxid="MAIL1")
    assert user_pass(c, "anna@example.com", "secret").startswith(b"+OK")


def test_dialogue(mailbox):
    s = mailbox()
    c = Pop(s.pop3)
    assert c.greeting.startswith(b"+OK <") and c.stamp.endswith(b">")
    assert c.stamp != Pop(s.pop3).stamp
    assert c.say("CAPA").startswith(b"+OK")
    offers = c.lines()
    assert b"SASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256" in offers and b"USER" in offers
    assert c.say("PASS x") == b"-ERR say USER first"
    assert c.say("STAT").startswith(b"-ERR")
    assert c.say("AUTH NTLM").startswith(b"-ERR")
    assert c.say("AUTH PLAIN") == b"+ " and c.say("*").startswith(b"-ERR")
    assert c.say("AUTH PLAIN") == b"+ " and c.say("no base64!").startswith(b"-ERR")
    assert c.say("APOP anna@example.com nothex").startswith(b"-ERR")
    assert c.say("UTF8").startswith(b"+OK")
    assert c.say("user ANNA@Example.COM").startswith(b"+OK")
    assert c.say("pass secret").startswith(b"+OK")
    assert "UTF8" in s.boxes[0].events_text()
    assert c.say("QUIT").startswith(b"+OK")


def test_pipelined_login(mailbox):
    s = mailbox()
    c = Pop(s.pop3)
    c.socket.sendall(b"USER anna@example.com\r\nPASS secret\r\nSTAT\r\nLIST\r\nQUIT\r\n")
    lines = c.file.read().split(b"\r\n")
    assert lines[2].startswith(b"+OK 1 ") and lines[-2].startswith(b"+OK")


def test_big_mail_through_the_tunnel(site):
    s = site(cluster={"max_mail_size_kb": 20000})
    body = os.urandom(6_000_000).hex()
    text = "\r\n".join(body[i:i + 76] for i in range(0, len(body), 76))
    with smtplib.SMTP("127.0.0.1", s.smtp) as c:
        c.sendmail("me@sender.org", "anna@example.com", "Subject: big\r\n\r\n" + text)
    c = poplib.POP3("127.0.0.1", s.pop3, timeout=30)
    c.user("anna@example.com")
    c.pass_("secret")
    got = b"\r\n".join(c.retr(1)[1])
    assert text.encode() in got
    c.quit()
    line = wait_for("the log", lambda: s.pb.traffic_lines("disconnected.*out=1[0-9]{7}"))
    assert "reason=\"closed\"" in line[0]


def test_idle_sessions_end(mailbox):
    s = mailbox(time_scale=1000)
    c = Pop(s.pop3)
    assert c.line().startswith(b"-ERR [SYS/TEMP] time-out") and c.closed()
    c = Pop(s.pop3)
    assert user_pass(c, "anna@example.com", "secret").startswith(b"+OK")
    assert c.closed()


def test_real_clients(mailbox, have, tmp_path):
    s = mailbox()
    url = f"pop3://anna%40example.com:secret@127.0.0.1:{s.pop3}/1"
    for options in ("AUTH=PLAIN", "AUTH=LOGIN", "AUTH=CRAM-MD5", "AUTH=+APOP"):
        out = subprocess.run([have("curl"), "-sS", "--login-options", options, url],
                             capture_output=True, text=True)
        assert "line one" in out.stdout, (options, out.stderr)
    maildir = tmp_path / "mpop"
    for sub in ("cur", "new", "tmp"):
        (maildir / sub).mkdir(parents=True)
    for auth in ("user", "apop", "plain", "cram-md5"):
        out = subprocess.run(
            [have("mpop"), "--host=127.0.0.1", f"--port={s.pop3}", "--tls=off", f"--auth={auth}",
             "--user=bert@example.com", "--passwordeval=echo secret", "--keep=on",
             f"--uidls-file={tmp_path}/uidls-{auth}", f"--delivery=maildir,{maildir}"],
            capture_output=True, text=True)
        assert out.returncode == 0, (auth, out.stderr)
    assert len(list((maildir / "new").iterdir())) == 4
    rc, mda = tmp_path / "fetchmailrc", tmp_path / "got"
    rc.write_text(f'set no bouncemail\npoll 127.0.0.1 service {s.pop3} protocol POP3 '
                  f'user "anna@example.com" password "secret" sslproto "" '
                  f'mda "cat >>{mda}"\n')
    rc.chmod(0o600)
    out = subprocess.run([have("fetchmail"), "-f", rc, "--pidfile", tmp_path / "pid", "-N"],
                         capture_output=True, text=True, env={**os.environ, "HOME": str(tmp_path)})
    assert out.returncode == 0, out.stdout + out.stderr
    assert "line one" in mda.read_text()
    assert s.boxes[0].mails("anna@example.com") == []  # fetchmail deletes what it has
