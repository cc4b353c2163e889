"""One answer for several boxes: each row of the table in HACKING, and what the delivered ledger
keeps: nobody who has a mail gets it again, and nobody who has not is passed over."""

import os
import signal
import threading

import pytest

from harness import Client, Mail, OddBox, wait_for

@pytest.fixture
def balancer(balancer):
    """Nothing dies but what a test kills."""
    all_of_them = []

    def make(*options, **kw):
        all_of_them.append(balancer(*options, **kw))
        return all_of_them[-1]
    yield make
    for one in all_of_them:
        assert [c for c in one.crashes() if "killed by signal 9" not in c] == []


ANNA, BERT, CARL, DORA = (f"{n}@example.com" for n in ("anna", "bert", "carl", "dora"))
TEAM = "team@example.com"


def copies(s, mail):
    return [b.copies(mail.id) for b in s.boxes]


def end_codes(mail):
    """Last verdict of each recipient."""
    return [mail.codes[r] for r in mail.recipients]


def stats(s):
    c = s.pb.counters("MX")
    return c["mails_mixed"], c["spared"]


# --- all or none ---

@pytest.mark.parametrize("to", [[TEAM], [ANNA, BERT]])
def test_all_accepted(site, to):
    s = site()
    mail = Mail(s.smtp, "all@x", *to)
    t = mail.attempt()
    assert t.end[0] == 250
    assert t.end[1].startswith("2.0.0 [MAIL1:250_ok") and "][MAIL2:250_ok" in t.end[1]
    assert copies(s, mail) == [1, 1]
    assert s.pb.ledger_is_written() == 0  # costs nothing
    assert stats(s) == (0, 0)


@pytest.mark.parametrize("to", [[TEAM], [ANNA, BERT]])
@pytest.mark.parametrize("faults,code", [
    (("refuse4", "refuse4"), 451), (("refuse5", "refuse5"), 550), (("refuse4", "refuse5"), 451),
    (("refuse5", "drop"), 451), (("drop", "drop"), 451)])
def test_none_accepted(site, to, faults, code):
    s = site()
    for b, f in zip(s.boxes, faults):
        b.faults(f"end:{f}")
    mail = Mail(s.smtp, "none@x", *to)
    t = mail.attempt()
    assert t.end[0] == code
    assert "[MAIL1:" in t.end[1] and "[MAIL2:" in t.end[1]
    assert copies(s, mail) == [0, 0]
    assert s.pb.ledger_is_written() == 0
    for b in s.boxes:
        b.faults()
    assert mail.retry() and copies(s, mail) == ([1, 1] if code == 451 else [0, 0])


# --- mixed with a 4xx ---

@pytest.mark.parametrize("to", [[TEAM], [ANNA, BERT], [BERT, ANNA], [TEAM, ANNA], [BERT, TEAM]])
def test_mixed_with_4xx(site, to):
    s = site()
    s.boxes[1].faults("end:refuse4")
    mail = Mail(s.smtp, "mixed@x", *to)
    for n in range(4):  # whoever has it does not get it again, however often it is tried
        t = mail.attempt()
        assert t.end[0] == 451
        assert ("[MAIL1:250_ok" if n == 0 else "[MAIL1:250_had_it_already]") in t.end[1]
        assert "[MAIL2:451_refused_on_purpose]" in t.end[1]
        assert copies(s, mail) == [1, 0]
    assert stats(s) == (4, 3)
    s.boxes[1].faults()
    t = mail.attempt()
    assert t.end[0] == 250
    assert "[MAIL1:250_had_it_already]" in t.end[1] and "[MAIL2:250_ok" in t.end[1]
    assert copies(s, mail) == [1, 1]
    assert not mail.open


