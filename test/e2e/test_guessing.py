"""Guessing of passwords, from many networks, while those who are at home log in as ever."""

import os
import signal
import smtplib
import socket
import time

from harness import wait_for

SLOW = 1.0 # seconds: the first delay; whoever waits less has not been held up


class Pop:
    """A login from an address of its own: the answer, and how long it took."""

    def __init__(self, port, source):
        self.socket = socket.create_connection(("127.0.0.1", port), 60, (source, 0))
        self.file = self.socket.makefile("rb")
        self.file.readline()

    def login(self, name, password):
        began = time.monotonic()
        self.socket.sendall(f"USER {name}\r\n".encode())
        self.file.readline()
        self.socket.sendall(f"PASS {password}\r\n".encode())
        answer = self.file.readline().decode().strip()
        self.socket.close()
        return answer, time.monotonic() - began


def access(s, name):
    s.pb.ledger_is_written()
    return s.pb.xml("trace", email_address=name).find("mail/access")


def test_whoever_is_at_home_is_not_held_up(site):
    s = site(1)
    answer, _ = Pop(s.pop3, "127.0.1.1").login("anna@example.com", "secret")
    assert answer.startswith("+OK")
    wait_for("the row", lambda: access(s, "anna@example.com") is not None)
    row = access(s, "anna@example.com")
    assert row.findtext("networks") == row.findtext("last_network") == "127.0.1.0"
    assert row.findtext("last_protocol") == "pop3" and row.findtext("last_login")
    assert row.findtext("successes") == "1" and row.findtext("failures") == "0"
    # guesses, also from home
    texts = set()
    for source in ("127.0.1.2", "127.0.2.1", "127.0.3.1"):
        for name in ("anna@example.com", "nobody@example.com"):
            answer, took = Pop(s.pop3, source).login(name, "guess")
            texts.add(answer)
            assert took >= SLOW * 0.9
    assert len(texts) == 1
    answer, took = Pop(s.pop3, "127.0.2.1").login("anna@example.com", "secret")
    assert answer.startswith("+OK") and took >= SLOW * 0.9 # he who guesses
    Pop(s.pop3, "127.0.1.2").login("anna@example.com", "guess")
    answer, took = Pop(s.pop3, "127.0.1.77").login("anna@example.com", "secret")
    assert answer.startswith("+OK") and took < SLOW * 0.9
    assert access(s, "anna@example.com").findtext("failures") == "1" # an hour with some
    assert access(s, "nobody@example.com") is None


def test_known_networks_survive_kills(site):
    s = site(1)
    assert Pop(s.pop3, "127.0.1.1").login("anna@example.com", "secret")[0].startswith("+OK")
    wait_for("the row", lambda: access(s, "anna@example.com") is not None)
    for role in ("worker 1", "replicator"):
        old = s.pb.children()[role]
        os.kill(old, signal.SIGKILL)
        wait_for("a new one", lambda: s.pb.children().get(role, old) != old)
    assert access(s, "anna@example.com").findtext("successes") == "1"


def test_logins_from_many_networks_are_flagged(site):
    s = site(1, cluster={"relay_ranges": ""})
    for n in range(13):
        c = smtplib.SMTP("127.0.0.1", s.smtp, source_address=(f"127.0.{n}.1", 0))
        c.login("anna@example.com", "secret")
        c.quit()
    wait_for("the flag", lambda: s.pb.counters("MX")["flagged"] == 1)
    flag, = s.pb.xml("stats").iter("flag")
    assert flag.findtext("email_address") == "anna@example.com"
    assert flag.findtext("reason") == "logins from more than 12 networks in an hour"
    assert s.pb.traffic_lines("flagged anna@example.com - logins from more than 12 networks")
    networks = access(s, "anna@example.com").findtext("networks").split()
    assert networks[0] == "127.0.12.0" and len(networks) == 8
