"""What happens when a box or a client fails, at every step.

Three invariants, in every cell of the matrix:
  I1  a positive reply only for what a box itself has answered positively;
  I2  nobody has a copy when it failed before the barrier, that is before the end marks;
  I3  a retry never delivers again to a target that has said 250.
Hence one copy a box at the end, and two only where the end mark was sent and the box took the
mail without saying so: SMTP allows no better.
"""

import threading
import time
import traceback

import pytest

from harness import Balancer, Client, DemoBox, Gone, Mail, OddBox, wait_for

@pytest.fixture
def balancer(balancer):
    """No process of ours dies of what boxes and clients do."""
    all_of_them = []

    def make(*options, **kw):
        all_of_them.append(balancer(*options, **kw))
        return all_of_them[-1]
    yield make
    for one in all_of_them:
        assert one.crashes() == []


SCALE = 100  # PB_TIME_SCALE: a greeting is waited for 0.6 s, the answer to the end mark 6 s

# --- the matrix ---

# name, boxes, all of them behind one alias?, what they speak, options
SITES = [
    ("1", 1, False, "smtp", ()),
    ("2 rcpt", 2, False, "smtp", ()),
    ("2 alias", 2, True, "smtp", ()),
    ("4 rcpt", 4, False, "smtp", ()),
    ("4 alias", 4, True, "smtp", ()),
    ("1 slow", 1, True, "smtp", ("-no-pipelining",)),
    ("2 slow", 2, True, "smtp", ("-no-pipelining",)),
    ("2 lmtp", 2, False, "lmtp", ()),
    ("2 piped", 2, False, "smtp", ()),  # the client sends MAIL, RCPTs and DATA together
]
BEFORE_READY = ["connect", "greeting", "ehlo"]
STEPS = [*BEFORE_READY, "mail", "rcpt", "data", "body", "end"]
WARM_STEPS = ["rset", "mail", "rcpt", "data", "body", "end"]  # over legs from the pool
ACTIONS = ["accept", "refuse4", "refuse5", "stall", "drop", "reset", "drop_after", "garbage"]
FAULT_AFTER = 300  # bytes of the body; the first half of the mail has more


class Expected:
    """What a cell must look like, by the rules of HACKING, "One answer for several boxes"."""

    def __init__(self, alone, alias, step, action):
        lasting = action == "refuse5"
        self.first, self.final = 250, 250
        self.copies, self.end_copies = (1, 1), (1, 1)  # of the box that fails, of each other
        if action == "accept" or step == "rset":
            return  # a leg that died in the pool is nobody's trouble
        if step in STEPS[:5]:  # its recipient is refused, the others go on without it
            lasting = lasting and step not in BEFORE_READY
            self.first = 550 if lasting else 451
            self.copies = (0, 0) if alias else (0, 1)
        elif step == "data" or (step == "body" and action != "stall"):
            lasting = lasting and (alone or alias)  # of several, the others must not suffer
            self.first = 550 if lasting else 451
            self.copies = (0, 0)
        else:  # the end mark was sent
            lasting = lasting and alone  # of several, only a retry tells; the fault is gone then
            self.first = 550 if lasting else 451
            self.copies = (action == "drop_after", 1)
            self.end_copies = (1 + (action == "drop_after"), 1)
        if lasting:
            self.final = 550
            self.end_copies = self.copies


