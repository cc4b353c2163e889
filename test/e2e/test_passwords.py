"""Each form in which a password may be stored: set over XML or from email.csv, then used."""

import os
import signal
import subprocess

import pytest

from harness import XmlError, wait_for
from test_pop3 import (METHODS, WRONG, Pop, apop, cram_md5, login, plain, plain_initial, scram,
                       user_pass)

ANNA = "anna@example.com"
PUT_OFF = b"-ERR [SYS/TEMP]"
SENDING = (user_pass, plain, plain_initial, login)  # methods that send the password
PROVING = {apop: "APOP", cram_md5: "CRAM-MD5", scram: "SCRAM-SHA-256"}  # and that prove it

# What `doveadm pw -l` lists and we take; what else it lists is refused where it is set.
OURS = {"CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "MD5-CRYPT", "MD5", "BLF-CRYPT", "DES-CRYPT",
        "SHA", "SHA1", "SSHA", "SHA256", "SSHA256", "SHA512", "SSHA512", "PLAIN-MD5", "LDAP-MD5",
        "SMD5", "PLAIN", "CLEAR", "CLEARTEXT"}
DIGESTS = [s for s in sorted(OURS) if "CRYPT" not in s and s not in ("MD5", "PLAIN", "CLEAR",
                                                                    "CLEARTEXT")]


@pytest.fixture
def mailbox(site):
    return site(1, time_scale=1000)


def store(s, stored):
    s.pb.xml("commitmodifyemail", email_address=ANNA, user_password=stored)


def refused(s, stored):
    """What setting it says; the error never tells what was to be set."""
    with pytest.raises(XmlError) as e:
        store(s, stored)
    assert (e.value.status, e.value.code) == (400, "bad_value")
    assert e.value.text.startswith("user_password: ")
    return e.value.text


def logs_in(s, password, method=user_pass):
    return method(Pop(s.pop3), ANNA, password).startswith(b"+OK")


def doveadm(have, *args):
    return subprocess.run([have("doveadm"), "pw", *args], capture_output=True, text=True,
                          check=True).stdout.strip()


def crypt3(have, setting, password="geheim"):
    out = subprocess.run([have("perl"), "-e", "print crypt($ARGV[0], $ARGV[1])", password, setting],
                         capture_output=True, text=True, check=True).stdout
    assert out.startswith(setting[:4]), out
    return out


def test_what_dovecot_makes(mailbox, have):
    s = mailbox
    names = doveadm(have, "-l").split()
    assert OURS <= set(names)
    for name in names:
        stored = doveadm(have, "-s", name, "-u", ANNA, "-p", "geheim")
        if name not in OURS:
            assert "unknown {SCHEME}; known: PLAIN " in refused(s, stored)
            continue
        store(s, stored)
        assert logs_in(s, "geheim"), stored
        assert user_pass(Pop(s.pop3), ANNA, "Geheim") == WRONG, stored
        store(s, stored.lower()[:stored.index("}")] + stored[stored.index("}"):])
        assert logs_in(s, "geheim"), stored


@pytest.mark.parametrize("encoding", ["HEX", "b64", "base64"])
def test_digests_in_both_encodings(mailbox, have, encoding):
    s = mailbox
    for name in DIGESTS:
        stored = doveadm(have, "-s", f"{name}.{encoding}", "-p", "geheim")
        store(s, stored)
        assert logs_in(s, "geheim"), stored


def test_forms_of_crypt(mailbox, have):
    """Bare and behind {CRYPT}: what this system's crypt(3) makes of each id that we take."""
    s = mailbox
    for setting in ("$1$saltsalt$", "$5$saltsalt$", "$5$rounds=1000$saltsalt$", "$6$saltsalt$",
                    "$6$rounds=656000$saltsaltsaltsalt$", "$2a$05$" + "C" * 22, "$2b$05$" + "C" * 22,
                    "$2y$05$" + "C" * 22, "$y$j9T$saltsalt$", "$y$j75$saltsalt$",
                    "$gy$j9T$saltsalt$"):
        made = crypt3(have, setting)
        for stored in (made, "{CRYPT}" + made):
            store(s, stored)
            assert logs_in(s, "geheim"), stored
        assert user_pass(Pop(s.pop3), ANNA, made) == WRONG  # the hash itself opens nothing
        for cut in (made[:-1], made + "x", setting):
            refused(s, cut)
            refused(s, "{CRYPT}" + cut)
    store(s, "{YESCRYPT}" + crypt3(have, "$y$j9T$saltsalt$"))
    assert logs_in(s, "geheim")
    store(s, "{DES-CRYPT}" + crypt3(have, "ab"))
    assert logs_in(s, "geheim")


@pytest.mark.parametrize("stored, password", [
    ("geheim", "geheim"), ("{PLAIN}geheim", "geheim"), ("{Cleartext}geheim", "geheim"),
    ("$ecret", "$ecret"), ("$", "$"), ("$9$x$y", "$9$x$y"), ("{abc", "{abc"), ("{a b}c", "{a b}c"),
    ("{PLAIN}{SHA}x", "{SHA}x"), ("{PLAIN}$6$x", "$6$x"), ("gr\u00fc\u00dfe <&>\"'", "gr\u00fc\u00dfe <&>\"'"),
    ("5en6G6MezRroT3XKqkdPOmY/BfQ=", "5en6G6MezRroT3XKqkdPOmY/BfQ=")])
