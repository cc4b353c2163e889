"""email.csv and alias.csv read again while everybody uses what is in them: look-ups see the old set
or the new one, and nothing stands still. And what a file may hold, and may not."""

import os
import random
import re
import threading
import time

import pytest

from harness import (LONG, Client, Gone, InFlight, Shot, XmlClient, XmlError, progress, values,
                     wait_for)
from test_pop3 import Pop, user_pass

# --- both sets, by turns ---

BOXES = ["MAIL1", "MAIL2"]
MEMBERS = 100
# Each member behind an alias of its own: look-ups of one expansion take a while.
ALIASES = "big@example.com\t" + ",".join(f"a{i}@example.com" for i in range(MEMBERS)) + "\n" + \
    "".join(f"a{i}@example.com\tu{i}@example.com\n" for i in range(MEMBERS))


def put(pb, name, text):
    """As a careful administrator: renamed when it is complete."""
    new = pb.state / f"{name}.tmp"
    new.write_bytes(text if isinstance(text, bytes) else text.encode())
    new.rename(pb.state / name)


def set_of(people, box):
    return "".join(f"u{i}@example.com\tsecret\t{box}\n" for i in range(people))


class User(threading.Thread):
    """Does one thing again and again until all others have done it often enough, too."""

    least = 30

    def __init__(self, site, number, stop, people):
        super().__init__(daemon=True)
        self.people = people
        self.site, self.random, self.number = site, random.Random(number), number
        self.stop, self.times, self.error, self.sent = stop, 0, None, []

    def run(self):
        try:
            self.begin()
            while not self.stop.is_set():
                self.once()
                self.times += 1
            self.end()
        except Exception as e:  # shown by the test
            self.error = e

    def begin(self):
        pass

    def end(self):
        pass

    def someone(self):
        return f"u{self.random.randrange(self.people)}@example.com"


class AliasUser(User):
    """RCPT of the alias: one box or the other takes all its members."""

    def begin(self):
        self.client = Client(self.site.smtp)

    def once(self):
        sender = f"alias-{self.number}-{self.times}@sender.org"
        assert self.client.mail(sender, "big@example.com") == [250]
        assert self.client.command("RSET")[0] == 250


class Sender(User):
    """Addresses that are there in both sets, and each fifth time a mail."""

    def begin(self):
        self.client = Client(self.site.smtp)

    def once(self):
        assert self.client.mail("me@sender.org", self.someone()) == [250]
        if self.times % 5 == 0:
            message_id = f"{self.number}-{self.times}@reread"
            self.client.command("DATA")
            code = self.client.command(f"Message-ID: <{message_id}>\r\n\r\nhello\r\n.")[0]
            assert code == 250
            self.sent.append(message_id)
        else:
            self.client.command("RSET")


class Reader(User):
    """Logs in; the box that has the account now takes it."""

    def once(self):
        pop = Pop(self.site.pop3)
        answer = user_pass(pop, self.someone(), "secret")
        assert answer.startswith(b"+OK"), answer
        pop.say("QUIT")
        pop.socket.close()


class Asker(User):
    """Pages of one answer are of one set."""

    def begin(self):
        self.client = XmlClient(self.site.pb)

    def once(self):
        row = values(self.client.xml("getemail", email_address=self.someone()))
        assert row["boxid"] in BOXES
        rows = self.client.xml("searchemail", query="u*", limit=1000,
                               after=self.someone()).find("emails")
        assert int(rows.get("total")) == self.people
        assert len({r.findtext("boxid") for r in rows}) <= 1


class Changer(User):
    """Changes wait for their turn, and succeed."""

    least = 5

    def begin(self):
        self.client = XmlClient(self.site.pb)

    def once(self):
        self.client.xml("commitmodifyinfo", mail_from_quota=self.times + 1)
        self.client.xml("addnewemail", email_address=f"new{self.times}@elsewhere.org")

    def end(self):
        assert self.client.xml("getinfo").findtext("mail_from_quota") == str(self.times)