class Lane(threading.Thread):
    """One row of sites: a balancer and its boxes, and all cells of it."""

    def __init__(self, keep, directory, name, n, alias, speaks, options):
        super().__init__(daemon=True)
        self.name, self.n, self.alias, self.piped = name, n, alias, "piped" in name
        self.cells, self.wrong, self.reused = {}, [], {}
        self.boxes = [keep(DemoBox(directory, f"MAIL{i + 1}", *options, kinds=(speaks,)))
                      for i in range(n)]
        self.pb = keep(Balancer(directory / "pb", workers=1, time_scale=SCALE))
        self.port = self.pb.add_cluster("MX", "smtp")
        self.people = [f"u{i + 1}@example.com" for i in range(n)]
        for box, person in zip(self.boxes, self.people):
            self.pb.add_box("MX", box.name, box.ports[speaks], protocol=speaks)
            self.pb.add_account(person, box.name)
        self.to = self.people
        if alias:
            self.pb.add_alias("all@example.com", *self.people)
            self.to = ["all@example.com"]
        self.count = 0

    def run(self):
        for warm in (False, True):
            for step in WARM_STEPS if warm else STEPS:
                for action in ACTIONS:
                    try:
                        self.cell(warm, step, action)
                    except Exception:
                        self.wrong.append(f"{self.name} {step}:{action}: "
                                          f"{traceback.format_exc()}")
                        return

    def heal(self, box):
        """All faults gone, all legs new, the box in favour again."""
        box.faults()
        self.pb.xml("yellow", clusterid="MX", boxid=box.name)
        self.pb.xml("green", clusterid="MX", boxid=box.name)

    def warm_up(self, step):
        """Leaves a leg to each box in the pool."""
        if step != "rset":
            assert Mail(self.port, f"warm{self.count}@x", *self.to).retry()
            return
        with Client(self.port) as c:
            c.mail("me@sender.org", *self.to)
            c.command("RSET")

    def failures(self, box):
        return self.pb.counters("MX", box.name)["failures"]

    def cell(self, warm, step, action):
        self.count += 1
        box = self.boxes[self.count % self.n]
        others = [b for b in self.boxes if b is not box]
        self.heal(box)
        fault = f"{step}:{action}" + (f":{FAULT_AFTER}" if step == "body" else "")
        if warm and step != "rset":
            self.warm_up(step)
        events = len(box.events_text())
        if action != "accept":
            box.faults(fault)
        if warm and step == "rset":
            self.warm_up(step)
        before, reused = self.failures(box), self.pb.counters("MX", box.name)["reused"]

        def halfway():
            if step == "body" and action not in ("accept", "stall"):
                wait_for("the leg has failed", lambda: self.failures(box) > before)

        mail = Mail(self.port, f"cell{self.count}@x", *self.to, body="line of body\r\n" * 100,
                    pipelined=self.piped)
        first = mail.attempt(halfway=halfway)
        fired = action == "accept" or f" {step} {action}" in box.events_text()[events:]
        reused = self.pb.counters("MX", box.name)["reused"] > reused
        copies = [b.copies(mail.id) for b in self.boxes]
        self.heal(box)
        mail.retry()
        self.judge(warm, step, action, mail, first, copies, box, others, fired)
        if warm:
            self.reused[step] = self.reused.get(step, 0) + reused

    def judge(self, warm, step, action, mail, first, copies, box, others, fired):
        e = Expected(self.n == 1, self.alias, step, action)
        at_end = {b.name: b.copies(mail.id) for b in self.boxes}
        mine = self.to[0] if self.alias else self.people[self.boxes.index(box)]
        got = first.verdict[mine]
        last = mail.codes[mine]
        self.cells[warm, step, action] = (
            f"{got}" + (f"/{last}" if len(mail.tries) > 1 else "") +
            " " + "+".join(str(c) for c in at_end.values()))
        others_copies = [c for c, b in zip(copies, self.boxes) if b is not box]
        faults = []
        if not fired:
            faults.append("the fault never happened")
        if got != e.first or last != e.final:
            faults.append(f"answers {got}/{last}, want {e.first}/{e.final}")
        if copies[self.boxes.index(box)] != e.copies[0] or set(others_copies) - {e.copies[1]}:
            faults.append(f"copies {copies} after the first try, want {e.copies}")
        if at_end[box.name] != e.end_copies[0] or \
                {at_end[b.name] for b in others} - {e.end_copies[1]}:
            faults.append(f"copies {at_end} at the end, want {e.end_copies}")
        if mail.open:
            faults.append(f"never settled: {mail.open}")
        for who, code in first.verdict.items():  # I1
            where = self.boxes if self.alias else [self.boxes[self.people.index(who)]]
            if code // 100 == 2 and not all(copies[self.boxes.index(b)] for b in where):
                faults.append(f"I1: {who} was told {code}, copies {copies}")
        if faults:
            self.wrong.append(f"{self.name}{' warm' if warm else ''} {step}:{action} at "
                              f"{box.name}: {'; '.join(faults)}; answers {first.rcpt} {first.data} {first.end}")


def show(lanes):
    """The table as text."""
    width = max(len(cell) for lane in lanes for cell in lane.cells.values()) + 1
    lines = ["", "first reply/last reply, copies a box; + warm: over legs from the pool",
             f"{'boxes':9}{'step':11}" + "".join(f"{a:{width}}" for a in ACTIONS)]
    for lane in lanes:
        for warm in (False, True):
            for step in WARM_STEPS if warm else STEPS:
                row = [lane.cells.get((warm, step, a), "-") for a in ACTIONS]
                lines.append(f"{lane.name:9}{step + ('+' if warm else ''):11}" +
                             "".join(f"{c:{width}}" for c in row))
    return "\n".join(lines)


