"""A mail reaches the box, or the boxes, that hold its recipients; and what is refused on the way."""

import re
import smtplib
import socket
import subprocess
import time

import pytest

from harness import wait_for


class Smtp:
    """A raw client: sends what it is told, reads whole replies."""

    def __init__(self, port, ehlo=True):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply()
        if ehlo:
            self.offers = self.say("EHLO client.example.org").split("\n")

    def reply(self):
        lines = []
        while True:
            line = self.file.readline().decode().rstrip("\r\n")
            lines.append(line)
            if line[3:4] != "-":
                return "\n".join(lines)

    def say(self, text):
        self.raw((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.reply()

    def raw(self, data):
        self.socket.sendall(data)

    def closed(self):
        return self.file.read() == b""

    def mail(self, *recipients, sender="me@sender.org", body="Subject: x\r\n\r\nhello\r\n",
             params=""):
        """The last reply of a whole mail."""
        assert self.say(f"MAIL FROM:<{sender}>{params}").startswith("250")
        for r in recipients:
            assert self.say(f"RCPT TO:<{r}>").startswith("250")
        assert self.say("DATA").startswith("354")
        return self.say((body if isinstance(body, bytes) else body.encode()) + b".")


def test_alias_over_two_boxes(site, have):
    s = site()
    out = subprocess.run([have("swaks"), "--to", "team@example.com", "--from", "me@sender.org",
                          "--server", f"127.0.0.1:{s.smtp}", "--h-Message-Id", "<one@sender.org>"],
                         capture_output=True, text=True)
    assert out.returncode == 0, out.stdout
    assert re.search(r"250 2\.0\.0 \[MAIL1:250_[^]]*\]\[MAIL2:250_[^]]*\]", out.stdout)
    assert [b.copies("one@sender.org") for b in s.boxes] == [1, 1]


def test_one_connection_many_mails(site):
    s = site()
    with smtplib.SMTP("127.0.0.1", s.smtp) as c:
        for i in range(20):
            c.sendmail("me@sender.org", [s.people[i % 2]], f"Message-Id: <{i}@x>\r\n\r\nhello\r\n")
    assert [len(b.mails()) for b in s.boxes] == [10, 10]
    assert s.pb.counters("MX", "MAIL1")["sessions_total"] == 1  # one connection served them
    assert s.pb.counters("MX", "MAIL1")["reused"] == 9


def test_message_arrives_byte_for_byte(site):
    s = site(1)
    lines = ["Subject: =?utf-8?q?=C3=A9?=", "", "plain", ".", "..", ".dot", "", "x" * 998,
             "y" * 5000, "caf\u00e9", "end"]
    text = "\r\n".join(lines) + "\r\n"
    wire = re.sub(r"(?m)^\.", "..", text.replace("\r\n", "\n")).replace("\n", "\r\n")
    c = Smtp(s.smtp)
    assert c.mail(s.people[0], body=wire.encode(), params=" BODY=8BITMIME").startswith("250")
    stored = s.boxes[0].mails(s.people[0])[0].replace(b"\r\n", b"\n")
    received, _, rest = stored.partition(b"\nSubject:")
    assert b"Subject:" + rest == text.replace("\r\n", "\n").encode()
    field = received[received.index(b"Received:"):].decode()
    assert re.fullmatch(r"Received: from client\.example\.org \(\[127\.0\.0\.1\]\)\n"
                        r"\tby mx\.example\.com with ESMTP id \d+-[0-9a-f]+\n"
                        r"\tfor <anna@example\.com>;\n"
                        r"\t\w{3}, \d+ \w{3} \d{4} \d\d:\d\d:\d\d \+0000", field), field


def test_ehlo_offers(site):
    c = Smtp(site(1).smtp)
    assert c.greeting == "220 mx.example.com ESMTP"
    words = {line[4:].split()[0] for line in c.offers[1:]}
    assert words == {"PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES", "AUTH", "PRDR",
                     "LIMITS", "HELP"}


# what is said, what answers; run one after another on a fresh session each
DIALOGUES = [
    ("HELO", "250"), ("HELO a.b", "250"), ("EHLO", "501 5.5.4"), ("EHLO a b", "501 5.5.4"),
    ("MAIL FROM:<a@b.c>", "503 5.5.1"), ("RCPT TO:<a@b.c>", "503 5.5.1"), ("DATA", "503 5.5.1"),
    ("NOOP", "250 2.0.0"), ("NOOP anything", "250 2.0.0"), ("RSET", "250 2.0.0"),
    ("RSET x", "501 5.5.4"), ("VRFY anna@example.com", "252 2.5.2"), ("VRFY", "501 5.5.4"),
    ("HELP", "214-2.0.0"), ("EXPN team", "502 5.5.1"), ("ETRN x", "502 5.5.1"),
    ("XYZZY", "500 5.5.1"), ("", "500 5.5.1"), ("QUIT now", "501 5.5.4"),
    ("QUIT", "221 2.0.0"), ("GET / HTTP/1.1", "500 5.5.1"), ("STARTTLS", "500 5.5.1"),
    (b"NOOP\x00", "500 5.5.2"), (b"NO\rOP", "500 5.5.2"), ("NOOP " + "x" * 3000, "500 5.5.2"),
]


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory):
    """One site for all that only asks."""
    from conftest import Site
    from harness import Balancer, DemoBox
    things = []
    tmp = tmp_path_factory.mktemp("smtp")

    def keep(thing):
        things.append(thing)
        return thing
    yield Site(lambda *o, **kw: keep(Balancer(tmp / "pb", *o, **kw)),
               lambda name, *o, **kw: keep(DemoBox(tmp, name, *o, **kw)))
    for thing in reversed(things):
        thing.kill()


@pytest.mark.parametrize("line,answer", DIALOGUES, ids=lambda v: repr(v)[:30])
def test_dialogue(shared_site, line, answer):
    c = Smtp(shared_site.smtp, ehlo=False)
    assert c.say(line).startswith(answer)


# after EHLO
MAILS = [
    ("FROM:<me@sender.org>", "250 2.1.0"), ("FROM:<>", "250 2.1.0"),
    ("FROM: <me@sender.org>", "250 2.1.0"), ("from:<me@sender.org>", "250 2.1.0"),
    ("FROM:<me@sender.org> SIZE=1000", "250 2.1.0"),
    ("FROM:<me@sender.org> BODY=8BITMIME SIZE=5", "250 2.1.0"),
    ("FROM:<me@sender.org> PRDR", "250 2.1.0"),
    ("", "501 5.5.4"), ("TO:<me@sender.org>", "501 5.5.4"), ("FROM:me@sender.org", "501"),
    ("FROM:<me@sender.org", "501"), ("FROM:<me>", "501 5.1.7"), ("FROM:<me@>", "501 5.1.7"),
    ("FROM:<@sender.org>", "501 5.1.7"), ("FROM:<a@b@c>", "501 5.1.7"),
    ("FROM:<a b@c.d>", "501"), ("FROM:<me@-x.org>", "501 5.1.7"),
    ("FROM:<me@sender.org> SIZE=99999999999", "552 5.3.4"),
    ("FROM:<me@sender.org> SIZE=x", "501 5.5.4"), ("FROM:<me@sender.org> BODY=9BIT", "501 5.5.4"),
    ("FROM:<me@sender.org> SMTPUTF8", "555 5.5.4"), ("FROM:<me@sender.org> XYZ=1", "555 5.5.4"),
    ("FROM:<me@sender.org> SIZE=1 SIZE=2", "555 5.5.4"),
]


@pytest.mark.parametrize("args,answer", MAILS)
def test_mail(shared_site, args, answer):
    assert Smtp(shared_site.smtp).say(f"MAIL {args}").startswith(answer)


RCPTS = [
    ("TO:<anna@example.com>", "250 2.1.5"), ("TO: <ANNA@Example.COM>", "250 2.1.5"),
    ("TO:<team@example.com>", "250 2.1.5"), ("TO:<nobody@example.com>", "550 5.1.1"),
    ("TO:<me@elsewhere.org>", "550 5.7.1"), ("TO:<>", "501 5.1.3"), ("TO:<anna>", "501 5.1.3"),
    ("TO:<postmaster>", "550 5.1.1"), ("", "501 5.5.4"), ("FROM:<anna@example.com>", "501 5.5.4"),
    ("TO:<anna@example.com> NOTIFY=NEVER", "555 5.5.4"),
    ("TO:<anna@example.com\x01>", "501"),
]


@pytest.mark.parametrize("args,answer", RCPTS, ids=lambda v: repr(v)[:30])
def test_rcpt(shared_site, args, answer):
    c = Smtp(shared_site.smtp)
    assert c.say("MAIL FROM:<me@sender.org>").startswith("250")
    assert c.say(f"RCPT {args}").startswith(answer)


def test_order_of_commands(shared_site):
    c = Smtp(shared_site.smtp)
    assert c.say("MAIL FROM:<a@b.org>").startswith("250")
    assert c.say("MAIL FROM:<a@b.org>").startswith("503 5.5.1")
    assert c.say("DATA").startswith("554 5.5.1")
    assert c.say("RCPT TO:<nobody@example.com>").startswith("550")
    assert c.say("DATA").startswith("554 5.5.1")
    assert c.say("RSET").startswith("250")
    assert c.say("RCPT TO:<anna@example.com>").startswith("503")
    assert c.say("EHLO again.org").startswith("250")


def test_bad_commands_are_counted(shared_site):
    c = Smtp(shared_site.smtp)
    answers = [c.say("XYZZY") for _ in range(19)]
    assert all(a.startswith("500 5.5.1") for a in answers)
    assert c.say("XYZZY").startswith("500") and c.reply().startswith("421 4.7.0")
    assert c.closed()


def test_long_line_is_not_a_command(shared_site):
    """Its tail must not be taken for the next line."""
    c = Smtp(shared_site.smtp, ehlo=False)
    c.raw(b"NOOP " + b"x" * 5000 + b"\r\nNOOP\r\n")
    assert c.reply().startswith("500 5.5.2") and c.reply().startswith("250")


def test_pipelining(site):
    s = site()
    c = Smtp(s.smtp)
    c.raw(b"MAIL FROM:<a@b.org>\r\nRCPT TO:<anna@example.com>\r\nRCPT TO:<no@example.com>\r\n"
          b"RCPT TO:<bert@example.com>\r\nRCPT TO:<broken\r\nDATA\r\n")
    codes = [c.reply()[:3] for _ in range(6)]
    assert codes == ["250", "250", "550", "250", "501", "354"]
    c.raw(b"Message-ID: <p@1>\r\n\r\nhello\r\n.\r\nMAIL FROM:<a@b.org>\r\n"
          b"RCPT TO:<anna@example.com>\r\nDATA\r\n")
    assert [c.reply()[:3] for _ in range(4)] == ["250", "250", "250", "354"]
    c.raw(b"Message-ID: <p@2>\r\n\r\nhello\r\n.\r\nQUIT\r\n")
    assert c.reply().startswith("250") and c.reply().startswith("221") and c.closed()
    assert [b.copies("p@1") for b in s.boxes] == [1, 1]
    assert [b.copies("p@2") for b in s.boxes] == [1, 0]


REFUSED_DATA = [
    (b"a\nb\r\n", "554 5.5.2", "bare LF"), (b"a\rb\r\n", "554 5.5.2", "bare CR"),
    (b"a\x00b\r\n", "554 5.6.0", "NUL"), (b"x\r\n" * 700000, "552 5.3.4", "size"),
    (b"Received: from x\r\n" * 51 + b"\r\nx\r\n", "554 5.4.6", "loop"),
    (b"a\n.\nMAIL FROM:<x@y.z>\r\n", "554 5.5.2", "smuggling LF"),
    (b"a\r\n.\nMAIL FROM:<x@y.z>\r\n", "554 5.5.2", "smuggling CRLF.LF"),
    (b"a\n.\r\nMAIL FROM:<x@y.z>\r\n", "554 5.5.2", "smuggling LF.CRLF"),
    (b"a\r.\rMAIL FROM:<x@y.z>\r\n", "554 5.5.2", "smuggling CR"),
]


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("body,answer,what", REFUSED_DATA, ids=[r[2] for r in REFUSED_DATA])
def test_refused_data(site, body, answer, what, n):
    s = site(n, cluster={"max_mail_size_kb": 1000})
    c = Smtp(s.smtp)
    assert c.mail(*s.people, body=body).startswith(answer)
    assert c.mail(s.people[0]).startswith("250")  # the session goes on
    assert sum(len(b.mails()) for b in s.boxes) == 1
    assert s.pb.counters("MX")["refused_data"] == 1


@pytest.mark.parametrize("n", [1, 2])
def test_normalized_newlines(site, n):
    s = site(n, cluster={"bare_newline": "normalize"})
    c = Smtp(s.smtp)
    body = b"Subject: x\n\nline\n.\nMAIL FROM:<x@y.z>\ncr\rhere\n" + b"z\n" * 50000
    assert c.mail(*s.people, body=body + b"\r\n").startswith("250")
    for box, person in zip(s.boxes, s.people):
        text = box.mails(person)[0].replace(b"\r\n", b"\n")
        assert b"line\n.\nMAIL FROM:<x@y.z>\ncr here\n" in text
        assert text.count(b"\nz") == 50000
        assert len(box.mails()) == 1


def test_received_header_can_be_off(site):
    s = site(1, cluster={"received_header": 0})
    assert Smtp(s.smtp).mail(s.people[0]).startswith("250")
    assert b"Received:" not in s.boxes[0].mails()[0]


def test_box_without_8bitmime(demobox, balancer):
    """Found out at its EHLO: its recipients are refused for 8-bit mail, others served."""
    old, new = demobox("MAIL1", "-no-8bitmime"), demobox("MAIL2")
    pb = balancer(workers=1)
    smtp = pb.add_cluster("MX", "smtp")
    for box, who in ((old, "anna"), (new, "bert")):
        pb.add_box("MX", box.name, box.smtp)
        pb.add_account(f"{who}@example.com", box.name)
    c = Smtp(smtp)
    assert c.say("MAIL FROM:<a@b.org> BODY=8BITMIME").startswith("250")
    assert c.say("RCPT TO:<anna@example.com>").startswith("5")
    assert c.say("RCPT TO:<bert@example.com>").startswith("250")
    assert c.say("DATA").startswith("354")
    assert c.say("Subject: \u00e9\r\n\r\n\u00e9\r\n.").startswith("250")
    assert c.mail("anna@example.com").startswith("250")
    assert "8BITMIME" not in Smtp(smtp).offers[3]


def test_box_with_smaller_size(demobox, balancer):
    box = demobox("MAIL1", "-size", "10000")
    pb = balancer(workers=1)
    smtp = pb.add_cluster("MX", "smtp")
    pb.add_box("MX", "MAIL1", box.smtp)
    pb.add_account("anna@example.com", "MAIL1")
    c = Smtp(smtp)
    assert c.say("MAIL FROM:<a@b.org> SIZE=50000").startswith("250")  # not known yet
    assert c.say("RCPT TO:<anna@example.com>").startswith("552 5.3.4")
    c = Smtp(smtp)
    assert any(o.endswith("SIZE 10000") for o in c.offers)
    assert c.say("MAIL FROM:<a@b.org> SIZE=50000").startswith("552 5.3.4")


@pytest.mark.parametrize("option", ["-no-ehlo", "-no-pipelining"])
def test_old_boxes(demobox, balancer, option):
    box = demobox("MAIL1", option)
    pb = balancer()
    smtp = pb.add_cluster("MX", "smtp")
    pb.add_box("MX", "MAIL1", box.smtp)
    for who in ("anna", "bert"):
        pb.add_account(f"{who}@example.com", "MAIL1")
    c = Smtp(smtp)
    for _ in range(2):
        assert c.mail("anna@example.com", "bert@example.com").startswith("250")
    assert len(box.mails()) == 4
    assert "pipelined" not in box.events_text()


def test_lmtp_box(demobox, balancer):
    box = demobox("MAIL1", kinds=("lmtp",), faults=())
    pb = balancer()
    smtp = pb.add_cluster("MX", "smtp")
    pb.add_box("MX", "MAIL1", box.ports["lmtp"], protocol="lmtp")
    for who in ("anna", "bert"):
        pb.add_account(f"{who}@example.com", "MAIL1")
    c = Smtp(smtp)
    for _ in range(2):
        assert c.mail("anna@example.com", "bert@example.com").startswith("250")
    assert len(box.mails("anna@example.com")) == len(box.mails("bert@example.com")) == 2


def test_fallover_box(site):
    s = site()
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", fallover_boxid="MAIL2")
    s.boxes[0].stop()
    c = Smtp(s.smtp)
    assert "[MAIL2:250_" in c.mail("anna@example.com")
    s.pb.xml("yellow", clusterid="MX", boxid="MAIL1")
    assert "[MAIL2:250_" in Smtp(s.smtp).mail("anna@example.com")
    assert len(s.boxes[1].mails("anna@example.com")) == 2


def test_box_that_is_down_is_passed_over(site):
    s = site()
    s.boxes[0].stop()
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<a@b.org>")
    assert c.say("RCPT TO:<anna@example.com>").startswith("451 4.")
    assert c.say("RCPT TO:<anna@example.com>").startswith("451 4.3.2")
    stats = s.pb.xml("stats")
    rows = [b for b in stats.iter("box") if b.findtext("boxid") == "MAIL1"
            and int(b.findtext("failures")) > 0]
    assert rows
    text = "".join(rows[0].itertext())
    assert "refused" in text  # what happened, in words
    s.boxes[0].start()
    wait_for("it is tried again", lambda: Smtp(s.smtp).say("RSET") and
             (lambda c: c.say("MAIL FROM:<a@b.org>") and
              c.say("RCPT TO:<anna@example.com>").startswith("250"))(Smtp(s.smtp)))


def test_lights(site):
    s = site()
    waiting = Smtp(s.smtp)
    assert waiting.say("MAIL FROM:<a@b.org>").startswith("250")
    assert waiting.say("RCPT TO:<anna@example.com>").startswith("250")
    s.pb.xml("yellow", clusterid="MX", boxid="MAIL1")
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<a@b.org>")
    assert c.say("RCPT TO:<anna@example.com>").startswith("451 4.3.2")
    assert c.say("RCPT TO:<bert@example.com>").startswith("250")
    assert waiting.say("DATA").startswith("354")  # running ones go on
    s.pb.xml("red", clusterid="MX", boxid="MAIL1")
    assert waiting.reply().startswith("421 4.3.2") and waiting.closed()
    assert c.say("DATA").startswith("354")  # on another box: untouched
    assert c.say("x\r\n.").startswith("250")
    assert s.boxes[0].mails() == []


def test_box_session_limit(site):
    s = site(1, workers=2)
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", max_sessions=2)
    held = []
    for _ in range(2):
        c = Smtp(s.smtp)
        c.say("MAIL FROM:<a@b.org>")
        assert c.say("RCPT TO:<anna@example.com>").startswith("250")
        held.append(c)
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<a@b.org>")
    assert c.say("RCPT TO:<anna@example.com>").startswith("4")
    assert held[0].say("DATA").startswith("354") and held[0].say(".").startswith("250")


def test_cluster_session_limit(site):
    s = site(1, cluster={"max_connections": 3})
    held = [Smtp(s.smtp) for _ in range(3)]
    assert Smtp(s.smtp, ehlo=False).greeting.startswith("421 4.3.2")
    held[0].say("QUIT")
    wait_for("a place is free", lambda: Smtp(s.smtp, ehlo=False).greeting.startswith("220"))


def test_block_ranges(site):
    s = site(1)
    s.pb.xml("commitmodifycluster", clusterid="MX", block_ranges="10.0.0.0/8, 127.0.0.1")
    c = Smtp(s.smtp, ehlo=False)
    assert c.greeting.startswith("550 your service has been explicitly blacklisted")
    assert c.closed()
    s.pb.xml("commitmodifycluster", clusterid="MX", block_ranges="")
    assert Smtp(s.smtp, ehlo=False).greeting.startswith("220")


@pytest.mark.parametrize("setting", [{"tls_required": 1}, {"tls": "implicit"}])
def test_nobody_is_served_without_what_is_wanted(site, setting):
    """There is no TLS yet."""
    s = site(1, cluster=setting)
    c = Smtp(s.smtp, ehlo=False)
    assert c.greeting.startswith("421 4.7.0") and c.closed()


def test_aliases(site):
    s = site()
    s.pb.add_alias("loop1@example.com", "loop2@example.com", "anna@example.com")
    s.pb.add_alias("loop2@example.com", "loop1@example.com", "anna@example.com")
    s.pb.add_alias("empty@example.com", "gone@example.com")
    s.pb.add_alias("abroad@example.com", "someone@elsewhere.org")
    s.pb.add_alias("@other.org", "bert@example.com")
    c = Smtp(s.smtp)
    assert c.mail("loop1@example.com", "loop2@example.com", "anna@example.com").startswith("250")
    assert len(s.boxes[0].mails("anna@example.com")) == 1
    assert c.mail("anything@other.org").startswith("250")
    assert len(s.boxes[1].mails("bert@example.com")) == 1
    c.say("MAIL FROM:<a@b.org>")
    assert c.say("RCPT TO:<empty@example.com>").startswith("550 5.1.1")
    assert c.say("RCPT TO:<abroad@example.com>").startswith("4")  # no relay box yet
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL2", smtp_relay=1)
    assert Smtp(s.smtp).mail("abroad@example.com").startswith("250")
    assert len(s.boxes[1].mails("someone@elsewhere.org")) == 1


def test_plus_addressing(site):
    s = site(1)
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<a@b.org>")
    assert c.say("RCPT TO:<anna+x@example.com>").startswith("550")
    s.pb.xml("commitmodifycluster", clusterid="MX", plus_addressing=1)
    assert Smtp(s.smtp).mail("anna+x@example.com").startswith("250")


def test_changes_are_live_with_their_answer(site):
    s = site(workers=4)
    for i in range(20):
        s.pb.add_account(f"u{i}@example.com", "MAIL1")
        c = Smtp(s.smtp)
        c.say("MAIL FROM:<a@b.org>")
        assert c.say(f"RCPT TO:<u{i}@example.com>").startswith("250")
        s.pb.xml("deleteemail", email_address=f"u{i}@example.com")
        assert c.say(f"RCPT TO:<u{i}@example.com>").startswith("550")
        light = ("yellow", "green")[i % 2]
        s.pb.xml(light, clusterid="MX", boxid="MAIL2")
        for _ in range(4):
            c = Smtp(s.smtp)
            c.say("MAIL FROM:<a@b.org>")
            assert c.say("RCPT TO:<bert@example.com>")[:3] == ("451", "250")[i % 2]


def test_time_outs(site):
    s = site(1, time_scale=1000)  # 300 ms for a command
    c = Smtp(s.smtp)
    assert c.reply().startswith("421 4.4.2") and c.closed()
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<a@b.org>")
    c.say("RCPT TO:<anna@example.com>")
    c.say("DATA")
    c.raw(b"Subject: trickle\r\n")
    assert c.reply().startswith("421 4.4.2") and c.closed()
    assert s.boxes[0].mails() == []
    wait_for("counted", lambda: s.pb.counters("MX")["timeouts"] == 2)


def test_traffic_log(site):
    s = site()
    c = Smtp(s.smtp)
    body = "Subject: caf\u00e9 \x07 \"q\"\r\n\r\n" + "x" * 3000 + "\r\n"
    assert c.mail("team@example.com", body=body, params=" BODY=8BITMIME").startswith("250")
    c.say("MAIL FROM:<a@b.org>")
    c.say("RCPT TO:<nobody@example.com>")
    c.say("QUIT")
    wait_for("the end", lambda: s.pb.traffic_lines("disconnected"))
    stamp = r"\d{4}-\d\d-\d\d (Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d:\d\d:\d\d\.\d{3}: 127\.0\.0\.1: "
    lines = s.pb.traffic_lines()
    assert all(re.match(stamp, line) for line in lines)
    assert len(s.pb.traffic_lines(r"\d+-1 connected cluster=MX$")) == 1
    assert len(s.pb.traffic_lines(
        r'me@sender\.org => team@example\.com "caf\u00e9 \\x07 .q.":2kB success - 250 2\.0\.0 '
        r"\[MAIL1:250_[^]]*\]\[MAIL2:250_[^]]*\]$")) == 1, lines
    assert len(s.pb.traffic_lines(r"a@b\.org => nobody@example\.com refused - 550 5\.1\.1 ")) == 1
    assert len(s.pb.traffic_lines(r'disconnected reason="quit" in=\d+ out=\d+ seconds=')) == 1
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert (s.pb.traffic / day).exists()


def test_rcpts_without_end(site):
    """While a box is silent, a client that asks on and on is not read for ever."""
    s = site(n=1, workers=1)
    s.boxes[0].faults("rcpt:stall")
    c = Smtp(s.smtp)
    assert c.say("MAIL FROM:<a@b.org>").startswith("250")
    c.raw(b"RCPT TO:<anna@example.com>\r\n")
    c.socket.settimeout(1)
    sent = 0
    with pytest.raises(TimeoutError):
        while True:
            sent += c.socket.send(b"RCPT TO:<\r\n" * 20000)
            assert sent < 64 << 20
    with open(f"/proc/{s.pb.children()['worker 1']}/status") as f:
        assert int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) < 50000  # kB


