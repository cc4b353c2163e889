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
    """Told by the administrator's own file; what they name stays."""
    path = users(*users.lines[:9], "u9@example.com\tother\tMAIL1\tcolour=red", "no address")
    out = call(pb, "import", path)
    assert out.returncode == PARTLY
    assert re.search(r"^skipped: +2$", out.stdout, re.M)
    assert f'  {path}:10: no setting of the name "colour"\n' in out.stderr
    assert f"  {path}:11: " in out.stderr and "the first" not in out.stderr
    assert len(accounts(pb)) == 10
    data = as_json(pb, "import", path, status=PARTLY)
    assert [(b["file"], b["line"]) for b in data["badlines"]] == [(str(path), 10), (str(path), 11)]
    assert (data["read"], data["skipped"], data["changed"], data["removed"]) == (13, 2, 0, 0)
    assert pb.xml("getemail", email_address="u9@example.com", show_password=1).findtext(
        "user_password") == "pw9"
    assert call(pb, "reread").returncode == DONE  # what stands there now can be read


def test_bad_lines_remove_nothing(pb, users):
    path = users(*users.lines[:7], "new@example.com\tpw\tMAIL1",
                 *(f"rubbish {i}" for i in range(7)))
    out = call(pb, "import", path)
    assert out.returncode == PARTLY
    assert "nothing is removed: 3 that no line names stay (-yes removes them)" in out.stderr
    assert len(accounts(pb)) == 11
    half = users(*users.lines[:7], *(f"rubbish {i}" for i in range(7)), name="half.csv")
    out = call(pb, "import", half, "--yes")
    assert out.returncode == PARTLY and "so -yes does not count" in out.stderr
    assert len(accounts(pb)) == 11
    out = call(pb, "import", path, "--yes")
    assert out.returncode == PARTLY and len(accounts(pb)) == 8


def test_many_bad_lines(pb, users):
    out = call(pb, "import", users(*users.lines, *(f"rubbish {i}" for i in range(50))))
    assert out.returncode == PARTLY and "the first 20 of 50:" in out.stderr
    assert len(re.findall(r"^  .*/users\.csv:\d+: ", out.stderr, re.M)) == 20


@pytest.mark.parametrize("lines", [("u1@example.com,pw,MAIL1", "u2@example.com,pw,MAIL1"),
                                   ("<accounts>\t", "</accounts>\t")])
def test_file_of_another_form(pb, users, lines):
    """Nothing in it can be read: nothing changes, whatever was said."""
    out = call(pb, "import", users(*lines), "--yes")
    assert out.returncode == NOT_ASKED and "separated by tabs" in out.stderr
    assert re.search(r"^  .*/users\.csv:2: ", out.stderr, re.M)
    out = call(pb, "import", "--aliases", users(*lines), "--yes")
    assert out.returncode == NOT_ASKED and "no line of aliases" in out.stderr
    assert len(accounts(pb)) == 10 and len(aliases(pb)) == 2
    assert len((pb.state / "email.csv").read_text().splitlines()) == 10
    assert not (pb.state / "email.csv.before-import").exists()


def test_no_account_takes_an_alias(pb, users):
    path = users(*users.lines, "a@example.com\tpw\tMAIL1")
    out = call(pb, "import", path, "--yes")
    assert out.returncode == PARTLY and "users.csv:11: is an alias" in out.stderr
    assert len(accounts(pb)) == 10 and "a@example.com" in aliases(pb)
    ok(pb, "import", path, "--aliases", users("b@example.com\tu2@example.com", name="l.csv"))
    assert "a@example.com" in accounts(pb) and "a@example.com" not in aliases(pb)
    out = call(pb, "import", "--aliases", users("u1@example.com\tx@example.com",
                                                "b@example.com\tu2@example.com", name="l.csv"))
    assert out.returncode == PARTLY and "l.csv:1: is an account" in out.stderr
    assert "u1@example.com" in accounts(pb)


def test_what_was_before(pb, users):
    path = users(*users.lines[:9], "new@example.com\tpw\tMAIL1")
    ok(pb, "import", path, "--aliases", users("a@example.com\tu3@example.com", name="l.csv"))
    before = [pb.state / f"{name}.csv.before-import" for name in ("email", "alias")]
    assert before[0].read_text().splitlines() == users.lines
    assert "rcpt_per_mail=5" in before[1].read_text()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in before)
    ok(pb, "import", before[0], "--aliases", before[1])
    assert set(accounts(pb)) == {f"u{i}@example.com" for i in range(10)} and len(aliases(pb)) == 2


