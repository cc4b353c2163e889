"""pbctl: verbs and raw commands, what is printed, exit statuses, where the service is."""

import os
import re
import subprocess

import pytest

from ctl import DONE, NOT_ASKED, PBCTL, REFUSED, as_json, call, ok, rows
from harness import DEADLINE, free_port


@pytest.fixture
def pb(balancer):
    b = balancer(time_scale=None)
    b.add_cluster("MX", "smtp")
    b.add_box("MX", "MAIL1", 2501)
    b.add_box("MX", "MAIL2", 2502, light="yellow")
    return b


# --- verbs ---

def test_accounts(pb):
    ok(pb, "account", "add", "anna@example.com", "MAIL1", "user_password=-", stdin="from stdin\n")
    shown = pb.xml("getemail", email_address="anna@example.com", show_password=1)
    assert shown.findtext("user_password") == "from stdin"
    ok(pb, "account", "set", "anna@example.com", "spam_setting=2", "auto_reply_body=one\ntwo")
    text = ok(pb, "account", "show", "anna@example.com")
    assert re.search(r"^boxid: +MAIL1$", text, re.M) and re.search(r"^spam_setting: +2$", text, re.M)
    assert "user_password" not in text
    assert "from stdin" in ok(pb, "account", "show", "anna@example.com", "show_password=1")
    ok(pb, "account", "move", "anna@example.com", "MAIL2")
    ok(pb, "account", "add", "bert@example.com", "MAIL2")
    moved = ok(pb, "account", "move", "--from", "MAIL2", "MAIL1")
    assert re.search(r"^moved: +2$", moved, re.M)
    listed = rows(ok(pb, "account", "list"))
    assert [(r["email_address"], r["boxid"]) for r in listed] == [
        ("anna@example.com", "MAIL1"), ("bert@example.com", "MAIL1")]
    assert len(rows(ok(pb, "account", "list", "be*"))) == 1
    out = call(pb, "account", "list", "*er*")
    assert out.returncode == DONE and "a * in front or within is looked for" in out.stderr
    assert ok(pb, "account", "list", "-box", "MAIL2") == "none\n"
    ok(pb, "account", "delete", "bert@example.com")
    out = call(pb, "account", "show", "bert@example.com")
    assert (out.returncode, out.stdout) == (REFUSED, "")
    assert out.stderr == ("pbctl: account show: no such email address: bert@example.com "
                          "(no_such_email)\n")


def test_aliases(pb):
    ok(pb, "alias", "add", "team@example.com", "a@example.com,b@example.com")
    ok(pb, "alias", "set", "team@example.com", "c@example.org", "rcpt_per_mail=7")
    listed = rows(ok(pb, "alias", "list", "team*"))
    assert listed[0]["alias_list"] == "c@example.org" and listed[0]["rcpt_per_mail"] == "7"
    assert "c@example.org" in ok(pb, "alias", "show", "team@example.com")
    ok(pb, "alias", "delete", "team@example.com")
    assert ok(pb, "alias", "list") == "none\n"


def test_clusters_and_boxes(pb):
    port = free_port()
    ok(pb, "cluster", "add", "POP", "pop3", port, "listen_address=127.0.0.1", "comment=mail & more")
    ok(pb, "cluster", "set", "POP", "max_connections=77")
    assert re.search(r"^max_connections: +77$", ok(pb, "cluster", "show", "POP"), re.M)
    names = [r["clusterid"] for r in rows(ok(pb, "cluster", "list"))]
    assert names == ["MX", "POP"]
    ok(pb, "box", "add", "POP", "MAIL1", "127.0.0.1", "110", "weight=3")
    ok(pb, "box", "set", "POP", "MAIL1", "weight=4")
    assert re.search(r"^weight: +4$", ok(pb, "box", "show", "POP", "MAIL1"), re.M)
    ok(pb, "light", "POP", "MAIL1", "green")
    lights = {(r["clusterid"], r["boxid"]): r["light"] for r in rows(ok(pb, "box", "list"))}
    assert lights == {("MX", "MAIL1"): "green", ("MX", "MAIL2"): "yellow", ("POP", "MAIL1"): "green"}
    ok(pb, "light", "POP", "MAIL1", "red")
    out = call(pb, "light", "POP", "MAIL1", "blue")
    assert out.returncode == NOT_ASKED and "green, yellow or red" in out.stderr
    assert call(pb, "cluster", "delete", "POP").returncode == REFUSED
    ok(pb, "box", "delete", "POP", "MAIL1")
    ok(pb, "cluster", "delete", "POP")