def expanded(site, users):
    """How often the alias went to each box. Each time whole, or the test fails."""
    seen, taken = [recipients_by_box(b) for b in site.boxes], [0, 0]
    for u in users:
        for i in range(u.times):
            per_box = [one.get(f"alias-{u.number}-{i}@sender.org", 0) for one in seen]
            assert sorted(per_box) == [0, MEMBERS], (u.number, i, per_box)
            taken[per_box.index(MEMBERS)] += 1
    assert all(taken)
    return taken


def recipients_by_box(box):
    """{sender of a transaction: how many recipients this box was told}"""
    counts, at = {}, {}
    for conn, verb, address in re.findall(r"command (\d+) (MAIL FROM|RCPT TO):<([^>]*)>",
                                          box.events_text()):
        if verb == "MAIL FROM":
            at[conn] = address
            counts.setdefault(address, 0)
        else:
            counts[at[conn]] += 1
    return counts


SIX = (AliasUser, AliasUser, Sender, Reader, Asker, Changer)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("people,least,kinds", [(3000, 10, SIX), (MEMBERS, 150, (AliasUser,) * 4)])
def test_lookups_see_one_set(site, capsys, people, least, kinds):
    """A large set, and a small one as often as it can be read."""
    s = site(workers=2)
    files = [set_of(people, box) for box in BOXES]
    put(s.pb, "alias.csv", ALIASES)
    put(s.pb, "email.csv", files[0])
    s.pb.xml("reread")
    stop = threading.Event()
    users = [kind(s, i, stop, people) for i, kind in enumerate(kinds)]
    for u in users:
        u.start()
    turns = 0

    def go_on():
        return turns < least * (5 if LONG else 1) or any(u.times < u.least for u in users)
    end = time.monotonic() + 120
    while go_on() and all(u.is_alive() for u in users) and time.monotonic() < end:
        turns += 1
        put(s.pb, "email.csv", files[turns % 2])
        answer = s.pb.xml("reread")
        assert answer.findtext("read") == str(people + MEMBERS + 1)
        assert int(answer.findtext("changed")) == people
    stop.set()
    for u in users:
        u.join()
        assert u.error is None, (type(u).__name__, u.error)
    assert not go_on()
    taken = expanded(s, [u for u in users if isinstance(u, AliasUser)])
    for u in users:
        for message_id in u.sent:
            assert sum(b.copies(message_id) for b in s.boxes) == 1
    assert s.pb.crashes() == []
    with capsys.disabled():
        print(f"\n{turns} rereads of {people} rows: alias expanded {taken} times; " +
              ", ".join(f"{type(u).__name__} {u.times}" for u in users))


# --- a long one ---

MANY = 1000000 if LONG else 60000


def many(box):
    return "".join(f"u{i:07}@example.com\tsecret\t{box}\n" for i in range(MANY))