def test_before_that_cannot_be_kept(pb, users):
    (pb.state / "alias.csv.before-import").mkdir()
    out = call(pb, "import", users(*users.lines, "new@example.com\tpw\tMAIL1"))
    assert out.returncode == NOT_ASKED and "alias.csv.before-import is not a file" in out.stderr
    assert len(accounts(pb)) == 10


# --- boxes ---

def test_import_moves_no_mailbox(pb, users):
    """A row without a box keeps that of its account; new ones go to the emptiest, and stay there
    when the file comes again with a row more."""
    plain = [f"u{i}@example.com\tpw{i}" for i in range(10)]
    for address in ("u0", "u1"):
        pb.xml("moveemail", email_address=f"{address}@example.com", boxid="MAIL2")
    before = accounts(pb)
    out = as_json(pb, "import", users(*plain), "--spread", "MAIL1,MAIL2,MAIL3")
    assert (out["changed"], out["got_a_box"]) == (0, 0) and accounts(pb) == before
    more = [f"s{i}@example.com\tpw" for i in range(14)]
    out = as_json(pb, "import", users(*plain, *more), "--spread", "MAIL1,MAIL2,MAIL3")
    assert (out["changed"], out["added"], out["got_a_box"]) == (0, 14, 14)
    found = accounts(pb)
    assert {k: found[k] for k in before} == before
    assert [list(found.values()).count(f"MAIL{i}") for i in (1, 2, 3)] == [8, 8, 8]
    out = as_json(pb, "import", users("first@example.com\tpw", *plain, *more), "-spread",
                  "MAIL1,MAIL2,MAIL3")
    assert (out["changed"], out["added"]) == (0, 1)
    assert {k: v for k, v in accounts(pb).items() if k in found} == found
    ok(pb, "import", users(*plain), "-yes")
    assert accounts(pb) == before


def test_spread_keeps_what_is_named(pb, users):
    path = users(*users.lines[:5], "s@example.com\tpw",
                 "own@example.com\tpw\tMAIL3\tspam_setting=2")
    ok(pb, "import", path, "--spread", "MAIL1,MAIL2,MAIL3")
    found = accounts(pb)
    assert found["own@example.com"] == "MAIL3" and found["s@example.com"] == "MAIL2"
    assert pb.xml("getemail", email_address="own@example.com").findtext("spam_setting") == "2"


def test_respread(pb, users, keep):
    path = users(*(f"u{i}@example.com\tpw{i}" for i in range(10)))
    out = call(pb, "import", path, "--spread", "MAIL2,MAIL3", "--respread")
    assert out.returncode == NOT_ASKED
    assert "10 of 10 accounts would get another box; -yes does that" in out.stderr
    assert set(accounts(pb).values()) == {"MAIL1"}
    t = keep(Terminal(pb, "import", path, "--spread", "MAIL2,MAIL3", "--respread"))
    t.until(r"10 of 10 accounts would get another box\. Go on\? \[y/N\] ")
    t.type("n\n")
    assert t.end() == NOT_ASKED and set(accounts(pb).values()) == {"MAIL1"}
    assert as_json(pb, "import", path, "--spread", "MAIL2,MAIL3", "--respread", "-yes")["moved"] == 10
    assert [list(accounts(pb).values()).count(f"MAIL{i}") for i in (2, 3)] == [5, 5]
    out = call(pb, "import", path, "--respread")
    assert out.returncode == NOT_ASKED and "-respread needs -spread" in out.stderr


def test_rows_without_a_box(pb, users):
    out = call(pb, "import", users(*users.lines, "n1@example.com\tpw", "n2@example.com\tpw"))
    assert out.returncode == DONE and "2 accounts have no box" in out.stderr
    assert accounts(pb)["n1@example.com"] == ""


def test_boxes_that_are_none(pb, users):
    out = call(pb, "import", users(*users.lines, "n1@example.com\tpw\tMAIL7",
                                   "n2@example.com\tpw\tmail1", "n3@example.com\tpw\tMAIL7"))
    assert out.returncode == PARTLY
    assert re.findall(r"no cluster has a box (\S+): (\d) accounts", out.stderr) == \
        [("MAIL7", "2"), ("mail1", "1")]
    assert accounts(pb)["n1@example.com"] == "MAIL7"


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


