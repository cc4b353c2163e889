"""What the service tells about itself and its changes: audit, trace, stats, getinfo, log."""

import os
import signal
import socket
import time
import xml.etree.ElementTree as ET

from contract import COMMANDS, READS
from harness import Client, XmlClient, document, free_port, values, wait_for
from test_pop3 import Pop, user_pass
from test_xml_commands import ask_from

# Every change there is, in an order in which each works, with the words its row must hold.
SECRETS = {"user_password": "s3cret-one", "probe_password": "s3cret-two",
           "password": "s3cret-three",
           "new_accesskey": "s3cret-four", "sister_key": "s3cret-five-and-more"}
CHANGES = [
    ("addcluster", {"clusterid": "C", "type": "smtp", "listen_address": "127.0.0.1",
                    "listen_port": None}),
    ("addbox", {"clusterid": "C", "boxid": "B", "connect_address": "127.0.0.1",
                "connect_port": "25",
                "probe_password": SECRETS["probe_password"]}),
    ("green", {"clusterid": "C", "boxid": "B"}),
    ("yellow", {"clusterid": "C", "boxid": "B"}),
    ("red", {"clusterid": "C", "boxid": "B"}),
    ("commitmodifycluster", {"clusterid": "C", "comment": "new"}),
    ("commitmodifybox", {"clusterid": "C", "boxid": "B", "weight": "7",
                         "probe_password": SECRETS["probe_password"] + "2"}),
    ("addnewemail", {"email_address": "a@example.com", "user_password": SECRETS["user_password"],
                     "boxid": "B"}),
    ("commitmodifyemail", {"email_address": "a@example.com", "spam_setting": "0",
                           "user_password": SECRETS["user_password"] + "2"}),
    ("moveemail", {"email_address": "a@example.com", "boxid": "D"}),
    ("moveemail", {"from_boxid": "D", "boxid": "B"}),
    ("addnewalias", {"alias_address": "l@example.com", "alias_list": "a@example.com"}),
    ("commitmodifyalias", {"alias_address": "l@example.com", "rcpt_per_mail": "9"}),
    ("setblockip", {"block_email": "1", "email_address": "a@example.com", "address": "10.1.2.3"}),
    ("commitmodifyinfo", {"mail_from_quota": "77"}),
    ("setsisterkey", {"sister_key": SECRETS["sister_key"]}),
    ("clearip", {"address": "10.1.2.4"}),
    ("vacuum", {}),
    ("reread", {}),
    ("importconfig", {}),
    ("deletealias", {"email_address": "l@example.com"}),
    ("deleteemail", {"email_address": "a@example.com"}),
    ("deletebox", {"clusterid": "C", "boxid": "B"}),
    ("deletecluster", {"clusterid": "C"}),
    ("changepassword", {"password": SECRETS["password"],
                        "new_accesskey": SECRETS["new_accesskey"]}),
]
assert {c for c, _ in CHANGES} == set(COMMANDS) - READS


def change(pb, command, params):
    if command == "addcluster":
        params = {**params, "listen_port": str(free_port())}
    if command == "importconfig":
        inner = "<settings><mail_from_quota>78</mail_from_quota></settings>"
        assert pb.post(document(command, pb.key(), inner=inner))[0] == 200
    else:
        pb.xml(command, **params)
    return params


def audit(pb, **params):
    return [values(row) for row in pb.xml("audit", **params).find("changes")]