def test_boxes_that_keep_failing_settle_one_by_one(site):
    """Four boxes; each try another one has recovered."""
    s = site(n=4)
    for b in s.boxes[1:]:
        b.faults("end:refuse4")
    mail = Mail(s.smtp, "four@x", TEAM)
    for n in range(1, 5):
        assert mail.attempt().end[0] == (451 if n < 4 else 250)
        assert copies(s, mail) == [1] * n + [0] * (4 - n)
        if n < 4:
            s.boxes[n].faults()
    assert copies(s, mail) == [1, 1, 1, 1]


def test_recipients_of_one_box_share_its_fate(site):
    """Three on MAIL1, one on MAIL2: the three are spared, each of them."""
    s = site()
    for who in ("x", "y"):
        s.pb.add_account(f"{who}@example.com", "MAIL1")
    s.boxes[1].faults("end:refuse4")
    mail = Mail(s.smtp, "three@x", ANNA, "x@example.com", BERT, "y@example.com")
    assert mail.attempt().end[0] == 451
    assert mail.attempt().end[0] == 451
    s.boxes[1].faults()
    assert mail.attempt().end[0] == 250
    assert copies(s, mail) == [3, 1]


# --- mixed with a 5xx ---

@pytest.mark.parametrize("to", [[ANNA, BERT], [BERT, ANNA]])
def test_mixed_with_5xx(site, to):
    """The refused one is bounced with its own code by its sender's server, the others are done."""
    s = site()
    s.boxes[1].faults("end:refuse5")
    mail = Mail(s.smtp, "five@x", *to)
    t = mail.attempt()
    assert t.end[0] == 451 and "[MAIL1:250_" in t.end[1] and "[MAIL2:550_" in t.end[1]
    t = mail.attempt()  # those who are done and those who are refused are answered apart
    assert t.rcpt[to[0]][0] == 250
    assert t.rcpt[to[1]] == (450, "4.2.0 another recipient of this mail comes first")
    assert t.end[0] == (550 if to[0] == BERT else 250)
    assert mail.open == [to[1]]
    t = mail.attempt()
    assert t.end[0] == (250 if to[0] == BERT else 550)
    assert not mail.open
    assert mail.codes == {ANNA: 250, BERT: 550}
    assert copies(s, mail) == [1, 0]


def test_mixed_with_5xx_over_four_boxes(site):
    s = site(n=4)
    s.boxes[1].faults("end:refuse5")
    s.boxes[2].faults("end:refuse4")
    mail = Mail(s.smtp, "mix4@x", ANNA, BERT, CARL, DORA)
    assert mail.attempt().end[0] == 451
    assert copies(s, mail) == [1, 0, 0, 1]
    s.boxes[2].faults()
    assert mail.retry()
    assert mail.codes == {ANNA: 250, BERT: 550, CARL: 250, DORA: 250}
    assert copies(s, mail) == [1, 0, 1, 1]


def test_alias_mixed_with_5xx(site):
    s = site()
    s.boxes[1].faults("end:refuse5")
    mail = Mail(s.smtp, "alias5@x", TEAM)
    assert mail.attempt().end[0] == 451
    t = mail.attempt()
    assert t.end[0] == 550 and not mail.open
    assert "[MAIL1:250_had_it_already]" in t.end[1]  # who got it
    assert "[MAIL2:550_refused_on_purpose]" in t.end[1]
    assert copies(s, mail) == [1, 0]


def test_alias_and_its_member_mixed_with_5xx(site):
    """bert refuses: so does the alias that he is in; anna has it, alone and through the alias."""
    s = site()
    s.boxes[1].faults("end:refuse5")
    mail = Mail(s.smtp, "member5@x", ANNA, TEAM, BERT)
    assert mail.retry()
    assert mail.codes == {ANNA: 250, TEAM: 550, BERT: 550}
    assert copies(s, mail) == [1, 0]


# --- PRDR ---

