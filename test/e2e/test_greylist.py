"""Greylisting against the running server: windows of seconds, who is spared, who waits longer."""

import os
import re
import signal
import socket
import time

import pytest

from harness import wait_for
from test_smtp import Smtp

# In seconds; settings are minutes.
INITIAL, WINDOW, SUSPICIOUS = 3, 9, 600


class Client(Smtp):
    """Comes from an address of its own: networks are /24."""

    def __init__(self, port, source="127.1.1.1", **kw):
        create = socket.create_connection
        self.source = source
        try:
            socket.create_connection = lambda to, t: create(to, t, source_address=(source, 0))
            super().__init__(port, **kw)
        finally:
            socket.create_connection = create

    def try_mail(self, recipient, sender="me@sender.org"):
        """The answer to RCPT, behind which the mail is forgotten."""
        assert self.say(f"MAIL FROM:<{sender}>").startswith("250")
        answer = self.say(f"RCPT TO:<{recipient}>")
        assert self.say("RSET").startswith("250")
        return answer


def minutes(seconds):
    return f"{seconds / 60:.4f}"


def seconds_left(answer):
    m = re.fullmatch(r"450 4\.7\.1 greylisted, try again in (\d+) seconds", answer)
    assert m, answer
    return int(m[1])


@pytest.fixture
def guarded(site):
    """make(initial=, window=, general={}, **settings of the cluster): a Site with greylisting."""
    def make(initial=INITIAL, window=WINDOW, general=None, n=2, options=(), **cluster):
        s = site(n, options=options,
                 cluster={"default_spam_setting": 2, "error_sleep_s": 0, **cluster})
        s.pb.xml("commitmodifyinfo", greylist_initial_min=minutes(initial),
                 greylist_first_window_min=minutes(window),
                 greylist_initial_suspicious_min=minutes(SUSPICIOUS), **(general or {}))
        return s
    return make


def test_windows(guarded):
    """450, early 450, 250 within the window; it is permanent then, and for this envelope alone."""
    s = guarded()
    c = Client(s.smtp)
    anna, bert = s.people
    begin = time.monotonic()
    assert seconds_left(c.try_mail(anna)) == INITIAL
    time.sleep(1)
    assert 1 <= seconds_left(c.try_mail(anna)) <= INITIAL - 1
    time.sleep(begin + INITIAL + 0.5 - time.monotonic())
    assert c.mail(anna).startswith("250")
    time.sleep(0.5)  # until it is on disk
    assert c.mail(anna).startswith("250")
    assert seconds_left(c.try_mail(bert)) == INITIAL
    assert seconds_left(c.try_mail(anna, "other@sender.org")) == INITIAL
    neighbour = Client(s.smtp, "127.1.1.99")
    assert neighbour.mail(anna).startswith("250")
    assert seconds_left(Client(s.smtp, "127.1.2.1").try_mail(anna)) == INITIAL
    counted = s.pb.counters("MX")
    assert counted["refused_greylist"] == 5
    assert counted["passed_retry"] == 1 and counted["passed_known"] == 2


def test_behind_the_window(guarded):
    """Whoever comes too late begins anew."""
    s = guarded(initial=1.2, window=3.6)
    c = Client(s.smtp)
    assert seconds_left(c.try_mail(s.people[0])) == 2  # rounded up
    time.sleep(4)
    assert seconds_left(c.try_mail(s.people[0])) == 2
    time.sleep(1.5)
    assert c.mail(s.people[0]).startswith("250")