@pytest.mark.timeout(600)
def test_nothing_stands_still(site, capsys):
    """Progress goes up to its total; reads are answered meanwhile, a change when its turn comes,
    and mail flows."""
    s = site()
    put(s.pb, "alias.csv", "")
    put(s.pb, "email.csv", many("MAIL1"))
    s.pb.xml("reread")
    put(s.pb, "email.csv", many("MAIL2"))
    c, smtp = XmlClient(s.pb), Client(s.smtp)
    begin = time.monotonic()
    job = InFlight(s.pb, "reread")
    wait_for("it is under way", lambda: progress(s.pb) or not job.is_alive())
    change = InFlight(s.pb, "addnewemail", b"".join((
        b"<addnewemail><accesskey>", s.pb.key().encode(), b"</accesskey>"
        b"<email_address>late@example.com</email_address></addnewemail>")))
    second = InFlight(s.pb, "vacuum")
    steps, boxes, slowest, mails = [], [], 0, 0
    while job.is_alive():
        at = time.monotonic()
        root = c.xml("stats").find("work")
        if root is not None and root.findtext("command") == "reread":
            steps.append((int(root.findtext("done")), int(root.findtext("of"))))
        boxes.append(c.xml("getemail", email_address="u0000007@example.com").findtext("boxid"))
        slowest = max(slowest, time.monotonic() - at)
        if len(steps) % 10 == 1:
            assert smtp.mail("me@sender.org", "u0000008@example.com") == [250]
            smtp.command("DATA")
            assert smtp.command("Subject: x\r\n\r\nhello\r\n.")[0] == 250
            mails += 1
    took = time.monotonic() - begin
    assert job.answer.findtext("changed") == str(MANY)
    assert steps == sorted(steps) and all(done <= of for done, of in steps)
    # The job may end between two looks, so the last need not show all of it.
    assert len(steps) > 5 and steps[0][0] < steps[-1][0] and steps[-1][1] == MANY
    assert boxes == sorted(boxes) and boxes[0] == "MAIL1"  # the old set, then the new one
    assert slowest < 2 and mails > 0
    change.join()
    second.join()
    assert not isinstance(change.answer, XmlError) and change.answer is not None, change.answer
    assert not isinstance(second.answer, XmlError) and second.answer is not None, second.answer
    assert s.pb.xml("getemail", email_address="late@example.com") is not None
    wait_for("no work is left", lambda: progress(s.pb) is None)
    with capsys.disabled():
        print(f"\nreread of {MANY} rows: {took:.1f} s, {len(steps)} looks at its progress, slowest "
              f"answer {slowest * 1000:.0f} ms, {mails} mails")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("what", ["truncated", "emptied", "overwritten", "replaced", "removed"])
