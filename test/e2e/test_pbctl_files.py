"""pbctl import, export, config: whole files in and out, and what must not happen by accident."""

import os
import re
import resource
import signal
import stat
import subprocess
import threading
import xml.etree.ElementTree as ET

import pytest

from ctl import DONE, NOT_ASKED, PARTLY, PBCTL, REFUSED, Terminal, as_json, call, ok
from harness import Balancer, XmlClient, XmlError, free_port


@pytest.fixture
def pb(balancer):
    b = balancer(time_scale=None)
    b.add_cluster("MX", "smtp")
    for n in (1, 2, 3):
        b.add_box("MX", f"MAIL{n}", 2500 + n)
    return b


@pytest.fixture
def users(pb, tmp_path):
    """write(*lines): a file of them; ten accounts and two aliases are there already."""
    lines = [f"u{i}@example.com\tpw{i}\tMAIL1" for i in range(10)]
    for line in lines:
        address, password, box = line.split("\t")
        pb.add_account(address, box, password)
    pb.add_alias("a@example.com", "u1@example.com")
    pb.add_alias("b@example.com", "u2@example.com", rcpt_per_mail=5)

    def write(*given, name="users.csv"):
        path = tmp_path / name
        path.write_text("".join(f"{line}\n" for line in given))
        return path
    write.lines = lines
    return write


def accounts(pb):
    return {e.findtext("email_address"): e.findtext("boxid")
            for e in pb.xml("searchemail", limit=1000).find("emails")}


def aliases(pb):
    return {e.findtext("alias_address"): e.findtext("alias_list")
            for e in pb.xml("searchalias", limit=1000).find("aliases")}


# --- import ---

def test_import_keeps_the_other_file(pb, users):
    """Accounts that are not in the file go; aliases stay, though no file of them is given, and
    neither file in the directory is what the database holds."""
    (pb.state / "alias.csv").write_text("old@example.com\tx@example.com\n")
    (pb.state / "email.csv").write_text("")
    path = users(*users.lines[:8], "new@example.com\tpw\tMAIL2")
    out = as_json(pb, "import", path)
    assert (out["read"], out["added"], out["changed"], out["removed"], out["skipped"]) == \
        (11, 1, 0, 2, 0)
    assert set(accounts(pb)) == {f"u{i}@example.com" for i in range(8)} | {"new@example.com"}
    assert aliases(pb) == {"a@example.com": "u1@example.com", "b@example.com": "u2@example.com"}
    assert pb.xml("getalias", alias_address="b@example.com").findtext("rcpt_per_mail") == "5"


def test_import_of_both(pb, users):
    out = as_json(pb, "import", users(*users.lines), "--aliases",
                  users("a@example.com\tu3@example.com", "b@example.com\tu2@example.com",
                        name="lists.csv"))
    assert (out["changed"], out["removed"]) == (2, 0)  # rcpt_per_mail of b is not named any more
    assert aliases(pb)["a@example.com"] == "u3@example.com"
    assert pb.xml("getalias", alias_address="b@example.com").findtext("rcpt_per_mail") == ""
    out = as_json(pb, "import", "--aliases", users("a@example.com\tu4@example.com",
                                                   "b@example.com\tu2@example.com", name="l.csv"))
    assert len(accounts(pb)) == 10 and aliases(pb)["a@example.com"] == "u4@example.com"


def test_import_of_the_service_s_own_file(pb, users):
    """Edited by hand where it lies: read before the service writes it anew."""
    ok(pb, "vacuum")
    path = pb.state / "email.csv"
    path.write_text(path.read_text() + "hand@example.com\tpw\tMAIL3\n")
    assert as_json(pb, "import", path)["added"] == 1
    assert accounts(pb)["hand@example.com"] == "MAIL3"


def test_import_from_standard_input(pb, users):
    text = users(*users.lines, "in@example.com\tpw\tMAIL1").read_text()
    ok(pb, "import", "-", stdin=text)
    assert "in@example.com" in accounts(pb)
    out = call(pb, "import", "-", "-aliases", "-", stdin=text)
    assert out.returncode == NOT_ASKED and "only one file" in out.stderr


