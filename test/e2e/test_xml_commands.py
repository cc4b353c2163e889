"""Every command of the XML interface over HTTP: each parameter with good and bad values, its
default, and what a request may not look like. Driven from contract.py."""

import os
import signal
import socket
import threading
import xml.etree.ElementTree as ET

import pytest

import contract
from contract import ACCOUNT, ALIAS, BOX, CLUSTER, COMMANDS, INFO, READS, REQUIRED, ROWS
from harness import XmlError, document, free_port, values, wait_for

EMAIL, SALES = "base@example.com", "basealias@example.com"
CLUSTERS = {"smtp": "Mail/smtp", "pop3": "Mail/pop3"}
GETS = {"addnewemail": "getemail", "commitmodifyemail": "getemail", "addnewalias": "getalias",
        "commitmodifyalias": "getalias", "addcluster": "getcluster",
        "commitmodifycluster": "getcluster", "addbox": "getbox", "commitmodifybox": "getbox",
        "commitmodifyinfo": "getinfo"}
KEYS = {"getemail": ["email_address"], "getalias": ["alias_address"], "getcluster": ["clusterid"],
        "getbox": ["clusterid", "boxid"], "getinfo": []}
# What a reachable row must have: it is not a value's turn when its row is served by it.
NOT_SERVED = {("commitmodifycluster", "type"), ("commitmodifycluster", "listen_address"),
              ("commitmodifycluster", "listen_port")}
# Of these and another one one must be named: empty is missing.
EITHER = {("moveemail", "email_address"), ("setblockip", "email_address"),
          ("deletealias", "alias_address")}
PARAMS = [(command, p) for command, params in COMMANDS.items() for p in params]
each_param = pytest.mark.parametrize("command,p", PARAMS, ids=[f"{c}-{p.tag}" for c, p in PARAMS])


@pytest.fixture(scope="module")
def pb(service):
    service.add_account(EMAIL, "MAIL7")
    service.add_alias(SALES, EMAIL)
    service.add_cluster("BASE", "smtp")
    service.add_box("BASE", "B1", 25, light="yellow")
    return service


@pytest.fixture
def unchanged(pb):
    """Nothing is applied of what a test has refused, and no process falls over it."""
    before = changes(pb)
    yield
    assert changes(pb) == before
    assert pb.crashes() == []


def changes(pb):
    """How many there were since the start."""
    return pb.xml("audit", limit=1).find("changes").get("total")


def call(command):
    """Good parameters: what must be named, of rows that exist (or, to be added, do not)."""
    new = command in ("addnewemail", "addnewalias", "addcluster", "addbox")
    fits = {"email_address": "new@example.com" if new else EMAIL,
            "alias_address": "newalias@example.com" if new else SALES, "alias_list": EMAIL,
            "clusterid": "NEW" if command == "addcluster" else "BASE", "type": "smtp",
            "listen_port": "1", "boxid": "NEW" if new else "B1", "connect_address": "127.0.0.1",
            "connect_port": "25", "sister_key": "k" * 16, "password": "passes",
            "address": "10.0.0.1",
            "block_email": "0", "settings": ""}
    return {tag: fits[tag] for tag in REQUIRED[command]}


def shown(value):
    """As an error text may show it: printable, and cut."""
    return "".join(chr(c) if 32 <= c < 127 else "?" for c in value.encode()[:40])


# --- values ---

@each_param
def test_bad_values(pb, unchanged, command, p):
    optional = command in contract.OTHERS and p.tag not in REQUIRED[command]
    for value in p.kind.bad:
        if value == "" and optional:
            continue  # as absent
        params = {**call(command), p.tag: value}
        if command == "moveemail" and p.tag == "from_boxid":
            del params["email_address"]
        e = pb.refused(command, **params)
        missing = value == "" and (command, p.tag) in EITHER
        code = "missing_parameter" if missing else "bad_value"
        assert (e.status, e.code) == (400, code), (value, e)
        assert p.tag in e.text, (value, e)
        if missing:
            continue
        assert all(w in e.text for w in p.kind.words(value)), (value, e)
        if p.kind.secret:
            assert len(value) < 4 or value not in e.text
        elif p.tag == "alias_list":
            assert any(f'"{one}"' in e.text for one in value.split(",")), (value, e)
        elif "ranges" in p.tag or p.tag == "accept_proxy_protocol":
            assert f'"{value.split()[-1]}"' in e.text, (value, e)
        else:
            assert f'"{shown(value)}"' in e.text, (value, e)