def test_general(pb):
    ok(pb, "set", "greylist_initial_min=7", "nats_url=")
    assert re.search(r"^greylist_initial_min: +7$", ok(pb, "info"), re.M)
    ok(pb, "block", "192.0.2.7")
    ok(pb, "block", "spam@example.com")
    blocked = ok(pb, "blocked")
    assert "192.0.2.7" in blocked and "spam@example.com" in blocked
    assert "192.0.2.7" in ok(pb, "trace", "192.0.2.7")
    assert "spam@example.com" in ok(pb, "trace", "spam@example.com")
    ok(pb, "unblock", "192.0.2.7")
    ok(pb, "unblock", "spam@example.com")
    assert ok(pb, "blocked") == "none\n"
    assert '"blocked" lists who is' in call(pb, "block", "list").stderr
    assert ok(pb, "sisters").startswith("sisters (total 0)")
    changes = rows(ok(pb, "audit", "--limit", "3"))
    assert [c["command"] for c in changes] == ["setblockip"] * 3
    ok(pb, "forget", "192.0.2.7")
    everything = ok(pb, "audit", "--all")
    assert "clearip" in everything
    assert "commitmodifyinfo" in everything and "addcluster" in everything
    assert rows(ok(pb, "stats").split("\n\n")[1])[0]["role"] == "worker"


def test_raw_commands(pb):
    ok(pb, "addnewemail", "email_address=anna@example.com", "boxid=MAIL1")
    assert re.search(r"^boxid: +MAIL1$", ok(pb, "getemail", "email_address=anna@example.com"), re.M)
    assert call(pb, "getemail", "email_address=no@example.com").returncode == REFUSED
    text = ok(pb, "-xml", "getemail", "email_address=anna@example.com")
    assert text.startswith("<?xml") and "<status>ok</status>" in text
    out = call(pb, "-xml", "getemail", "email_address=no@example.com")
    assert out.returncode == REFUSED and "<code>no_such_email</code>" in out.stdout
    assert "moved" in ok(pb, "moveemail", "email_address=anna@example.com", "boxid=MAIL2")


# --- pages ---

def test_pages(pb):
    lines = "".join(f"user{i:04}@example.com\t\tMAIL1\n" for i in range(2345))
    (pb.directory / "users.csv").write_text(lines)
    ok(pb, "import", pb.directory / "users.csv")
    out = call(pb, "account", "list")
    assert len(rows(out.stdout)) == 50 and "50 of 2345 shown" in out.stderr
    out = call(pb, "account", "list", "--limit", "1500")
    assert len(rows(out.stdout)) == 1500 and "1500 of 2345 shown" in out.stderr
    out = call(pb, "account", "list", "-all")
    addresses = [r["email_address"] for r in rows(out.stdout)]
    assert addresses == [f"user{i:04}@example.com" for i in range(2345)] and not out.stderr
    data = as_json(pb, "account", "list", "--all")
    assert [r["email_address"] for r in data["emails"]] == addresses
    assert data["emails_total"] == 2345
    assert len(as_json(pb, "account", "list", "user00*", "-limit", "5")["emails"]) == 5
    assert as_json(pb, "account", "list", "nobody*") == {"emails_total": 0, "emails": []}
    out = call(pb, "account", "list", "limit=3", "after=user0005@example.com")
    assert [r["email_address"][:8] for r in rows(out.stdout)] == ["user0006", "user0007", "user0008"]
    assert not out.stderr
    for bad in (["-limit", "0"], ["-limit", "x"], ["-limit", "5", "-all"], ["limit=5", "-all"]):
        assert call(pb, "account", "list", *bad).returncode == NOT_ASKED
    assert call(pb, "account", "list", "limit=5000").returncode == REFUSED