def test_prdr(site):
    s = site()
    s.boxes[1].faults("end:refuse5")
    mail = Mail(s.smtp, "prdr@x", ANNA, BERT, prdr=True)
    t = mail.attempt()
    assert t.end[0] == 353
    assert [e[0] for e in t.each] == [250, 550]
    assert "[MAIL1:250_" in t.each[0][1] and "[MAIL2:550_" in t.each[1][1]
    assert not mail.open and copies(s, mail) == [1, 0]
    assert s.pb.ledger_is_written() == 0  # exact at once, nothing comes again


def test_prdr_temporary(site):
    """Only whom it was refused is tried again."""
    s = site()
    s.boxes[1].faults("end:refuse4")
    mail = Mail(s.smtp, "prdr4@x", ANNA, BERT, prdr=True)
    t = mail.attempt()
    assert [e[0] for e in t.each] == [250, 451]
    assert mail.open == [BERT]
    s.boxes[1].faults()
    assert mail.attempt().end[0] == 250
    assert copies(s, mail) == [1, 1]


def test_prdr_with_many_words(site, keep):
    """More than a session's out buffer holds otherwise: whoever has it must be told so."""
    s = site(n=1)
    odd = keep(OddBox(end="451 4.3.0 " + 110 * "x"))
    s.pb.add_box("MX", "ODD", odd.smtp)
    people = [f"p{i}@example.com" for i in range(600)]
    for i, p in enumerate(people):
        s.pb.add_account(p, "ODD" if i else "MAIL1")
    mail = Mail(s.smtp, "words@x", *people, prdr=True)
    t = mail.attempt()
    assert len(t.each) == len(people) and mail.open == people[1:]
    assert s.boxes[0].copies("words@x") == 1


def test_prdr_all_the_same(site):
    s = site()
    mail = Mail(s.smtp, "prdr250@x", ANNA, BERT, prdr=True)
    t = mail.attempt()
    assert t.end[0] == 250 and not t.each and copies(s, mail) == [1, 1]
    s.boxes[0].faults("end:refuse4")
    s.boxes[1].faults("end:refuse4")
    t = Mail(s.smtp, "prdr451@x", ANNA, BERT, prdr=True).attempt()
    assert t.end[0] == 451 and not t.each


def test_prdr_with_an_alias(site):
    """carl is alone on MAIL1 and told 250; the alias is told 4xx, and anna in it is spared."""
    s = site()
    s.pb.add_account(CARL, "MAIL1")
    s.boxes[1].faults("end:refuse4")
    mail = Mail(s.smtp, "prdra@x", CARL, TEAM, prdr=True)
    t = mail.attempt()
    assert [e[0] for e in t.each] == [250, 451]
    assert copies(s, mail) == [2, 0]  # carl's and anna's
    s.boxes[1].faults()
    assert mail.attempt().end[0] == 250
    assert copies(s, mail) == [2, 1]


# --- other mails are not eaten ---

def test_other_mails_to_the_same_people(site):
    s = site()
    s.boxes[1].faults("end:refuse4")
    mail = Mail(s.smtp, "first@x", ANNA, BERT)
    assert mail.attempt().end[0] == 451
    s.boxes[1].faults()
    others = [Mail(s.smtp, "second@x", ANNA, BERT),
              Mail(s.smtp, "third@x", TEAM),
              Mail(s.smtp, "first@x", ANNA, body="another body\r\n"),
              Mail(s.smtp, "first@x", ANNA, sender="other@sender.org"),
              Mail(s.smtp, "fifth@x", ANNA, BERT, prdr=True)]
    have = [len(b.mails()) for b in s.boxes]
    for other in others:
        assert other.retry()
        assert len(s.boxes[0].mails()) == have[0] + 1, other.id
        have = [len(b.mails()) for b in s.boxes]
    assert mail.retry()
    assert len(s.boxes[0].mails()) == have[0] and len(s.boxes[1].mails()) == have[1] + 1


