"""The XML interface over the wire: transport, keys, durability, files."""

import os
import signal
import socket
import stat
import time
import xml.etree.ElementTree as ET

import pytest

from harness import XmlError, wait_for


def raw(port, data, timeout=20):
    with socket.create_connection(("127.0.0.1", port), timeout) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        out = b""
        while chunk := s.recv(65536):
            out += chunk
    return out


def request(body, line="POST /xml HTTP/1.0"):
    return f"{line}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def pb(balancer):
    b = balancer(time_scale=None)
    b.add_cluster("MX", "smtp")
    return b


@pytest.mark.parametrize("line", ["POST /xml HTTP/1.0", "POST /xml HTTP/1.1"])
def test_bare_client(pb, line):
    """A request line, content-length and a body; blank lines before the declaration."""
    body = ('\n\n<?xml version="1.0" encoding="UTF-8"?>\n<addnewemail>\n'
            f"<accesskey>{pb.key()}</accesskey>\n<email_address>abigail@example.com"
            "</email_address>\n<user_password>pw</user_password>\n<boxid>MAIL1</boxid>\n"
            "</addnewemail>\n").encode()
    answer = raw(pb.http, request(body, line))
    assert answer.split(b"\r\n")[0].split(b" ", 1)[1] == b"200 OK"
    root = ET.fromstring(answer.split(b"\r\n\r\n", 1)[1])
    assert root.tag == "response" and root.findtext("command") == "addnewemail"
    assert root.findtext("status") == "ok"
    assert pb.xml("getemail", email_address="abigail@example.com").findtext("boxid") == "MAIL1"


@pytest.mark.parametrize("body,status,code", [
    ("<getemail>", 400, "malformed"), ("", 400, "malformed"), ("junk", 400, "malformed"),
    ('<!DOCTYPE x [<!ENTITY e "x">]><stats>KEY</stats>', 400, "malformed"),
    ("<stats>KEY<a><b/></a></stats>", 400, "malformed"),
    ("<getemail>KEY<email_address>a@b.c</email_address><email_address>a@b.c</email_address>"
     "</getemail>", 400, "repeated_parameter"),
    ("<getemail>KEY</getemail>", 400, "missing_parameter"),
    ("<getemail>KEY<colour>red</colour></getemail>", 400, "unknown_parameter"),
    ("<frobnicate>KEY</frobnicate>", 404, "unknown_command"),
    ("<getemail>KEY<email_address>no@example.com</email_address></getemail>", 404,
     "no_such_email"),
    ("<addnewemail>KEY<email_address>a@@b</email_address></addnewemail>", 400, "bad_value"),
    ("<addcluster>KEY<clusterid>X</clusterid><type>smtp</type><listen_port>70000</listen_port>"
     "</addcluster>", 400, "bad_value"),
    ("<addcluster>KEY<clusterid>MX</clusterid><type>smtp</type><listen_port>7000</listen_port>"
     "</addcluster>", 409, "cluster_exists"),
    ("<getemail><email_address>a@b.c</email_address></getemail>", 403, "wrong_key"),
])
def test_errors(pb, body, status, code):
    body = body.replace("KEY", f"<accesskey>{pb.key()}</accesskey>").encode()
    http, text = pb.post(body)
    root = ET.fromstring(text)
    assert (http, root.findtext("status"), root.findtext("code")) == (status, "error", code)
    assert root.findtext("error")


def test_error_text_names_value_and_range(pb):
    with pytest.raises(XmlError) as e:
        pb.xml("commitmodifycluster", clusterid="MX", max_mail_size_kb=5000000)
    assert e.value.status == 400
    assert all(w in e.value.text for w in ("max_mail_size_kb", "5000000", "4000000"))


def test_paths_and_methods(pb):
    assert raw(pb.http, b"GET /xml HTTP/1.0\r\n\r\n").split()[1] == b"405"
    assert raw(pb.http, b"GET /nowhere HTTP/1.0\r\n\r\n").split()[1] == b"404"
    wait_for("all is well", lambda: raw_ok(pb))


