"""What the commands of the XML interface do: lists and pages, moving, blocking, credentials,
the configuration as one document, and what is told of it afterwards."""

import itertools
import re
import socket
import stat
import threading
import time
import xml.etree.ElementTree as ET
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from contract import INFO
from harness import XmlClient, XmlError, answer_of, can_connect, document, free_port, values

NAMES = ["abc", "abcd", "ab", "abe", "zabc", "a", "b.abc", "abc-1", "abc_2", "x+abc", "user"]
DOMAINS = ["example.com", "abc.example.org", "x.yz"]
SUCH = sorted([f"{n}@{d}" for n in NAMES for d in DOMAINS]
              + [f"u{i:03}@many.org" for i in range(120)]
              + [f"@{d}" for d in DOMAINS], key=str.encode)


def write_files(pb, accounts, aliases):
    (pb.state / "email.csv").write_text("".join(f"{line}\n" for line in accounts))
    (pb.state / "alias.csv").write_text("".join(f"{line}\n" for line in aliases))


# --- lists ---

@pytest.fixture(scope="module")
def pb(service):
    """SUCH are accounts on the boxes M0 to M2, and, with "al-" before them, aliases."""
    rows = [f"{a}\tpw\tM{i % 3}" for i, a in enumerate(SUCH)]
    write_files(service, rows, [f"{alias(a)}\t{SUCH[-1]}" for a in SUCH])
    assert service.xml("reread").findtext("added") == str(2 * len(SUCH))
    return service


def alias(account):
    """The alias of that name."""
    return account.replace("@", "@al-") if account[0] == "@" else f"al-{account}"


ALIASES = sorted(map(alias, SUCH), key=str.encode)
QUERIES = ["", "*", "abc*", "ABC*", "abc", "Abc", "a*", "ab*", "@", "@*", "al-*", "al-abc*",
           "example",
           "@example.com", "u0*", "u00", "many.org", "z", "zz", "zz*", "abcd@example.com",
           "abcd@example.com*", "abc_", "abc_2*", "a%", "+", "b.a", "*abc", "x.yz", "-1@abc"]


def wanted(rows, query, boxid=""):
    q = query.lower()
    found = [r for r in rows if r.startswith(q[:-1])] if q.endswith("*") else \
        [r for r in rows if q in r]
    return [r for r in found if not boxid or f"M{SUCH.index(r) % 3}" == boxid]


def page(pb, kind, **params):
    """(total, addresses)"""
    rows = pb.xml(f"search{kind}", **params).find("emails" if kind == "email" else "aliases")
    return int(rows.get("total")), [r.findtext(f"{kind}_address") for r in rows.findall(kind)]


@pytest.mark.parametrize("query", QUERIES)
def test_search(pb, query):
    """A substring, or with * behind it a prefix; in the order of the keys, whole or in pages."""
    for kind, rows in (("email", SUCH), ("alias", ALIASES)):
        want = wanted(rows, query)
        assert page(pb, kind, query=query, limit=1000) == (len(want), want)
        assert page(pb, kind, query=query) == (len(want), want[:50])
        for limit in (1, 7, 50):
            for offset in (0, 1, 6, 7, 49, len(want) - 1, len(want), len(want) + 1):
                if offset >= 0:
                    assert page(pb, kind, query=query, offset=offset, limit=limit) == \
                        (len(want), want[offset:offset + limit])
            for after in {*want[:3], *want[-2:], "", "a", "abc@", "~"}:
                behind = [r for r in want if r > after]
                assert page(pb, kind, query=query, after=after, limit=limit) == \
                    (len(want), behind[:limit])


def test_search_pages_meet(pb):
    """Following `after` from page to page gives each row once."""
    for limit in (1, 13, 1000):
        seen, after = [], ""
        while True:
            total, rows = page(pb, "email", query="abc", after=after, limit=limit)
            if not rows:
                break
            seen += rows
            after = rows[-1]
        assert seen == wanted(SUCH, "abc") and total == len(seen)


