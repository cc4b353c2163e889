"""kill -9 in the middle of changes: what was acknowledged is there, what was not is there whole
or not at all."""

import queue
import threading
import time
import xml.etree.ElementTree as ET

import pytest

from contract import ACCOUNT
from harness import (GONE, LONG, InFlight, Shot, XmlClient, XmlError, answer_of, can_connect,
                     document, free_port, wait_for)
from model import csv_row, defaults

ACCOUNTS = 100000 if LONG else 10000
CLIENTS = 6


def row(i):
    """Every kind of field, so that half a row shows."""
    return {"email_address": f"u{i:06}@example.com", "user_password": f"pw {i} \t<{i}>",
            "boxid": f"MAIL{i % 7}", "rcpt_per_mail": str(i % 1000 + 1), "mail_unlimited": "1",
            "auto_reply_expiry": "2027-01-01T00:00:00Z",
            "auto_reply_subject": f"subject {i} " + "s" * 200}


class Provisioner(threading.Thread):
    """Adds accounts from a queue. One that was not answered is asked for again when its number is
    even, until it is there; the odd ones are left as they may be."""

    def __init__(self, pb, numbers, acknowledged, unknown):
        super().__init__(daemon=True)
        self.pb, self.numbers, self.acknowledged, self.unknown = pb, numbers, acknowledged, unknown
        self.error = None

    def run(self):
        try:
            with XmlClient(self.pb) as client:
                while True:
                    self.add(client, self.numbers.get_nowait())
        except queue.Empty:
            pass
        except Exception as e:  # shown by the test
            self.error = e

    def add(self, client, i):
        sent = 0
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                client.xml("addnewemail", **row(i))
                self.acknowledged.add(i)
                return
            except XmlError as e:
                assert sent and (e.status, e.code) == (409, "email_exists"), e
                self.acknowledged.add(i)  # by the try that was not answered
                return
            except ConnectionRefusedError:
                time.sleep(0.01)  # nobody is there to be sent anything
            except GONE:
                sent += 1
                if i % 2:
                    self.unknown.add(i)
                    return
        raise AssertionError(f"account {i} was never answered")


def stored_rows(pb):
    """{address: row} by the file, which holds every field."""
    pb.xml("vacuum")
    with open(pb.state / "email.csv", newline="") as f:
        rows = [csv_row("accounts", line) for line in f.read().split("\n")[:-1]]
    assert len({r["email_address"] for r in rows}) == len(rows)
    return {r["email_address"]: r for r in rows}


def provision(pb, everything, kills, capsys):
    """Adds ACCOUNTS while admin, or all, is killed again and again; then looks."""
    numbers, acknowledged, unknown = queue.Queue(), set(), set()
    for i in range(ACCOUNTS):
        numbers.put(i)
    clients = [Provisioner(pb, numbers, acknowledged, unknown) for _ in range(CLIENTS)]
    begin = time.monotonic()
    for c in clients:
        c.start()
    for k in range(kills):
        goal = ACCOUNTS * (k + 1) // (kills + 1)
        wait_for("accounts are added", lambda: len(acknowledged) >= goal
                 or not any(c.is_alive() for c in clients), 300)
        shot = Shot(pb, everything)
        shot.fire()
        shot.over()
    for c in clients:
        c.join()
        assert c.error is None, c.error
    took = time.monotonic() - begin
    wait_for("it answers", pb.answers)
    rows = stored_rows(pb)
    for i in acknowledged | unknown:
        want = {**defaults(ACCOUNT), **row(i)}
        got = rows.pop(want["email_address"], None)
        assert got == want or (got is None and i not in acknowledged), (i, got)
    assert not rows
    assert len(acknowledged | unknown) == ACCOUNTS and not acknowledged & unknown
    with capsys.disabled():
        print(f"\nkill -9 of {'all processes' if everything else 'admin'}: {kills} kills in "
              f"{ACCOUNTS} addnewemail, {len(unknown)} left unanswered, none lost, {took:.0f} s")
    last = wait_for("the count", lambda: pb.xml("searchemail", limit=1).find("emails").get("total"))
    assert int(last) >= len(acknowledged)


@pytest.mark.timeout(600)
def test_kill_admin_while_accounts_are_added(balancer, capsys):
    pb = balancer()
    others = {r: p for r, p in pb.children().items() if r != "admin"}

    provision(pb, False, 40 if LONG else 12, capsys)
    assert {r: p for r, p in pb.children().items() if r != "admin"} == others
    assert pb.stop() == 0


@pytest.mark.timeout(600)
def test_kill_everything_while_accounts_are_added(balancer, capsys):
    pb = balancer()
    provision(pb, True, 20 if LONG else 6, capsys)
    assert pb.stop() == 0


# --- whole sets ---

def many_clusters(pb, comment, ports):
    """A configuration as importconfig takes it."""
    def box(i):
        return (f"<box><boxid>B{i}</boxid><connect_address>127.0.0.1</connect_address>"
                f"<connect_port>{1000 + i}</connect_port><comment>{comment}</comment></box>")
    boxes = "".join(box(i) for i in range(8))
    return "<clusters>" + "".join(
        f"<cluster><clusterid>C{i}</clusterid><type>tcp</type><listen_address>127.0.0.1"
        f"</listen_address><listen_port>{port}</listen_port><comment>{comment}</comment>"
        f"<boxes>{boxes}</boxes></cluster>" for i, port in enumerate(ports)) + \
        f"</clusters><settings><nats_url>{comment}</nats_url></settings>"


def exported(pb):
    root = pb.xml("exportconfig")
    return ET.tostring(root.find("clusters")) + ET.tostring(root.find("settings"))


@pytest.mark.timeout(300)
def test_kill_while_a_configuration_is_imported(balancer, capsys):
    """Stored as a whole or not at all, and what is stored is what is served."""
    pb = balancer()
    ports = set()
    while len(ports) < 60:
        ports.add(free_port())
    ports = sorted(ports)
    sets = [ports[:30], ports[30:]]
    bodies = [document("importconfig", pb.key(), inner=many_clusters(pb, f"set {n}", sets[n]))
              for n in (0, 1)]
    texts, took = [], 0
    for n in (1, 0, 1, 0):
        begin = time.monotonic()
        answer_of("importconfig", *pb.post(bodies[n]))
        took = time.monotonic() - begin
        texts = [exported(pb), *texts][:2]
    now, found = 0, {"old": 0, "new": 0, "answered": 0}
    turns = 40 if LONG else 10
    for turn in range(turns):
        shot = Shot(pb, turn % 3 == 2)
        job = InFlight(pb, "importconfig", bodies[1 - now])
        time.sleep(took * 1.2 * turn / turns)  # any instruction of it
        shot.fire()
        job.join()
        shot.over()
        text = exported(pb)
        assert text in texts, "a mixture"
        which = texts.index(text)
        if job.answer is not None:
            assert which == 1 - now
        found["answered" if job.answer is not None else "old" if which == now else "new"] += 1
        now = which
        wait_for("what is stored is served", lambda: all(map(can_connect, sets[now])))
        wait_for("and nothing else", lambda: not any(map(can_connect, sets[1 - now])))
    with capsys.disabled():
        print(f"\nkill -9 in an importconfig of 30 clusters and 240 boxes: {found}")
    pb.xml("commitmodifyinfo", mail_from_quota=7)
    assert pb.stop() == 0
