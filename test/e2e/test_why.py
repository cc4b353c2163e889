"""route and tail: where a mail would go, what the guard would say, and what the log has."""

import datetime
import time

from harness import wait_for
from test_greylist import INITIAL, Client, guarded, poll  # noqa: F401: a fixture


def route(pb, recipient, **params):
    return pb.xml("route", email_address=recipient, **params)


def steps(answer):
    return [(int(s.findtext("depth")), s.findtext("email_address"), s.findtext("kind"),
             s.findtext("boxid")) for s in answer.find("tree")]


def targets(answer, cluster="MX"):
    c = next(c for c in answer.find("clusters") if c.findtext("clusterid") == cluster)
    return c.findtext("result"), {t.findtext("email_address"): (t.findtext("to"), t.findtext("result"))
                                  for t in c.find("targets")}


def guard(answer):
    return answer.find("clusters/cluster/guard")


def test_account_and_alias(site):
    s = site()
    s.pb.add_alias("all@example.com", "team@example.com", "far@elsewhere.org", s.people[0])
    anna = route(s.pb, s.people[0])
    assert steps(anna) == [(0, "anna@example.com", "account", "MAIL1")]
    assert targets(anna) == ("ok", {"anna@example.com": ("MAIL1", "ok")})
    assert guard(anna) is None  # nobody said who asks
    assert steps(route(s.pb, "all@example.com")) == [
        (0, "all@example.com", "alias", ""), (1, "team@example.com", "alias", ""),
        (2, "anna@example.com", "account", "MAIL1"), (2, "bert@example.com", "account", "MAIL2"),
        (1, "far@elsewhere.org", "foreign", ""), (1, "anna@example.com", "account", "MAIL1")]
    assert targets(route(s.pb, "nobody@example.com"))[0] == "unknown"
    assert targets(route(s.pb, "far@elsewhere.org"))[0] == "foreign"


def test_it_says_what_happens(site):
    """Lights and fall-overs as sessions see them."""
    s = site()
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", fallover_boxid="MAIL2")
    s.pb.xml("yellow", clusterid="MX", boxid="MAIL1")
    assert targets(route(s.pb, s.people[0]))[1] == {"anna@example.com": ("MAIL2", "ok")}
    s.pb.xml("yellow", clusterid="MX", boxid="MAIL2")
    assert targets(route(s.pb, s.people[0]))[1] == {"anna@example.com": ("", "box_down")}


def test_a_loop_ends(site):
    s = site(1)
    s.pb.add_alias("a@example.com", "b@example.com", s.people[0])
    s.pb.add_alias("b@example.com", "a@example.com")
    answer = route(s.pb, "a@example.com")
    assert 10 < len(answer.find("tree")) <= 1000
    assert any(s[2] == "too deep" for s in steps(answer))
    assert targets(answer) == ("ok", {"anna@example.com": ("MAIL1", "ok")})


def test_the_guard(guarded):  # noqa: F811
    """It says what a session then hears, and a dry run changes nothing."""
    s = guarded(relay_ranges="127.2.0.0/16", spam_whitelist_ranges="127.3.0.0/16",
                block_ranges="127.4.0.0/16")

    def ask(address="127.1.1.1", recipient=s.people[0]):
        return guard(route(s.pb, recipient, sender="me@sender.org", address=address))
    for _ in range(3):
        g = ask()
        assert g.findtext("judgement") == "put off" and g.findtext("would_pass") == "0"
        assert g.findtext("seconds_left") == str(INITIAL)
    c = Client(s.smtp)
    c.try_mail(s.people[0])
    wait_for("it is on disk", lambda: ask().findtext("seconds_left") < str(INITIAL))
    time.sleep(INITIAL)
    assert ask().findtext("judgement") == "retry within the window"
    assert c.mail(s.people[0]).startswith("250")
    wait_for("it is on disk", lambda: ask().findtext("judgement") == "permanent record")
    assert ask("127.2.1.1").findtext("door").startswith("a relay client")
    assert ask("127.3.1.1").findtext("judgement") == "in spam_whitelist_ranges"
    assert ask("127.4.1.1").findtext("door") == "refused when it connects: block_ranges"
    s.pb.xml("commitmodifyemail", email_address=s.people[1], spam_setting=0)
    assert ask(recipient=s.people[1]).findtext("judgement") == "greylisting is off for the recipient"