def test_search_by_box(pb):
    for query, boxid in itertools.product(("", "abc*", "abc", "zz"), ("M0", "M1", "M2", "m0", "M")):
        want = wanted(SUCH, query, boxid)
        assert page(pb, "email", query=query, boxid=boxid, limit=1000) == (len(want), want)
    assert page(pb, "email", boxid="M1", offset=3, limit=2)[1] == wanted(SUCH, "", "M1")[3:5]


def test_catch_alls_are_rows_as_others(pb):
    assert page(pb, "email", query="@*")[1] == sorted(f"@{d}" for d in DOMAINS)
    got = values(pb.xml("getemail", email_address="@example.com"))
    assert got["email_address"] == "@example.com"
    e = pb.refused("addnewalias", alias_address="@example.com", alias_list="a@b.cc")
    assert (e.status, e.code) == (409, "email_exists")


# --- moving ---

def test_move_one(pb):
    before = values(pb.xml("getemail", email_address="user@x.yz", show_password=1))
    assert pb.xml("moveemail", email_address="User@X.yz", boxid="M9").findtext("moved") == "1"
    assert values(pb.xml("getemail", email_address="user@x.yz", show_password=1)) == \
        {**before, "boxid": "M9"}
    assert pb.xml("moveemail", email_address="user@x.yz", boxid="M9").findtext("moved") == "0"
    assert page(pb, "email", boxid="M9")[1] == ["user@x.yz"]
    pb.xml("moveemail", email_address="user@x.yz", boxid=before["boxid"])


def test_move_refused(pb):
    for params in ({"boxid": "M9"}, {"email_address": "user@x.yz"}, {"from_boxid": "M0"},
                   {"email_address": "user@x.yz", "from_boxid": "M0", "boxid": "M9"}):
        assert pb.refused("moveemail", **params).status == 400
    assert page(pb, "email", boxid="M9") == (0, [])


def test_move_a_box(balancer):
    """All of it and nothing else, also across the batches in which it is done."""
    pb = balancer()
    write_files(pb, [f"u{i:05}@example.com\tpw{i}\t{('OLD', 'OTHER')[i % 5 == 0]}\t"
                     f"rcpt_per_mail={i + 1}" for i in range(3000)], [])
    pb.xml("reread")
    pb.xml("vacuum")
    before = (pb.state / "email.csv").read_text()
    assert pb.xml("moveemail", from_boxid="old", boxid="NEW").findtext("moved") == "0"
    assert pb.xml("moveemail", from_boxid="OLD", boxid="NEW").findtext("moved") == "2400"
    assert pb.xml("moveemail", from_boxid="OLD", boxid="NEW").findtext("moved") == "0"
    pb.xml("vacuum")
    assert (pb.state / "email.csv").read_text() == before.replace("\tOLD\t", "\tNEW\t")
    assert pb.xml("moveemail", from_boxid="NEW", boxid="OTHER").findtext("moved") == "2400"
    assert page(pb, "email", boxid="OTHER", limit=1)[0] == 3000
    assert "warning" in values(pb.xml("moveemail", from_boxid="OTHER", boxid="NONE"))
    pb.add_cluster("MX", "smtp")
    pb.add_box("MX", "REAL", 25)
    assert "warning" not in values(pb.xml("moveemail", from_boxid="NONE", boxid="REAL"))


# --- blocking ---

def blocked(pb, after=""):
    """{address or mail address: its row}, read in pages."""
    rows = {}
    while True:
        found = pb.xml("blockedips", after=after, limit=37).find("blockedips")
        for row in map(values, found):
            after = row["address"] or row["email_address"]
            assert after not in rows
            rows[after] = row
        if not len(found):
            assert int(found.get("total")) == len(rows)
            return rows