def test_suspicion_stretches_and_refuses(guarded):
    """Guessed addresses make a network wait longer, and with several recipients who guesses is refused; who
    comes from his network with a mail waits, others are not concerned. The log says what weighed how much."""
    s = guarded(n=6, spread_factor=6)
    c = Client(s.smtp)
    assert seconds_left(c.try_mail(s.people[0])) == INITIAL
    for i in range(1):
        assert c.try_mail(f"guess{i}@example.com").startswith("550 5.1.1")
    # 1 of 10 unknown recipients: 20, a domain of 20: 3, one of 20 networks names it: 20, times 6
    stretched = wait_for_answer(lambda: c.try_mail(s.people[1]), longer_than=INITIAL)
    assert stretched == pytest.approx(INITIAL + (258 - 200) / 200 * (SUSPICIOUS - INITIAL), abs=5)
    for person in s.people[2:]:
        c.try_mail(person)
    for i in range(6):
        c.try_mail(f"guess{i}@example.com")
    refused = poll(lambda: c.try_mail(s.people[0], "new@sender.org"),
                   lambda a: a.startswith("550"))
    assert refused.startswith("550 5.7.1 too much from your network 127.1.1.0 looks like spam")
    neighbour = Client(s.smtp, "127.1.1.2")
    assert seconds_left(neighbour.try_mail(s.people[0], "new@sender.org")) > INITIAL
    assert neighbour.try_mail("guess@example.com").startswith("550 5.1.1")
    assert neighbour.try_mail(s.people[0], "new@sender.org").startswith("550 5.7.1")
    assert seconds_left(Client(s.smtp, "127.1.9.1").try_mail(s.people[0])) == INITIAL
    line = s.pb.traffic_lines("refused for suspicion")[0]
    assert re.search(r"suspicion \d+ of unknown recipients \d of 10: 1\d0", line), line


def poll(ask, until):
    """Facts reach the store some milliseconds later."""
    for _ in range(200):
        answer = ask()
        if until(answer):
            return answer
        time.sleep(0.05)
    pytest.fail(f"still {answer}")


def wait_for_answer(ask, longer_than):
    return seconds_left(poll(ask, lambda a: seconds_left(a) > longer_than))


def test_who_goes_on_passes(guarded):
    """A fourth try passes under any suspicion short of a refusal: servers go on, bots do not."""
    s = guarded(initial=1, window=600, spread_factor=20)
    c = Client(s.smtp)
    for i in range(3):
        c.try_mail(f"guess{i}@example.com")
    wait_for_answer(lambda: c.try_mail(s.people[0], "other@sender.org"), longer_than=100)
    for _ in range(3):
        assert seconds_left(c.try_mail(s.people[0])) > 100
        time.sleep(0.7)
    assert poll(lambda: c.try_mail(s.people[0]), lambda a: a.startswith("250")).startswith("250")
    assert seconds_left(c.try_mail(s.people[1])) > 100


def test_allow_lists_win(guarded):
    """spam_whitelist_ranges and relay clients are never held up, whatever they do."""
    s = guarded(spam_whitelist_ranges="127.1.1.0/24", relay_ranges="127.1.2.0/24", spread_factor=100)
    for source in ("127.1.1.1", "127.1.2.1"):
        c = Client(s.smtp, source)
        for i in range(12):
            c.try_mail(f"guess{i}@example.com")
        time.sleep(0.3)
        assert c.mail(s.people[0]).startswith("250")
    assert s.pb.counters("MX")["refused_greylist"] == 0


def test_reply_passes_at_once(guarded):
    """Whom our user has written to may answer him, from wherever."""
    s = guarded(relay_ranges="127.1.2.0/24")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", smtp_relay=1)
    anna, bert = s.people
    assert Client(s.smtp, "127.1.2.1").mail("friend@far.org", sender=anna).startswith("250")
    c = Client(s.smtp, "127.1.3.1")
    poll(lambda: c.try_mail(anna, "Friend@Far.org"), lambda a: a.startswith("250"))
    assert seconds_left(c.try_mail(anna, "foe@far.org")) == INITIAL
    assert seconds_left(c.try_mail(bert, "friend@far.org")) == INITIAL


@pytest.mark.parametrize("cluster, account, held", [
    (2, 1, True), (0, 1, False), (2, 0, False), (0, 2, True), (2, 2, True), (0, 0, False)])
def test_settings(guarded, cluster, account, held):
    """Of the row that was asked for: account or alias; 1 is the cluster's."""
    s = guarded(default_spam_setting=cluster)
    s.pb.xml("commitmodifyemail", email_address=s.people[0], spam_setting=account)
    s.pb.xml("commitmodifyalias", alias_address="team@example.com", spam_setting=account)
    c = Client(s.smtp)
    for address in (s.people[0], "team@example.com"):
        assert c.try_mail(address).startswith("450" if held else "250"), address


def test_alias_is_asked_for_not_its_members(guarded):
    s = guarded()
    for person in s.people:
        s.pb.xml("commitmodifyemail", email_address=person, spam_setting=0)
    assert seconds_left(Client(s.smtp).try_mail("team@example.com")) == INITIAL
    assert Client(s.smtp).try_mail(s.people[0]).startswith("250")


