"""SMTP AUTH: real clients with each mechanism, accounts of each kind, and guessers."""

import base64
import hashlib
import hmac
import smtplib
import subprocess

import pytest

from harness import OddBox, wait_for
from servers import Exim
from test_relay import OUTSIDE, login, outgoing  # noqa: F401: a fixture
from test_smtp import Smtp

LETTER = "Subject: by login\r\n\r\nhello\r\n"


@pytest.fixture
def relay(outgoing):  # noqa: F811
    """MAIL1 relays for those who have logged in, and for nobody else."""
    return outgoing(OUTSIDE, relays=["MAIL1"], time_scale=20)


def delivered(s):
    return len(s.boxes[0].mails("you@elsewhere.org"))


def swaks(have, s, mechanism, password):
    out = subprocess.run([have("swaks"), "--server", f"127.0.0.1:{s.smtp}", "--from",
                          "anna@example.com", "--to", "you@elsewhere.org", "--auth", mechanism,
                          "--auth-user", "anna@example.com", "--auth-password", password],
                         capture_output=True, text=True)
    return out.returncode == 0, out.stdout


def msmtp(have, s, mechanism, password):
    out = subprocess.run([have("msmtp"), "--host=127.0.0.1", f"--port={s.smtp}", "--tls=off",
                          f"--auth={mechanism}", "--user=anna@example.com",
                          f"--passwordeval=echo {password}", "--from=anna@example.com",
                          "you@elsewhere.org"], input=LETTER, capture_output=True, text=True)
    return out.returncode == 0, out.stderr


def curl(have, s, mechanism, password):
    out = subprocess.run([have("curl"), "-sS", "--url", f"smtp://127.0.0.1:{s.smtp}",
                          "--login-options", f"AUTH={mechanism}", "--user",
                          f"anna@example.com:{password}", "--mail-from", "anna@example.com",
                          "--mail-rcpt", "you@elsewhere.org", "--upload-file", "-"],
                         input=LETTER, capture_output=True, text=True)
    return out.returncode == 0, out.stderr


def python(have, s, mechanism, password):
    with smtplib.SMTP("127.0.0.1", s.smtp) as c:
        c.ehlo()
        c.user, c.password = "anna@example.com", password
        try:
            c.auth(mechanism, getattr(c, "auth_" + mechanism.lower().replace("-", "_")))
        except smtplib.SMTPAuthenticationError as e:
            return False, str(e)
        c.sendmail("anna@example.com", ["you@elsewhere.org"], LETTER)
        return True, ""


CLIENTS = [(swaks, m) for m in ("PLAIN", "LOGIN", "CRAM-MD5")] + \
    [(msmtp, m) for m in ("plain", "login", "cram-md5", "scram-sha-256")] + \
    [(curl, m) for m in ("PLAIN", "LOGIN", "CRAM-MD5")] + \
    [(python, m) for m in ("PLAIN", "LOGIN", "CRAM-MD5")]


@pytest.mark.parametrize("client,mechanism", CLIENTS,
                         ids=[f"{c.__name__}-{m}" for c, m in CLIENTS])
def test_clients(relay, have, client, mechanism):
    sent, said = client(have, relay, mechanism, "secret")
    assert sent, said
    assert delivered(relay) == 1
    sent, said = client(have, relay, mechanism, "wrong")
    assert not sent and ("535" in said or "Login denied" in said), said
    assert delivered(relay) == 1
    name = mechanism.upper()
    assert relay.pb.traffic_lines(f"login ok user=anna@example.com method={name} ")
    assert relay.pb.traffic_lines(f"login refused user=anna@example.com method={name} ")


def test_plain_form_of_rfc_4954(relay):
    c = Smtp(relay.smtp)
    assert "250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256" in c.offers
    assert c.say("AUTH PLAIN") == "334 "
    assert c.say("*").startswith("501 5.7.0")
    assert c.say("AUTH DIGEST-MD5").startswith("504 5.5.4")
    assert c.say("AUTH PLAIN %%%").startswith("501 5.5.2")
    c.say("MAIL FROM:<bert@example.com>")
    assert login(c, "anna@example.com").startswith("503 5.5.1")
    c.say("RSET")
    assert login(c, "anna@example.com").startswith("235 2.7.0")
    assert login(c, "anna@example.com").startswith("503 5.5.1")
    assert c.say("MAIL FROM:<anna@example.com> AUTH=<>").startswith("250")
    c.say("RSET")
    assert c.say("EHLO again.example.org").startswith("250")
    assert c.mail("you@elsewhere.org", sender="anna@example.com").startswith("250")


def test_not_behind_helo(relay):
    c = Smtp(relay.smtp, ehlo=False)
    assert c.say("HELO me").startswith("250")
    assert login(c, "anna@example.com").startswith("503 5.5.1")


