"""DNS lists and reverse names: who is refused, who is not, and that nobody waits for an answer."""

import time

import pytest

from dnsserver import DnsServer, reverse
from harness import wait_for
from test_greylist import Client, guard_of, guarded, poll, seconds_left  # noqa: F401: a fixture
from test_relay import login

LISTED = "127.1.1.1"
REFUSAL = f"550 5.7.1 {LISTED} is listed by bl.example"
LISTS = "clean.example, bl.example"


@pytest.fixture
def dns(keep):
    server = keep(DnsServer())
    server.has(f"{reverse(LISTED)}.bl.example", "127.0.0.2")
    return server


@pytest.fixture
def listed(guarded, dns):  # noqa: F811
    """make(**settings): a site that asks both lists."""
    def make(**cluster):
        return guarded(options=("-resolver", dns.address), **{"dns_lists": LISTS, **cluster})
    return make


def asked(dns, address, zone="bl.example"):
    return dns.questions.count(f"{reverse(address)}.{zone}")


def refused(s, address=LISTED, **kw):
    """The answer to RCPT, once the list has answered."""
    return poll(lambda: Client(s.smtp, address).try_mail(s.people[0], **kw),
                lambda a: not a.startswith("450"))


def test_listed_is_refused(listed, dns):
    s = listed()
    assert refused(s) == REFUSAL
    assert seconds_left(Client(s.smtp, "127.1.1.2").try_mail(s.people[0])) > 0
    assert s.pb.counters("MX")["refused_listed"] >= 1
    assert s.pb.traffic_lines("refused as a DNS list has its address")
    assert s.pb.traffic_lines("127.1.1.1 is listed by bl.example")


def test_asked_once(listed, dns):
    """One question a client, list and worker, however many sessions."""
    s = listed()
    refused(s)
    for _ in range(20):
        Client(s.smtp, LISTED).try_mail(s.people[0])
    assert 1 <= asked(dns, LISTED) <= 2 and asked(dns, LISTED, "clean.example") <= 2


def test_allow_lists_win(listed, dns):
    s = listed(relay_ranges="127.2.0.0/16", spam_whitelist_ranges="127.3.0.0/16")
    dns.has(f"{reverse('127.3.1.1')}.bl.example", "127.0.0.2")
    dns.has(f"{reverse('127.2.1.1')}.bl.example", "127.0.0.2")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", smtp_relay=1)
    assert Client(s.smtp, "127.3.1.1").mail(s.people[0]).startswith("250")
    ours = Client(s.smtp, "127.2.1.1")
    assert ours.mail("friend@far.org", sender=s.people[0]).startswith("250")
    assert asked(dns, "127.3.1.1") == asked(dns, "127.2.1.1") == 0
    assert refused(s) == REFUSAL
    letters = poll(lambda: Client(s.smtp, LISTED).try_mail(s.people[0], "friend@far.org"),
                   lambda a: a.startswith("250"))
    assert letters.startswith("250")
    at_home = Client(s.smtp, LISTED)
    assert login(at_home, s.people[0]).startswith("235")
    assert at_home.mail(s.people[0], sender=s.people[0]).startswith("250")
    s.pb.xml("commitmodifyemail", email_address=s.people[1], spam_setting=0)
    assert Client(s.smtp, LISTED).try_mail(s.people[1]).startswith("250")


@pytest.mark.parametrize("answer", ["127.255.255.254", "192.0.2.1"])
def test_what_is_no_listing(listed, dns, answer):
    """A list that refuses to be asked, or a domain that was sold, keeps no mail out."""
    s = listed(dns_lists="odd.example")
    dns.has(f"{reverse(LISTED)}.odd.example", answer)
    Client(s.smtp, LISTED).try_mail(s.people[0])
    wait_for("the answer", lambda: asked(dns, LISTED, "odd.example") >= 1)
    for _ in range(10):
        assert seconds_left(Client(s.smtp, LISTED).try_mail(s.people[0], "new@far.org")) >= 0


def test_nobody_waits(listed, dns):
    """RCPT is answered while the list still has the question, and what it says then counts from there on. A slow
    machine may let a question grow old meanwhile: then another client comes."""
    s = listed(dns_lists="bl.example")

    def late(address):
        dns.has(f"{reverse(address)}.bl.example", "127.0.0.2")
        dns.mode = "held"
        c = Client(s.smtp, address)
        wait_for("the question", lambda: asked(dns, address))
        assert seconds_left(c.try_mail(s.people[0])) > 0
        dns.release()
        for _ in range(40):
            if c.try_mail(s.people[0]) == f"550 5.7.1 {address} is listed by bl.example":
                return True
            time.sleep(0.05)
        return False
    assert any(late(f"127.8.{i}.1") for i in range(4))


@pytest.mark.parametrize("mode", ["silent", "servfail", "garbage"])
def test_a_dead_resolver_delays_nothing(listed, dns, mode):
    """Mail passes while questions are open: when it is answered, none has been, or none can be."""
    s = listed(default_spam_setting=0, reverse_names=1)
    dns.mode = mode
    for i in range(1, 30):
        assert Client(s.smtp, f"127.1.{i}.1").mail(s.people[0]).startswith("250")
    s.pb.xml("commitmodifycluster", clusterid="MX", default_spam_setting=2)
    assert seconds_left(Client(s.smtp, LISTED).try_mail(s.people[0])) > 0
    wait_for("questions", lambda: len(dns.questions) >= 60)
    assert s.pb.crashes() == []
    wait_for("a word in the error log", lambda: "DNS: no answer to" in s.pb.log_text())


def test_no_name_is_evidence(listed, dns):
    """Once a session, and only of those that have none for sure."""
    s = listed(dns_lists="", reverse_names=1)
    dns.is_called("127.5.1.1", "mx.far.example")
    dns.has("mx.far.example", "127.5.1.1")
    dns.is_called("127.6.1.1", "mx.lie.example")
    dns.has("mx.lie.example", "192.0.2.1")

    def nameless(address):
        return next(p.findtext("measure") for p in guard_of(s, address).find("evidence")
                    if p.findtext("name") == "no reverse name")

    def sessions(address, n):
        for i in range(n):
            Client(s.smtp, address).try_mail(s.people[0], f"s{i}@far.org")
    for address, name in [("127.5.1.1", "127.5.1.1"), ("127.6.1.1", "a lie"), ("127.7.1.1", "none")]:
        sessions(address, 6)
    for address in ("127.6.1.1", "127.7.1.1"):
        wait_for("evidence", lambda a=address: sessions(a, 1) or int(nameless(a)) >= 2)
    assert nameless("127.5.1.1") == "0"


def test_bad_names_are_refused(listed):
    s = listed()
    assert "host names" in s.pb.refused("commitmodifycluster", clusterid="MX",
                                        dns_lists="bl.example;other").text


def test_bad_resolver_is_told(balancer):
    pb = balancer("-resolver", "dns.example")
    wait_for("the log", lambda: "DNS server dns.example" in pb.log_text())
    assert pb.xml("getinfo") is not None