def test_tail(site):
    s = site(1)
    for i in range(5):
        Client(s.smtp).mail(s.people[0], sender=f"s{i}@sender.org")
    first = wait_for("lines", lambda: (lambda a: a if len(a.find("lines")) >= 5 else None)(
        s.pb.xml("tail", match="success")))
    lines = [x.text for x in first.find("lines")]
    assert all("success - 250" in x for x in lines) and "s4@sender.org" in lines[-1]
    assert len(s.pb.xml("tail", limit=2).find("lines")) == 2
    after = s.pb.xml("tail").findtext("after")
    assert len(s.pb.xml("tail", after=after).find("lines")) == 0
    Client(s.smtp).mail(s.people[0], sender="new@sender.org")
    more = wait_for("more", lambda: (lambda a: a if len(a.find("lines")) else None)(
        s.pb.xml("tail", after=after, match="new@sender.org")))
    assert [x for x in more.find("lines")]
    assert s.pb.refused("tail", after="nonsense").status == 400
    assert s.pb.refused("tail", after="../../etc/passwd:0").status == 400


def test_tail_of_a_large_log(site):
    """Only its end is looked at; lines are whole."""
    s = site(1)
    Client(s.smtp).mail(s.people[0])
    log = wait_for("the log", lambda: next(s.pb.traffic.iterdir(), None))
    with log.open("a") as f:
        for i in range(20000):
            f.write(f"2026-01-01 Thu 00:00:00.000: 127.0.0.1: filler number {i:08d} of a large log\n")
    lines = s.pb.xml("tail", limit=1000).find("lines")
    assert 5000 < int(lines.get("total")) < 20000 and len(lines) == 1000
    assert lines[-1].text.endswith("filler number 00019999 of a large log")
    assert all(x.text.startswith("2026-") for x in lines)


def test_tail_over_midnight(site):
    """The file of before is looked at, too: a day begins while somebody reads."""
    s = site(1)
    Client(s.smtp).mail(s.people[0], sender="today@sender.org")
    wait_for("the log", lambda: next(s.pb.traffic.iterdir(), None))
    day = datetime.datetime.now(datetime.timezone.utc).date() - datetime.timedelta(days=1)
    log = s.pb.traffic / day.isoformat()
    log.write_text("yesterday 1\nyesterday 2\n")
    seen = s.pb.xml("tail")
    lines = [x.text for x in seen.find("lines")]
    assert lines[:2] == ["yesterday 1", "yesterday 2"] and len(lines) > 2
    assert [x.text for x in s.pb.xml("tail", match="yesterday", limit=1).find("lines")] == ["yesterday 2"]
    more = s.pb.xml("tail", after=f"{log.name}:{len('yesterday 1' + chr(10))}")
    assert [x.text for x in more.find("lines")][:len(lines) - 1] == lines[1:]
    rest = s.pb.xml("tail", after=more.findtext("after")).find("lines")
    assert not set(lines) & {x.text for x in rest}


def test_no_log(balancer):
    pb = balancer(start=False)
    line = pb.command_line()
    pb.command_line = lambda: line[:line.index("-daily")]
    pb.start()
    assert pb.refused("tail").code == "no_traffic_log"


def test_conflicts_are_none(site):
    assert site(1).pb.xml("conflicts").find("conflicts").get("total") == "0"


# --- sendtest ---


def said(answer):
    return [(x.findtext("by"), x.findtext("text")) for x in answer.find("dialogue")]


def test_a_test_mail(site):
    s = site()
    a = s.pb.xml("sendtest", clusterid="MX", email_address="team@example.com", sender="bob@example.org")
    assert a.findtext("taken") == "1"
    assert [b.copies(a.findtext("message_id")) for b in s.boxes] == [1, 1]
    lines = said(a)
    assert lines[0] == ("server", "220 mx.example.com ESMTP") and ("client", "RCPT TO:<team@example.com>") in lines
    assert lines[-1] == ("server", "221 2.0.0 bye")


def test_a_test_mail_that_is_not_taken(guarded):  # noqa: F811
    s = guarded()
    a = s.pb.xml("sendtest", clusterid="MX", email_address=s.people[0], sender="bob@example.org")
    assert a.findtext("taken") == "0"
    assert ("server", f"450 4.7.1 greylisted, try again in {INITIAL} seconds") in said(a)
    a = s.pb.xml("sendtest", clusterid="MX", email_address="nobody@example.com")
    assert a.findtext("taken") == "0" and any(t.startswith("550 5.1.1") for _, t in said(a))
    assert ("client", "MAIL FROM:<>") in said(a)
    assert s.pb.refused("sendtest", clusterid="XX", email_address=s.people[0]).code == "no_such_cluster"
    assert s.pb.refused("sendtest", clusterid="POP", email_address=s.people[0]).code == "no_such_cluster"
    assert s.pb.refused("sendtest", clusterid="MX", email_address="a@b.cc>\r\nRCPT TO:<x").status == 400


def test_a_test_mail_that_is_turned_away(site):
    s = site(1)
    s.pb.xml("commitmodifycluster", clusterid="MX", block_ranges="127.0.0.0/8")
    a = s.pb.xml("sendtest", clusterid="MX", email_address=s.people[0])
    assert a.findtext("taken") == "0"
    assert said(a)[0][1].startswith("550 your service has been explicitly blacklisted")