def test_other_mail_after_a_refusal(site):
    """It is delayed by one try at worst."""
    s = site()
    s.boxes[1].faults("end:refuse5")
    assert Mail(s.smtp, "first@x", ANNA, BERT).attempt().end[0] == 451
    s.boxes[1].faults()
    other = Mail(s.smtp, "other@x", ANNA, BERT)
    other.attempt()
    other.attempt()
    assert not other.open and end_codes(other) == [250, 250]
    assert copies(s, other) == [1, 1]


# --- LMTP: one box, several verdicts ---

def test_lmtp_mixed(site, demobox):
    s = site(n=1)
    box = demobox("LM", kinds=("lmtp",))
    s.pb.add_box("MX", "LM", box.ports["lmtp"], protocol="lmtp")
    for who in (CARL, DORA):
        s.pb.add_account(who, "LM")
    box.faults(f"end={DORA}:refuse4")
    mail = Mail(s.smtp, "lmtp@x", CARL, DORA)
    t = mail.attempt()
    assert t.end[0] == 451 and "[LM:250_" in t.end[1] and "[LM:451_" in t.end[1]
    assert (len(box.mails(CARL)), len(box.mails(DORA))) == (1, 0)
    assert mail.attempt().end[0] == 451
    box.faults()
    assert mail.attempt().end[0] == 250
    assert (len(box.mails(CARL)), len(box.mails(DORA))) == (1, 1)


def test_lmtp_dies_between_two_verdicts(site, demobox):
    s = site(n=1)
    box = demobox("LM", kinds=("lmtp",))
    s.pb.add_box("MX", "LM", box.ports["lmtp"], protocol="lmtp")
    for who in (CARL, DORA):
        s.pb.add_account(who, "LM")
    box.faults(f"end={DORA}:drop")
    mail = Mail(s.smtp, "lmtpd@x", CARL, DORA)
    t = mail.attempt()
    assert t.end[0] == 451 and "[LM:250_" in t.end[1]
    box.faults()
    assert mail.retry()
    assert (len(box.mails(CARL)), len(box.mails(DORA))) == (1, 1)


# --- the ledger survives ---

def mixed_mail(s, name):
    """A mail that anna has and bert has not yet."""
    s.boxes[1].faults("end:refuse4")
    mail = Mail(s.smtp, name, TEAM)
    assert mail.attempt().end[0] == 451
    assert copies(s, mail) == [1, 0]
    s.boxes[1].faults()
    return mail


def test_kill_the_replicator(site):
    s = site()
    mail = mixed_mail(s, "kill@x")
    old = s.pb.children()["replicator"]
    os.kill(old, signal.SIGKILL)
    assert mail.retry() and copies(s, mail) == [1, 1]
    wait_for("a new replicator", lambda: s.pb.children().get("replicator", old) != old)
    mail = mixed_mail(s, "again@x")
    assert mail.retry() and copies(s, mail) == [1, 1]


@pytest.mark.parametrize("options", [(), ("-watchdog",)])
def test_kill_all(site, options):
    s = site(options=options)
    mail = mixed_mail(s, "all@x")
    s.pb.kill()
    s.pb.start()
    assert mail.retry() and copies(s, mail) == [1, 1]


def test_restart(site):
    s = site()
    mail = mixed_mail(s, "restart@x")
    assert s.pb.stop() == 0
    s.pb.start()
    assert mail.retry() and copies(s, mail) == [1, 1]


def test_stop_behind_the_end_mark(site):
    """The client is gone, the box has not answered yet: its answer is waited for."""
    s = site()
    s.boxes[0].faults("end:slow:1000")
    mail = Mail(s.smtp, "stop@x", ANNA)
    c = Client(s.smtp)
    c.mail(mail.sender, ANNA)
    c.command("DATA")
    c.send(mail.text() + ".\r\n")
    wait_for("the end mark is there", lambda: " end slow" in s.boxes[0].events_text())
    c.reset()
    assert s.pb.stop() == 0
    s.pb.start()
    assert mail.attempt().end[0] == 250 and copies(s, mail) == [1, 0]


