"""Limits of relay clients: counted by address and by account over all workers, until they are blocked."""

import os
import signal
import smtplib

import pytest

from harness import wait_for
from test_relay import login
from test_smtp import Smtp

QUOTA = "550 you have exceeded your mail quota - contact our site administrators for more info"
OUTSIDE = "10.9.8.0/24"


@pytest.fixture
def limited(site):
    """make(ranges, cluster settings, **general settings): a site whose relay clients have limits."""
    def make(ranges="127.0.0.0/8", cluster=None, **settings):
        s = site(2, cluster={"relay_ranges": ranges, "sender_must_match": 0, **(cluster or {})})
        s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", smtp_relay=1)
        s.pb.xml("commitmodifyinfo", **{"mail_from_interval_min": 14400,
                                      "recipient_exceeded_interval_min": 14400,
                                      "distinct_from_emails_interval_min": 14400,
                                      "distinct_from_domains_interval_min": 14400, **settings})
        return s
    return make


def mail_from(s, sender, name=None):
    """The answer to one MAIL in a session of its own, by whichever worker takes it."""
    c = Smtp(s.smtp)
    if name:
        assert login(c, name).startswith("235")
    answer = c.say(f"MAIL FROM:<{sender}>")
    c.say("QUIT")
    return answer


def blocked(s):
    s.pb.ledger_is_written()
    rows = s.pb.xml("blockedips").iter("blockedip")
    return {r.findtext("address") or r.findtext("email_address"): r for r in rows}


def unblock(s, *subjects):
    for subject in subjects:
        if "@" in subject:
            s.pb.xml("setblockip", email_address=subject, block_email=0)
        else:
            s.pb.xml("setblockip", address=subject, block_ip=0)


# setting, senders within three of it, one too many, the reason
LIMITS = [
    ("mail_from_quota", ["anna@example.com"] * 3, "anna@example.com", "too many MAIL commands"),
    ("distinct_from_emails", ["a@x.org", "b@x.org", "c@x.org", "A@X.org"], "d@x.org",
     "too many sender addresses"),
    ("distinct_from_domains", ["a@x.org", "a@y.org", "b@z.org", "b@Y.org"], "a@w.org",
     "too many sender domains"),
]


@pytest.mark.parametrize("setting,within,beyond,reason", LIMITS, ids=[row[0] for row in LIMITS])
def test_by_address(limited, setting, within, beyond, reason):
    s = limited(**{setting: 3})
    for round_ in range(2):
        for sender in within:
            assert mail_from(s, sender).startswith("250")
        assert mail_from(s, beyond) == QUOTA
        rows = blocked(s)
        assert rows["127.0.0.1"].findtext("reason") == reason
        assert rows["127.0.0.1"].findtext("by") == "guard"
        assert mail_from(s, within[0]) == QUOTA
        unblock(s, *rows)
        assert mail_from(s, within[0]).startswith("250") and not blocked(s)
        unblock(s, "127.0.0.1", "anna@example.com") # forgets this one as well


@pytest.mark.parametrize("setting,within,beyond,reason", LIMITS, ids=[row[0] for row in LIMITS])
def test_by_account(limited, setting, within, beyond, reason):
    """One account from two addresses: only together are they too many."""
    s = limited(OUTSIDE, **{setting: 3})

    def send(sender, source):
        c = smtplib.SMTP("127.0.0.1", s.smtp, source_address=(source, 0))
        c.login("anna@example.com", "secret")
        code, text = c.mail(sender)
        c.quit()
        return f"{code} {text.decode()}"

    for n, sender in enumerate(within):
        assert send(sender, f"127.0.{n}.1").startswith("250")
    assert send(beyond, "127.0.9.1") == QUOTA
    rows = blocked(s)
    assert list(rows) == ["anna@example.com"] and rows["anna@example.com"].findtext("reason") == reason
    assert send(within[0], "127.0.10.1") == QUOTA
    assert mail_from(s, "bert@example.com", "bert@example.com").startswith("250")
    unblock(s, "anna@example.com")
    for sender in within:
        assert send(sender, "127.0.11.1").startswith("250")