@pytest.mark.timeout(600)
def test_matrix(keep, tmp_path, capsys):
    start = time.monotonic()
    lanes = [Lane(keep, tmp_path / site[0].replace(" ", ""), *site) for site in SITES]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    with capsys.disabled():
        print(show(lanes))
        print(f"{sum(len(lane.cells) for lane in lanes)} cells, "
              f"{time.monotonic() - start:.0f} s")
    wrong = [w for lane in lanes for w in lane.wrong]
    assert not wrong, "\n" + "\n".join(wrong)
    for lane in lanes:
        assert all(lane.reused.values()), f"{lane.name}: the pool was never used: {lane.reused}"
        for box in lane.boxes:
            assert box.alive()
            assert "pipelined " not in box.events_text()  # to whom does not offer it
        assert lane.pb.stop() == 0
        assert lane.pb.crashes() == []


# --- boxes that answer, but not what one answers ---

LONG_REPLY = "\r\n".join(["250-" + "x" * 1000] * 60)
ODD = [  # what it says where; the first reply to the client, "rcpt" or "end"
    ({"greeting": "250 hello"}, "rcpt"),
    ({"greeting": "354 hello"}, "rcpt"),
    ({"greeting": "220 hi\r\n250 odd\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok"}, "either"),
    ({"EHLO": "220 hello"}, "rcpt"),
    ({"EHLO": "354 hello"}, "rcpt"),
    ({"EHLO": "250-a\r\n251 b"}, "rcpt"),
    ({"EHLO": LONG_REPLY}, "rcpt"),
    ({"MAIL": "354 go"}, "rcpt"),
    ({"MAIL": "421 bye"}, "rcpt"),
    ({"RCPT": "354 go"}, "rcpt"),
    ({"RCPT": "421 bye"}, "rcpt"),
    ({"RCPT": "250"}, 250),
    ({"RCPT": "251 will forward"}, 250),
    ({"RCPT": "\0"}, "rcpt"),
    ({"RCPT": "x" * 100000}, "rcpt"),
    ({"RCPT": "250 ok\r\n250 ok"}, "either"),
    ({"DATA": "250 ok"}, "end"),
    ({"DATA": "221 bye"}, "end"),
    ({"DATA": "421 bye"}, "end"),
    ({"DATA": "354 go\r\n250 ok"}, "end"),
    ({"DATA": "354-go\r\n354 on"}, 250),
    ({"end": "354 go on"}, "end"),
    ({"end": "421 bye"}, "end"),
    ({"end": "220 bye"}, 250),
    ({"end": "299"}, 250),
    ({"end": "199 no reply"}, "end"),
    ({"end": "600 no reply"}, "end"),
    ({"end": "250 ok\r\n250 ok\r\n250 ok"}, 250),
]


@pytest.mark.parametrize("to", ["odd@example.com", "both@example.com"])
def test_odd_answers(keep, site, to):
    """Whatever it says: the client hears 451, or 250 when the box has taken the mail."""
    s = site(n=1, time_scale=SCALE)
    odd = keep(OddBox())
    s.pb.add_box("MX", "ODD", odd.smtp)
    s.pb.add_account("odd@example.com", "ODD")
    s.pb.add_alias("both@example.com", "anna@example.com", "odd@example.com")
    for i, (answers, want) in enumerate(ODD):
        odd.answers = {**odd.GOOD, **answers}
        for light in ("yellow", "green"):
            s.pb.xml(light, clusterid="MX", boxid="ODD")
        for n in range(3):  # the second and third may meet what the first has left in the pool
            odd.mails = 0
            mail = Mail(s.smtp, f"odd{i}.{n}@x", to)
            t = mail.attempt()
            said = (answers, t.rcpt, t.data, t.end)
            if want == "rcpt":
                assert t.rcpt[to][0] == 451 and not t.data and not t.end, said
            elif want != "either":
                assert t.rcpt[to][0] == 250, said
            if want == 250:
                assert t.end and t.end[0] == 250 and odd.mails == 1, said
            else:
                assert t.code() == 451 and odd.mails == 0, said
            if want in ("rcpt", "either"):
                assert s.boxes[0].copies(mail.id) == 0, said


# --- a box that has accepted somebody who is not to get the mail after all ---

REBUILD = [  # what it says; first reply to the client (carl, who stays), who has the mail then
    ({}, 250, ["carl@example.com"]),
    ({"RSET": "451 no"}, 451, []),
    ({"RSET": "250"}, 250, ["carl@example.com"]),
    ({"MAIL": ["250 ok", "451 no"]}, 451, []),
    ({"MAIL": ["250 ok", "550 no"]}, 550, []),
    ({"RCPT": ["250 ok", "250 ok", "452 no"]}, 452, []),
    ({"RCPT": ["250 ok", "250 ok", "550 no"]}, 550, []),
    ({"DATA": "550 no"}, 550, []),
]


