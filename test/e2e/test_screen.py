"""Who talks before its turn, who speaks no SMTP, and who is answered late; with real senders that wait
for the greeting and for their answers."""

import itertools
import socket
import subprocess
import time

import pytest

from harness import wait_for
from servers import Exim, Postfix
from test_greylist import Client, guarded, poll  # noqa: F401: a fixture

EARLY = "550 5.5.0 your server talks before its turn, RFC 5321 3.1 and RFC 2920 3.1"
PAUSE_MS = 600


def hasty(port, source="127.1.1.1"):
    """A client that has sent EHLO before it read anything."""
    c = Client.__new__(Client)
    c.socket = socket.create_connection(("127.0.0.1", port), 20, source_address=(source, 0))
    c.file = c.socket.makefile("rb")
    c.raw(b"EHLO robot.example.org\r\n")
    c.greeting = c.reply()
    c.offers = c.reply()
    return c


# --- talking before one's turn ---


@pytest.mark.timeout(120)
@pytest.mark.parametrize("sender", [Postfix, Exim])
def test_real_senders_wait(site, keep, tmp_path, sender):
    """A pause costs a real server nothing but its time: one session, one try."""
    s = site(cluster={"pregreet_ms": PAUSE_MS})
    out = keep(sender(tmp_path / "out", relayhost=s.smtp))
    text = "From: <me@sender.org>\r\nMessage-ID: <one@sender.org>\r\n\r\nhello\r\n"
    out.sendmail("me@sender.org", s.people, text)
    wait_for("the mail", lambda: [b.copies("one@sender.org") for b in s.boxes] == [1, 1])
    assert s.pb.traffic_lines("talked before") == []
    assert s.pb.counters("MX")["sessions_total"] == 1


def test_pause(site):
    """The greeting's last line comes behind the pause; relay clients hear it at once."""
    s = site(1, cluster={"pregreet_ms": PAUSE_MS, "relay_ranges": "127.2.0.0/16"})
    begin = time.monotonic()
    c = Client(s.smtp, "127.1.1.1")
    assert time.monotonic() - begin >= PAUSE_MS / 1000
    assert c.greeting == "220-mx.example.com ESMTP\n220 mx.example.com ESMTP"
    assert c.mail(s.people[0]).startswith("250")
    assert Client(s.smtp, "127.2.1.1").greeting == "220 mx.example.com ESMTP"


def test_early_is_refused_and_remembered(guarded):
    s = guarded(pregreet_ms=PAUSE_MS)
    c = hasty(s.smtp)
    assert c.greeting.endswith("220 mx.example.com ESMTP")
    assert c.try_mail(s.people[0]) == EARLY
    assert s.pb.counters("MX")["refused_early"] == 1
    assert len(s.pb.traffic_lines("talked before the greeting")) == 1
    assert len(s.pb.traffic_lines("refused for talking before its turn")) == 1
    # its neighbour, who waits, is put off as anybody else, with that evidence against them
    for _ in range(2):
        hasty(s.smtp)
    neighbour = Client(s.smtp, "127.1.1.2")

    def told():
        neighbour.try_mail(s.people[0], sender=f"s{next(numbers)}@sender.org")
        return s.pb.traffic_lines(r"put off: .*early talking 3 of 3: 100")
    numbers = itertools.count()
    wait_for("the evidence", told)


def test_early_and_correspondent(guarded):
    """Whom a user has written to is let in, whatever his server does."""
    s = guarded(pregreet_ms=PAUSE_MS, relay_ranges="127.2.0.0/16")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", smtp_relay=1)
    ours = Client(s.smtp, "127.2.1.1")
    assert ours.mail("me@sender.org", sender=s.people[0]).startswith("250")
    assert poll(lambda: hasty(s.smtp).try_mail(s.people[0]),
                lambda a: a.startswith("250")).startswith("250")
    assert hasty(s.smtp).try_mail(s.people[1]) == EARLY