def outcome(block_email, block_ip, names_email, names_ip):
    """As the contract has it: (email, address) is blocked, unblocked or untouched; or refused."""
    email = None if block_email is None else block_email == "1"
    ip = email if block_ip is None else block_ip == "1"
    if not names_email and not names_ip:
        return None
    if names_email and block_email is None:
        return None
    if names_ip and block_email is None and block_ip is None:
        return None
    return email if names_email else "as it was", ip if names_ip else "as it was"


def test_setblockip(balancer):
    """Every combination of what is named and what is said, from both states."""
    pb = balancer()
    said = (None, "0", "1", "")
    cases = [(i, *c) for i, c in enumerate(itertools.product(
        said, said, (True, False), (True, False), (True, False)))]

    def subject(i):
        return f"u{i}@example.com", f"10.0.{i // 250}.{i % 250 + 1}"

    def run(case):
        i, block_email, block_ip, names_email, names_ip, was = case
        email, ip = subject(i)
        if was:
            pb.xml("setblockip", block_email=1, email_address=email, address=ip)
        params = {k: v for k, v in (("block_email", block_email),
                                    ("block_ip", block_ip)) if v is not None}
        params |= {"email_address": email} if names_email else {}
        params |= {"address": ip} if names_ip else {}
        try:
            pb.xml("setblockip", **params)
            return True
        except XmlError as e:
            assert (e.status, e.code) == (400, "missing_parameter")
            return False
    with ThreadPoolExecutor(16) as pool:
        taken = list(pool.map(run, cases))
    rows = blocked(pb)
    for (i, block_email, block_ip, names_email, names_ip, was), ok in zip(cases, taken):
        want = outcome(block_email, block_ip, names_email, names_ip)
        assert ok == (want is not None), cases[i]
        for name, state in zip(subject(i), want or ("as it was",) * 2):
            assert (name in rows) == (was if state == "as it was" else state), (cases[i], name)
    pb.kill()
    pb.start()
    assert blocked(pb) == rows  # each was durable when it was answered


def test_blocked_rows(balancer):
    pb = balancer()
    begin = int(time.time())
    pb.xml("setblockip", block_email=1, email_address="Anna@Example.com", address="2001:DB8::0:1")
    rows = blocked(pb)
    assert set(rows) == {"anna@example.com", "2001:db8::1"}
    for row in rows.values():
        assert {"address", "email_address", "reason", "since", "count"} <= set(row)
        assert row["reason"] and row["count"] == "0"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["since"])
        assert row["since"] >= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin))
    # as the manual's own example unblocks them
    pb.xml("setblockip", block_email=0, email_address="anna@example.com", address="2001:db8::1")
    assert blocked(pb) == {}
    pb.xml("setblockip", block_email=0, email_address="never@example.com")  # was not: no error


# --- files ---

def test_vacuum_writes_both_files(balancer):
    pb = balancer()
    pb.xml("vacuum")
    assert [(pb.state / f).read_text() for f in ("email.csv", "alias.csv")] == ["", ""]
    pb.xml("addnewemail", email_address="b@example.com", user_password="p w", boxid="MAIL1",
           auto_reply_body="a\tb\\c\nd", spam_setting="0")
    pb.xml("addnewemail", email_address="a@example.com", user_password="tab\there")
    pb.xml("addnewalias", alias_address="@example.com", alias_list="a@example.com,far@else.org")
    pb.xml("vacuum")
    email, alias_csv = pb.state / "email.csv", pb.state / "alias.csv"
    assert email.read_text() == ("a@example.com\t\t\tuser_password=tab\\there\n"
                                 "b@example.com\tp w\tMAIL1\tspam_setting=0\t"
                                 "auto_reply_body=a\\tb\\\\c\\nd\n")
    assert alias_csv.read_text() == "@example.com\ta@example.com,far@else.org\n"
    assert {stat.S_IMODE(p.stat().st_mode) for p in (email, alias_csv)} == {0o600}
    answer = pb.xml("reread")  # the identity
    assert [answer.findtext(t) for t in ("read", "skipped", "added", "changed", "removed")] == \
        ["3", "0", "0", "0", "0"]
    assert answer.find("badlines").get("total") == "0"