@pytest.mark.parametrize("ehlo", ["250-odd\r\n250 PIPELINING", "250 odd"])
def test_recipient_taken_back(keep, site, ehlo):
    """The alias is refused because one of its boxes refuses it; its other box had accepted, and
    is told anew who is left."""
    s = site(n=1, time_scale=SCALE)
    odd = keep(OddBox())
    s.pb.add_box("MX", "ODD", odd.smtp)
    for who in ("carl", "dora"):
        s.pb.add_account(f"{who}@example.com", "ODD")
    s.pb.add_alias("both@example.com", "dora@example.com", "anna@example.com")
    s.boxes[0].faults("rcpt:refuse4")
    for i, (answers, code, got) in enumerate(REBUILD):
        odd.answers = {**odd.GOOD, "EHLO": ehlo, **{k: list(v) if isinstance(v, list) else v
                                                    for k, v in answers.items()}}
        odd.mails, odd.rcpts = 0, []
        for light in ("yellow", "green"):
            s.pb.xml(light, clusterid="MX", boxid="ODD")
        mail = Mail(s.smtp, f"back{i}@x", "both@example.com", "carl@example.com")
        t = mail.attempt()
        said = (answers, t.rcpt, t.data, t.end)
        assert t.rcpt["both@example.com"][0] == 451, said
        assert t.rcpt["carl@example.com"][0] == 250, said
        assert t.verdict["carl@example.com"] == code, said
        assert (odd.mails, odd.rcpts) == (len(got), got), said
        assert not s.boxes[0].mails()


def test_box_that_knows_helo_only(site, demobox):
    s = site(n=1, box_options=("-no-ehlo", "-no-pipelining"))
    mail = Mail(s.smtp, "helo@x", "anna@example.com")
    assert mail.attempt().code() == 250 and s.boxes[0].copies("helo@x") == 1
    assert "pipelined " not in s.boxes[0].events_text()


def test_full_box(site):
    """A box at its most sessions puts off; that is no failure, and nobody is passed over."""
    s = site(n=2, workers=1)
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", max_sessions=1)
    with Client(s.smtp) as first:
        assert first.mail("me@sender.org", "anna@example.com") == [250]
        mail = Mail(s.smtp, "full@x", "bert@example.com", "anna@example.com")
        t = mail.attempt()
        assert t.rcpt["anna@example.com"][0] == 451
        assert "most_sessions" in t.rcpt["anna@example.com"][1]
        assert s.boxes[1].copies("full@x") == 1
        assert s.pb.counters("MX", "MAIL1")["failures"] == 0
    wait_for("the session has ended", lambda: s.pb.counters("MX", "MAIL1")["sessions"] == 0)
    both = Mail(s.smtp, "both@x", "bert@example.com", "anna@example.com")
    assert both.attempt().rcpt["anna@example.com"][0] == 250
    assert mail.attempt().code() == 250


# --- clients that fail ---

HEADER = "Message-ID: <it@x>\r\nFrom: me@sender.org\r\nSubject: s\r\n\r\n"
BODY = HEADER + "line\r\n" * 200
# what the client has said when it fails
CLIENT_STEPS = {
    "greeting": "",
    "EHLO": "EHLO me\r\n",
    "MAIL": "EHLO me\r\nMAIL FROM:<me@sender.org>\r\n",
    "RCPT": "EHLO me\r\nMAIL FROM:<me@sender.org>\r\nRCPT TO:<{to}>\r\n",
    "DATA": "EHLO me\r\nMAIL FROM:<me@sender.org>\r\nRCPT TO:<{to}>\r\nDATA\r\n",
    "half a command": "EHLO me\r\nMAIL FROM:<me@sen",
    "body": BODY,
    "body but the end mark's last byte": BODY + ".\r",
}


def speak(c, step, to):
    """Goes as far as step, reading every answer."""
    said = CLIENT_STEPS[step]
    if not said.startswith("Message-ID"):
        c.reply()
        for line in said.splitlines(keepends=True):
            c.send(line.format(to=to))
            if line.endswith("\n"):
                c.reply()
        return
    speak(c, "DATA", to)
    c.send(said)