def test_bad_lines(pb, users):
    path = users(*users.lines, "no address", "x@example.com\tpw\tMAIL1\tcolour=red")
    out = call(pb, "import", path)
    assert out.returncode == PARTLY
    assert re.search(r"^skipped: +2$", out.stdout, re.M)
    assert re.search(r"^email\.csv +11 ", out.stdout, re.M) and "colour" in out.stdout
    assert len(accounts(pb)) == 10
    data = as_json(pb, "import", path, status=PARTLY)
    assert [b["line"] for b in data["badlines"]] == [11, 12]
    assert call(pb, "reread").returncode == PARTLY


def test_file_of_another_form(pb, users):
    """Refused by the service: nothing changes, and its directory shows what it has."""
    path = users("u1@example.com,pw,MAIL1", "u2@example.com,pw,MAIL1")
    out = call(pb, "import", path, "--yes")
    assert out.returncode == REFUSED and "separated by tabs" in out.stderr
    assert len(accounts(pb)) == 10
    assert len((pb.state / "email.csv").read_text().splitlines()) == 10


def test_spread(pb, users):
    path = users(*users.lines[:5], *(f"s{i}@example.com\tpw" for i in range(7)),
                 "own@example.com\tpw\tMAIL3\tspam_setting=2")
    out = call(pb, "import", path, "--spread", "MAIL1,MAIL2,MAIL3")
    assert out.returncode == DONE and "7 accounts got a box" in out.stderr
    found = accounts(pb)
    assert [found[f"s{i}@example.com"] for i in range(7)] == \
        [f"MAIL{i % 3 + 1}" for i in range(7)]
    assert found["own@example.com"] == "MAIL3" and found["u1@example.com"] == "MAIL1"
    before = accounts(pb)
    assert as_json(pb, "import", path, "--spread", "MAIL1,MAIL2,MAIL3")["changed"] == 0
    assert accounts(pb) == before


def test_spread_of_those_there_are(pb, users):
    for i in range(4):
        pb.add_account(f"n{i}@example.com", "")
    ok(pb, "import", "--spread", "MAIL2,MAIL3")
    found = accounts(pb)
    assert [found[f"n{i}@example.com"] for i in range(4)] == ["MAIL2", "MAIL3"] * 2
    assert found["u0@example.com"] == "MAIL1"


def test_spread_over_unknown_boxes(pb, users):
    for boxes, name in (("MAIL1,MAIL9", "MAIL9"), ("MAIL1,", ""), ("", "")):
        out = call(pb, "import", users(*users.lines), "--spread", boxes)
        assert out.returncode == NOT_ASKED
        assert f'no cluster has a box "{name}"' in out.stderr


def test_dry_run(pb, users):
    path = users("U0@example.com\tother\tMAIL1", *users.lines[1:4], "new@example.com\tpw")
    before = accounts(pb)
    plan = as_json(pb, "import", path, "--spread", "MAIL2", "--dry-run")
    assert plan == {"got_a_box": 1, "plans_total": 1, "plans": [
        {"file": "email.csv", "rows_before": 10, "rows_after": 5, "added": 1, "changed": 1,
         "removed": 6}]}
    assert accounts(pb) == before
    text = ok(pb, "import", path, "--dry-run", "-aliases", users(name="none.csv"))
    assert re.search(r"^email\.csv +10 +5 +1 +1 +6$", text, re.M)
    assert re.search(r"^alias\.csv +2 +0 +0 +0 +2$", text, re.M)
    assert aliases(pb) and accounts(pb) == before


def test_no_accident(pb, users):
    """Without a terminal more than half goes only when that was said; at one it is asked."""
    path = users(*users.lines[:4])
    out = call(pb, "import", path)
    assert out.returncode == NOT_ASKED
    assert "6 of 10 accounts would be removed; -yes does that" in out.stderr
    out = call(pb, "import", users(*users.lines), "--aliases", users(name="none.csv"))
    assert out.returncode == NOT_ASKED and "2 of 2 aliases would be removed" in out.stderr
    assert len(accounts(pb)) == 10 and len(aliases(pb)) == 2
    ok(pb, "import", users(*users.lines[:5]))  # half is not more than half
    assert len(accounts(pb)) == 5
    ok(pb, "import", users(*users.lines[:1]), "--yes")
    assert len(accounts(pb)) == 1