# --- credentials ---

def in_store(pb, secret):
    return secret.encode() in (pb.state / "accounts.mdb").read_bytes()


def test_changepassword(balancer):
    pb = balancer()
    old, login = pb.credentials(), pb.state / "first-login"
    e = pb.refused("changepassword")
    assert (e.status, e.code) == (400, "missing_parameter")
    e = pb.refused("changepassword", new_accesskey="short")
    assert (e.status, e.code) == (400, "bad_value") and "short" not in e.text
    assert login.exists()
    pb.xml("changepassword", new_accesskey="n\u00e9w key <&> 4711", password="kitten-on-the-keys")
    assert not login.exists()
    e = pb.refused("stats")
    assert (e.status, e.code) == (403, "wrong_key")
    pb._key = "n\u00e9w key <&> 4711"
    assert pb.xml("stats") is not None
    pb.xml("changepassword", password="other-password-9")  # one of them leaves the other
    assert pb.xml("stats") is not None
    pb.xml("changepassword", new_accesskey="third-key-of-all")
    pb.refused("stats")
    pb._key = "third-key-of-all"
    secrets = [*old.values(), "n\u00e9w key <&> 4711", "kitten-on-the-keys", "other-password-9",
               "third-key-of-all"]
    pb.stop()
    pb.start()
    assert pb.xml("stats") is not None and not login.exists()
    for secret in secrets:
        assert not in_store(pb, secret)
        assert secret not in pb.log_text()
        assert secret not in ET.tostring(pb.xml("audit", limit=1000), "unicode")


# --- the configuration as one document ---

def config(pb, **params):
    """What exportconfig answers, as text without the answer's head."""
    root = pb.xml("exportconfig", **params)
    return "".join(ET.tostring(root.find(t), "unicode").strip() for t in ("clusters", "settings"))


def import_config(pb, inner):
    """The answer, or the XmlError."""
    try:
        return answer_of("importconfig", *pb.post(document("importconfig", pb.key(), inner=inner)))
    except XmlError as e:
        return e


@pytest.fixture
def configured(balancer):
    """Two clusters with boxes in all lights, nothing at its default."""
    pb = balancer()
    pb.smtp = pb.add_cluster("MX", "smtp", comment="<&> \u00e9\n\tx",
                             relay_ranges="10.0.0.0/8\n::1",
                             error_sleep_s="0.05", plus_addressing=1)
    pb.tcp = pb.add_cluster("T", "tcp", method="client_hash", affinity_s="2.5")
    for i, (cluster, light) in enumerate(itertools.product(("MX", "T"),
                                                           ("green", "yellow", "red"))):
        pb.add_box(cluster, f"B{i}", 2500 + i, light, weight=i + 1, connect_timeout_ms=100 + i,
                   probe_password=f"pr0be{i} <&>", probe_address="probe@example.com",
                   fallover_boxid=f"B{i ^ 1}")
    pb.xml("commitmodifyinfo", **{p.tag: p.value for p in INFO})
    return pb


def test_export_and_import_are_the_identity(configured, balancer):
    pb = configured
    with_secrets, without = config(pb, show_password=1), config(pb)
    assert "pr0be0" in with_secrets and "pr0be" not in without
    for text in (with_secrets, without, with_secrets):
        answer = import_config(pb, text)
        assert (answer.findtext("clusters"), answer.findtext("boxes")) == ("2", "6")
        assert config(pb, show_password=1) == with_secrets
    # onto an empty service: the same document makes the same service, secrets and lights too
    assert pb.stop() == 0
    other = balancer()
    assert import_config(other, with_secrets).findtext("boxes") == "6"
    assert config(other, show_password=1) == with_secrets
    assert can_connect(pb.smtp) and can_connect(pb.tcp)
    lights = [b.findtext("light") for b in other.xml("listclusters").iter("box")]
    assert lights == ["green", "yellow", "red"] * 2
    assert other.stop() == 0
    other.start()
    assert config(other, show_password=1) == with_secrets