def test_idle_session_heeds_the_lights(site):
    s = site(n=2)
    c = Smtp(s.smtp)
    assert c.mail("anna@example.com").startswith("250")
    s.pb.xml("red", clusterid="MX", boxid="MAIL1")
    assert c.say("MAIL FROM:<a@b.org>").startswith("250")
    assert c.say("RCPT TO:<anna@example.com>").startswith("451 4.3.2")
    s.pb.xml("green", clusterid="MX", boxid="MAIL1")
    assert c.say("RSET").startswith("250")
    assert c.mail("anna@example.com").startswith("250")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", connect_port=s.boxes[1].smtp)
    assert c.mail("anna@example.com").startswith("250")
    assert [len(b.mails()) for b in s.boxes] == [2, 1]


def test_session_max_while_data_is_asked(site):
    """A deadline that falls between DATA and 354 holds for the mail behind it."""
    s = site(n=1, cluster={"session_max_s": "1"})
    s.boxes[0].faults("data:slow:1500:1")
    c = Smtp(s.smtp)
    assert c.say("MAIL FROM:<a@b.org>").startswith("250")
    assert c.say("RCPT TO:<anna@example.com>").startswith("250")
    assert c.say("DATA").startswith("354")
    assert c.reply().startswith("421 4.4.2") and c.closed()
    assert s.boxes[0].mails() == []
