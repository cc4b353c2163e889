"""docs/xml.md and pbctl(1): generated, complete, and every example in them works."""

import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness import BUILD, DEADLINE, free_port

TOP = Path(__file__).resolve().parents[2]
XML_MD = (TOP / "docs/xml.md").read_text()
MAN = (BUILD / "pbctl.1").read_text()
KEY = "…"
USERS = ("anna@example.com\tsecret\tMAIL1\nbert@example.com\tsecret\n"
         "dora@example.com\tsecret\t\tspam_setting=2\n")
LISTS = "team@example.com\tanna@example.com,bert@example.com\n"


def pbctl(*args):
    return subprocess.run([BUILD / "pbctl", *args], capture_output=True, text=True,
                          timeout=DEADLINE, check=True).stdout


def listed(title):
    """The names below a title of pbctl help."""
    part = pbctl("help").split(f"\n{title}\n")[1].split("\n\n")[0]
    return [line.strip() for line in part.splitlines()]


COMMANDS = listed("Commands of the XML interface:")
# "bash" is no part of the verb
VERBS = [re.match(r"completion|[a-z]+( [a-z]+)*", line).group() for line in listed("Verbs:")]
assert len(COMMANDS) > 30 and len(VERBS) > 30


def parameters(command):
    """{name: is it required?}"""
    text = pbctl("help", command).split(f"pbctl {command} [tag=value ...]")[-1]
    return {m[1]: bool(m[2]) for m in re.finditer(r"^  (\w+)( \(required\))?$", text, re.M)}


def section(command):
    return re.search(rf"^### {command}\n(.*?)(?=^###? |\Z)", XML_MD, re.M | re.S)[1]


def blocks(kind):
    return re.findall(rf"^```{kind}\n(.*?)^```$", XML_MD, re.M | re.S)


def man_examples():
    text = re.findall(r"^\.Bd -literal -offset indent\n(.*?)^\.Ed$", MAN, re.M | re.S)
    return [re.sub(r"\\(-|\(aq|e|&)", lambda m: {"-": "-", "(aq": "'", "e": "\\", "&": ""}[m[1]], t)
            for t in text]


@pytest.fixture
def pb(balancer):
    return balancer(time_scale=None)