def test_import_replaces_all(configured):
    """What the document does not have goes; settings alone or clusters alone leave the others."""
    pb = configured
    settings = config(pb)[config(pb).index("<settings>"):]
    port = free_port()
    answer = import_config(pb, f"<clusters><cluster><clusterid>NEW</clusterid><type>pop3</type>"
                               f"<listen_address>127.0.0.1</listen_address><listen_port>{port}"
                               f"</listen_port><boxes><box><boxid>B</boxid><connect_address>::1"
                               f"</connect_address><connect_port>110</connect_port></box></boxes>"
                               f"</cluster></clusters>")
    assert (answer.findtext("clusters"), answer.findtext("boxes")) == ("1", "1")
    assert can_connect(port) and not can_connect(pb.smtp) and not can_connect(pb.tcp)
    assert config(pb).endswith(settings)
    row = values(pb.xml("getbox", clusterid="NEW", boxid="B"))
    assert (row["protocol"], row["connect_timeout_ms"]) == ("pop3", "5000")
    before = config(pb)
    import_config(pb, "<settings><mail_from_quota>77</mail_from_quota></settings>")
    now = values(pb.xml("getinfo"))  # what a row does not name is at its default
    assert {p.tag: now[p.tag] for p in INFO} == {p.tag: p.default for p in INFO} | \
        {"mail_from_quota": "77"}
    assert config(pb)[:config(pb).index("<settings>")] == before[:before.index("<settings>")]
    import_config(pb, "<clusters/>")
    assert pb.xml("listclusters").find("clusters").get("total") == "0"
    assert not can_connect(port)


def tag(name, value, text):
    """text with the last <name> at another value."""
    head, found, tail = text.rpartition(f"<{name}>")
    assert found
    return head + found + value + tail[tail.index("<"):]


@pytest.mark.parametrize("what,change,status,code,word", [
    ("a bad value in the last row", lambda t: tag("connect_port", "70000", t), 400, "bad_value",
     "70000"),
    ("a bad setting", lambda t: tag("mail_from_quota", "0", t), 400, "bad_value",
     "mail_from_quota"),
    ("a bad light", lambda t: tag("light", "blue", t), 400, "bad_value", "blue"),
    ("an unknown element in a box", lambda t: t.replace("</box>", "<colour/></box>", 1), 400,
     "unknown_parameter", "colour"),
    ("an unknown element in a cluster", lambda t: t.replace("<boxes", "<colour/><boxes", 1), 400,
     "unknown_parameter", "colour"),
    ("an unknown element among clusters", lambda t: t.replace("</clusters>", "<x/></clusters>"),
     400,
     "unknown_parameter", "x"),
    ("an unknown setting", lambda t: t.replace("</settings>", "<colour/></settings>"), 400,
     "unknown_parameter", "colour"),
    ("an unknown child", lambda t: t + "<colour/>", 400, "unknown_parameter", "colour"),
    ("another type", lambda t: t.replace("<type>tcp</type>", "<type>pop3</type>"), 400, "bad_value",
     "type"),
    ("no type", lambda t: t.replace("<type>tcp</type>", ""), 400, "missing_parameter", "type"),
    ("no name", lambda t: t.replace("<clusterid>T</clusterid>", ""), 400, "missing_parameter",
     "clusterid"),
    ("a cluster twice", lambda t: t.replace("<clusterid>T<", "<clusterid>MX<"), 400,
     "repeated_parameter", "MX"),
    ("a box twice", lambda t: t.replace("<boxid>B1<", "<boxid>B0<"), 400, "repeated_parameter",
     "B0"),
    ("a field twice", lambda t: t.replace("<weight>1</weight>",
                                          "<weight>1</weight><weight>2</weight>"),
     400, "repeated_parameter", "weight"),
    ("a field with elements", lambda t: tag("weight", "<b>1</b>", t), 400, None, "weight"),
    ("a box of another cluster", lambda t: tag("clusterid", "MX", t), 400, "bad_value", "MX"),
    ("a protocol that does not fit", lambda t: tag("protocol", "pop3", t), 400, "bad_value",
     "protocol"),
    ("one listener for two", lambda t: tag("listen_port", re.search(r"<listen_port>(\d+)", t)[1],
                                           t),
     409, "listener_in_use", "port"),
    ("nothing", lambda t: "", 400, "missing_parameter", "clusters"),
    ("clusters twice", lambda t: t + "<clusters/>", 400, "repeated_parameter", "clusters"),
])
def test_refused_imports_change_nothing(configured, what, change, status, code, word):
    pb = configured
    before = config(pb, show_password=1)
    rows = pb.xml("audit", limit=1).find("changes").get("total")
    # with a change in front that must not be applied either
    text = before.replace("<weight>2</weight>", "<weight>77</weight>")
    e = import_config(pb, change(text))
    assert isinstance(e, XmlError), what
    assert e.status == status and code in (None, e.code) and word in e.text, e
    assert config(pb, show_password=1) == before
    assert pb.xml("audit", limit=1).find("changes").get("total") == rows
    assert can_connect(pb.smtp) and can_connect(pb.tcp)