def read_back(pb, command, params):
    get = GETS[command]
    also = {"show_password": 1} if get == "getemail" else {}
    got = values(pb.xml(get, **{k: params[k] for k in KEYS[get]}, **also))
    return {p.tag: got[p.tag] for p in ROWS[command] if p.tag in got}


@pytest.mark.parametrize("command", [c for c in ROWS if c.startswith("commitmodify")])
def test_good_values(pb, command):
    """Each is taken, read back as it was sent, changes nothing else, and may be empty where that
    means something."""
    params = call(command)
    whole = read_back(pb, command, params)
    for p in ROWS[command]:
        if p.tag in params or (command, p.tag) in NOT_SERVED:
            continue
        good = [(v, v) for v in p.kind.good]
        if p.tag == "protocol":
            good = [(v, v) for v in ("lmtp", "smtp")]  # what fits the cluster
        if p.tag in ("spam_setting",):
            good += [("1", "1")]
        if p.kind.empty_is is not None:
            good += [("", p.kind.empty_is)]
        for sent, want in good + [(whole.get(p.tag, ""), whole.get(p.tag, ""))]:
            pb.xml(command, **params, **{p.tag: sent})
            if not p.shown and command != "commitmodifyemail":
                continue
            assert read_back(pb, command, params) == {**whole, p.tag: want}, (p.tag, sent)
    pb.xml(command, **params)  # naming nothing changes nothing
    assert read_back(pb, command, params) == whole


@pytest.mark.parametrize("kind", ["email", "alias"])
def test_good_addresses(pb, kind):
    """In any case of letters, and a new row may have any that is left."""
    params = {"alias_list": EMAIL} if kind == "alias" else {}
    tag = f"{kind}_address"
    for address in ACCOUNT[0].kind.good:
        upper = "".join(c.upper() if c.isascii() else c for c in address)
        pb.xml(f"addnew{kind}", **{tag: upper, **params})
        assert pb.xml(f"get{kind}", **{tag: upper}).findtext(tag) == address
        pb.xml(f"delete{kind}", **{tag: address})
        assert pb.refused(f"get{kind}", **{tag: address}).status == 404


def test_good_members(pb):
    for sent in ALIAS[1].kind.good:
        pb.xml("commitmodifyalias", alias_address=SALES, alias_list=sent.upper())
        assert pb.xml("getalias", alias_address=SALES).findtext("alias_list") == sent


@pytest.mark.parametrize("name", CLUSTER[0].kind.good)
def test_good_names(pb, name):
    pb.add_cluster(name, "pop3")
    pb.add_box(name, name, 110, light="red")
    assert values(pb.xml("getbox", clusterid=name, boxid=name))["clusterid"] == name
    pb.xml("deletebox", clusterid=name, boxid=name)
    pb.xml("deletecluster", clusterid=name)


# --- defaults ---

def test_defaults_of_accounts_and_aliases(pb):
    pb.xml("addnewemail", email_address="least@example.com")
    got = values(pb.xml("getemail", email_address="least@example.com", show_password=1))
    assert got == {p.tag: p.default for p in ACCOUNT[1:]} | {"email_address": "least@example.com"}
    pb.xml("addnewalias", alias_address="leastalias@example.com", alias_list="a@b.cc")
    got = values(pb.xml("getalias", alias_address="leastalias@example.com"))
    assert got == {p.tag: p.default for p in ALIAS[2:]} | {
        "alias_address": "leastalias@example.com", "alias_list": "a@b.cc"}
    pb.xml("deleteemail", email_address="least@example.com")
    pb.xml("deletealias", alias_address="leastalias@example.com")