def test_audit(balancer):
    """Every change leaves its row, with who, from where and what; nothing secret stands in one,
    nor in the log; and no other file tells a secret that must only be recognised."""
    pb = balancer()
    made = []
    for command, params in CHANGES[:-1]:
        made.append((command, change(pb, command, params)))
    old = [pb.key(), pb.credentials()["password"]]
    command, params = CHANGES[-1]
    made.append((command, change(pb, command, params)))
    pb._key = SECRETS["new_accesskey"]
    rows = audit(pb, limit=1000)[::-1]
    expected = [(c, p) for c, p in made if c != "vacuum"]
    assert [r["command"] for r in rows] == [c for c, _ in expected]
    assert [int(r["number"]) for r in rows] == list(range(1, len(rows) + 1))
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for row, (command, params) in zip(rows, expected):
        assert (row["who"], row["from"]) == ("key", "127.0.0.1")
        assert now[:10] <= row["time"][:10] and row["time"] <= now
        for tag, value in params.items():
            want = f"{tag}=..." if tag in SECRETS else f"{tag}={value}"
            assert want in row["what"], (command, row)
    assert rows[[c for c, _ in expected].index("reread")]["what"].startswith("added 0, changed 0")
    everything = ET.tostring(pb.xml("audit", limit=1000), "unicode") + pb.log_text()
    for secret in [*SECRETS.values(), *old]:
        assert secret not in everything
    for path in pb.traffic.iterdir():
        assert "s3cret" not in path.read_text(errors="replace")
    shown = ET.tostring(pb.xml("getinfo"), "unicode") + ET.tostring(pb.xml("exportconfig"),
                                                                    "unicode")
    assert "s3cret" not in shown + ET.tostring(pb.xml("stats"), "unicode")


def test_audit_of_the_machine_and_of_refusals(balancer):
    """Over the local socket the user stands there; what was refused or changed nothing does not."""
    pb = balancer()
    pb.local("addnewemail", email_address="a@example.com", user_password="s3cret")
    assert audit(pb)[0] == {**audit(pb)[0], "who": f"uid {os.getuid()}", "from": "local",
                            "what": "email_address=a@example.com user_password=..."}
    pb.xml("commitmodifyemail", email_address="a@example.com", user_password="s3cret")
    pb.refused("addnewemail", email_address="a@example.com")
    pb.refused("deleteemail", email_address="b@example.com")
    assert len(audit(pb)) == 1


def test_audit_pages(balancer):
    """The newest first; `after` goes on towards the older; the rows survive a restart."""
    pb = balancer()
    with XmlClient(pb) as c:
        for i in range(70):
            c.xml("addnewemail", email_address=f"u{i}@example.com", boxid="x" * 40)
    numbers = [r["number"] for r in audit(pb, limit=1000)]
    assert numbers == [str(i) for i in range(70, 0, -1)]
    assert len(audit(pb)) == 50
    assert [r["number"] for r in audit(pb, after=61, limit=3)] == ["60", "59", "58"]
    assert audit(pb, after=1) == []
    for bad in ("0", "-1", "x", "1.5"):
        e = pb.refused("audit", after=bad)
        assert (e.status, e.code) == (400, "bad_value") and bad in e.text
    pb.stop()
    pb.start()
    assert [r["number"] for r in audit(pb, limit=1000)] == numbers


def test_audit_rows_are_bounded_in_length(balancer):
    pb = balancer()
    pb.xml("addnewemail", email_address="a@example.com", auto_reply_body="b" * 60000,
           auto_reply_subject="s" * 900, boxid="MAIL1", user_password="p" * 200)
    what = audit(pb)[0]["what"]
    assert what.startswith("email_address=a@example.com") and len(what) <= 1000
    assert "auto_reply_body=" + "b" * 100 + "... " in what and "boxid=MAIL1" in what
    assert "pppp" not in what


# --- trace ---

def test_trace_of_a_client(balancer):
    pb = balancer()
    smtp = pb.add_cluster("MX", "smtp", relay_ranges="127.7.0.0/16", block_ranges="10.9.0.0/16",
                          spam_whitelist_ranges="127.7.7.7")
    pb.xml("setblockip", block_ip=1, address="127.7.7.7")
    with socket.create_connection(("127.0.0.1", smtp), 20, ("127.7.7.7", 0)) as s:
        s.recv(100)
        root = pb.xml("trace", address="127.7.7.7")
        client = root.find("client")
        assert client.findtext("address") == "127.7.7.7" and root.find("mail") is None
        assert client.findtext("blockedip/address") == "127.7.7.7"
        assert client.findtext("blockedip/reason")
        assert client.find("sessions").get("total") == "1"
        assert client.findtext("sessions/session/clusterid") == "MX"
        assert {(r.findtext("clusterid"), r.findtext("name")) for r in client.iter("range")} == \
            {("MX", "relay_ranges"), ("MX", "spam_whitelist_ranges")}
    wait_for("the session is gone", lambda: pb.xml("trace", address="127.7.7.7").find(
        "client/sessions").get("total") == "0")
    client = pb.xml("trace", address="10.9.8.7").find("client")
    assert client.find("blockedip") is None
    assert [r.findtext("name") for r in client.iter("range")] == ["block_ranges"]