def test_over_restarts(guarded):
    """What is learned stays, over kills of every process and a restart of all."""
    s = guarded(initial=1.2, window=600)
    c = Client(s.smtp)
    c.try_mail(s.people[0])
    time.sleep(0.3)
    for name, pid in s.pb.children().items():
        if name != "admin":
            os.kill(pid, signal.SIGKILL)
    time.sleep(1)
    assert Client(s.smtp).mail(s.people[0]).startswith("250")
    time.sleep(0.3)
    assert s.pb.stop() == 0
    s.pb.start()
    assert Client(s.smtp).mail(s.people[0]).startswith("250")


def test_trace(guarded):
    """The score can be reckoned from what trace shows; what was put off and passed is listed."""
    s = guarded(initial=1.2, window=600, spread_factor=2)
    c = Client(s.smtp)
    for i in range(2):
        c.try_mail(f"guess{i}@example.com")
    c.try_mail(s.people[0])
    time.sleep(1.5)
    assert c.mail(s.people[0]).startswith("250")
    c.try_mail(s.people[1])
    wait_for("all is on disk", lambda: guard_of(s).find("greylist").get("total") == "2" and
             guard_of(s).find("trust").get("total") == "2")
    guard = guard_of(s)
    assert guard.findtext("network") == "127.1.1.0"
    points = 0
    for piece in guard.find("evidence"):
        n = {x.tag: int(x.text) for x in piece if x.tag not in ("name", "what")}
        counted = n["measure"]  # nothing is established
        assert n["counted"] == counted
        assert n["points"] == min(n["weight"], n["weight"] * counted // n["saturation"])
        points += n["points"]
    assert points == int(guard.findtext("points")) > 0
    score = guard.find("suspicion")
    assert (score.findtext("clusterid"), score.findtext("score")) == ("MX", str(2 * points))
    passed, waiting = sorted(guard.find("greylist"), key=lambda r: -int(r.findtext("passes")))
    assert (passed.findtext("tries"), passed.findtext("passes")) == ("2", "1")
    assert passed.findtext("passed") and not waiting.findtext("passed")
    assert sorted(r.findtext("proved") for r in guard.find("trust")) == ["a sender domain", "the network"]
    assert guard_of(s, "127.1.2.1").find("greylist").get("total") == "0"


def guard_of(s, address="127.1.1.77"):
    return s.pb.xml("trace", address=address).find("client/guard")


def test_counted_once(guarded):
    """Kills of the replicator lose no sighting and count none twice."""
    s = guarded(spread_factor=0)
    asked = kills = 0
    end = time.monotonic() + 6
    c = Client(s.smtp)
    while time.monotonic() < end:
        for _ in range(20):
            assert c.say("MAIL FROM:<me@sender.org>").startswith("250")
            for _ in range(15):
                assert c.say("RCPT TO:<nobody@example.com>").startswith("550")
                asked += 1
            c.say("RSET")
            c = Client(s.smtp)  # errors of one session are limited
        replicator = s.pb.children().get("replicator")
        if replicator:
            os.kill(replicator, signal.SIGKILL)
            kills += 1
        time.sleep(0.3)
    print(f"{asked} unknown recipients, {kills} kills")
    assert kills >= 3 and asked >= 1000

    def measured():
        piece = guard_of(s).find("evidence/piece")
        assert piece.findtext("name") == "unknown recipients"
        return int(piece.findtext("measure"))
    wait_for("all are counted", lambda: measured() >= asked)
    assert measured() == asked
    time.sleep(1)
    assert measured() == asked


def test_abandoned_tries_count(guarded):
    """What does not come again counts against its network when its record is swept."""
    s = guarded(initial=0.6, window=1.2)
    s.pb.xml("commitmodifyinfo", greylist_initial_suspicious_min=minutes(0.6))
    for i in range(3):
        Client(s.smtp).try_mail(s.people[0], f"me{i}@sender.org")
    passing = Client(s.smtp)
    passing.try_mail(s.people[1])
    time.sleep(0.8)
    assert passing.try_mail(s.people[1]).startswith("250")

    def abandoned():
        return next(p.findtext("measure") for p in guard_of(s).find("evidence")
                    if p.findtext("name") == "abandoned tries")
    wait_for("the sweep has counted them", lambda: abandoned() == "3", 90)
    assert guard_of(s).find("greylist").get("total") == "1"