def test_replicator_that_hangs(site):
    """The 451 waits for the disk, but not for ever; the row is not lost."""
    s = site()
    pid = s.pb.children()["replicator"]
    os.kill(pid, signal.SIGSTOP)
    try:
        mail = mixed_mail(s, "hang@x")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert s.pb.ledger_is_written() > 0
    assert mail.retry() and copies(s, mail) == [1, 1]


FULL = (451, "4.3.1 the ledger is full, send it again later")


def test_late_ledger_doubles_nothing(site):
    """A retry that finds no row because it is not on disk yet: nobody gets it once more."""
    s = site(workers=1)
    s.boxes[1].faults("end:refuse4")
    pid = s.pb.children()["replicator"]
    os.kill(pid, signal.SIGSTOP)
    try:
        mail = Mail(s.smtp, "late@x", ANNA, BERT)
        mail.attempt()
        for _ in range(2):
            assert mail.attempt().end == FULL
        assert copies(s, mail) == [1, 0]
        assert Mail(s.smtp, "alone@x", ANNA).attempt().end[0] == 250
    finally:
        os.kill(pid, signal.SIGCONT)
    s.pb.ledger_is_written()
    s.boxes[1].faults()
    assert mail.retry() and copies(s, mail) == [1, 1]


def test_full_ledger(site, demobox):
    """While no row can be written, no mail is let through that might need one; others are."""
    s = site(workers=1)
    s.pb.add_account("@many.example.com", "MAIL1")
    lmtp = demobox("LM", kinds=("lmtp",))
    s.pb.add_box("MX", "LM", lmtp.ports["lmtp"], protocol="lmtp")
    s.pb.add_account("@lmtp.example.com", "LM")
    pid = s.pb.children()["replicator"]
    s.boxes[0].faults("end:slow:1000")  # all of them have sent their end marks before one is heard
    s.boxes[1].faults("end:refuse4")
    os.kill(pid, signal.SIGSTOP)
    try:
        mails, batch = [], [None]
        while any(m is None or m.tries[0].end != FULL for m in batch):
            batch = [Mail(s.smtp, f"fill{len(mails)}.{n}@x", BERT,
                          *(f"u{i}@many.example.com" for i in range(900))) for n in range(5)]
            threads = [threading.Thread(target=m.attempt) for m in batch]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            mails += batch
        assert {m.tries[0].end[0] for m in mails} == {451}
        assert s.pb.log_text().count("no room") == 0
        s.boxes[0].faults()
        s.boxes[1].faults()
        full = Mail(s.smtp, "full@x", *mails[0].recipients)
        t = full.attempt()
        assert t.end == FULL
        assert copies(s, full) == [0, 0]
        lm = Mail(s.smtp, "lm@x", *(f"u{i}@lmtp.example.com" for i in range(900)))
        assert lm.attempt().end == FULL and not lmtp.mails()  # one leg, but many answers
        for who in (ANNA, lm.recipients[0]):
            assert Mail(s.smtp, "single@x", who).attempt().end[0] == 250
    finally:
        os.kill(pid, signal.SIGCONT)
    s.pb.ledger_is_written()
    for mail in (full, next(m for m in mails if m.tries[0].end != FULL)):
        assert mail.retry() and copies(s, mail) == [900, 1], mail.id


# --- limits ---

def test_offer(site):
    with Client(site().smtp) as c:
        assert "LIMITS RCPTMAX=1000" in c.offer.split("\n")
        assert "PRDR" in c.offer.split("\n")


def test_a_thousand_recipients(site):
    s = site(n=1)
    s.pb.add_account("@many.example.com", "MAIL1")
    mail = Mail(s.smtp, "many@x", *(f"u{i}@many.example.com" for i in range(1003)))
    t = mail.attempt()
    codes = [c for c, _ in t.rcpt.values()]
    assert codes == [250] * 1000 + [452] * 3
    assert t.rcpt["u1000@many.example.com"][1].startswith("4.5.3 ")
    assert t.end[0] == 250
    assert mail.open == [f"u{i}@many.example.com" for i in range(1000, 1003)]
    assert mail.retry() and copies(s, mail) == [1003]