def nothing_is_left(s):
    """All sessions of clients and boxes have ended, but for legs that wait in the pool."""
    def ended():
        boxes = [s.pb.counters("MX", b.name) for b in s.boxes]
        return (s.pb.counters("MX")["sessions"] == 0 and
                all(b["sessions"] == b["idle"] for b in boxes))
    wait_for("sessions end", ended)


@pytest.mark.parametrize("end", ["drop", "reset", "shutdown"])
def test_client_leaves(site, end):
    s = site(n=2, time_scale=SCALE)
    for step in CLIENT_STEPS:
        for to in ("anna@example.com", "team@example.com"):
            c = Client(s.smtp, hello=False)
            speak(c, step, to)
            {"drop": c.close, "reset": c.reset, "shutdown": c.end}[end]()
            if end == "shutdown":  # nothing but refusals may still be said, then it ends
                with pytest.raises(Gone):
                    while c.reply()[0] // 100 != 2:
                        pass
                    pytest.fail(f"{step}: a positive answer")
            nothing_is_left(s)
            c.close()
            assert [len(b.mails()) for b in s.boxes] == [0, 0], (step, to)
    assert all(s.pb.counters("MX", b.name)["failures"] == 0 for b in s.boxes)


def test_client_stalls(site):
    s = site(n=2, time_scale=SCALE)
    clients = []
    for step in CLIENT_STEPS:
        for to in ("anna@example.com", "team@example.com"):
            clients.append((step, to, Client(s.smtp, hello=False)))
            speak(clients[-1][2], step, to)
    for step, to, c in clients:
        assert c.reply()[0] == 421, (step, to)
        with pytest.raises(Gone):
            c.reply()
        c.close()
    nothing_is_left(s)
    assert [len(b.mails()) for b in s.boxes] == [0, 0]
    # it was not the boxes' fault, and they are not blamed
    assert all(s.pb.counters("MX", b.name)["failures"] == 0 for b in s.boxes)
    assert s.pb.counters("MX")["timeouts"] == 2 * len(CLIENT_STEPS)


@pytest.mark.parametrize("to,want", [("anna@example.com", [1, 0]), ("team@example.com", [1, 1])])
@pytest.mark.parametrize("end", ["drop", "reset", "shutdown"])
def test_client_leaves_behind_the_end_mark(site, to, want, end):
    """Its boxes have the mail, though it has not heard of it: its next try is spared."""
    s = site(n=2, time_scale=SCALE)
    for b in s.boxes:
        b.faults("end:slow:200")
    mail = Mail(s.smtp, "gone@x", to)
    c = Client(s.smtp)
    c.mail(mail.sender, to)
    assert c.command("DATA")[0] == 354
    c.send(mail.text() + ".\r\n")
    events = [b for b, n in zip(s.boxes, want) if n]
    wait_for("the end mark is there", lambda: all(" end slow" in b.events_text() for b in events))
    {"drop": c.close, "reset": c.reset, "shutdown": c.end}[end]()
    if end == "shutdown":  # it may still read, and so it hears
        assert c.reply()[0] == 250
    nothing_is_left(s)
    assert s.pb.ledger_is_written() > 0
    assert [b.copies("gone@x") for b in s.boxes] == want
    for b in s.boxes:
        b.faults()
    assert mail.attempt().code() == 250
    assert [b.copies("gone@x") for b in s.boxes] == want
    c.close()


def test_client_that_waits_behind_the_end_mark(site):
    """Slow boxes are waited for longer than a slow client would be."""
    s = site(n=2, time_scale=SCALE)
    for b in s.boxes:
        b.faults("end:slow:4000")  # the client's own time is 3 s
    assert Mail(s.smtp, "slow@x", "team@example.com").attempt().code() == 250
    assert [b.copies("slow@x") for b in s.boxes] == [1, 1]


BAD_MAILS = {
    "bare LF": (HEADER + "one\ntwo\r\n", 554, "5.5.2 bare LF"),
    "bare LF dot": (HEADER + "one\n.\r\ntwo\r\n", 554, "5.5.2 bare LF"),
    "LF dot LF": (HEADER + "one\r\n.\ntwo\r\n", 554, "5.5.2 bare LF"),
    "bare CR": (HEADER + "one\rtwo\r\n", 554, "5.5.2 bare CR"),
    "CR dot CR": (HEADER + "one\r.\rtwo\r\n", 554, "5.5.2 bare CR"),
    "NUL": (HEADER + "one\0two\r\n", 554, "5.6.0"),
    "too large": (HEADER + "0123456789abcde\r\n" * 70000, 552, "5.3.4"),
    "51 Received fields": ("Received: x\r\n" * 51 + HEADER + "x\r\n", 554, "5.4.6"),
    "bad far behind": (HEADER + "0123456789abcde\r\n" * 30000 + "\0\r\n", 554, "5.6.0"),
}
GOOD_MAILS = {
    "50 Received fields": "Received: x\r\n" * 50 + HEADER + "x\r\n",
    "just not too large": HEADER + "0123456789abcde\r\n" * 60000,
    "empty": "",
    "only dots": HEADER + "..\r\n...\r\n..x\r\n",
    "long line": HEADER + "x" * 20000 + "\r\n",
}