# --- what would be done ---

def test_dry_run(pb, users):
    path = users("U0@example.com\tother\tMAIL1", *users.lines[1:4], "new@example.com\tpw")
    before = accounts(pb)
    plan = as_json(pb, "import", path, "--spread", "MAIL2", "--dry-run", "--yes")
    gone = [{"file": "email.csv", "address": f"u{i}@example.com"} for i in range(4, 10)]
    assert plan == {"got_a_box": 1, "exit_status": 0, "plans_total": 1, "plans": [
        {"file": "email.csv", "rows_before": 10, "rows_after": 5, "added": 1, "changed": 1,
         "removed": 6, "skipped": 0}], "removals_total": 6, "removals": gone,
        "badlines_total": 0, "badlines": []}
    assert accounts(pb) == before
    out = call(pb, "import", path, "--dry-run", "-aliases", users(name="none.csv"))
    assert out.returncode == NOT_ASKED and "without one it needs -yes" in out.stderr
    assert re.search(r"^email\.csv +10 +5 +1 +1 +6 +0$", out.stdout, re.M)
    assert re.search(r"^alias\.csv +2 +0 +0 +0 +2 +0$", out.stdout, re.M)
    assert "  u4@example.com\n" in out.stderr and "  b@example.com\n" in out.stderr
    assert aliases(pb) and accounts(pb) == before


def test_dry_run_is_what_happens(pb, users):
    """Counts, reasons and exit status are those of the import, also where not all is well."""
    path = users("U0@example.com\tpw0", *users.lines[1:7], "u7@example.com\tnew\tMAIL1",
                 "n@example.com\tpw\tMAIL9", "a@example.com\tpw", "rubbish", *users.lines[1:2])
    for yes in ([], ["--yes"]):
        plan = as_json(pb, "import", path, "--dry-run", *yes, status=PARTLY)
        done = as_json(pb, "import", path, *yes, status=PARTLY)
        for name in ("added", "changed", "removed", "skipped"):
            assert plan["plans"][0][name] == done[name], name
        assert plan["badlines"] == done["badlines"] and len(done["badlines"]) == 3
        assert plan["exit_status"] == PARTLY
        assert plan["plans"][0]["rows_after"] == len(accounts(pb))