@pytest.mark.parametrize("typed,status,left", [("n", NOT_ASKED, 10), ("", NOT_ASKED, 10),
                                               ("y", DONE, 9)])
def test_asked_at_a_terminal(pb, users, keep, typed, status, left):
    t = keep(Terminal(pb, "import", users(*users.lines[:9])))
    t.until(r"1 of 10 accounts would be removed\. Go on\? \[y/N\] ")
    pb.add_alias("meanwhile@example.com", "u1@example.com")
    t.type(typed + "\n")
    assert t.end() == status
    assert len(accounts(pb)) == left
    assert "meanwhile@example.com" in aliases(pb)  # asking may take long
    if status:
        assert "nothing was changed" in t.shown


def test_changes_while_asked(pb, users, keep):
    """What others were told is done stays done, whichever file it would have to stand in."""
    pb.add_account("nobox@example.com", "")
    t = keep(Terminal(pb, "import", "--spread", "MAIL3", "--aliases",
                      users("b@example.com\tu2@example.com", name="lists.csv")))
    t.until(r"1 of 2 aliases would be removed\. Go on\? \[y/N\] ")
    pb.add_account("new@example.com", "", "pw")
    pb.xml("commitmodifyemail", email_address="u1@example.com", user_password="changed")
    pb.xml("deleteemail", email_address="u2@example.com")
    t.type("y\n")
    assert t.end() == DONE
    assert t.shown.count("Go on?") == 1
    found = accounts(pb)
    assert found.pop("nobox@example.com") == found.pop("new@example.com") == "MAIL3"
    assert set(found) == {f"u{i}@example.com" for i in range(10) if i != 2}
    assert pb.xml("getemail", email_address="u1@example.com", show_password=1).findtext(
        "user_password") == "changed"
    assert aliases(pb) == {"b@example.com": "u2@example.com"}