def test_body_limit(pb):
    big = b"<stats>" + b" " * (1 << 20) + b"</stats>"
    assert pb.post(big)[0] == 413
    assert pb.xml("stats") is not None


def test_wrong_keys_cost_time_and_are_logged(pb):
    took = []
    for _ in range(2):
        begin = time.monotonic()
        with pytest.raises(XmlError) as e:
            pb.xml("stats", key="wrong")
        took.append(time.monotonic() - begin)
        assert e.value.status == 403
    assert took[0] >= 0.9 and took[1] >= 1.9
    begin = time.monotonic()
    pb.xml("stats")  # the right one waits for nobody
    assert time.monotonic() - begin < took[0]
    assert "wrong" in pb.log_text() and "127.0.0.1" in pb.log_text()


def test_acknowledged_is_durable(pb):
    """kill -9 of everything right behind the answer."""
    for i in range(20):
        pb.add_account(f"u{i}@example.com", "MAIL1")
    pb.kill()
    pb.start()
    for i in range(20):
        assert pb.xml("getemail", email_address=f"u{i}@example.com") is not None
    assert [c.findtext("clusterid") for c in pb.xml("listclusters").find("clusters")] == ["MX"]


def test_admin_killed_in_mid_change(pb):
    acknowledged = []
    for i in range(60):
        try:
            pb.add_account(f"k{i}@example.com", "MAIL1")
            acknowledged.append(i)
        except (OSError, ET.ParseError):
            pass
        if i % 10 == 5:
            os.kill(pb.children()["admin"], signal.SIGKILL)
            wait_for("admin is back", lambda: raw_ok(pb))
    assert len(acknowledged) >= 50
    for i in acknowledged:
        assert pb.xml("getemail", email_address=f"k{i}@example.com") is not None


def raw_ok(pb):
    try:
        return raw(pb.http, b"GET /healthz HTTP/1.0\r\n\r\n").split()[1:2] == [b"200"]
    except OSError:
        return False


def test_password_is_shown_only_when_asked(pb):
    pb.add_account("anna@example.com", "MAIL1", password="sEcReT")
    assert b"sEcReT" not in ET.tostring(pb.xml("getemail", email_address="anna@example.com"))
    shown = pb.xml("getemail", email_address="anna@example.com", show_password=1)
    assert shown.findtext("user_password") == "sEcReT"
    assert "anna@example.com" in pb.log_text() and "sEcReT" not in pb.log_text()


def test_email_in_full(pb):
    """Every tag comes back as it was sent."""
    sent = dict(email_address="anna@example.com", boxid="MAIL1", to_equals_from="0",
                null_reverse_path="0", spam_setting="2", rcpt_per_mail="7",
                auto_reply_subject="Away <soon> & \"back\"", auto_reply_body="line\nline\ttab \u00e9",
                auto_reply_copy="0", auto_reply_expiry="2027-01-01T00:00:00Z", mail_unlimited="1",
                mail_unlimited_expiry="2027-02-01T00:00:00Z", allow_remote_deliveries="0")
    pb.xml("addnewemail", **sent)
    got = pb.xml("getemail", email_address="Anna@EXAMPLE.com")
    assert {k: got.findtext(k) for k in sent} == sent
    pb.xml("commitmodifyemail", email_address="anna@example.com", rcpt_per_mail="", boxid="MAIL2")
    got = pb.xml("getemail", email_address="anna@example.com")
    assert got.findtext("rcpt_per_mail") == "" and got.findtext("boxid") == "MAIL2"
    assert got.findtext("auto_reply_subject") == sent["auto_reply_subject"]
    for command in ("addnewemail", "addnewalias"):
        with pytest.raises(XmlError) as e:
            pb.xml(command, **({"email_address": "anna@example.com"} if command == "addnewemail"
                               else {"alias_address": "anna@example.com", "alias_list": "b@c.d"}))
        assert e.value.status == 409
    pb.xml("deleteemail", email_address="anna@example.com")
    with pytest.raises(XmlError) as e:
        pb.xml("getemail", email_address="anna@example.com")
    assert e.value.status == 404 and e.value.text == "no such email address: anna@example.com"


