"""Outgoing mail: who may send to the world, through which box, and what a sender may do."""

import base64
import re
import xml.etree.ElementTree as ET

import pytest

from test_smtp import Smtp

OUTSIDE = "10.9.8.0/24"  # ranges that no client of these tests is in


def login(client, name, password="secret"):
    token = base64.b64encode(f"\0{name}\0{password}".encode()).decode()
    return client.say(f"AUTH PLAIN {token}")


@pytest.fixture
def outgoing(site):
    """make(ranges="127.0.0.0/8", n=2, **settings of the cluster): MAIL1, MAIL2, ... with mailboxes, of
    which those in relays take outgoing mail."""
    def make(ranges="127.0.0.0/8", relays=(), n=2, time_scale=None, **cluster):
        s = site(n, cluster={"relay_ranges": ranges, **cluster}, time_scale=time_scale)
        for name in relays:
            s.pb.xml("commitmodifybox", clusterid="MX", boxid=name, smtp_relay=1)
        return s
    return make


# What asks a server to send on for a stranger (RFC 5321 appendix F.2, and old habits).
RELAYS = [
    "victim@elsewhere.org", "@example.com:victim@elsewhere.org",
    "@example.com,@mx.example.com:victim@elsewhere.org", "victim%elsewhere.org@example.com",
    "victim%elsewhere.org@mx.example.com", "victim@elsewhere.org@example.com",
    '"victim@elsewhere.org"@example.com', '"victim@elsewhere.org"', '"victim%elsewhere.org"',
    "elsewhere.org!victim", "elsewhere.org!victim@example.com",
    "elsewhere.org!victim@mx.example.com", "victim@[127.0.0.1]", "victim@[IPv6:::1]",
    "victim%elsewhere.org@[127.0.0.1]", "elsewhere.org!victim@[127.0.0.1]",
    "anna+x%elsewhere.org@example.com", "anna@example.com@elsewhere.org",
    "victim%elsewhere.org@catchall.example", "elsewhere.org!victim@catchall.example",
]
SENDERS = ["me@sender.org", "", "anna@example.com", "root@mx.example.com", "root@localhost"]


@pytest.fixture(scope="module")
def closed(shared_outgoing):
    return shared_outgoing


@pytest.fixture(scope="module")
def shared_outgoing(request, tmp_path_factory):
    from conftest import Site, keeping
    from harness import Balancer, DemoBox
    where = tmp_path_factory.mktemp("relay")
    gen = keeping(request.node)
    keep = next(gen)
    s = Site(lambda *o, **kw: keep(Balancer(where / "pb", *o, **kw)),
             lambda name, *o, **kw: keep(DemoBox(where, name, *o, **kw)),
             cluster={"relay_ranges": OUTSIDE, "plus_addressing": 1})
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL2", smtp_relay=1)
    s.pb.add_account("@catchall.example", "MAIL1")
    yield s
    for _ in gen:
        pass


@pytest.mark.parametrize("sender", SENDERS, ids=lambda v: v or "null")
@pytest.mark.parametrize("recipient", RELAYS)
def test_no_open_relay(closed, sender, recipient):
    c = Smtp(closed.smtp)
    assert c.say(f"MAIL FROM:<{sender}>").startswith("250")
    assert c.say(f"RCPT TO:<{recipient}>")[:3] in ("550", "554")
    assert c.say("DATA").startswith("554")


def test_who_is_in_the_ranges_may_relay(outgoing):
    s = outgoing(relays=["MAIL2"])
    c = Smtp(s.smtp)
    assert c.mail("you@elsewhere.org").startswith("250")
    assert [len(b.mails("you@elsewhere.org")) for b in s.boxes] == [0, 1]
    assert c.say("MAIL FROM:<me@sender.org>").startswith("250")
    assert c.say("RCPT TO:<nobody@example.com>").startswith("550 5.1.1")