@pytest.mark.parametrize("kind", ["smtp", "pop3", "imap", "tcp"])
def test_defaults_of_clusters_and_boxes(pb, kind):
    port = str(free_port())
    named = {"clusterid": "LEAST", "type": kind, "listen_port": port, "listen_address": "127.0.0.1"}
    pb.xml("addcluster", **named)
    got = values(pb.xml("getcluster", clusterid="LEAST"))
    assert got == {p.tag: p.default for p in CLUSTER if p.tag not in named} | named
    named = {"clusterid": "LEAST", "boxid": "B", "connect_address": "127.0.0.1",
             "connect_port": "7"}
    pb.xml("addbox", **named)
    got = values(pb.xml("getbox", clusterid="LEAST", boxid="B"))
    want = {p.tag: p.default for p in BOX if p.tag not in named and p.shown}
    assert got == want | named | {"protocol": kind}
    row = pb.xml("listclusters").find("clusters/cluster[clusterid='LEAST']/boxes/box")
    assert row.findtext("light") == "yellow"
    pb.xml("commitmodifycluster", clusterid="LEAST", box_connect_timeout_ms=77)
    assert pb.xml("getbox", clusterid="LEAST", boxid="B").findtext("connect_timeout_ms") == "5000"
    pb.xml("addbox", **{**named, "boxid": "C"})
    assert pb.xml("getbox", clusterid="LEAST", boxid="C").findtext("connect_timeout_ms") == "77"
    for box in "BC":
        pb.xml("deletebox", clusterid="LEAST", boxid=box)
    pb.xml("deletecluster", clusterid="LEAST")


def test_default_of_listen_address(balancer):
    """Read from the store alone: a test listens on nothing but loopback."""
    pb = balancer()
    os.kill(pb.supervisor(), signal.SIGSTOP)
    try:
        e = pb.refused("addcluster", clusterid="ALL", type="tcp", listen_port=free_port())
        assert (e.status, e.code) == (503, "not_confirmed")
        assert pb.xml("getcluster", clusterid="ALL").findtext("listen_address") == "0.0.0.0"
        pb.refused("deletecluster", clusterid="ALL")
    finally:
        os.kill(pb.supervisor(), signal.SIGCONT)
    wait_for("it goes on", lambda: pb.post(b"", path="/healthz") and
             pb.xml("listclusters").find("clusters").get("total") == "0")


def test_defaults_of_info(balancer):
    got = values(balancer().xml("getinfo"))
    assert {p.tag: got[p.tag] for p in INFO} == {p.tag: p.default for p in INFO}
    assert got["version"] and got["uptime_s"].isdigit() and "sisters" in got


# --- whole rows ---

def test_whole_email(pb):
    sent = {p.tag: p.value for p in ACCOUNT}
    pb.xml("addnewemail", **sent)
    assert values(pb.xml("getemail", email_address=sent["email_address"], show_password=1)) == sent
    del sent["user_password"]
    assert values(pb.xml("getemail", email_address=sent["email_address"])) == sent
    rows = pb.xml("searchemail", query=sent["email_address"]).find("emails")
    assert rows.get("total") == "1" and [values(r) for r in rows.iter("email")] == [sent]
    pb.xml("deleteemail", email_address=sent["email_address"])


def test_whole_alias(pb):
    sent = {p.tag: p.value for p in ALIAS}
    pb.xml("addnewalias", **sent)
    assert values(pb.xml("getalias", alias_address=sent["alias_address"])) == sent
    rows = pb.xml("searchalias", query=sent["alias_address"]).find("aliases")
    assert rows.get("total") == "1" and [values(r) for r in rows.iter("alias")] == [sent]
    pb.xml("deletealias", alias_address=sent["alias_address"])


def test_whole_cluster_and_box(pb):
    cluster = {p.tag: p.value for p in CLUSTER} | {"listen_port": str(free_port())}
    box = {p.tag: p.value for p in BOX}
    pb.xml("addcluster", **cluster)
    pb.xml("addbox", **box)
    pb.xml("green", clusterid="Cluster001", boxid="BOX001")
    del box["probe_password"]
    assert values(pb.xml("getcluster", clusterid="Cluster001")) == cluster
    assert values(pb.xml("getbox", clusterid="Cluster001", boxid="BOX001")) == box
    listed = pb.xml("listclusters").find("clusters/cluster[clusterid='Cluster001']")
    assert cluster.items() <= values(listed).items()
    assert listed.find("boxes").get("total") == "1"
    assert (box | {"light": "green"}).items() <= values(listed.find("boxes/box")).items()
    pb.xml("deletebox", clusterid="Cluster001", boxid="BOX001")
    pb.xml("deletecluster", clusterid="Cluster001")


def test_whole_info(balancer):
    pb = balancer()
    sent = {p.tag: p.value for p in INFO}
    pb.xml("commitmodifyinfo", **sent)
    assert sent.items() <= values(pb.xml("getinfo")).items()
    pb.xml("commitmodifyinfo", mail_from_quota=7)  # and nothing else
    assert (sent | {"mail_from_quota": "7"}).items() <= values(pb.xml("getinfo")).items()