def test_hashed_passwords(relay):
    salt = b"salt"
    digest = base64.b64encode(hashlib.sha256(b"secret" + salt).digest() + salt).decode()
    relay.pb.add_account("hash@example.com", "MAIL1", "{SSHA256}" + digest)
    c = Smtp(relay.smtp)
    answer = c.say("AUTH CRAM-MD5")
    challenge = base64.b64decode(answer[4:])
    proof = hmac.new(b"secret", challenge, "md5").hexdigest()
    assert c.say(base64.b64encode(f"hash@example.com {proof}".encode()).decode()).startswith("535")
    assert relay.pb.traffic_lines("login refused user=hash@example.com method=CRAM-MD5 .* - the "
                                  "password is stored as a hash, which CRAM-MD5 cannot use")
    assert login(c, "hash@example.com").startswith("235")


# --- accounts whose box checks the password ---

def add_boxless(s, box, name="nopass@example.com"):
    s.pb.add_box("MX", "CHECKS", box.smtp)
    s.pb.add_account(name, "CHECKS", "")


@pytest.mark.parametrize("offer", ["AUTH PLAIN LOGIN", "AUTH LOGIN"])
def test_box_checks(relay, offer):
    box = OddBox(EHLO=f"250-odd\r\n250 {offer}", AUTH="235 ok" if "PLAIN" in offer else "334 x")
    if "PLAIN" not in offer:  # name and password are no verbs: their first four letters are
        box.answers |= {"BM9W": "334 x", "C2VJ": "235 ok"}
    add_boxless(relay, box)
    try:
        c = Smtp(relay.smtp)
        assert login(c, "nopass@example.com").startswith("235 2.7.0")
        assert c.mail("you@elsewhere.org", sender="nopass@example.com").startswith("250")
        assert delivered(relay) == 1
    finally:
        box.kill()


BOX_WORDS = [
    ({"AUTH": "535 5.7.8 no"}, "535 5.7.8", "the box refuses: no"),
    ({"AUTH": "454 4.7.0 later"}, "454 4.7.0", "box says 454 later"),
    ({"EHLO": "250 odd"}, "454 4.7.0", "box offers neither AUTH PLAIN nor AUTH LOGIN"),
    ({"greeting": "554 go away"}, "454 4.7.0", "box says 554 go away"),
    ({"EHLO": "nonsense"}, "454 4.7.0", "box does not speak SMTP"),
]


@pytest.mark.parametrize("answers,code,why", BOX_WORDS, ids=[w for _, _, w in BOX_WORDS])
def test_box_does_not_let_it_in(relay, answers, code, why):
    box = OddBox(**{"EHLO": "250-odd\r\n250 AUTH PLAIN", **answers})
    add_boxless(relay, box)
    try:
        c = Smtp(relay.smtp)
        assert login(c, "nopass@example.com").startswith(code)
        assert relay.pb.traffic_lines(f"login .* user=nopass@example.com .* - {why}")
    finally:
        box.kill()
    assert c.say("MAIL FROM:<nopass@example.com>").startswith("250")
    assert c.say("RCPT TO:<you@elsewhere.org>").startswith("550 5.7.1")


def test_box_is_away(relay):
    box = OddBox()
    add_boxless(relay, box)
    box.kill()
    assert login(Smtp(relay.smtp), "nopass@example.com").startswith("454 4.7.0")
    relay.pb.add_account("lost@example.com", "NOWHERE", "")
    assert login(Smtp(relay.smtp), "lost@example.com").startswith("454 4.7.0")
    assert relay.pb.traffic_lines("user=lost@example.com .* is not in this cluster")


def test_exim_checks(relay, keep, open_path):
    exim = keep(Exim(open_path / "exim", authenticators="""
plain:
 driver = plaintext
 public_name = PLAIN
 server_prompts = :
 server_condition = ${if and{{eq{$auth2}{nopass@example.com}}{eq{$auth3}{right}}}}
"""))
    add_boxless(relay, exim)
    c = Smtp(relay.smtp)
    assert login(c, "nopass@example.com", "wrong").startswith("535")
    assert login(c, "nopass@example.com", "right").startswith("235")


# --- guessers ---

def test_a_guesser_is_sent_away(relay):
    c = Smtp(relay.smtp)
    for guess in range(4):
        assert login(c, "anna@example.com", f"guess{guess}").startswith("535 5.7.8")
    assert login(c, "anna@example.com", "guess5").startswith("535")
    assert c.reply().startswith("421 4.7.0") and c.closed()
    assert relay.pb.counters("MX")["refused_login"] == 5
    wait_for("the log has it", lambda: relay.pb.traffic_lines("too many failed logins"))


def test_an_unknown_name_is_answered_alike(relay):
    answers = {login(Smtp(relay.smtp), name, "guess")
               for name in ("anna@example.com", "nobody@example.com", "x@elsewhere.org")}
    assert len(answers) == 1