def test_who_has_logged_in_may_relay(outgoing):
    s = outgoing(OUTSIDE, relays=["MAIL2"])
    c = Smtp(s.smtp)
    assert c.say("MAIL FROM:<anna@example.com>").startswith("250")
    assert c.say("RCPT TO:<you@elsewhere.org>").startswith("550 5.7.1")
    c.say("RSET")
    assert login(c, "anna@example.com").startswith("235 2.7.0")
    assert c.mail("you@elsewhere.org", sender="anna@example.com").startswith("250")
    mail = s.boxes[1].mails("you@elsewhere.org")[0]
    assert b"with ESMTPA id" in mail


def test_no_relay_box(outgoing):
    s = outgoing()
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<anna@example.com>")
    assert c.say("RCPT TO:<you@elsewhere.org>").startswith("451 4.3.5")


def test_own_box(outgoing):
    s = outgoing(relay_box_choice=1)
    c = Smtp(s.smtp)
    for who in s.people * 2:
        assert c.mail("you@elsewhere.org", sender=who).startswith("250")
    assert [len(b.mails("you@elsewhere.org")) for b in s.boxes] == [2, 2]
    s.pb.add_account("boxless@example.com", "")
    assert c.mail("you@elsewhere.org", sender="boxless@example.com").startswith("250")


# --- what a sender may do ---

def test_null_sender_of_relay_clients(outgoing):
    s = outgoing(relays=["MAIL2"])
    c = Smtp(s.smtp)
    assert c.say("MAIL FROM:<>").startswith("550 5.7.1")
    s.pb.xml("commitmodifycluster", clusterid="MX", allow_relay_notifications=1)
    assert c.mail("you@elsewhere.org", sender="").startswith("250")


def test_sender_must_match(outgoing):
    s = outgoing(OUTSIDE, relays=["MAIL1"])
    s.pb.add_alias("sales@example.com", "team@example.com")
    c = Smtp(s.smtp)
    assert login(c, "anna@example.com").startswith("235")
    for sender, answer in (("anna@example.com", "250"), ("ANNA@example.com", "250"),
                           ("team@example.com", "250"), ("sales@example.com", "250"),
                           ("bert@example.com", "553 5.7.1"), ("me@sender.org", "553 5.7.1"),
                           ("", "550 5.7.1")):
        assert c.say(f"MAIL FROM:<{sender}>").startswith(answer), sender
        c.say("RSET")
    s.pb.xml("commitmodifycluster", clusterid="MX", sender_must_match=0)
    for sender in ("bert@example.com", "me@sender.org"):
        assert c.say(f"MAIL FROM:<{sender}>").startswith("250"), sender
        c.say("RSET")


def test_inside_only(outgoing):
    s = outgoing(OUTSIDE, relays=["MAIL1"])
    s.pb.xml("commitmodifyemail", email_address="anna@example.com", allow_remote_deliveries=0)
    s.pb.add_alias("list@example.com", "bert@example.com", allow_remote_deliveries=0)
    c = Smtp(s.smtp)
    for sender in ("anna@example.com", "list@example.com"):
        assert c.say(f"MAIL FROM:<{sender}>").startswith("550 5.7.1")
    assert login(c, "anna@example.com").startswith("235")
    assert c.mail("bert@example.com", sender="anna@example.com").startswith("250")


def test_what_an_account_refuses(outgoing):
    s = outgoing(OUTSIDE)
    s.pb.xml("commitmodifyemail", email_address="anna@example.com", to_equals_from=0,
             null_reverse_path=0)
    c = Smtp(s.smtp)
    for sender, answer in (("anna@example.com", "550 5.7.1"), ("", "550 5.7.1"),
                           ("bert@example.com", "250")):
        c.say(f"MAIL FROM:<{sender}>")
        assert c.say("RCPT TO:<anna@example.com>").startswith(answer), sender
        assert c.say("RCPT TO:<bert@example.com>").startswith("250")
        c.say("RSET")
    assert login(c, "anna@example.com").startswith("235")
    assert c.mail("anna@example.com", sender="anna@example.com").startswith("250")