def test_alias_in_full(pb):
    pb.xml("addnewalias", alias_address="team@example.com", alias_list="A@example.com,b@other.org")
    got = pb.xml("getalias", alias_address="team@example.com")
    assert got.findtext("alias_list") == "a@example.com,b@other.org"
    pb.xml("deletealias", email_address="team@example.com")  # as the manual shows
    with pytest.raises(XmlError):
        pb.xml("getalias", alias_address="team@example.com")


def test_vacuum_and_reread(pb):
    pb.add_account("anna@example.com", "MAIL1", password="p w")
    pb.add_alias("team@example.com", "anna@example.com")
    pb.xml("vacuum")
    email, alias = pb.state / "email.csv", pb.state / "alias.csv"
    assert email.read_text() == "anna@example.com\tp w\tMAIL1\n"
    assert alias.read_text() == "team@example.com\tanna@example.com\n"
    assert stat.S_IMODE(email.stat().st_mode) == 0o600
    email.write_text("anna@example.com\tnew\tMAIL2\nbert@example.com\tx\tMAIL1\nbad line\n")
    answer = pb.xml("reread")
    assert answer.findtext("read") == "4" and answer.findtext("skipped") == "1"
    bad = answer.find(".//badline")
    assert bad.findtext("file") == "email.csv" and bad.findtext("line") == "3"
    got = pb.xml("getemail", email_address="anna@example.com", show_password=1)
    assert (got.findtext("user_password"), got.findtext("boxid")) == ("new", "MAIL2")
    email.write_text("anna@example.com,new,MAIL2\nbert@example.com,x,MAIL1\n")
    with pytest.raises(XmlError) as e:
        pb.xml("reread")  # a file of another form takes nothing away
    assert "separated by tabs" in e.value.text
    email.unlink()
    with pytest.raises(XmlError):
        pb.xml("reread")
    assert pb.xml("getemail", email_address="bert@example.com") is not None


def test_cluster_and_box_life(pb):
    port = pb.add_cluster("POP", "pop3", comment="two & more")
    pb.add_box("POP", "MAIL1", 110, light="yellow")
    row = pb.xml("getbox", clusterid="POP", boxid="MAIL1")
    assert row.findtext("connect_timeout_ms") == "5000" and row.findtext("protocol") == "pop3"
    with pytest.raises(XmlError) as e:
        pb.xml("commitmodifycluster", clusterid="POP", type="smtp")
    assert e.value.status == 400
    with pytest.raises(XmlError) as e:
        pb.xml("deletecluster", clusterid="POP")
    assert (e.value.status, e.value.code) == (409, "cluster_in_use")
    lights = {(c.findtext("clusterid"), b.findtext("boxid")): b.findtext("light")
              for c in pb.xml("listclusters").find("clusters") for b in c.find("boxes")}
    assert lights == {("POP", "MAIL1"): "yellow"}
    pb.xml("deletebox", clusterid="POP", boxid="MAIL1")
    pb.xml("deletecluster", clusterid="POP")
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 2)


def test_listener_that_cannot_be_opened(pb):
    """The change is answered with the reason and taken back."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(XmlError) as e:
            pb.xml("addcluster", clusterid="POP", type="pop3", listen_address="127.0.0.1",
                   listen_port=port)
        assert (e.value.status, e.value.code) == (409, "listener_failed")
        assert "Address already in use" in e.value.text
    with pytest.raises(XmlError) as e:
        pb.xml("getcluster", clusterid="POP")
    assert e.value.status == 404
    assert raw_ok(pb)


def test_worker_that_does_not_confirm(pb):
    """503 names it, within the second; when it goes on it catches up."""
    worker = pb.children()["worker 2"]
    os.kill(worker, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        with pytest.raises(XmlError) as e:
            pb.xml("commitmodifycluster", clusterid="MX", comment="x")
        assert (e.value.status, e.value.code) == (503, "not_confirmed")
        assert "worker 2" in e.value.text
        assert time.monotonic() - begin < 5
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_for("it confirms", lambda: raw_ok(pb))