def test_trace_of_an_address(balancer):
    pb = balancer()
    pb.xml("addnewemail", email_address="a@example.com", user_password="s3cret", boxid="B")
    pb.xml("addnewalias", alias_address="l@example.com", alias_list="a@example.com")
    pb.xml("addnewemail", email_address="@example.com", boxid="C")
    pb.xml("setblockip", block_email=1, email_address="a@example.com")
    mail = pb.xml("trace", email_address="A@Example.com").find("mail")
    assert mail.findtext("email_address") == "a@example.com"
    assert mail.findtext("account/boxid") == "B" and mail.find("alias") is None
    assert mail.findtext("catch_all_account/boxid") == "C"
    assert mail.findtext("blockedip/email_address") == "a@example.com"
    assert "s3cret" not in ET.tostring(mail, "unicode")
    mail = pb.xml("trace", email_address="l@example.com").find("mail")
    assert mail.findtext("alias/alias_list") == "a@example.com" and mail.find("account") is None
    mail = pb.xml("trace", email_address="nobody@else.org").find("mail")
    assert [mail.find(t) for t in ("account", "alias", "catch_all_account",
                                   "blockedip")] == [None] * 4
    both = pb.xml("trace", email_address="a@example.com", address="::1")
    assert both.find("client") is not None and both.find("mail") is not None
    assert pb.refused("trace").code == "missing_parameter"


def test_clearip_forgets_wrong_keys(balancer):
    pb = balancer()
    body = document("stats", "wrong", [])

    def delay(what="key_delay_ms", address="127.5.5.200"):
        return int(pb.xml("trace", address=address).find("client").findtext(what))
    ask_from("127.5.5.5", pb.http, body)
    assert delay() >= 1000  # of the whole network
    assert delay(address="127.5.6.5") == 0
    pb.xml("clearip", address="127.5.5.9")
    assert delay() == 0
    begin = time.monotonic()
    ask_from("127.5.5.5", pb.http, body)
    assert time.monotonic() - begin < 2  # as the first time


def test_clearip_forgets_failed_logins(site):
    s = site()

    def delay():
        return int(s.pb.xml("trace", address="127.0.0.9").find("client").findtext("login_delay_ms"))
    assert user_pass(Pop(s.pop3), "anna@example.com", "wrong").startswith(b"-ERR")
    assert delay() >= 1000
    s.pb.xml("clearip", address="127.0.0.1")
    assert delay() == 0


# --- stats ---

def test_stats_count_what_went_through(site):
    """Per worker, cluster and box, and each the sum of the others."""
    s = site()
    clients = [Client(s.smtp) for _ in range(4)]
    for i, c in enumerate(clients):
        assert c.mail("me@sender.org", "anna@example.com", "nobody@example.com") == [250, 550]
        c.command("DATA")
        assert c.command("Subject: x\r\n\r\nhello\r\n.")[0] == 250
    pop = Pop(s.pop3)
    assert user_pass(pop, "bert@example.com", "secret").startswith(b"+OK")
    user_pass(Pop(s.pop3), "bert@example.com", "wrong")
    mx, p, box = s.pb.counters("MX"), s.pb.counters("POP"), s.pb.counters("MX", "MAIL1")
    assert (mx["sessions"], mx["sessions_total"], mx["mails"], mx["recipients"]) == (4, 4, 4, 4)
    assert mx["refused_unknown"] == 4
    assert p["logins"] == 1 and p["refused_login"] == 1 and p["sessions"] >= 1
    assert (box["mails"], s.pb.counters("MX", "MAIL2")["mails"]) == (4, 0)
    assert s.pb.counters("POP", "MAIL2")["logins"] == 1
    for c in (*clients, pop.socket):
        c.close()
    wait_for("sessions end", lambda: s.pb.counters("MX")["sessions"] == 0)
    mx = s.pb.counters("MX")
    assert mx["bytes_in"] > 4 * 100 and mx["bytes_out"] > 4 * 100
    root = s.pb.xml("stats")
    workers = [values(w) for w in root.find("workers")]
    for name in ("sessions_total", "mails", "recipients", "logins", "refused_unknown",
                 "refused_login"):
        by_cluster = sum(int(c.findtext(name)) for c in root.find("clusters"))
        assert sum(int(w[name]) for w in workers) == by_cluster, name
    for c in root.find("clusters"):
        for b in c.find("boxes"):
            row = values(b)
            answers = sum(int(x.findtext("answers")) for x in b.find("latency"))
            assert (answers > 0) == (int(row["sessions_total"]) > 0), row
    assert len(list(root.find("history/recent"))) == int(root.find("history/recent").get("total"))


