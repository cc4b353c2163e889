"""Many senders over four Postfix relay boxes: evenly, each on its own box; one box dies and comes
back, and only its senders move."""

import re
import smtplib
import threading
from collections import Counter, defaultdict

import pytest

from harness import LONG, wait_for
from servers import Postfix

MAILS = 10000 if LONG else 1000
SENDERS = [f"user{i}@example.com" for i in range(500)]
CLIENTS = 8


class Crowd:
    """Sends mail n from SENDERS[n % 500]; a mail that is put off is sent again, as its program's
    user would. Each mail has one recipient abroad, named after it."""

    def __init__(self, port):
        self.port, self.lock, self.failures = port, threading.Lock(), []
        self.put_off = 0

    def deliver(self, connection, n):
        sender = SENDERS[n % len(SENDERS)]
        text = f"From: {sender}\r\nMessage-ID: <{n}@crowd>\r\nX-Mail: {n}\r\n\r\nhello\r\n"
        for _ in range(200):
            try:
                connection.sendmail(sender, [f"to{n}@elsewhere.org"], text)
                return
            except smtplib.SMTPRecipientsRefused as e:
                assert all(code // 100 == 4 for code, _ in e.recipients.values()), e.recipients
            except smtplib.SMTPResponseException as e:
                assert e.smtp_code // 100 == 4, e
            with self.lock:
                self.put_off += 1
        raise AssertionError(f"mail {n} is put off for ever")

    def worker(self, numbers):
        try:
            with smtplib.SMTP("127.0.0.1", self.port) as c:
                for n in numbers:
                    self.deliver(c, n)
        except Exception as e:  # shown by the test, which has no other way to see it
            self.failures.append(repr(e))

    def send(self, numbers):
        threads = [threading.Thread(target=self.worker, args=(numbers[i::CLIENTS],))
                   for i in range(CLIENTS)]
        for t in threads:
            t.start()
        return threads

    def join(self, threads):
        for t in threads:
            t.join()
        assert not self.failures, self.failures


def arrived(boxes):
    """{number of a mail: [index of a box that has it, ...]}"""
    where = defaultdict(list)
    for i, box in enumerate(boxes):
        for mail in box.mails():
            where[int(re.search(rb"^X-Mail: (\d+)", mail, re.M).group(1))].append(i)
    return where


def boxes_of_senders(where, numbers):
    """{sender: {index of a box, ...}} of these mails."""
    of = defaultdict(set)
    for n in numbers:
        of[n % len(SENDERS)] |= set(where[n])
    return of


@pytest.mark.timeout(900)
def test_four_relay_boxes(balancer, keep, open_path, capsys):
    boxes = [keep(Postfix(open_path / f"relay{i}", domain="elsewhere.org")) for i in range(4)]
    pb = balancer()
    # One machine sends for everybody here: far more than a relay client may.
    pb.xml("commitmodifyinfo", mail_from_quota=1000000, distinct_from_emails=1000000,
           distinct_from_domains=1000000)
    port = pb.add_cluster("OUT", "smtp", relay_ranges="127.0.0.0/8",
                          rcpt_per_mail=10000)  # one client of many senders without accounts
    for i, box in enumerate(boxes):
        pb.add_box("OUT", f"RELAY{i}", box.smtp, smtp_relay=1)
    crowd = Crowd(port)
    half, whole = range(MAILS // 2), range(MAILS)

    # all four: evenly, each sender on one
    crowd.join(crowd.send(half))
    where = wait_for("half of them", lambda: len(w := arrived(boxes)) == len(half) and w, 300)
    share = Counter(i for at in where.values() for i in at)
    home = boxes_of_senders(where, half)
    assert all(len(b) == 1 for b in home.values())
    assert all(0.75 <= share[i] / (len(half) / 4) <= 1.25 for i in range(4)), share

    # one dies in the middle
    threads = crowd.send(range(len(half), MAILS))
    wait_for("some go out", lambda: pb.counters("OUT")["mails"] > len(half) + MAILS // 10)
    boxes[2].kill()
    crowd.join(threads)
    later = range(MAILS, MAILS + 2 * len(SENDERS))
    crowd.join(crowd.send(later))
    where = wait_for("the living have theirs", lambda: all(
        w[n] for n in later) and w if (w := arrived(boxes)) else None, 300)
    moved = boxes_of_senders(where, later)
    for sender, at in moved.items():
        if home[sender] == {2}:
            assert 2 not in at and len(at) == 1
        else:
            assert at == home[sender], f"sender {sender} moved from {home[sender]} to {at}"

    # it comes back: nothing is lost, and its senders return
    boxes[2].start()
    sent = range(later[-1] + 1, later[-1] + 1)

    def returned():
        nonlocal sent
        sent = range(sent.stop, sent.stop + len(SENDERS))
        crowd.join(crowd.send(sent))
        w = wait_for("all have arrived", lambda: all(
            w[n] for n in range(sent.stop)) and w if (w := arrived(boxes)) else None, 300)
        return boxes_of_senders(w, sent) == home and w

    where = wait_for("its senders are back", returned, 300)
    twice = sum(len(at) - 1 for at in where.values())
    assert len(where) == sent.stop
    with capsys.disabled():
        print(f"\n4 relay boxes, {len(SENDERS)} senders, {sent.stop} mails: shares "
              f"{[share[i] for i in range(4)]}, {sum(b == {2} for b in home.values())} senders "
              f"moved and returned, 0 lost, {twice} twice, {crowd.put_off} put off")