# --- programs ---

def test_json(pb):
    comment = 'quote " back \\ tab \t line \n é € <&>'
    ok(pb, "box", "set", "MX", "MAIL1", f"comment={comment}")
    box = as_json(pb, "box", "show", "MX", "MAIL1")
    assert box["comment"] == comment
    assert box["weight"] == 1 and box["smtp_relay"] is False and box["probe_interval_s"] == "0"
    clusters = as_json(pb, "cluster", "list")
    assert clusters["clusters_total"] == 1
    assert [b["boxid"] for b in clusters["clusters"][0]["boxes"]] == ["MAIL1", "MAIL2"]
    assert as_json(pb, "light", "MX", "MAIL1", "green")["light"] == "green"
    refused = as_json(pb, "box", "show", "MX", "NONE", status=REFUSED)
    assert refused["code"] == "no_such_box" and "NONE" in refused["error"]
    ok(pb, "account", "add", "anna@example.com", "MAIL1")
    assert as_json(pb, "account", "show", "anna@example.com")["rcpt_per_mail"] is None
    for words in (["info"], ["stats"], ["audit"], ["blocked"], ["sisters"], ["trace", "127.0.0.1"],
                  ["trace", "anna@example.com"], ["exportconfig"], ["vacuum"], ["reread"],
                  ["listclusters"], ["searchalias"], ["config", "export"]):
        assert isinstance(as_json(pb, *words), dict)


# --- usage ---

@pytest.mark.parametrize("words,told", [
    ([], "usage:"), (["nosuch"], "no such verb or command: nosuch"),
    (["account", "frobnicate"], "no such verb or command: account frobnicate"),
    (["acount", "list"], "did you mean account list?"), (["blokced"], "did you mean blocked?"),
    (["getemial", "x=y"], "did you mean getemail?"),
    (["account", "add"], "ADDRESS is missing"), (["-colour", "stats"], "colour"),
    (["stats", "-box", "X"], "no option -box"), (["stats", "5"], "SECONDS go with -watch"),
    (["stats", "-watch", "x"], "not in 0.1..86400"), (["-url", "http://x", "stats"], "needs -key"),
    (["-url", "nonsense", "-key", "k", "stats"], "not of the form http://host"),
    (["-key", "k", "stats"], "-key needs -url"), (["help", "nosuch"], "no such verb or command"),
    (["getemail", "email_address"], "not of the form tag=value"),
    (["config", "import", "/nonexistent"], "/nonexistent: No such file"),
    (["import"], "which file?"), (["completion", "zsh"], "none for \"zsh\""),
])
def test_usage(words, told, tmp_path):
    out = subprocess.run([PBCTL, *words], capture_output=True, text=True, timeout=DEADLINE)
    assert out.returncode == NOT_ASKED and told in out.stderr and out.stdout == ""


def test_help_and_version():
    out = subprocess.run([PBCTL, "help"], capture_output=True, text=True, timeout=DEADLINE)
    assert out.returncode == DONE and "account add ADDRESS" in out.stdout
    out = subprocess.run([PBCTL, "account", "add", "-help"], capture_output=True, text=True)
    assert "user_password" in out.stdout and out.returncode == DONE
    out = subprocess.run([PBCTL, "--version"], capture_output=True, text=True)
    assert re.fullmatch(r"pbctl \d+\.\d+\.\d+\n", out.stdout)