def test_others_change_accounts_all_the_time(pb, users):
    """Nothing that was acknowledged is lost, whether or not the import finds its moment."""
    acknowledged, over = [], threading.Event()

    def provision():
        with XmlClient(pb) as client:
            while not over.is_set():
                address = f"new{len(acknowledged)}@example.com"
                client.xml("addnewemail", email_address=address)
                acknowledged.append(address)

    provisioning = threading.Thread(target=provision)
    provisioning.start()
    try:
        for _ in range(10):
            out = call(pb, "import", "--spread", "MAIL1,MAIL2", "-yes")
            assert out.returncode == DONE or (out.returncode == NOT_ASKED and
                                              "all the time; nothing was imported" in out.stderr)
    finally:
        over.set()
        provisioning.join()
    total = int(pb.xml("searchemail", query="new*", limit=1).find("emails").get("total"))
    assert total == len(acknowledged) > 0
    ok(pb, "import", "--spread", "MAIL1,MAIL2", "-yes")
    assert int(pb.xml("searchemail", query="new*", boxid="MAIL1", limit=1).find(
        "emails").get("total")) in (total // 2, total // 2 + 1)


def test_owner_and_mode(keep, tmp_path):
    """Root brings files in, the service's own user reads them."""
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.owner() == "root" and parent != parent.parent:
            os.chmod(parent, parent.stat().st_mode | 0o011)
    (tmp_path / "pb" / "traffic").mkdir(parents=True)
    os.chmod(tmp_path / "pb" / "traffic", 0o777)
    pb = keep(Balancer(tmp_path / "pb", "-user", "nobody"))
    (tmp_path / "users.csv").write_text("new@example.com\tpw\tMAIL1\n")
    ok(pb, "import", tmp_path / "users.csv")
    assert set(accounts(pb)) == {"new@example.com"}
    for name in ("email.csv", "alias.csv"):
        path = pb.state / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.owner() == "nobody"
    assert {p.name for p in pb.state.iterdir() if ".csv" in p.name} == {"email.csv", "alias.csv"}


def test_unreadable_file(pb, users, tmp_path):
    out = call(pb, "import", tmp_path / "nosuch")
    assert out.returncode == NOT_ASKED and "nosuch: No such file" in out.stderr
    out = call(pb, "import", tmp_path)
    assert out.returncode == NOT_ASKED and "Is a directory" in out.stderr


def test_service_that_is_gone(pb, users):
    path = users(*users.lines)
    pb.stop()
    out = call(pb, "import", path)
    assert out.returncode == NOT_ASKED and "no protobalance runs" in out.stderr
    assert not (pb.state / "email.csv").exists()


# --- export ---

def test_export(pb, users, tmp_path):
    ok(pb, "export", tmp_path)
    assert (tmp_path / "email.csv").read_text().splitlines() == users.lines
    assert (tmp_path / "alias.csv").read_text() == \
        "a@example.com\tu1@example.com\nb@example.com\tu2@example.com\trcpt_per_mail=5\n"
    assert stat.S_IMODE((tmp_path / "email.csv").stat().st_mode) == 0o600
    pb.add_account("more@example.com", "MAIL1")
    ok(pb, "export", cwd=tmp_path)
    assert "more@example.com" in (tmp_path / "email.csv").read_text()
    ok(pb, "export", pb.state)  # its own directory: nothing to copy
    assert "more@example.com" in (pb.state / "email.csv").read_text()
    out = call(pb, "export", tmp_path / "nosuch")
    assert out.returncode == NOT_ASKED and "nosuch/email.csv: No such file" in out.stderr

def test_export_and_import_are_one(pb, users, tmp_path):
    pb.xml("commitmodifyemail", email_address="u1@example.com", auto_reply_body="tab\t, two\nlines \\",
           spam_setting=2, user_password="p w")
    ok(pb, "export", tmp_path)
    out = as_json(pb, "import", tmp_path / "email.csv", "-aliases", tmp_path / "alias.csv")
    assert (out["added"], out["changed"], out["removed"], out["skipped"]) == (0, 0, 0, 0)


def test_file_that_cannot_be_written(pb, users, tmp_path):
    """It leaves nothing behind, and the old one stays."""
    (tmp_path / "email.csv").write_text("old")
    pb.xml("commitmodifyemail", email_address="u1@example.com", auto_reply_body="x" * 30000)

    def no_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    out = subprocess.run([PBCTL, "-directory", pb.state, "export", tmp_path], capture_output=True,
                         text=True, preexec_fn=no_room)
    assert out.returncode == NOT_ASKED and "email.csv: File too large" in out.stderr
    assert (tmp_path / "email.csv").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir() if ".csv" in p.name] == ["email.csv"]


def test_import_that_cannot_be_written(pb, users):
    """Then the files in the directory are those of the database."""
    path = users(*users.lines[:9], "big@example.com\tpw\tMAIL1\tauto_reply_body=" + "x" * 30000)

    def no_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))
    out = subprocess.run([PBCTL, "-directory", pb.state, "import", path, "-aliases",
                          users("z@example.com\ta@b.cc", name="l.csv"), "-yes"],
                         capture_output=True, text=True, preexec_fn=no_room)
    assert out.returncode == NOT_ASKED and "File too large" in out.stderr
    assert len(accounts(pb)) == 10 and "z@example.com" not in aliases(pb)
    assert len((pb.state / "email.csv").read_text().splitlines()) == 10
    assert "z@example.com" not in (pb.state / "alias.csv").read_text()


# --- config ---

def clusters(pb):
    root = pb.xml("exportconfig", show_password=1)
    return ET.tostring(root.find("clusters")), ET.tostring(root.find("settings"))