def test_history_adds_up(site):
    """Each interval tells what happened in it."""
    s = site()
    with Client(s.smtp) as c:
        for _ in range(3):
            c.mail("me@sender.org", "team@example.com")
            c.command("DATA")
            assert c.command("Subject: x\r\n\r\nhello\r\n.")[0] == 250

    def samples():
        rows = [values(r) for r in s.pb.xml("stats").find("history/recent")]
        return sum(int(r["mails"]) for r in rows) == 3 and rows
    rows = wait_for("the interval is over", samples)
    assert sum(int(r["sessions_begun"]) for r in rows) == 1
    assert sum(int(r["recipients"]) for r in rows) == s.pb.counters("MX")["recipients"]
    assert [r["time"] for r in rows] == sorted(r["time"] for r in rows)


def test_stats_survive_a_killed_admin(site):
    """Counters are the workers' own."""
    s = site()
    with Client(s.smtp) as c:
        c.mail("me@sender.org", "anna@example.com")
        before = s.pb.counters("MX")
        pid = s.pb.children()["admin"]
        os.kill(pid, signal.SIGKILL)
        wait_for("admin is back", lambda: s.pb.children().get("admin", pid) != pid)
        wait_for("it answers", lambda: s.pb.answers())
        assert s.pb.counters("MX") == before
        admin = [values(p) for p in s.pb.xml("stats").find("processes") if
                 p.findtext("role") == "admin"][0]
        assert admin["restarts"] == "1" and admin["pid"] == str(s.pb.children()["admin"])


def test_getinfo_tells_sizes(balancer):
    pb = balancer()
    for i in range(3):
        pb.add_account(f"u{i}@example.com", "B")
    pb.add_alias("l@example.com", "u1@example.com")
    pb.xml("deleteemail", email_address="u0@example.com")
    rows = {t.findtext("name"): int(t.findtext("rows")) for t in pb.xml("getinfo").find("tables")}
    assert (rows["accounts"], rows["aliases"], rows["clusters"]) == (2, 1, 0)
    sisters = pb.xml("listsisters").find("sisters")
    assert sisters.get("total") == "0" and len(sisters) == 0


# --- the log ---

def test_shown_passwords_are_logged(balancer):
    pb = balancer()
    pb.xml("addnewemail", email_address="a@example.com", user_password="s3cret")
    pb.xml("getemail", email_address="a@example.com")
    assert "was shown" not in pb.log_text()
    pb.xml("getemail", email_address="a@example.com", show_password=1)
    assert "the password of a@example.com was shown" in pb.log_text()
    pb.xml("exportconfig", show_password=1)
    assert "exportconfig: passwords were shown" in pb.log_text() and "s3cret" not in pb.log_text()


def test_changes_and_refusals_are_logged(balancer):
    pb = balancer()
    pb.xml("addnewemail", email_address="a@example.com", user_password="s3cret")
    pb.refused("addnewemail", email_address="a@example.com", user_password="s3cret")
    log = pb.log_text()
    assert ('xml addnewemail who="key" from=127.0.0.1 status=200: '
            'email_address=a@example.com ') in log
    assert "status=409 code=email_exists" in log and "s3cret" not in log
