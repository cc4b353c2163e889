"""Real servers as boxes and as senders."""

import poplib
import pwd
import re
import smtplib
import subprocess

import pytest

from harness import Process, can_connect, free_port, wait_for
from servers import Dovecot, Exim, Postfix, exim_owner

NOBODY = pwd.getpwnam("nobody")


@pytest.fixture
def mixed(keep, balancer, tmp_path):
    """Postfix as MAIL1, Exim as MAIL2, Dovecot (LMTP) as MAIL3. POP3 of all three is Dovecot's,
    over the maildirs that each of them delivers into."""
    class Site:
        postfix = keep(Postfix(tmp_path / "postfix"))
        exim = keep(Exim(tmp_path / "exim"))
        dovecot = keep(Dovecot(tmp_path / "dovecot", {"carl@example.com": "secret"}))
        boxes = [postfix, exim, dovecot]
        pops = [keep(Dovecot(tmp_path / "pop1", {"anna@example.com": "secret"},
                             postfix.mail / "all", (NOBODY.pw_uid, NOBODY.pw_gid))),
                keep(Dovecot(tmp_path / "pop2", {"bert@example.com": "secret"}, exim.mail,
                             exim_owner(exim.binary))), dovecot]
        people = ["anna@example.com", "bert@example.com", "carl@example.com"]
        pb = balancer()
        smtp = pb.add_cluster("MX", "smtp")
        pop3 = pb.add_cluster("POP", "pop3")

    s = Site()
    s.pb.add_box("MX", "MAIL1", s.postfix.smtp)
    s.pb.add_box("MX", "MAIL2", s.exim.smtp)
    s.pb.add_box("MX", "MAIL3", s.dovecot.lmtp, protocol="lmtp")
    for i, (person, pop) in enumerate(zip(s.people, s.pops), 1):
        s.pb.add_box("POP", f"MAIL{i}", pop.pop3)
        s.pb.add_account(person, f"MAIL{i}")
    s.pb.add_alias("team@example.com", *s.people)
    return s


def test_alias_over_postfix_exim_dovecot(mixed, have):
    s = mixed
    out = subprocess.run([have("swaks"), "--to", "team@example.com", "--from", "me@sender.org",
                          "--server", f"127.0.0.1:{s.smtp}", "--h-Message-Id", "<one@sender.org>"],
                         capture_output=True, text=True)
    assert out.returncode == 0, out.stdout
    assert all(f"[MAIL{i}:250_" in out.stdout for i in (1, 2, 3)), out.stdout
    for box in s.boxes:
        wait_for("one copy", lambda: box.copies("one@sender.org") == 1)
    for person in s.people:
        c = poplib.POP3("127.0.0.1", s.pop3)
        c.user(person)
        c.pass_("secret")
        assert c.stat()[0] == 1
        assert any(b"<one@sender.org>" in line for line in c.retr(1)[1])
        c.quit()


def test_many_mails_over_all(mixed):
    s = mixed
    with smtplib.SMTP("127.0.0.1", s.smtp) as c:
        for i in range(50):
            c.sendmail("me@sender.org", ["team@example.com"],
                       f"Message-ID: <{i}@many>\r\nSubject: {i}\r\n\r\nbody\r\n")
    for box in s.boxes:
        wait_for("all delivered", lambda: len(box.mails()) >= 50)
        assert all(box.copies(f"{i}@many") == 1 for i in range(50))


@pytest.mark.parametrize("sender", [Postfix, Exim])
def test_real_queue_retries_without_doubles(site, keep, tmp_path, sender):
    """One of two boxes puts the mail off: the sender's own queue tries again, and who has it is
    spared, because the digest is stable from try to try."""
    s = site()
    s.boxes[1].faults("end:refuse4:2")
    mta = keep(sender(tmp_path / "sender", relayhost=s.smtp))
    mta.sendmail("me@postfix.example.net", ["team@example.com"],
                 "From: me@postfix.example.net\nMessage-ID: <retry@queue>\nSubject: again\n"
                 "Date: Mon, 23 Nov 2026 08:00:00 +0000\n\nbody\n.dot\n")
    wait_for("it gets through", lambda: s.boxes[1].copies("retry@queue") == 1 and not mta.queue())
    assert [b.copies("retry@queue") for b in s.boxes] == [1, 1]
    assert s.pb.traffic_lines("refused|put off|451")


@pytest.mark.parametrize("sender", [Postfix, Exim])
def test_real_sender_bounces_exactly(site, keep, tmp_path, sender):
    """One recipient is refused for good at the end mark: it bounces, the other gets one copy."""
    s = site()
    s.boxes[1].faults("end:refuse5")
    mta = keep(sender(tmp_path / "sender", relayhost=s.smtp))
    mta.sendmail("anna@example.com", ["anna@example.com", "bert@example.com"],
                 "From: anna@example.com\nMessage-ID: <bounce@queue>\nSubject: hello\n"
                 "Date: Mon, 23 Nov 2026 08:00:00 +0000\n\nbody\n")
    bounce = wait_for("the bounce", lambda: [m for m in s.boxes[0].mails("anna@example.com")
                                             if b"bert@example.com" in m
                                             and b"Return-Path: <>" in m or b"failed" in m.lower()
                                             and b"bert@example.com" in m])
    assert len(bounce) == 1
    own = [m for m in s.boxes[0].mails("anna@example.com") if m not in bounce]
    assert len(own) == 1
    assert s.boxes[1].mails() == []
    wait_for("the queue is empty", lambda: not mta.queue())


def test_smtp_source_to_smtp_sink(balancer, keep, have, tmp_path):
    """20,000 mails over 50 connections: none lost, none doubled."""
    port = free_port()
    sink = keep(Process([have("smtp-sink"), "-u", "nobody", "-c", f"127.0.0.1:{port}", "1000"],
                        tmp_path / "sink.out"))
    wait_for("smtp-sink", lambda: can_connect(port))
    pb = balancer()
    smtp = pb.add_cluster("MX", "smtp")
    pb.add_box("MX", "MAIL1", port)
    pb.add_account("foo@example.com", "MAIL1")
    out = subprocess.run([have("smtp-source"), "-s", "50", "-m", "20000", "-f", "me@sender.org",
                          "-t", "foo@example.com", f"127.0.0.1:{smtp}"], capture_output=True,
                         text=True, timeout=120)
    assert out.returncode == 0, out.stderr
    counts = pb.counters("MX")
    assert counts["mails"] == counts["recipients"] == 20000
    assert pb.counters("MX", "MAIL1")["mails"] == 20000
    wait_for("sessions end", lambda: pb.counters("MX")["sessions"] == 0)
    taken = re.findall(r"mesg=(\d+)", sink.output())
    assert taken and int(taken[-1]) == 20000