def test_pipelining_without_leave(guarded):
    """Behind EHLO in one packet: noted; refused where pregreet_ms is set."""
    s = guarded()
    c = Client(s.smtp, ehlo=False)
    c.raw(f"EHLO x\r\nMAIL FROM:<me@sender.org>\r\nRCPT TO:<{s.people[0]}>\r\n".encode())
    assert c.reply().startswith("250-") and c.reply().startswith("250")
    assert c.reply().startswith("450 4.7.1 greylisted")
    assert len(s.pb.traffic_lines("talked before the answer to a command")) == 1
    s.pb.xml("commitmodifycluster", clusterid="MX", pregreet_ms=10)
    c = Client(s.smtp, ehlo=False)
    c.raw(f"EHLO x\r\nMAIL FROM:<me@sender.org>\r\nRCPT TO:<{s.people[0]}>\r\n".encode())
    assert c.reply().startswith("250-") and c.reply().startswith("250")
    assert c.reply() == EARLY


# --- other protocols ---


def test_http(site, have):
    s = site(1)
    out = subprocess.run([have("curl"), "--http0.9", "-sS", "-m", "20", "-d", "HELO x",
                          f"http://127.0.0.1:{s.smtp}/"], capture_output=True, text=True)
    assert "500 5.5.1 this is an SMTP server" in out.stdout
    assert "250" not in out.stdout
    assert s.pb.counters("MX")["refused_foreign"] == 1


def test_tls(site, have):
    s = site(1)
    subprocess.run([have("openssl"), "s_client", "-connect", f"127.0.0.1:{s.smtp}"],
                   stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
    wait_for("its end", lambda: s.pb.counters("MX")["refused_foreign"] == 1)
    assert s.pb.counters("MX")["sessions"] == 0


# --- answers that come late ---


def timed(c, line):
    begin = time.monotonic()
    answer = c.say(line)
    return answer, time.monotonic() - begin


def test_strangers_wait(site):
    s = site(1, cluster={"error_sleep_s": 1, "relay_ranges": "127.2.0.0/16"})
    for line, expected in [("FOO", "500"), ("RCPT TO:<x@example.com>", "503")]:
        answer, took = timed(Client(s.smtp), line)
        assert answer.startswith(expected) and took >= 1
    c = Client(s.smtp)
    assert c.say("MAIL FROM:<me@sender.org>").startswith("250")
    answer, took = timed(c, "RCPT TO:<nobody@example.com>")
    assert answer.startswith("550 5.1.1") and took >= 1
    assert c.say(f"RCPT TO:<{s.people[0]}>").startswith("250")
    assert s.pb.counters("MX")["held_back"] == 3
    assert Client(s.smtp, "127.2.1.1").say("FOO").startswith("500")
    assert s.pb.counters("MX")["held_back"] == 3


@pytest.mark.timeout(120)
def test_a_list_with_old_addresses(site, keep, tmp_path):
    """A real server with unknown recipients among others: all it gets are its answers, late."""
    s = site(cluster={"error_sleep_s": 1})
    out = keep(Postfix(tmp_path / "out", relayhost=s.smtp))
    text = "From: <me@sender.org>\r\nMessage-ID: <one@sender.org>\r\n\r\nhello\r\n"
    out.sendmail("me@sender.org", [s.people[0], "old@example.com", s.people[1]], text)
    wait_for("the mail", lambda: [b.copies("one@sender.org") for b in s.boxes] == [1, 1])
    assert s.pb.counters("MX")["refused_unknown"] == 1
    assert s.pb.counters("MX")["held_back"] >= 1  # its bounce is for a stranger, and refused as well


def test_sleepers_keep_nobody_out(site):
    """A crowd that wants to sleep takes no more than half of the places; the rest is answered at
    once, and mail goes on."""
    s = site(1, cluster={"error_sleep_s": 60, "max_connections": 60})
    asleep = []
    for i in range(50):
        asleep.append(Client(s.smtp, f"127.1.{i}.1"))
        asleep[-1].raw(b"FOO\r\n")
        wait_for("its word", lambda: s.pb.counters("MX")["refused_syntax"] == len(asleep))
    assert s.pb.counters("MX")["held_back"] == 30
    c = Client(s.smtp, "127.3.1.1")
    assert c.mail(s.people[0]).startswith("250")
    assert c.say("FOO").startswith("500")
    for c in asleep:
        c.socket.close()
    for c in asleep:
        c.file.close()