def test_plain_text_serves_every_method(mailbox, stored, password):
    s = mailbox
    store(s, stored)
    assert s.pb.xml("getemail", email_address=ANNA,
                    show_password=1).findtext("user_password") == stored
    for method in METHODS:
        assert logs_in(s, password, method), method.__name__


@pytest.mark.parametrize("stored, why", [
    ("{XYZ}s3cretvalue", "unknown {SCHEME}; known: PLAIN CLEARTEXT "),
    ("{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$s3cretvalue", "unknown {SCHEME}"),
    ("{SHA}s3cretvalue", "not a well-formed hash"),
    ("{SHA512-CRYPT}s3cretvalue", "not a well-formed hash"),
    ("$6$s3cretvalue", "begins like a hash of crypt(3) and is none"),
    ("$argon2id$v=19$m=65536,t=3,p=1$s3cretvalue", "cannot be checked here"),
    ("$6$rounds=999999999$s3cretvalue$" + "x" * 86, "takes too long to check"),
    ("{BLF-CRYPT}$2y$31$" + "s3cretvalue" * 5 + "x" * 9, "begins like a hash"),
    ("{BLF-CRYPT}$2y$31$" + ("s3cretvalue" * 5)[:53], "takes too long to check"),
    ("$y$jj.$s3cretvalue$" + "x" * 43, "takes too long to check"),
])
def test_refused_where_it_is_set(site, stored, why):
    """Over XML and from the file alike, and it shows up nowhere."""
    pb = site(1).pb
    for command, address in (("commitmodifyemail", ANNA), ("addnewemail", "new@example.com")):
        with pytest.raises(XmlError) as e:
            pb.xml(command, email_address=address, user_password=stored)
        assert e.value.status == 400
        assert why in e.value.text and "s3cret" not in e.value.text, e.value.text
    pb.xml("vacuum")
    csv = pb.state / "email.csv"
    csv.write_text(csv.read_text() + f"new@example.com\t{stored}\tMAIL1\n")
    answer = pb.xml("reread")
    assert answer.findtext("skipped") == "1"
    assert why in answer.find(".//badline").findtext("reason")
    assert "s3cret" not in answer.find(".//badline").findtext("reason")
    with pytest.raises(XmlError):
        pb.xml("getemail", email_address="new@example.com")
    assert pb.xml("getemail", email_address=ANNA, show_password=1).findtext("user_password") == "secret"
    assert "s3cret" not in pb.log_text() + "".join(pb.traffic_lines())


def refusal(s, user):
    """The newest line of a login that failed."""
    return wait_for("the log", lambda: s.pb.traffic_lines(f"login (refused|put off) user={user} "))[-1]


def test_reasons_are_in_the_log_alone(mailbox, have):
    """The client hears the same each time; the administrator is told what to do."""
    s = mailbox
    forms = {"the password is stored as a hash": doveadm(have, "-s", "SSHA", "-p", "geheim"),
             "no password is stored, the box checks it": ""}
    for reason, stored in forms.items():
        store(s, stored)
        for method, name in PROVING.items():
            assert method(Pop(s.pop3), ANNA, "geheim") == WRONG
            assert refusal(s, ANNA).endswith(
                f"method={name} box=- - {reason}, which {name} cannot use "
                "(USER, PLAIN and LOGIN can)")
    store(s, "geheim")
    for method in METHODS:
        assert method(Pop(s.pop3), ANNA, "Geheim") == WRONG
        assert refusal(s, ANNA).endswith(" - wrong password")
        assert method(Pop(s.pop3), "none@example.com", "geheim") == WRONG
        assert refusal(s, "none@example.com").endswith(" - no such account")
    assert user_pass(Pop(s.pop3), ANNA, "x" * 300) == WRONG
    assert " - the password given is empty, too long or has " in refusal(s, ANNA)
    store(s, "two\nlines")
    assert apop(Pop(s.pop3), ANNA, "two\nlines") == WRONG
    assert refusal(s, ANNA).endswith(" - the stored password has bytes that no box takes in PASS")


def test_names_forge_no_fields(mailbox):
    s = mailbox
    assert user_pass(Pop(s.pop3), 'x method=APOP box="MAIL1" - ok', "geheim") == WRONG
    line = wait_for("the log", lambda: s.pb.traffic_lines("login refused"))[0]
    assert 'login refused user="x method=APOP box=""MAIL1"" - ok" method=USER box=- - ' in line


@pytest.mark.timeout(120)
def test_a_verifier_that_hangs(mailbox, have):
    """Hashed logins are put off, plain ones go on in the same worker, and nothing stays behind."""
    s = mailbox
    s.pb.add_account("zoe@example.com", "MAIL1", password="geheim")
    store(s, crypt3(have, "$6$saltsalt$"))
    verifier = s.pb.children()["verifier"]
    os.kill(verifier, signal.SIGSTOP)
    try:
        waiting = [Pop(s.pop3) for _ in range(8)]
        for c in waiting:
            c.say(f"USER {ANNA}")
            c.socket.sendall(b"PASS geheim\r\n")
        for _ in range(8):
            assert user_pass(Pop(s.pop3), "zoe@example.com", "geheim").startswith(b"+OK")
        for c in waiting:
            assert c.line().startswith(PUT_OFF)
        assert refusal(s, ANNA).endswith(" - the verifier has not answered in time")
    finally:
        os.kill(verifier, signal.SIGCONT)
    assert logs_in(s, "geheim")