@pytest.mark.parametrize("to", ["anna@example.com", "team@example.com"])
def test_mails_that_may_not_be(site, to):
    s = site(n=2, cluster={"max_mail_size_kb": 1024}, time_scale=SCALE)
    with Client(s.smtp) as c:
        for name, (text, code, words) in BAD_MAILS.items():
            assert c.mail("me@sender.org", to) == [250]
            assert c.command("DATA")[0] == 354
            c.send(text + ".\r\n")
            got = c.reply()
            assert got[0] == code and got[1].startswith(words), (name, got)
            assert c.command("NOOP")[0] == 250  # what followed is a command again
        assert [len(b.mails()) for b in s.boxes] == [0, 0]
        for n, (name, text) in enumerate(GOOD_MAILS.items()):
            assert c.mail("me@sender.org", to) == [250]
            assert c.command("DATA")[0] == 354
            c.send(text + ".\r\n")
            assert c.reply()[0] == 250, name
            newest = [b.mails()[-1] for b in s.boxes if b.mails()]
            assert len(s.boxes[0].mails()) == n + 1
            want = text.replace("\r\n.", "\r\n").encode()
            assert all(m.endswith(want) for m in newest), name
    assert all(s.pb.counters("MX", b.name)["failures"] == 0 for b in s.boxes)


def test_declared_too_large(site):
    s = site(n=2, cluster={"max_mail_size_kb": 1024})
    with Client(s.smtp) as c:
        assert "SIZE 1048576" in c.offer
        assert c.command("MAIL FROM:<a@b.org> SIZE=1048577")[0] == 552
        assert c.command("MAIL FROM:<a@b.org> SIZE=1048576")[0] == 250


def test_mail_without_end(site):
    """Far past its limit nobody is read on for the sake of his end mark."""
    s = site(n=2, cluster={"max_mail_size_kb": 1024}, time_scale=SCALE)
    c = Client(s.smtp)
    c.mail("me@sender.org", "team@example.com")
    assert c.command("DATA")[0] == 354
    with pytest.raises(Gone):
        while True:
            c.send(b"0123456789abcde\r\n" * 10000)
    nothing_is_left(s)
    assert [len(b.mails()) for b in s.boxes] == [0, 0]
    c.close()


@pytest.mark.parametrize("size", [10, 100000])
def test_mails_in_one_stream(site, size):
    """The next mail begins in the packet that ends the one before."""
    s = site(n=2)
    envelope = "MAIL FROM:<me@sender.org>\r\nRCPT TO:<team@example.com>\r\nDATA\r\n"
    with Client(s.smtp) as c:
        c.send(envelope)
        for n in range(5):
            assert [c.reply()[0] for _ in range(3)] == [250, 250, 354]
            if n == 2:
                s.boxes[1].faults("end:refuse4")
            c.send(BODY + "x" * size + f"\r\n.{n}\r\n.\r\n" + (envelope if n < 4 else "QUIT\r\n"))
            assert c.reply()[0] == (250 if n < 2 else 451)
        assert c.reply()[0] == 221
    assert [len(b.mails()) for b in s.boxes] == [5, 2]


# --- large mails: a leg that fails while the others are far ahead or behind ---

LARGE = "0123456789abcde\r\n" * 1500000  # 25 MB: more than all socket buffers on the way


@pytest.mark.parametrize("fault,code", [
    ("body:stall:1000000", 451), ("body:drop:1000000", 451), ("body:reset:1000000", 451),
    ("body:refuse4:1000000", 451), ("body:refuse5:1000000", 550), ("body:garbage:1000000", 451)])
def test_large_mail_fails_in_the_middle(site, fault, code):
    s = site(n=2, cluster={"max_mail_size_kb": 100000}, time_scale=SCALE)
    s.boxes[1].faults(fault)
    for to in ("bert@example.com", "team@example.com"):
        mail = Mail(s.smtp, f"large.{to}", to, body=LARGE)
        assert mail.attempt().code() == code
        assert [len(b.mails()) for b in s.boxes] == [0, 0]
    s.boxes[1].faults()
    if code == 451:
        wait_for("the box is fit", lambda: mail.attempt().code() == 250)
        assert [b.copies(mail.id) for b in s.boxes] == [1, 1]