# --- the form of a request ---

def refusal(pb, body):
    status, text = pb.post(body)
    root = ET.fromstring(text)
    assert root.findtext("status") == "error" and root.findtext("error")
    return status, root


@pytest.mark.parametrize("command", COMMANDS)
def test_forms(pb, unchanged, command):
    """Unknown, repeated and nested children, missing ones, text beside them."""
    good = list(call(command).items())
    key = pb.key()

    def check(params, code, word, cut=None, paste=b""):
        body = document(command, key, params)
        if cut:
            assert cut in body
            body = body.replace(cut, paste, 1)
        status, root = refusal(pb, body)
        found = status, root.findtext("code"), root.findtext("command")
        assert found == (400, code, command), root.findtext("error")
        assert word in root.findtext("error")

    check(good + [("frobnicate", "1")], "unknown_parameter", "frobnicate")
    check(good + [("Email_Address", "a@b.cc")], "unknown_parameter", "Email_Address")
    check(good + [("light", "green")], "unknown_parameter", "light")
    end = f"</{command}>".encode()
    check(good, "repeated_parameter", "accesskey", end, b"<accesskey>x</accesskey>" + end)
    check(good, "malformed", command, end, b"word" + end)
    for tag, value in good if command != "importconfig" else []:
        check(good + [(tag, value)], "repeated_parameter", tag)
        close = f"</{tag}>".encode()
        check(good, "malformed", tag, close, b"<b/>" + close)
        check(good, "malformed", tag, close, b"<b>1</b>" + close)
        if command in ROWS or command != "setblockip":
            check([p for p in good if p[0] != tag], "missing_parameter", "")
    for p in COMMANDS[command] if command != "importconfig" else []:
        if p.tag not in dict(good):
            check(good + [(p.tag, "1"), (p.tag, "1")], "repeated_parameter", p.tag)
            both = document(command, key, good + [(p.tag, "X")])
            status, root = refusal(pb, both.replace(b">X<", b"><b>1</b><"))
            assert (status, root.findtext("code")) == (400, "malformed")
            assert p.tag in root.findtext("error")