@pytest.fixture
def shell(pb, tmp_path):
    """Runs a piece of shell where pbctl asks this service and the files of the examples are."""
    programs, work = tmp_path / "bin", tmp_path / "work"
    for folder in (programs, work, work / "backup"):
        folder.mkdir()
    (programs / "pbctl").write_text(
        f'#!/bin/sh\ncase $1 in -url) ;; *) set -- -directory {pb.state} "$@" ;; esac\n'
        f'exec {BUILD / "pbctl"} "$@"\n')
    (programs / "pbctl").chmod(0o755)
    for name, text in (("users.csv", USERS), ("lists.csv", LISTS), ("holiday.txt", "I am away.\n"),
                       ("new-password", "correct-horse-battery\n"), ("accesskey", pb.key())):
        (work / name).write_text(text)
    ports = {}

    def run(text):
        text = text.replace(KEY, pb.key()).replace("127.0.0.1:8080", f"127.0.0.1:{pb.http}")
        text = re.sub(r"(listen_port=|smtp |pop3 )(\d+)",
                      lambda m: m[1] + str(ports.setdefault(m[2], free_port())), text)
        return subprocess.run(["/bin/sh", "-e", "-c", text], capture_output=True, text=True,
                              cwd=work, input=pb.key() + "\n", timeout=DEADLINE * 2,
                              env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"})
    run.work = work
    return run


# --- as generated ---

def test_xml_md_is_generated():
    out = subprocess.run([BUILD / "pbdoc", TOP / "cmd/pbdoc/xml.md.in"], capture_output=True,
                         text=True, check=True).stdout
    assert out == XML_MD, "docs/xml.md is not what the tables say: make docs"


def test_tables_of_the_console_are_generated():
    out = subprocess.run([BUILD / "pbdoc", TOP / "cmd/pbdoc/tables.js.in"], capture_output=True,
                         text=True, check=True).stdout
    assert out == (TOP / "admin/web/tables.js").read_text(), "admin/web/tables.js is not what the tables say: make docs"


def test_manual_page_is_clean(have):
    out = subprocess.run([have("mandoc"), "-Tlint", BUILD / "pbctl.1"], capture_output=True,
                         text=True).stdout
    # protobalance(8) is installed on other machines
    assert [line for line in out.splitlines() if "referenced manual not found" not in line] == []
    out = subprocess.run([have("man"), "--warnings", "-E", "UTF-8", "-l", BUILD / "pbctl.1"],
                         capture_output=True, text=True)
    assert out.returncode == 0 and out.stderr == ""


# --- complete ---

@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_documented(command):
    text = section(command)
    rows = {m[1]: bool(m[2]) for m in
            re.finditer(r"^\| `(\w+)` \| (required)? \|", text.split("```xml")[0], re.M)}
    assert rows == parameters(command)
    assert f"<{command}>\n  <accesskey>{KEY}</accesskey>\n" in text
    assert f"pbctl {command}" in text or "For people: " in text
    item = re.search(rf"^\.It Cm {command}\n(.*?)(?=^\.It |^\.El)",
                     MAN.split(".Sh XML COMMANDS")[1], re.M | re.S)[1]
    named = {m[1]: bool(m[2]) for m in re.finditer(r"^\.Ar (\w+)( Ns \*)?$", item, re.M)}
    assert named == parameters(command)
    explained = re.findall(r"^\.It Ar (\w+)$", MAN.split(".Sh PARAMETERS")[1], re.M)
    assert set(named) <= set(explained)


def test_verbs_and_options_are_documented():
    items = re.findall(r"^\.It Cm ([a-z]+(?: [a-z]+)*)", MAN.split(".Sh XML COMMANDS")[0], re.M)
    assert items == VERBS
    options = set(re.findall(r"^  -([a-z-]+)", pbctl("help"), re.M))
    for verb in VERBS:
        options |= set(re.findall(r"^  -([a-z-]+)", pbctl("help", *verb.split()), re.M))
    assert len(options) > 15
    assert options == set(re.findall(r"^\.It Fl ([a-z-]+)", MAN, re.M))
    assert re.findall(r"^\.It (\d)$", MAN.split(".Sh EXIT STATUS")[1], re.M) == ["0", "1", "2", "3"]


def test_error_codes_are_documented():
    source = "".join(p.read_text() for p in (TOP / "admin").glob("*.c"))
    codes = set(re.findall(r'(?:call_fail\([^;]*?|refuse\(\w+, |\.none = |\.exists = )\d*,? *"(\w+)"',
                           source))
    assert {"bad_value", "no_such_email", "box_exists", "too_large", "wrong_key", "busy"} <= codes
    table = XML_MD.split("| HTTP |")[1].split("\n\n")[0]
    told = {c for row in re.findall(r"^\| \d+ \| (.*?) \|", table, re.M) for c in re.findall(r"\w+", row)}
    assert codes <= told, codes - told
    # and none is told of that nothing in the service says
    said = set(re.findall(r'"(\w+)"', source))
    assert told <= said, told - said


# --- the examples ---

def test_xml_examples(pb):
    """In the order of the page, with the tags of their answers, which stand on it, too."""
    port, done, tags = free_port(), [], set()
    for text in blocks("xml"):
        body = text.replace(KEY, pb.key())
        body = re.sub(r"(?<=<listen_port>)\d+", str(port), body)
        status, answer = pb.post(body.encode())
        root = ET.fromstring(answer)
        assert (status, root.findtext("status")) == (200, "ok"), (text, answer)
        done.append(root.findtext("command"))
        tags |= {e.tag for e in root.iter()}
    assert done == COMMANDS
    rows = {"response", "command", "status", "email", "alias", "badline", "cluster", "box", "worker",
            "process", "bucket", "sample", "change", "table", "session", "sister", "recent", "hour", "day",
            "week"}
    told = set(re.findall(r"^\| `(\w+)` \|", XML_MD, re.M))
    assert tags - rows <= told, tags - rows - told


def test_settings_to_come():
    """README and the console's forms say the same of what does nothing yet."""
    later = re.search(r"const later = \[(.*?)\]", (TOP / "admin/web/labels.js").read_text())[1]
    names = set(re.findall(r'"([^"]+)"', later))
    table = (TOP / "README.md").read_text().split("**do nothing yet**")[1].split("\n\n")[1]
    told = {t for t in re.findall(r"`([\w*]+)`", table) if t in names}
    if "| sisters |" in table:
        told |= {"sister_*", "nats_url"}
    assert told == names


def test_shell_examples(shell):
    examples = blocks("sh")
    for text in examples:
        out = shell(text)
        assert out.returncode == 0, (text, out.stderr)
        if text.startswith("curl"):
            assert "<status>ok</status>" in out.stdout
    commands = [re.match(r"pbctl (\w+)", t)[1] for t in examples if t.startswith("pbctl")]
    assert commands == [c for c in COMMANDS if c != "importconfig"]  # that is a verb's


def test_manual_examples(shell):
    examples = man_examples()
    lines = [line for text in examples for line in text.splitlines() if line.startswith("pbctl ")]
    for verb in VERBS:
        assert any(line.startswith(f"pbctl {verb}") for line in lines), verb
    for text in examples:
        out = shell(text)
        assert out.returncode == 0, (text, out.stderr)
    assert (shell.work / "config.xml").stat().st_mode & 0o777 == 0o600
    assert "anna@example.com" in (shell.work / "backup/email.csv").read_text()