def test_leg_that_is_behind_at_the_end(site):
    """All is in and one box has it all, the other not yet: nobody gets the end mark. How much the
    kernel takes for a box that stalls is measured, then mails are sent of a little more."""
    s = site(n=2, cluster={"max_mail_size_kb": 100000}, time_scale=SCALE)
    s.boxes[1].faults("body:stall:1")

    def taken(name, size):
        """Answer, and bytes that the stalled box was sent of a mail of this size."""
        before = s.pb.counters("MX", "MAIL2")["bytes"]
        mail = Mail(s.smtp, name, "team@example.com", body=LARGE[:size // 17 * 17])
        assert mail.attempt().code() == 451
        sent = s.pb.counters("MX", "MAIL2")["bytes"] - before
        # the end mark only goes where all of the mail went
        assert s.boxes[0].copies(name) == (sent >= len(mail.text()))
        return sent

    room = taken("measure@x", len(LARGE))
    for more in (10000, 30000, 50000):
        taken(f"more{more}@x", room + more)


def test_large_mail_at_the_pace_of_the_slowest(site):
    """A slow box slows its mail, not more: nothing times out, nothing is buffered without end."""
    s = site(n=2, cluster={"max_mail_size_kb": 100000}, time_scale=SCALE)
    s.boxes[1].faults("body:slow:1000000/100")
    mail = Mail(s.smtp, "pace@x", "team@example.com", body=LARGE)
    assert mail.attempt().code() == 250
    assert [b.copies("pace@x") for b in s.boxes] == [1, 1]
    assert all(b.mails()[0].endswith(mail.body.encode()) for b in s.boxes)


# --- boxes that fail, and come back ---

def fail(s, i):
    """Box i fails, is passed over, recovers; ends when it may be tried again."""
    for light in ("yellow", "green"):  # no leg is left in the pool
        s.pb.xml(light, clusterid="MX", boxid=s.boxes[i].name)
    s.boxes[i].faults("greeting:drop")
    assert Mail(s.smtp, "fail@x", s.people[i]).attempt().code() == 451
    s.boxes[i].faults()
    recovered(s, i)


def recovered(s, i):
    wait_for("the pass-over ends", lambda: s.pb.counters("MX", s.boxes[i].name)
             ["passed_over_ms"] == 0)


def healthy(s, i):
    c = s.pb.counters("MX", s.boxes[i].name)
    return c["failures_in_a_row"] == 0


def test_first_mail_after_a_failure(site):
    """It is the probe; that it has two recipients on the box, or was put off, spoils nothing."""
    s = site(n=2, workers=1)
    s.pb.add_account("anna2@example.com", "MAIL1")
    s.pb.add_alias("annas@example.com", "anna@example.com", "anna2@example.com")
    fail(s, 0)
    alias = Mail(s.smtp, "alias@x", "annas@example.com")
    assert alias.attempt().code() == 250
    assert s.boxes[0].copies("alias@x") == 2 and healthy(s, 0)
    fail(s, 0)
    s.boxes[0].faults("greeting:slow:200")  # the second RCPT comes while the first still tries
    with Client(s.smtp) as c:
        c.send("MAIL FROM:<me@x.org>\r\nRCPT TO:<anna@example.com>\r\n"
               "RCPT TO:<anna2@example.com>\r\n")
        assert [c.reply()[0] for _ in range(3)] == [250, 250, 250]
    s.boxes[0].faults()
    assert healthy(s, 0)
    # put off for its company, and asked again at once for itself alone
    fail(s, 0)
    both = Mail(s.smtp, "both@x", "bert@example.com", "anna@example.com")
    t = both.attempt()
    assert t.code() == 250 and t.rcpt["anna@example.com"][0] == 452
    assert t.rcpt["anna@example.com"][1].startswith("4.5.3 ")
    assert both.attempt().code() == 250 and healthy(s, 0)


@pytest.mark.parametrize("step", BEFORE_READY)
@pytest.mark.parametrize("action", ["refuse4", "refuse5", "stall", "drop", "reset"])
def test_fall_over(site, step, action):
    s = site(n=3, time_scale=SCALE)
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", fallover_boxid="MAIL2")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL2", fallover_boxid="MAIL3")
    s.boxes[0].faults(f"{step}:{action}")
    s.boxes[1].faults(f"{step}:{action}")
    assert Mail(s.smtp, "over@x", "anna@example.com").attempt().code() == 250
    assert [b.copies("over@x") for b in s.boxes] == [0, 0, 1]
    # all three at once through the one that is left
    assert Mail(s.smtp, "team@x", "team@example.com").attempt().code() == 250
    assert [b.copies("team@x") for b in s.boxes] == [0, 0, 3]


# --- a light turns red, the service stops ---

def red(s, i):
    s.pb.xml("red", clusterid="MX", boxid=s.boxes[i].name)


@pytest.mark.parametrize("to", ["bert@example.com", "team@example.com"])
@pytest.mark.parametrize("step", ["RCPT", "DATA", "body"])
def test_red_light_before_the_end_mark(site, to, step):
    s = site(n=2)
    c = Client(s.smtp, hello=False)
    speak(c, step, to)
    other = Client(s.smtp)
    other.mail("me@sender.org", "anna@example.com")
    red(s, 1)
    assert c.reply()[0] == 421
    with pytest.raises(Gone):
        c.reply()
    assert [len(b.mails()) for b in s.boxes] == [0, 0]
    assert other.command("DATA")[0] == 354  # uses another box, and goes on
    other.send(BODY + ".\r\n")
    assert other.reply()[0] == 250
    assert [len(b.mails()) for b in s.boxes] == [1, 0]
    for one in (c, other):
        one.close()


@pytest.mark.parametrize("to,want", [("bert@example.com", [0, 1]), ("team@example.com", [1, 1])])
def test_red_light_behind_the_end_mark(site, to, want):
    """The box may have it: its word is awaited, and told."""
    s = site(n=2)
    s.boxes[1].faults("end:slow:1000")
    c = Client(s.smtp)
    c.mail("me@sender.org", to)
    assert c.command("DATA")[0] == 354
    c.send(BODY + ".\r\n")
    wait_for("the end mark is there", lambda: " end slow" in s.boxes[1].events_text())
    red(s, 1)
    assert c.reply()[0] == 250
    assert c.reply()[0] == 421
    assert [len(b.mails()) for b in s.boxes] == want
    c.close()


@pytest.mark.parametrize("step,said", [("greeting", [421]), ("EHLO", [421]), ("MAIL", []),
                                       ("RCPT", []), ("DATA", []), ("body", [])])
def test_stop_lets_a_mail_end(site, step, said):
    """TERM: whoever is in the middle of a mail ends it, the others are sent away."""
    s = site(n=2)
    c = Client(s.smtp, hello=False)
    speak(c, step, "team@example.com")
    s.pb.child.terminate()
    if said:
        assert c.reply()[0] == 421
    else:
        rest = list(CLIENT_STEPS)[list(CLIENT_STEPS).index(step) + 1:]
        for line in {"RCPT": ["RCPT TO:<team@example.com>"], "DATA": ["DATA"]}.items():
            if line[0] in rest:
                assert c.command(line[1][0])[0] in (250, 354)
        c.send((BODY if step != "body" else "") + ".\r\n")
        assert c.reply()[0] == 250
        assert c.reply()[0] == 421
        assert [len(b.mails()) for b in s.boxes] == [1, 1]
    c.close()
    assert s.pb.child.wait(10) == 0


# --- bare newlines that are repaired on the way ---

@pytest.mark.parametrize("to", ["anna@example.com", "team@example.com"])
def test_normalized_newlines(site, to):
    """All boxes get the same canonical lines, however the bytes came; no dot ends it early."""
    s = site(n=2, cluster={"bare_newline": "normalize", "max_mail_size_kb": 20000})
    odd = HEADER.replace("\r\n", "\n") + "one\ntwo\rtoo\n.\nthree\r\n..\r\n\nfour\r\n.\nx\n" * 20000
    want = odd.replace("\r\n..", "\r\n\0").replace("\r\n", "\n").replace("\r", " ")
    want = want.replace("\n", "\r\n").replace("\0", ".").encode()
    for n, piece in enumerate((len(odd), 1, 7000)):
        with Client(s.smtp) as c:
            c.mail("me@sender.org", to)
            assert c.command("DATA")[0] == 354
            start = odd[:3000] if piece == 1 else ""
            for byte in start:
                c.send(byte)
            for i in range(len(start), len(odd), max(piece, 7000)):
                c.send(odd[i:i + max(piece, 7000)])
            c.send("\r\n.\r\n")
            assert c.reply()[0] == 250
        for b in s.boxes[:1 if to.startswith("anna") else 2]:
            assert b.mails()[n].endswith(want + b"\r\n")