def test_names_of_what_goes(pb, users):
    for i in range(40):
        pb.add_account(f"x{i:02}@example.com", "MAIL1")
    out = call(pb, "import", users(*users.lines), "--dry-run")
    assert "the first 20 of 40" in out.stderr and len(re.findall("^  x", out.stderr, re.M)) == 20


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
    t.until(r"\n  u9@example\.com\r?\n.*1 of 10 accounts would be removed\. Go on\? \[y/N\] ")
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
    total += 10  # those of users
    assert int(pb.xml("searchemail", boxid="MAIL1", limit=1).find(
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
    assert call(pb, "import", tmp_path / "users.csv").returncode == PARTLY  # no cluster yet
    assert set(accounts(pb)) == {"new@example.com"}
    names = {f"{n}.csv{b}" for n in ("email", "alias") for b in ("", ".before-import")}
    for name in names:
        path = pb.state / name
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.owner() == "nobody"
    assert {p.name for p in pb.state.iterdir() if ".csv" in p.name} == names


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
    text = ok(pb, "export", tmp_path)
    assert re.search(rf"^{tmp_path}/email\.csv +10$", text, re.M)
    assert re.search(rf"^{tmp_path}/alias\.csv +2$", text, re.M)
    assert (tmp_path / "email.csv").read_text().splitlines() == users.lines
    assert (tmp_path / "alias.csv").read_text() == \
        "a@example.com\tu1@example.com\nb@example.com\tu2@example.com\trcpt_per_mail=5\n"
    assert stat.S_IMODE((tmp_path / "email.csv").stat().st_mode) == 0o600
    pb.add_account("more@example.com", "MAIL1")
    ok(pb, "export", cwd=tmp_path)
    assert "more@example.com" in (tmp_path / "email.csv").read_text()
    ok(pb, "export", pb.state)  # its own directory: nothing to copy
    assert "more@example.com" in (pb.state / "email.csv").read_text()
    data = as_json(pb, "export", tmp_path / "made")
    assert [e["rows"] for e in data["exports"]] == [11, 2]
    assert stat.S_IMODE((tmp_path / "made").stat().st_mode) == 0o700
    assert "more@example.com" in (tmp_path / "made" / "email.csv").read_text()
    out = call(pb, "export", tmp_path / "no" / "such")
    assert out.returncode == NOT_ASKED and "no/such: No such file" in out.stderr
    out = call(pb, "export", tmp_path / "email.csv")
    assert out.returncode == NOT_ASKED and "email.csv/email.csv: Not a directory" in out.stderr

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
    text = ok(pb, "config", "export", path)
    assert f"{path}\n" in text and re.search(r"^clusters: +2$", text, re.M)
    assert re.search(r"^boxes: +3$", text, re.M)
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
    ok(pb, "config", "import", tmp_path / "c.xml", "-yes")
    with pytest.raises(XmlError):
        pb.xml("getcluster", clusterid="MX")


def test_config_that_removes(pb, tmp_path, keep):
    """It is listed, and nobody's accident."""
    path = tmp_path / "c.xml"
    ok(pb, "config", "export", path)
    pb.add_cluster("OTHER", "pop3")
    pb.add_box("OTHER", "MAIL1", 2599)
    pb.add_box("MX", "MAIL4", 2504)
    before = clusters(pb)
    out = call(pb, "config", "import", path)
    assert out.returncode == NOT_ASKED and clusters(pb) == before
    assert sorted(re.findall("would be removed: (.*)", out.stderr)) == \
        ["box MX/MAIL4", "box OTHER/MAIL1", "cluster OTHER"]
    assert "3 clusters and boxes would be removed; -yes does that" in out.stderr
    t = keep(Terminal(pb, "config", "import", path))
    t.until(r"3 clusters and boxes would be removed\. Go on\? \[y/N\] ")
    t.type("n\n")
    assert t.end() == NOT_ASKED and clusters(pb) == before
    (tmp_path / "s.xml").write_text("<importconfig><settings/></importconfig>")
    ok(pb, "config", "import", tmp_path / "s.xml")  # without <clusters> they stay
    ok(pb, "config", "import", path, "-yes")
    assert ok(pb, "cluster", "list").count("OTHER") == 0


@pytest.mark.parametrize("text,status,told", [
    ("", NOT_ASKED, "no document of config export"),
    ("<x/>", NOT_ASKED, "no document of config export: another kind of document"),
    ("<importconfig><clusters>", NOT_ASKED, "no element found"),
    ('<!DOCTYPE importconfig [<!ENTITY e "x">]><importconfig>&e;</importconfig>', NOT_ASKED,
     "a document type declaration"),
    ("<importconfig/>", REFUSED, "missing_parameter"),
    ("<importconfig><settings><colour>1</colour></settings></importconfig>", REFUSED, "colour"),
    ("<importconfig><clusters><cluster><clusterid>NEW</clusterid><type>smtp</type>"
     "<listen_port>70000</listen_port></cluster></clusters></importconfig>", REFUSED, "cluster NEW: listen_port: \"70000"),
])
def test_config_that_is_not_taken(pb, tmp_path, text, status, told):
    before = clusters(pb)
    (tmp_path / "c.xml").write_text(text)
    out = call(pb, "config", "import", tmp_path / "c.xml", "-yes")
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
    ok(pb, "config", "import", tmp_path / "c.xml", "-yes")
    ok(pb, "config", "export", tmp_path / "again.xml")
    assert len((tmp_path / "again.xml").read_text()) > 1 << 20
    before = clusters(pb)
    ok(pb, "config", "import", tmp_path / "again.xml")
    assert clusters(pb) == before


def test_lists_of_large_rows(pb):
    """A page has room for 200 of them: the list goes on all the same, and tells each once."""
    names = [f"u{i:03}@example.com" for i in range(250)]
    (pb.state / "email.csv").write_text("".join(
        f"{name}\tx\tMAIL1\tauto_reply_body={'&' * 65536}\n" for name in names))
    (pb.state / "alias.csv").write_text("")
    pb.xml("reread")
    data = as_json(pb, "account", "list", "-all")
    assert [row["email_address"] for row in data["emails"]] == names
