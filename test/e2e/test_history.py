"""The traffic history in `stats`: what it counts, and that it outlives those who count."""

import os
import signal

from harness import Mail, wait_for


def samples(pb, ring="recent"):
    """[{tag: text}], oldest first."""
    return [{e.tag: e.text for e in s} for s in pb.xml("stats").find("history").find(ring)]


def total(pb, what):
    return sum(int(s[what]) for s in samples(pb))


def kill(pb, role):
    before = len(pb.crashes())
    os.kill(pb.children()[role], signal.SIGKILL)
    wait_for(f"{role} is back", lambda: len(pb.crashes()) > before and pb.answers())


def test_history_outlives_processes(site):
    s = site()
    for i in range(3):
        Mail(s.smtp, f"one-{i}@x", "anna@example.com").attempt()
    wait_for("three mails", lambda: total(s.pb, "mails") == 3)
    first = samples(s.pb)
    for role in ("admin", "worker 1", "worker 2"):
        kill(s.pb, role)
    assert samples(s.pb)[:len(first)] == first
    for i in range(2):
        Mail(s.smtp, f"two-{i}@x", *s.people).attempt()
    wait_for("their recipients", lambda: total(s.pb, "recipients") >= 7)
    wait_for("five mails", lambda: total(s.pb, "mails") >= 5)
    assert total(s.pb, "mails") == 5 and total(s.pb, "recipients") == 7
    now = samples(s.pb)
    assert now[:len(first)] == first
    times = [r["time"] for r in now]
    assert times == sorted(times)
    wait_for("all that was counted", lambda: total(s.pb, "bytes_in") ==
             s.pb.counters("MX")["bytes_in"])