def test_recipients_a_mail(outgoing):
    s = outgoing(relays=["MAIL1"], rcpt_per_mail=3)
    s.pb.xml("commitmodifyinfo", recipient_exceeded_quota=100)
    s.pb.xml("commitmodifyemail", email_address="anna@example.com", rcpt_per_mail=2)
    s.pb.xml("commitmodifyemail", email_address="bert@example.com", mail_unlimited=1)
    c = Smtp(s.smtp)

    def most(sender):
        c.say(f"MAIL FROM:<{sender}>")
        answers = [c.say(f"RCPT TO:<you{i}@elsewhere.org>") for i in range(5)]
        c.say("RSET")
        assert all(a.startswith("452 4.5.3") for a in answers if not a.startswith("250"))
        return sum(a.startswith("250") for a in answers)

    assert most("me@sender.org") == 3
    assert most("anna@example.com") == 2
    assert most("bert@example.com") == 5
    s.pb.xml("commitmodifyemail", email_address="bert@example.com",
             mail_unlimited_expiry="2020-01-01T00:00:00Z")
    assert most("bert@example.com") == 3


# --- mail programs do not retry: whole through one box ---

def test_several_boxes_become_one_relay_box(outgoing):
    s = outgoing(relays=["MAIL3"], n=3)
    c = Smtp(s.smtp)
    assert c.mail(*s.people, "you@elsewhere.org").startswith("250")
    assert [len(b.mails()) for b in s.boxes] == [0, 0, 4]
    assert c.mail(s.people[1]).startswith("250")
    assert [len(b.mails()) for b in s.boxes] == [0, 1, 4]


def test_alias_of_a_mail_program(outgoing):
    s = outgoing(relays=["MAIL1"])
    assert Smtp(s.smtp).mail("team@example.com").startswith("250")
    assert sorted(len(b.mails()) for b in s.boxes) == [0, 2]


def test_a_box_that_is_down_is_queued_for(outgoing):
    s = outgoing(relays=["MAIL2"])
    s.pb.xml("yellow", clusterid="MX", boxid="MAIL1")
    assert Smtp(s.smtp).mail("anna@example.com").startswith("250")
    assert len(s.boxes[1].mails("anna@example.com")) == 1


def test_the_relay_box_refuses_one(outgoing):
    """MAIL1 had said 250 to anna before the mail moved to MAIL2, which does not."""
    s = outgoing(relays=["MAIL2"])
    s.boxes[1].faults("rcpt=anna@example.com:refuse5")
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<me@sender.org>")
    assert c.say("RCPT TO:<anna@example.com>").startswith("250")
    assert c.say("RCPT TO:<you@elsewhere.org>").startswith("250")
    assert c.say("DATA").startswith("550 5")
    assert [len(b.mails()) for b in s.boxes] == [0, 0]


def test_login_is_wanted(outgoing):
    s = outgoing(auth_required=1, relays=["MAIL1"])
    c = Smtp(s.smtp)
    assert c.say("MAIL FROM:<anna@example.com>").startswith("530 5.7.0")
    assert login(c, "anna@example.com").startswith("235")
    assert c.mail("bert@example.com", sender="anna@example.com").startswith("250")


# --- aliases abroad ---

def test_alias_with_members_abroad(outgoing):
    s = outgoing(OUTSIDE, relays=["MAIL3"], n=3)
    s.pb.add_alias("friends@example.com", "anna@example.com", "bert@example.com", "you@elsewhere.org",
                   "club@example.com")
    s.pb.add_alias("club@example.com", "friends@example.com", "other@abroad.net")
    assert Smtp(s.smtp).mail("friends@example.com").startswith("250")
    assert [sorted(p.parent.parent.name for p in (b.directory / "mail").glob("*/*/*") if p.is_file())
            for b in s.boxes] == [["anna@example.com"], ["bert@example.com"],
                                  ["other@abroad.net", "you@elsewhere.org"]]


def last_sender(box):
    return re.findall(r"command \d+ MAIL FROM:<(.*?)>", box.events_text())[-1]


