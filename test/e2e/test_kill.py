"""kill -9 of any process in the middle of transfers: nothing acknowledged is lost, and a mail is
doubled only where its end mark was in flight."""

import itertools
import os
import queue
import random
import signal
import socket
import threading
import time

import pytest

from harness import LONG, wait_for

MAILS = 5000 if LONG else 1000
CLIENTS = 20


class Client(threading.Thread):
    """Sends mails from a queue as an MTA does: a mail that got no 250 is sent again."""

    def __init__(self, port, outbox, results):
        super().__init__(daemon=True)
        self.port, self.outbox, self.results = port, outbox, results
        self.file = self.socket = None
        self.error = None

    def run(self):
        try:
            while True:
                self.deliver(self.outbox.get_nowait())
        except queue.Empty:
            pass
        except Exception as e:  # shown by the test
            self.error = e

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), 20)
        self.file = self.socket.makefile("rb")
        self.expect(b"220")
        self.command(b"EHLO client.example.org", b"250")

    def expect(self, code):
        while True:
            line = self.file.readline()
            if not line.endswith(b"\n"):
                raise ConnectionError("closed")
            if line[3:4] != b"-":
                break
        if not line.startswith(code):
            raise ConnectionError(line)

    def command(self, line, code):
        self.socket.sendall(line + b"\r\n")
        self.expect(code)

    def deliver(self, mail):
        number, to = mail
        unanswered = 0
        for _ in range(200):
            sent = False
            try:
                if not self.file:
                    self.connect()
                self.command(b"MAIL FROM:<me@sender.org>", b"250")
                self.command(b"RCPT TO:<%s>" % to.encode(), b"250")
                self.command(b"DATA", b"354")
                sent = True
                self.command(b"Message-ID: <%d@kill>\r\nFrom: me@sender.org\r\n\r\n%s\r\n."
                             % (number, b"x" * 200), b"250")
                self.results[number] = unanswered
                return
            except OSError:
                unanswered += sent
                if self.socket:
                    self.socket.close()
                self.file = self.socket = None
                time.sleep(random.uniform(0.01, 0.1))
        raise AssertionError(f"mail {number} never got through")


def copies_by_mail(box):
    """{message number: copies} of all that the box holds."""
    counts = {}
    for mail in box.mails():
        at = mail.index(b"Message-ID: <") + 13
        number = int(mail[at:mail.index(b"@kill>", at)])
        counts[number] = counts.get(number, 0) + 1
    return counts


def transfers(site, victims, every):
    """Sends MAILS over CLIENTS while one of victims dies after each `every` mails; returns
    results and kills. Boxes take their time at the end mark, so that some are always there."""
    for box in site.boxes:
        box.faults("end:slow:5")
    outbox, results = queue.Queue(), {}
    targets = itertools.cycle(["team@example.com", *site.people])
    wanted = {}
    for i in range(MAILS):
        to = next(targets)
        wanted[i] = site.people if to.startswith("team") else [to]
        outbox.put((i, to))
    clients = [Client(site.smtp, outbox, results) for _ in range(CLIENTS)]
    for c in clients:
        c.start()
    kills = 0
    for victim in itertools.cycle(victims):
        goal = len(results) + every
        while len(results) < goal and any(c.is_alive() for c in clients):
            time.sleep(0.005)
        if len(results) < goal:
            break
        pid = site.pb.supervisor() if victim == "supervisor" else site.pb.children().get(victim)
        if pid:
            os.kill(pid, signal.SIGKILL)
            kills += 1
    for c in clients:
        c.join()
    for c in clients:
        assert c.error is None, c.error
    return wanted, results, kills


def check(site, wanted, results, kills, what, capsys):
    assert len(results) == MAILS
    held = [copies_by_mail(b) for b in site.boxes]
    lost = doubled = 0
    for number, people in wanted.items():
        for box, person, have in zip(site.boxes, site.people, held):
            copies = have.get(number, 0)
            if person in people:
                lost += copies == 0
                doubled += max(copies - 1, 0)
                # each copy beyond the first needs a try whose end mark was in flight
                assert copies - 1 <= results[number], (number, box.name, copies)
            else:
                assert copies == 0
    unanswered = sum(results.values())
    with capsys.disabled():
        print(f"\n{what}: {kills} kills, {MAILS} mails, {lost} lost, {doubled} doubled "
              f"({unanswered} end marks unanswered)")
    assert lost == 0
    assert kills > 0


def counters_settle(site):
    """Sessions of the cluster and of the boxes but for the idle pool go back to zero."""
    pb = site.pb

    def settled():
        boxes = [pb.counters("MX", b.name) for b in site.boxes]
        return (pb.counters("MX")["sessions"] == 0
                and all(b["sessions"] == b["idle"] for b in boxes))
    wait_for("counters return to zero", settled)


@pytest.mark.timeout(600 if LONG else 240)
@pytest.mark.parametrize("what,victims,every", [
    ("worker", ["worker 1", "worker 2"], 40),
    ("admin", ["admin"], 100),
    ("replicator", ["replicator"], 100),
    ("verifier", ["verifier"], 100),
    ("all", ["worker 1", "replicator", "admin", "worker 2", "verifier", "prober"], 50),
])
def test_kill_children(site, capsys, what, victims, every):
    s = site()
    supervisor = s.pb.supervisor()
    wanted, results, kills = transfers(s, victims, every)
    check(s, wanted, results, kills, f"kill -9 of {what}", capsys)
    assert s.pb.supervisor() == supervisor and s.pb.alive()
    wait_for("all are back", lambda: len(s.pb.children()) == 6)
    counters_settle(s)
    assert s.pb.stop() == 0


@pytest.mark.timeout(600 if LONG else 240)
def test_kill_supervisor(site, capsys):
    s = site(options=("-watchdog",))
    wanted, results, kills = transfers(s, ["supervisor"], MAILS // 5)
    check(s, wanted, results, kills, "kill -9 of supervisor", capsys)
    wait_for("all are back", lambda: len(s.pb.children()) == 6)
    counters_settle(s)
    assert s.pb.stop() == 0
