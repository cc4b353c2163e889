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

from harness import Balancer, Client, DemoBox, Gone, Mail, wait_for

SCALE = 100  # PB_TIME_SCALE: a greeting is waited for 0.6 s, the answer to the end mark 6 s

# --- the matrix ---

# name, boxes, all of them behind one alias?
SITES = [
    ("1", 1, False),
    ("2 rcpt", 2, False),
    ("2 alias", 2, True),
    ("4 rcpt", 4, False),
    ("4 alias", 4, True),
]
BEFORE_READY = ["connect", "greeting", "ehlo"]
STEPS = [*BEFORE_READY, "mail", "rcpt", "data", "body", "end"]
WARM_STEPS = ["rset", "mail", "rcpt", "data", "body", "end"]  # over legs from the pool
ACTIONS = ["accept", "refuse4", "refuse5", "stall", "drop", "reset", "drop_after", "garbage"]
FAULT_AFTER = 300  # bytes of the body; the first half of the mail has more


class Expected:
    """What a cell must look like, by the rules of DESIGN, "One answer for several boxes"."""

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

    def __init__(self, keep, directory, name, n, alias):
        super().__init__(daemon=True)
        self.name, self.n, self.alias = name, n, alias
        self.cells, self.wrong, self.reused = {}, [], {}
        self.boxes = [keep(DemoBox(directory, f"MAIL{i + 1}", kinds=("smtp",)))
                      for i in range(n)]
        self.pb = keep(Balancer(directory / "pb", workers=1, time_scale=SCALE))
        self.port = self.pb.add_cluster("MX", "smtp")
        self.people = [f"u{i + 1}@example.com" for i in range(n)]
        for box, person in zip(self.boxes, self.people):
            self.pb.add_box("MX", box.name, box.smtp)
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

        mail = Mail(self.port, f"cell{self.count}@x", *self.to, body="line of body\r\n" * 100)
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
    lanes = [Lane(keep, tmp_path / name.replace(" ", ""), name, n, alias)
             for name, n, alias in SITES]
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
        assert lane.pb.stop() == 0