def test_output_that_cannot_be_written(pb):
    with open("/dev/full", "w") as full:
        out = subprocess.run([PBCTL, "-directory", pb.state, "stats"], stdout=full,
                             stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
    assert out.returncode == NOT_ASKED and "standard output: No space left" in out.stderr


# --- where the service is ---

def test_service_that_is_not_there(pb, tmp_path):
    out = call(pb, "-version")
    assert out.returncode == DONE
    pb.stop()
    out = call(pb, "stats")
    assert out.returncode == NOT_ASKED
    assert f"no protobalance runs on {pb.state} (" in out.stderr
    assert "; start it, or say -directory DIR" in out.stderr


def test_socket_of_somebody_else(pb):
    os.chmod(pb.directory, 0o755)
    for parent in pb.directory.parents:  # pytest's folders are root's alone
        if str(parent).startswith("/tmp/") and parent.stat().st_uid == os.getuid():
            os.chmod(parent, 0o755)
    out = subprocess.run([PBCTL, "-directory", pb.state, "stats"], capture_output=True, text=True,
                         timeout=DEADLINE, user=65534)
    assert out.returncode == NOT_ASKED and "only root and the service's own user" in out.stderr


def test_over_tcp(pb, tmp_path):
    key = tmp_path / "key"
    key.write_text(pb.key() + "\n")
    base = [PBCTL, "-url", f"http://127.0.0.1:{pb.http}"]
    run = lambda *a, **kw: subprocess.run([*base, *a], capture_output=True, text=True,
                                          timeout=DEADLINE, **kw)
    assert "MAIL1" in run("-key", f"@{key}", "box", "list").stdout
    assert "MAIL1" in run("-key", "-", "box", "list", input=pb.key()).stdout
    out = run("-key", "wrong", "box", "list")
    assert out.returncode == REFUSED and "wrong_key" in out.stderr
    out = run("-key", f"@{key}", "import", "x.csv")
    assert out.returncode == NOT_ASKED and "run it on that machine" in out.stderr
    out = run("-key", f"@{key}", "export")
    assert out.returncode == NOT_ASKED and "run it on that machine" in out.stderr
    export = run("-key", f"@{key}", "config", "export")
    assert pb.key() not in export.stdout
    (tmp_path / "c.xml").write_text(export.stdout)
    assert run("-key", f"@{key}", "config", "import", str(tmp_path / "c.xml")).returncode == DONE
    out = subprocess.run([PBCTL, "-url", f"http://127.0.0.1:{free_port()}", "-key", "k", "stats"],
                         capture_output=True, text=True, timeout=DEADLINE)
    assert out.returncode == NOT_ASKED and "nobody answers there" in out.stderr
    out = subprocess.run([PBCTL, "-url", f"https://127.0.0.1:{pb.http}", "-key", "k", "stats"],
                         capture_output=True, text=True, timeout=DEADLINE * 2)
    assert out.returncode == NOT_ASKED and "is it http:// there?" in out.stderr


def test_over_tls(balancer, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                   check=True, capture_output=True)
    pb = balancer("-http-cert", tmp_path / "cert.pem", "-http-key", tmp_path / "key.pem",
                  time_scale=None)

    def run(url, *options):
        return subprocess.run([PBCTL, "-url", f"{url}:{pb.http}", "-key", pb.key(), *options,
                               "info"], capture_output=True, text=True, timeout=DEADLINE)
    trusted = "-cacert", tmp_path / "cert.pem"
    out = run("https://localhost", *trusted)
    assert out.returncode == DONE and "version" in out.stdout
    for url, options, told in (
            ("https://localhost", (), "its certificate is not trusted"),
            ("https://127.0.0.1", trusted, "the name does not match"),
            ("https://localhost", ("-cacert", "/nonexistent"), "-cacert"),
            ("http://localhost", (), "is it https:// there?")):
        out = run(url, *options)
        assert out.returncode == NOT_ASKED and told in out.stderr, out.stderr
    assert "version" in call(pb, "info").stdout  # the socket on the machine stays as it is