def test_config(pb, tmp_path):
    pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", comment="a < b & c\n\u00e9 \"q\"",
           probe_address="probe@example.com", probe_password="p&w")
    pb.xml("commitmodifyinfo", greylist_initial_min=7)
    pb.add_cluster("EMPTY", "pop3")
    before = clusters(pb)
    path = tmp_path / "config.xml"
    path.write_text("old")
    path.chmod(0o644)
    assert ok(pb, "config", "export", path) == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    root = ET.fromstring(path.read_bytes())
    assert root.tag == "importconfig" and [e.tag for e in root] == ["clusters", "settings"]
    assert ok(pb, "config", "export") == path.read_text()
    ok(pb, "-json", "config", "export", tmp_path / "same.xml")  # a file is what import takes
    assert (tmp_path / "same.xml").read_text() == path.read_text()
    pb.xml("deletecluster", clusterid="EMPTY")
    pb.xml("deletebox", clusterid="MX", boxid="MAIL2")
    pb.xml("red", clusterid="MX", boxid="MAIL3")
    pb.xml("commitmodifyinfo", greylist_initial_min=8)
    pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", comment="", probe_password="other")
    ok(pb, "config", "import", path)
    assert clusters(pb) == before
    ok(pb, "config", "import", "-", stdin=path.read_text())
    assert clusters(pb) == before


def test_config_of_nothing(balancer, tmp_path):
    pb = balancer(time_scale=None)
    ok(pb, "config", "export", tmp_path / "c.xml")
    pb.add_cluster("MX", "smtp")
    ok(pb, "config", "import", tmp_path / "c.xml")
    with pytest.raises(XmlError):
        pb.xml("getcluster", clusterid="MX")


@pytest.mark.parametrize("text,status,told", [
    ("", NOT_ASKED, "no document of config export"),
    ("<x/>", NOT_ASKED, "no document of config export: another kind of document"),
    ("<importconfig><clusters>", NOT_ASKED, "no element found"),
    ('<!DOCTYPE importconfig [<!ENTITY e "x">]><importconfig>&e;</importconfig>', NOT_ASKED,
     "a document type declaration"),
    ("<importconfig/>", REFUSED, "missing_parameter"),
    ("<importconfig><settings><colour>1</colour></settings></importconfig>", REFUSED, "colour"),
    ("<importconfig><clusters><cluster><clusterid>NEW</clusterid><type>smtp</type>"
     "<listen_port>70000</listen_port></cluster></clusters></importconfig>", REFUSED, "70000"),
])
def test_config_that_is_not_taken(pb, tmp_path, text, status, told):
    before = clusters(pb)
    (tmp_path / "c.xml").write_text(text)
    out = call(pb, "config", "import", tmp_path / "c.xml")
    assert out.returncode == status and told in out.stderr, out.stderr
    assert clusters(pb) == before


def test_config_that_is_too_large(pb, tmp_path):
    (tmp_path / "c.xml").write_text("<importconfig>" + " " * (17 << 20) + "</importconfig>")
    out = call(pb, "config", "import", tmp_path / "c.xml")
    assert out.returncode == NOT_ASKED and "longer than" in out.stderr


def test_large_config(pb, tmp_path):
    """More than other requests may have: many boxes and long ranges."""
    port = free_port()
    boxes = "".join(
        f"<box><boxid>B{i}</boxid><connect_address>127.0.0.1</connect_address><connect_port>25"
        f"</connect_port><comment>{'c' * 1000}</comment></box>" for i in range(400))
    ranges = ",".join(f"10.{i // 256}.{i % 256}.0/24" for i in range(4000))
    text = ("<importconfig><clusters>" + "".join(
        f"<cluster><clusterid>{name}</clusterid><type>smtp</type><listen_address>127.0.0.1"
        f"</listen_address><listen_port>{p}</listen_port><block_ranges>{ranges}</block_ranges>"
        f"<relay_ranges>{ranges}</relay_ranges><spam_whitelist_ranges>{ranges}"
        f"</spam_whitelist_ranges><accept_proxy_protocol>{ranges}</accept_proxy_protocol>"
        f"<boxes>{boxes if name == 'MX' else ''}</boxes></cluster>"
        for name, p in (("MX", port), ("M2", free_port()), ("M3", free_port()))) +
        "</clusters></importconfig>")
    assert len(text) > 1 << 20
    (tmp_path / "c.xml").write_text(text)
    ok(pb, "config", "import", tmp_path / "c.xml")
    ok(pb, "config", "export", tmp_path / "again.xml")
    assert len((tmp_path / "again.xml").read_text()) > 1 << 20
    before = clusters(pb)
    ok(pb, "config", "import", tmp_path / "again.xml")
    assert clusters(pb) == before