@pytest.fixture
def taken():
    """A port of loopback on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        yield s.getsockname()[1]


def test_listener_that_fails_is_taken_back(configured, taken):
    """What stood before is served again, and stored; the next change works."""
    pb = configured
    before = config(pb, show_password=1)

    def refused(e):
        assert (e.status, e.code) == (409, "listener_failed"), e
        assert str(taken) in e.text
        assert config(pb, show_password=1) == before
        assert can_connect(pb.smtp) and can_connect(pb.tcp)
    refused(pb.refused("addcluster", clusterid="NEW", type="imap", listen_address="127.0.0.1",
                       listen_port=taken))
    refused(pb.refused("commitmodifycluster", clusterid="MX", listen_port=taken, comment="other"))
    refused(import_config(pb, tag("listen_port", str(taken), before.replace(
        "<weight>2</weight>", "<weight>77</weight>"))))
    port = free_port()
    pb.xml("commitmodifycluster", clusterid="MX", listen_port=port)
    assert can_connect(port) and not can_connect(pb.smtp)
    assert "taken back" in pb.log_text()


# --- listeners that cannot be opened, among others ---

def test_listeners_that_fail_among_others(balancer):
    """Each change is told what came of its own listener, however many come at once."""
    pb = balancer()
    pb.add_cluster("STAYS", "smtp")
    told = []

    def work(n):
        with XmlClient(pb) as client:
            for i in range(6):
                port, name = taken if (i + n) % 3 == 0 else free_port(), f"C{n}-{i}"
                try:
                    client.xml("addcluster", clusterid=name, type="smtp",
                               listen_address="127.0.0.1", listen_port=port)
                    client.xml("addbox", clusterid=name, boxid="B", connect_address="127.0.0.1",
                               connect_port=25)
                    client.xml("deletebox", clusterid=name, boxid="B")
                    client.xml("deletecluster", clusterid=name)
                    told.append((port == taken, "ok"))
                except XmlError as e:
                    told.append((port == taken, e.code))

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        taken = other.getsockname()[1]
        threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    assert Counter(told) == {(False, "ok"): 24, (True, "listener_failed"): 12}
    assert [c.findtext("clusterid") for c in pb.xml("listclusters").find("clusters")] == ["STAYS"]