def test_rewritten_senders(outgoing):
    """Members abroad see a sender of ours, those here the real one; a bounce finds back."""
    s = outgoing(OUTSIDE, relays=["MAIL3"], n=3, srs_domain="srs.example.com")
    s.pb.add_alias("friends@example.com", "anna@example.com", "you@elsewhere.org")
    assert s.pb.xml("getcluster", clusterid="MX").findtext(".//srs_domain") == "srs.example.com"
    c = Smtp(s.smtp)
    assert c.mail("friends@example.com", sender="Me.Too@Sender.org").startswith("250")
    assert last_sender(s.boxes[0]) == "Me.Too@Sender.org"
    rewritten = last_sender(s.boxes[2])
    assert re.fullmatch(r"SRS0=[^=]+=[^=]+=sender\.org=Me\.Too@srs\.example\.com", rewritten, re.I)
    assert c.mail(rewritten, sender="").startswith("250")
    assert len(s.boxes[2].mails("Me.Too@Sender.org") + s.boxes[2].mails("me.too@sender.org")) == 1
    forged = rewritten.replace("Sender.org=", "victim.org=", 1)
    assert c.say("MAIL FROM:<>").startswith("250")
    assert c.say(f"RCPT TO:<{forged}>").startswith("550 5.1.1")
    assert c.say("RCPT TO:<me@srs.example.com>").startswith("550 5.7.1")


def test_senders_of_mailbox_boxes_and_of_users_stay(outgoing):
    s = outgoing(relays=["MAIL1"], srs_domain="srs.example.com")
    s.pb.add_alias("friends@example.com", "you@elsewhere.org")
    assert Smtp(s.smtp).mail("friends@example.com", sender="anna@example.com").startswith("250")
    assert last_sender(s.boxes[0]) == "anna@example.com"


# --- what is learned, and who is stopped ---

def test_correspondents_are_remembered(outgoing):
    s = outgoing(OUTSIDE, relays=["MAIL1"])
    c = Smtp(s.smtp)
    assert login(c, "anna@example.com").startswith("235")
    assert c.mail("You@elsewhere.org", "bert@example.com",
                  sender="anna@example.com").startswith("250")
    s.pb.ledger_is_written()
    found = ET.tostring(s.pb.xml("trace", email_address="anna@example.com"), encoding="unicode")
    assert "you@elsewhere.org" in found and "bert@example.com" in found
    assert Smtp(s.smtp).mail("bert@example.com", sender="me@sender.org").startswith("250")
    s.pb.ledger_is_written()
    found = ET.tostring(s.pb.xml("trace", email_address="bert@example.com"), encoding="unicode")
    assert "me@sender.org" not in found


def test_too_many_strangers(outgoing):
    s = outgoing(relays=["MAIL1"], rcpt_per_mail=5)
    quota = ("550 you have exceeded your mail quota - contact our site administrators for more "
             "info")
    c = Smtp(s.smtp)

    def mail(sender):
        answer = c.say(f"MAIL FROM:<{sender}>")
        c.say("RSET")
        return answer

    for n in range(5):
        assert mail(f"robot{n}@sender.org").startswith("250")
    assert mail("robot1@sender.org").startswith("250") and mail("anna@example.com").startswith("250")
    assert mail("robot5@sender.org") == quota
    assert mail("robot1@sender.org") == quota and mail("anna@example.com") == quota
    s.pb.ledger_is_written()
    assert mail("anna@example.com") == quota
    blocked = s.pb.xml("blockedips")
    assert "127.0.0.1" in ET.tostring(blocked, encoding="unicode")
    s.pb.xml("setblockip", address="127.0.0.1", block_ip=0)
    s.pb.ledger_is_written()
    assert mail("anna@example.com").startswith("250")
    assert mail("robot6@sender.org").startswith("250")


def test_a_blocked_account(outgoing):
    s = outgoing(OUTSIDE, relays=["MAIL1"])
    s.pb.xml("setblockip", email_address="anna@example.com", block_email=1)
    s.pb.ledger_is_written()
    c = Smtp(s.smtp)
    assert login(c, "anna@example.com").startswith("235")
    assert c.say("MAIL FROM:<anna@example.com>").startswith("550 you have exceeded")