def test_file_that_changes_under_way(balancer, what):
    """It is read as it was when it was opened, and nobody dies of it."""
    pb = balancer()
    rows = 60000
    put(pb, "alias.csv", "all@example.com\tu000001@example.com\n")
    put(pb, "email.csv", "".join(f"u{i:06}@example.com\tsecret\tMAIL1\n" for i in range(rows)))
    email, alias = pb.state / "email.csv", pb.state / "alias.csv"
    job = InFlight(pb, "reread")
    # behind the first row that it has worked through the files have been read
    wait_for("it is under way", lambda: not job.is_alive() or (progress(pb) or (0, 0))[0] > 0)
    for path in (email, alias):
        if what == "truncated":
            os.truncate(path, path.stat().st_size // 2)
        elif what == "emptied":
            path.write_bytes(b"")
        elif what == "overwritten":
            with path.open("r+b") as f:
                f.write(b"other@example.com\tx\tMAIL9\n" * 1000)
        elif what == "replaced":
            put(pb, path.name, "other@example.com\tx\tMAIL9\n")
        else:
            path.unlink()
    job.join()
    answer = job.answer
    assert answer is not None and not isinstance(answer, XmlError), answer
    assert (answer.findtext("added"), answer.findtext("skipped")) == (str(rows + 1), "0")
    found = pb.xml("searchemail", query="u0*", limit=1).find("emails")
    assert found.get("total") == str(rows)
    assert pb.crashes() == []


@pytest.mark.timeout(300)
def test_file_that_shrinks_while_it_is_read(balancer):
    """In place, at any moment: an error or a set of whole lines, never a dead admin."""
    pb = balancer()
    put(pb, "alias.csv", "")
    line = "u{:06}@example.com\tsecret\tMAIL1\n"
    text = "".join(map(line.format, range(100000)))
    admin = pb.children()["admin"]
    for delay in (0, 0.002, 0.005, 0.01, 0.02, 0.05):
        put(pb, "email.csv", text)
        job = InFlight(pb, "reread")
        time.sleep(delay)  # any instruction of it
        os.truncate(pb.state / "email.csv", 1000007)
        job.join()
        assert job.answer is not None
        assert pb.children()["admin"] == admin
        total = int(pb.xml("searchemail", limit=1).find("emails").get("total"))
        assert isinstance(job.answer, XmlError) or total >= 1000007 // len(line.format(0))


# --- what a file may hold ---

def reread(pb, email="", alias=""):
    put(pb, "email.csv", email)
    put(pb, "alias.csv", alias)
    return pb.xml("reread")


def bad_lines(answer):
    return [(b.findtext("file"), int(b.findtext("line")), b.findtext("reason"))
            for b in answer.find("badlines")]


BAD_EMAIL = [
    ("nobody\tx\tMAIL1", "email_address"), ("\tx\tMAIL1", "email_address"),
    (" a@example.com\tx\tMAIL1", "email_address"), ("a@example.com \tx\tMAIL1", "email_address"),
    ("a@example.com,x,MAIL1", "email_address"), ("a b@example.com\tx\tMAIL1", "email_address"),
    ("a@example.com\tx\ttwo words", "boxid"), ("a@example.com\tx\tMAIL1 ", "boxid"),
    ("a@example.com\tx\t" + "b" * 64, "boxid"), ("a@example.com\t" + "p" * 256 + "\tMAIL1",
                                                 "user_password"),
    ("a@example.com\tx\tMAIL1\tspam_setting=3", "spam_setting"),
    ("a@example.com\tx\tMAIL1\tspam_setting", "name=value"),
    ("a@example.com\tx\tMAIL1\tcolour=red", "colour"),
    ("a@example.com\tx\tMAIL1\temail_address=b@example.com", "email_address"),
    ("a@example.com\tx\tMAIL1\tauto_reply_body=a\\x", "auto_reply_body"),
    ("a@example.com\tx\tMAIL1\tauto_reply_body=a\\", "auto_reply_body"),
    ("a@example.com\tx\tMAIL1\t", "name=value"), ("a@example.com\tx\tMAIL1\trcpt_per_mail=0",
                                                  "rcpt_per_mail"),
    ("a@example.com\tx\tMAIL1\tmail_unlimited_expiry=never", "mail_unlimited_expiry"),
    ("a@example.com\t{NOSUCH}x\tMAIL1", "user_password"),
    (b"a@example.com\tdel\x7f\tMAIL1", "user_password"), (b"a@example.com\tnul\x00\tMAIL1",
                                                          "user_password"),
    (b"a@example.com\tx\tM\xc3\xa9", "boxid"), (b"a\x00@example.com\tx\tMAIL1", "email_address"),
    (b"jos\xe9@example.com\tx\tMAIL1", "email_address"),
    ("\ufeffa@example.com\tx\tMAIL1", "email_address"),
    ("@\tx\tMAIL1", "email_address"), ("# a comment", "email_address"),
    ("a@example.com\tx\tMAIL1\tauto_reply_body=" + "y" * 70000, "auto_reply_body"),
]
BAD_ALIAS = [
    ("all@example.com", "columns"), ("all@example.com\t", "alias_list"),
    ("all@example.com\tnobody", "alias_list"),
    ("all@example.com\ta@example.com, b@example.com", "alias_list"),
    ("all\ta@example.com", "alias_address"),
    ("all@example.com\ta@example.com\tspam_setting=x", "spam_setting"),
]


def raw(line):
    return line if isinstance(line, bytes) else line.encode()


@pytest.fixture(scope="module")
def pb(service):
    return service


@pytest.mark.parametrize("number", range(len(BAD_EMAIL)))
def test_bad_account_lines(pb, number):
    """Skipped, counted and told by file, line and reason; the others count."""
    line, word = BAD_EMAIL[number]
    answer = reread(pb,
                    b"first@example.com\tx\tMAIL1\n" + raw(line) + b"\n"
                    b"last@example.com\ty\tMAIL2\n")
    assert [answer.findtext(t) for t in ("read", "skipped")] == ["3", "1"]
    (file, at, reason), = bad_lines(answer)
    assert (file, at) == ("email.csv", 2) and word in reason, reason
    rows = pb.xml("searchemail", query="example.com").find("emails")
    assert [r.findtext("email_address") for r in rows] == ["first@example.com", "last@example.com"]


@pytest.mark.parametrize("number", range(len(BAD_ALIAS)))
def test_bad_alias_lines(pb, number):
    line, word = BAD_ALIAS[number]
    answer = reread(pb, "", b"first@example.com\ta@b.cc\n" + raw(line) + b"\n")
    assert [answer.findtext(t) for t in ("read", "skipped")] == ["2", "1"]
    (file, at, reason), = bad_lines(answer)
    assert (file, at) == ("alias.csv", 2) and word in reason, reason


def test_first_twenty_bad_lines(pb):
    """In the order of the files, whatever the order of the addresses; all are counted."""
    email = "".join(f"bad {99 - i}@example.com\tx\tM\n" if i % 3 else f"good{i}@example.com\tx\tM\n"
                    for i in range(60))
    alias = "nobody\tx\n" * 5 + "good@example.net\ta@b.cc\n"
    answer = reread(pb, email, alias)
    assert (answer.findtext("read"), answer.findtext("skipped")) == ("66", "45")
    assert answer.find("badlines").get("total") == "45"
    found = bad_lines(answer)
    assert [line for _, line, _ in found] == [i + 1 for i in range(60) if i % 3][:20]
    answer = reread(pb, "good@example.com\tx\tM\nbad\n", alias)
    assert [(f, n) for f, n, _ in bad_lines(answer)] == \
        [("email.csv", 2)] + [("alias.csv", i + 1) for i in range(5)]


def test_a_bad_line_takes_nothing_away(pb):
    """The row of its address stays as it was; one that has no line goes."""
    reread(pb, "a@example.com\told\tMAIL1\nb@example.com\told\tMAIL1\n",
           "l@example.com\ta@example.com\n")
    answer = reread(pb, "a@example.com\tnew\ttwo words\nc@example.com\n",
                    "l@example.com\tnobody\nm@example.com\ta@example.com\n")
    assert [answer.findtext(t) for t in ("skipped", "added", "changed", "removed")] == ["2", "2",
                                                                                        "0", "1"]
    row = values(pb.xml("getemail", email_address="a@example.com", show_password=1))
    assert (row["user_password"], row["boxid"]) == ("old", "MAIL1")
    assert pb.xml("getalias",
                  alias_address="l@example.com").findtext("alias_list") == "a@example.com"


def test_addresses_that_stand_twice(pb):
    """The first line counts, in any case of letters; of an account and an alias the account."""
    answer = reread(pb, "a@example.com\tfirst\tM\nA@EXAMPLE.com\tsecond\tM\nb@example.com\tx\tM\n",
                    "b@example.com\ta@example.com\nl@example.com\ta@example.com\n")
    assert (answer.findtext("skipped"), answer.findtext("read")) == ("2", "5")
    assert [(f, n) for f, n, _ in bad_lines(answer)] == [("email.csv", 2), ("alias.csv", 1)]
    got = pb.xml("getemail", email_address="a@example.com", show_password=1)
    assert got.findtext("user_password") == "first"
    assert pb.refused("getalias", alias_address="b@example.com").status == 404
    # and what was one may become the other
    answer = reread(pb, "l@example.com\tx\tM\n", "a@example.com\tl@example.com\n")
    assert answer.findtext("skipped") == "0"
    assert pb.xml("getalias",
                  alias_address="a@example.com").findtext("alias_list") == "l@example.com"


@pytest.mark.parametrize("password", [
    " leading", "trailing ", "  ", "two  blanks", "back\\slash", "\\t\\n\\\\", "\"quoted\"",
    "'single'", "a,b;c",
    "#hash", "name=value", "=", "<&>", "\u00e9\u20ac\U0001f4e7", "%41", "x" * 255, "\\",
])
def test_literal_bytes(pb, password):
    """No escapes, no trimming in the first three columns; and vacuum writes what it read."""
    text = f"a@example.com\t{password}\tM=\\,;\n"
    if "\\" in text.split("\t")[2]:  # a name of a box has none
        text = text.replace("\\,", ",")
    answer = reread(pb, text, "")
    assert answer.findtext("skipped") == "0", bad_lines(answer)
    row = values(pb.xml("getemail", email_address="a@example.com", show_password=1))
    assert (row["user_password"], row["boxid"]) == (password, "M=,;")
    pb.xml("vacuum")
    assert (pb.state / "email.csv").read_bytes() == text.encode()
    assert pb.xml("reread").findtext("changed") == "0"


@pytest.mark.parametrize("name,email,wanted", [
    ("CRLF", b"a@example.com\tx\tM\r\nb@example.com\t\t\r\n",
     {"a@example.com": ("x", "M"), "b@example.com": ("", "")}),
    ("no end of line", b"a@example.com\tx\tM\nb@example.com\ty\tM",
     {"a@example.com": ("x", "M"), "b@example.com": ("y", "M")}),
    ("byte order mark", b"\xef\xbb\xbfa@example.com\tx\tM\n", {"a@example.com": ("x", "M")}),
    ("mark and CRLF", b"\xef\xbb\xbfa@example.com\tx\tM\r\n", {"a@example.com": ("x", "M")}),
    ("empty lines", b"\n\na@example.com\tx\tM\n\r\n\n", {"a@example.com": ("x", "M")}),
    ("nothing", b"", {}), ("a line end", b"\n", {}), ("a mark alone", b"\xef\xbb\xbf", {}),
    ("no box", b"a@example.com\tx\n", {"a@example.com": ("x", "")}),
    ("address alone", b"a@example.com\n", {"a@example.com": ("", "")}),
    ("capitals", b"A@Example.COM\tX\tM\n", {"a@example.com": ("X", "M")}),
    ("catch-all", b"@example.com\tx\tM\n", {"@example.com": ("x", "M")}),
    ("not sorted", b"z@example.com\tx\tM\na@example.com\ty\tN\n",
     {"a@example.com": ("y", "N"), "z@example.com": ("x", "M")}),
])
def test_forms_of_files(pb, name, email, wanted):
    answer = reread(pb, email)
    assert answer.findtext("skipped") == "0", bad_lines(answer)
    assert answer.findtext("read") == str(len(wanted))
    rows = pb.xml("searchemail", limit=1000).find("emails")
    got = {r.findtext("email_address"): r.findtext("boxid") for r in rows}
    assert got == {a: box for a, (_, box) in wanted.items()}
    for address, (password, _) in wanted.items():
        row = pb.xml("getemail", email_address=address, show_password=1)
        assert row.findtext("user_password") == password


def test_named_columns(pb):
    """Escapes in the further columns; those that a line does not name are at their default."""
    reread(pb,
           "a@example.com\tx\tM\trcpt_per_mail=7\t"
           "auto_reply_body=a\\tb\\nc\\\\d\\re = f\tspam_setting=0\n")
    row = values(pb.xml("getemail", email_address="a@example.com"))
    assert row["auto_reply_body"] == "a\tb\nc\\d\re = f"
    assert (row["rcpt_per_mail"], row["spam_setting"]) == ("7", "0")
    reread(pb, "a@example.com\tx\tM\tspam_setting=2\n")
    row = values(pb.xml("getemail", email_address="a@example.com"))
    assert (row["auto_reply_body"], row["rcpt_per_mail"], row["spam_setting"]) == ("", "", "2")


@pytest.mark.parametrize("file", ["email.csv", "alias.csv"])
@pytest.mark.parametrize("what", ["missing", "directory", "link to nothing", "fifo", "device"])
def test_files_that_are_none(pb, file, what):
    """An error that names the file; nothing is changed, nothing waits for ever."""
    reread(pb, "a@example.com\tx\tM\n", "l@example.com\ta@example.com\n")
    path = pb.state / file
    path.unlink()
    make = {"directory": path.mkdir, "fifo": lambda: os.mkfifo(path),
            "link to nothing": lambda: path.symlink_to("/nowhere"),
            "device": lambda: path.symlink_to("/dev/null")}.get(what, lambda: None)
    make()
    e = pb.refused("reread")
    assert e.status in (400, 404, 409, 503) and file in e.text, e
    if what == "directory":
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    for command, key in (("getemail", {"email_address": "a@example.com"}),
                         ("getalias", {"alias_address": "l@example.com"})):
        assert pb.xml(command, **key) is not None


@pytest.mark.parametrize("name,text", [
    ("email.csv", "a@example.com,x,M\nb@example.com,y,M\n"),
    ("email.csv", "a@example.com,x,M,a tab\there\n"), ("email.csv", "nobody\tx\tM\n"),
    ("alias.csv", "l@example.com;a@example.com\n"),
])
def test_a_file_of_another_form(pb, name, text):
    """Commas instead of tabs would read as "all are gone"."""
    reread(pb, "a@example.com\tx\tM\n", "l@example.com\ta@example.com\n")
    put(pb, name, text)
    e = pb.refused("reread")
    assert (e.status, e.code) == (409, "unreadable_file")
    assert name in e.text and "tabs" in e.text
    assert pb.xml("getemail", email_address="a@example.com") is not None
    assert pb.xml("getalias", alias_address="l@example.com") is not None


# --- and kill -9 ---

ROWS = 200000 if LONG else 50000


def file_set(n, box):
    """Two sets of the same size that differ in nearly every row."""
    return [f"u{i:06}@example.com\tpw{i}\t{box}" for i in range(ROWS) if i % 50 != n] + \
        [f"only{n}-{i}@example.com\t\t{box}" for i in range(ROWS // 50)]


@pytest.mark.timeout(600)
def test_kill_while_files_are_reread(balancer, capsys):
    """The old set or the new one, never a mixture; and a set that was acknowledged stays."""
    pb = balancer()
    sets = [file_set(0, "MAIL1"), file_set(1, "MAIL2")]
    lines = [sorted(s) for s in sets]
    email = pb.state / "email.csv"
    (pb.state / "alias.csv").write_text("all@example.com\tu000001@example.com\n")

    def put(n):
        email.write_text("\n".join(sets[n]) + "\n")
    put(0)
    assert pb.xml("reread").findtext("read") == str(ROWS + 1)
    now, found = 0, {"old": 0, "new": 0, "answered": 0}
    for turn in range(12 if LONG else 6):
        put(1 - now)
        shot = Shot(pb, turn % 2)
        job = InFlight(pb, "reread")
        share = (0, 0.3, 0.6, 0.95, 1, None)[turn % 6]  # None: behind the answer

        def far_enough():
            at = share is not None and job.is_alive() and progress(pb)
            return not job.is_alive() or (at and at[1] and at[0] >= share * at[1])
        wait_for("the reread is that far", far_enough, 60)
        shot.fire()
        job.join()
        shot.over()
        pb.xml("vacuum")
        rows = sorted(email.read_text().splitlines())
        which = [n for n in (0, 1) if rows == lines[n]]
        assert which, "a mixture"
        if job.answer is not None:
            assert which[0] != now and job.answer.findtext("skipped") == "0"
        found["answered" if job.answer is not None else "old" if which[0] == now else "new"] += 1
        now = which[0]
    with capsys.disabled():
        print(f"\nkill -9 in a reread of {ROWS} rows: {found}")
    assert found["old"] >= 1 and found["answered"] >= 1
    pb.xml("addnewemail", email_address="after@example.com")  # nothing stays locked
    assert pb.stop() == 0