def test_too_many_recipients_too_often(limited):
    s = limited(cluster={"rcpt_per_mail": 1}, recipient_exceeded_quota=3)
    for n in range(4):
        c = Smtp(s.smtp)
        assert c.say("MAIL FROM:<me@sender.org>").startswith("250")
        assert c.say("RCPT TO:<anna@example.com>").startswith("250")
        answer = c.say("RCPT TO:<bert@example.com>")
        assert answer.startswith("452 4.5.3") if n < 3 else answer == QUOTA
    assert blocked(s)["127.0.0.1"].findtext("reason").startswith("too many recipients")
    assert mail_from(s, "me@sender.org") == QUOTA
    unblock(s, "127.0.0.1")
    assert mail_from(s, "me@sender.org").startswith("250")


def test_unlimited_accounts(limited):
    s = limited(mail_from_quota=2, distinct_from_emails=1)
    s.pb.xml("commitmodifyemail", email_address="anna@example.com", mail_unlimited=1)
    for _ in range(5):
        assert mail_from(s, "anna@example.com").startswith("250")
    assert mail_from(s, "bert@example.com").startswith("250") # nothing was counted
    s.pb.xml("commitmodifyemail", email_address="anna@example.com",
             mail_unlimited_expiry="2001-01-01T00:00:00Z")
    assert mail_from(s, "anna@example.com") == QUOTA


def test_tags_do_not_hide_an_account(limited):
    s = limited(cluster={"plus_addressing": 1}, mail_from_quota=2)
    assert mail_from(s, "anna+1@example.com").startswith("250")
    assert mail_from(s, "anna+2@example.com").startswith("250")
    assert mail_from(s, "anna+3@example.com") == QUOTA
    assert set(blocked(s)) == {"127.0.0.1", "anna@example.com"}
    unblock(s, "127.0.0.1")
    assert mail_from(s, "anna+4@example.com") == QUOTA


def test_killed_workers_lose_and_add_nothing(limited):
    s = limited(mail_from_quota=30)
    for n in range(30):
        assert mail_from(s, "me@sender.org").startswith("250"), n
        if n % 10 == 5:
            role = f"worker {1 + n // 10 % 2}"
            old = s.pb.children()[role]
            os.kill(old, signal.SIGKILL)
            wait_for("a new worker", lambda: s.pb.children().get(role, old) != old)
    assert mail_from(s, "me@sender.org") == QUOTA


def test_tries_of_the_blocked_are_counted(limited):
    s = limited()
    s.pb.xml("setblockip", address="127.0.0.1", block_ip=1)
    s.pb.ledger_is_written()
    for _ in range(5):
        assert mail_from(s, "me@sender.org") == QUOTA
    s.pb.ledger_is_written()
    count = int(blocked(s)["127.0.0.1"].findtext("count"))
    assert 1 <= count <= 2 # of each worker the first, at once; the others within a minute


def test_trace_shows_what_is_used_up(limited):
    s = limited(distinct_from_emails=7)
    for sender in ("anna@example.com", "a@x.org", "a@y.org"):
        assert mail_from(s, sender).startswith("250")

    def used(**whom):
        return {row.findtext("name"): (row.findtext("used"), row.findtext("most"))
                for row in s.pb.xml("trace", **whom).iter("limit")}

    by_address = used(address="127.0.0.1")
    assert by_address["mail_from_quota"] == ("3", "200")
    assert by_address["distinct_from_emails"] == ("3", "7")
    assert by_address["rcpt_per_mail"][0] == "2"
    assert used(email_address="anna@example.com")["distinct_from_emails"] == ("1", "7")
    assert used(address="127.0.0.2") == {}


def test_sudden_fan_out_is_flagged(limited):
    s = limited(OUTSIDE, recipient_exceeded_quota=1000)
    s.pb.xml("commitmodifyemail", email_address="anna@example.com", rcpt_per_mail=1000)
    c = Smtp(s.smtp)
    assert login(c, "anna@example.com").startswith("235")
    for mail in range(3):
        c.say("MAIL FROM:<anna@example.com>")
        for n in range(70):
            assert c.say(f"RCPT TO:<you{mail}-{n}@elsewhere.org>").startswith("250")
        assert c.say("DATA").startswith("354")
        assert c.say("Subject: x\r\n\r\nhello\r\n.").startswith("250")
        wait_for("the flag", lambda: mail < 2 or s.pb.counters("MX")["flagged"] == 1)
    assert mail_from(s, "anna@example.com", "anna@example.com").startswith("250") # not blocked
    flag, = s.pb.xml("stats").iter("flag")
    assert flag.findtext("email_address") == "anna@example.com"
    assert flag.findtext("reason") == "210 recipients in an hour, 0 on average"
    assert s.pb.traffic_lines("flagged anna@example.com - 210 recipients")