def test_more_than_64_boxes(site):
    s = site(n=1)
    people = []
    for i in range(70):
        s.pb.add_box("MX", f"BOX{i}", s.boxes[0].smtp)
        people.append(f"u{i}@example.com")
        s.pb.add_account(people[-1], f"BOX{i}")
    mail = Mail(s.smtp, "legs@x", *people)
    t = mail.attempt()
    assert [c for c, _ in t.rcpt.values()] == [250] * 64 + [452] * 6
    assert t.rcpt[people[64]][1].startswith("4.5.3 ")
    assert t.end[0] == 250 and copies(s, mail) == [64]
    assert mail.retry() and copies(s, mail) == [70]
    s.pb.add_alias("far@example.com", *people[:64])
    s.pb.add_alias("too.far@example.com", *people[:65])
    mail = Mail(s.smtp, "far@x", "far@example.com", "too.far@example.com")
    t = mail.attempt()
    assert [c for c, _ in t.rcpt.values()] == [250, 452]
    assert t.end[0] == 250 and copies(s, mail) == [64]
    t = mail.attempt()
    assert t.rcpt["too.far@example.com"] == (550, "5.4.6 the alias leads to too many boxes")


def test_one_box_per_transaction(site):
    s = site(cluster={"multi_box": "one_per_transaction"})
    s.pb.add_account(CARL, "MAIL1")
    mail = Mail(s.smtp, "one@x", ANNA, BERT, CARL)
    t = mail.attempt()
    assert [c for c, _ in t.rcpt.values()] == [250, 452, 250]
    assert t.rcpt[BERT][1].startswith("4.5.3 ")
    assert mail.open == [BERT]
    assert mail.attempt().end[0] == 250 and copies(s, mail) == [2, 1]


def test_large_alias(site):
    """More members on one box than a mail may have legs: those who have it are spared together."""
    s = site()
    members = [f"u{i}@example.com" for i in range(80)]
    for m in members:
        s.pb.add_account(m, "MAIL1")
    s.pb.add_alias("list@example.com", BERT, *members)
    s.boxes[1].faults("end:refuse4")
    mail = Mail(s.smtp, "list@x", "list@example.com")
    for _ in range(2):
        t = mail.attempt()
        assert t.end and t.end[0] == 451, t.rcpt
        assert copies(s, mail) == [80, 0]
    s.boxes[1].faults()
    t = mail.attempt()
    assert t.end and t.end[0] == 250, t.rcpt
    assert copies(s, mail) == [80, 1]


def test_different_pasts(site):
    """Members of one box who have had different mails are told apart."""
    s = site()
    for who in (CARL, DORA):
        s.pb.add_account(who, "MAIL1")
    s.boxes[1].faults("end:refuse4")
    first = Mail(s.smtp, "first@x", ANNA, CARL, BERT)
    assert first.attempt().end[0] == 451  # anna and carl have it
    second = Mail(s.smtp, "second@x", CARL, BERT)
    assert second.attempt().end[0] == 451  # carl has it
    s.boxes[1].faults()
    # both again, to all four: each gets what he has not
    s.pb.add_alias("four@example.com", ANNA, CARL, DORA, BERT)
    for mail, have in ((first, 2), (second, 1)):
        again = Mail(s.smtp, mail.id, "four@example.com")
        assert copies(s, again) == [have, 0]
        assert again.attempt().end[0] == 250
        assert copies(s, again) == [3, 1]
        for who in (ANNA, CARL, DORA):
            assert sum(f"<{mail.id}>".encode() in m for m in s.boxes[0].mails(who)) == 1