def ask_from(address, port, body):
    """As a client of that address of loopback: each network is delayed for itself."""
    with socket.create_connection(("127.0.0.1", port), 30, (address, 0)) as s:
        s.sendall(b"POST /xml HTTP/1.0\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        out = b""
        while chunk := s.recv(65536):
            out += chunk
    head, _, text = out.partition(b"\r\n\r\n")
    return int(head.split()[1]), ET.fromstring(text)


def test_keys(pb, unchanged):
    """No command answers to a wrong key, an empty one, or none; each is answered late, and
    logged."""
    wrong, found = {}, {}
    for i, command in enumerate(COMMANDS):
        good = document(command, "KEY", call(command).items())
        for j, key in enumerate((b"<accesskey>wrong</accesskey>", b"<accesskey/>", b"")):
            wrong[f"127.{j + 1}.{i + 1}.1"] = command, good.replace(b"<accesskey>KEY</accesskey>",
                                                                    key)

    def ask(address, body):
        found[address] = ask_from(address, pb.http, body)
    threads = [threading.Thread(target=ask, args=(a, b)) for a, (_, b) in wrong.items()]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    log = pb.log_text()
    for address, (command, _) in wrong.items():
        status, root = found[address]
        assert (status, root.findtext("code"), root.findtext("command")) == \
            (403, "wrong_key", command), address
        assert f"xml {command} from={address}: " in log
        assert len(root) == 4  # command, status, code, error: nothing of an answer


def test_unknown_commands(pb, unchanged):
    for name in ("frobnicate", "GetEmail", "xml", "accesskey", "response", "get-email",
                 "addnewemail2"):
        status, root = refusal(pb, document(name, pb.key(), []))
        assert (status, root.findtext("code")) == (404, "unknown_command")
        assert name in root.findtext("error") and root.findtext("command") == name


@pytest.mark.parametrize("command", sorted(READS))
def test_reads_leave_no_trace(pb, unchanged, command):
    """They change nothing: no audit row."""
    pb.xml(command, **call(command))


@pytest.mark.parametrize("command,params,code", [
    ("getemail", {"email_address": "no@example.com"}, "no_such_email"),
    ("commitmodifyemail", {"email_address": "no@example.com", "boxid": "B"}, "no_such_email"),
    ("deleteemail", {"email_address": "no@example.com"}, "no_such_email"),
    ("moveemail", {"email_address": "no@example.com", "boxid": "B"}, "no_such_email"),
    ("getalias", {"alias_address": "no@example.com"}, "no_such_alias"),
    ("commitmodifyalias", {"alias_address": "no@example.com"}, "no_such_alias"),
    ("deletealias", {"alias_address": "no@example.com"}, "no_such_alias"),
    ("deletealias", {"email_address": EMAIL}, "no_such_alias"),
    ("getalias", {"alias_address": EMAIL}, "no_such_alias"),
    ("getemail", {"email_address": SALES}, "no_such_email"),
    ("getcluster", {"clusterid": "NONE"}, "no_such_cluster"),
    ("commitmodifycluster", {"clusterid": "NONE"}, "no_such_cluster"),
    ("deletecluster", {"clusterid": "base"}, "no_such_cluster"),
    ("addbox", {"clusterid": "NONE", "boxid": "B", "connect_address": "127.0.0.1",
                "connect_port": "25"}, "no_such_cluster"),
    *((c, {"clusterid": "BASE", "boxid": "NONE"}, "no_such_box")
      for c in ("getbox", "commitmodifybox", "deletebox", "green", "yellow", "red")),
    ("green", {"clusterid": "NONE", "boxid": "B1"}, "no_such_box"),
])
def test_no_such_thing(pb, unchanged, command, params, code):
    e = pb.refused(command, **params)
    assert (e.status, e.code) == (404, code), e
    assert any(str(v) in e.text for v in params.values())


@pytest.mark.parametrize("command,params,code", [
    ("addnewemail", {"email_address": EMAIL.upper()}, "email_exists"),
    ("addnewemail", {"email_address": SALES}, "alias_exists"),
    ("addnewalias", {"alias_address": SALES, "alias_list": EMAIL}, "alias_exists"),
    ("addnewalias", {"alias_address": EMAIL, "alias_list": SALES}, "email_exists"),
    ("addcluster", {"clusterid": "BASE", "type": "tcp", "listen_port": "7"}, "cluster_exists"),
    ("addbox", {"clusterid": "BASE", "boxid": "B1", "connect_address": "::1", "connect_port": "7"},
     "box_exists"),
    ("deletecluster", {"clusterid": "BASE"}, "cluster_in_use"),
])
def test_exists(pb, unchanged, command, params, code):
    e = pb.refused(command, **params)
    assert (e.status, e.code) == (409, code), e


@pytest.mark.parametrize("command,params,tag", [
    ("commitmodifycluster", {"clusterid": "BASE", "type": "pop3"}, "type"),
    ("commitmodifybox", {"clusterid": "BASE", "boxid": "B1", "protocol": "pop3"}, "protocol"),
    ("commitmodifybox", {"clusterid": "BASE", "boxid": "B1", "fallover_boxid": "B1"},
     "fallover_boxid"),
    ("addbox", {"clusterid": "BASE", "boxid": "B2", "connect_address": "::1", "connect_port": "7",
                "protocol": "imap"}, "protocol"),
])
def test_values_that_do_not_fit_the_row(pb, unchanged, command, params, tag):
    e = pb.refused(command, **params)
    assert (e.status, e.code) == (400, "bad_value"), e
    assert tag in e.text


def test_the_same_type_may_be_named(pb):
    """Every tag of getcluster may be sent back."""
    row = values(pb.xml("getcluster", clusterid="BASE"))
    pb.xml("commitmodifycluster", **row)
    assert values(pb.xml("getcluster", clusterid="BASE")) == row
    row = values(pb.xml("getbox", clusterid="BASE", boxid="B1"))
    pb.xml("commitmodifybox", **row)
    assert values(pb.xml("getbox", clusterid="BASE", boxid="B1")) == row


def test_nothing_of_a_refused_request_is_applied(pb, unchanged):
    """One bad value among good ones."""
    before = values(pb.xml("getemail", email_address=EMAIL, show_password=1))
    good = {p.tag: p.value for p in ACCOUNT[1:]}
    for p in ACCOUNT[1:]:
        with pytest.raises(XmlError):
            pb.xml("commitmodifyemail", email_address=EMAIL, **{**good, p.tag: p.kind.bad[0]})
    assert values(pb.xml("getemail", email_address=EMAIL, show_password=1)) == before
