"""Processes: roles, start, stop, logs, options, and the spread of sessions over workers."""

import os
import pwd
import re
import signal
import smtplib
import socket
import stat
import subprocess
import time
from pathlib import Path

import pytest

from harness import BUILD, Balancer, Process, free_port, is_running, wait_for

ROLES = {"admin", "replicator", "verifier", "prober", "worker 1", "worker 2"}


def run(*argv, **kw):
    return subprocess.run([BUILD / "protobalance", *map(str, argv)], capture_output=True,
                          text=True, timeout=20, **kw)


def test_roles_show_in_ps(balancer):
    pb = balancer()
    assert set(pb.children()) == ROLES
    title = subprocess.run(["ps", "--no-headers", "-o", "args", "-p", str(pb.pid)],
                           capture_output=True, text=True).stdout.strip()
    assert title == "protobalance: supervisor"


@pytest.mark.parametrize("role", sorted(ROLES))
def test_killed_child_is_back(balancer, role):
    """A process that lived a while is forked anew at once, the others do not notice."""
    pb = balancer()
    time.sleep(1.1)
    before = pb.children()
    os.kill(before[role], signal.SIGKILL)
    wait_for("respawn", lambda: pb.children().get(role, before[role]) != before[role])
    after = pb.children()
    assert {r: p for r, p in after.items() if r != role} == \
        {r: p for r, p in before.items() if r != role}
    wait_for("the interface answers", lambda: pb.xml("stats"))


def test_first_start(balancer):
    pb = balancer()
    login = pb.state / "first-login"
    assert stat.S_IMODE(login.stat().st_mode) == 0o600
    assert set(pb.credentials()) == {"password", "accesskey"}
    assert all(len(v) >= 20 for v in pb.credentials().values())
    assert str(login) in pb.log_text()
    first = login.read_text()
    assert pb.stop() == 0
    pb.start()
    assert login.read_text() == first
    assert pb.xml("listclusters").findtext("status") == "ok"


@pytest.mark.parametrize("option", ["-daily", "-monthly"])
def test_traffic_directory_must_be_there(tmp_path, option):
    out = run("-directory", tmp_path / "state", "-http", f"127.0.0.1:{free_port()}", option,
              tmp_path / "none")
    assert out.returncode == 78 and f"traffic log directory {tmp_path}/none" in out.stderr
    out = run("-directory", tmp_path / "state", "-http", f"127.0.0.1:{free_port()}", option,
              tmp_path / "none", "-daemon")
    assert out.returncode == 78 and "cannot start" in out.stderr


def test_term_while_no_worker_runs(balancer):
    """Its worker dies again and again, and waits for its next life when TERM comes."""
    pb = balancer(workers=1)
    for _ in range(6):
        pid = wait_for("a worker", lambda: pb.children().get("worker 1"))
        os.kill(pid, signal.SIGKILL)
        wait_for("it is gone", lambda: pb.children().get("worker 1") != pid)
    assert pb.stop() == 0


def test_hup_as_another_user(keep, tmp_path):
    """Root makes the new log file, the others must be able to write it."""
    for parent in [tmp_path, *tmp_path.parents]:
        if parent != parent.parent and parent.owner() == "root":
            os.chmod(parent, parent.stat().st_mode | 0o011)
    log = tmp_path / "log"
    out = run("-directory", tmp_path / "state", "-http", f"127.0.0.1:{free_port()}", "-user",
              "nobody", "-logfile", log, "-daemon", "-pidfile", tmp_path / "pid")
    assert out.returncode == 0, out.stderr
    pid = int((tmp_path / "pid").read_text())
    try:
        log.rename(tmp_path / "log.1")
        os.kill(pid, signal.SIGHUP)
        wait_for("a new log", lambda: log.exists() and log.owner() == "nobody")
        assert os.stat(tmp_path / "state" / "admin.sock").st_uid == log.stat().st_uid
        time.sleep(0.3)
        assert "Permission denied" not in (tmp_path / "log.1").read_text()
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for("it ends", lambda: not is_running(pid))


def test_second_instance_is_refused(balancer):
    pb = balancer()
    out = run("-directory", pb.state, "-http", f"127.0.0.1:{free_port()}")
    assert out.returncode == 78
    assert f"another protobalance (process {pb.pid}) runs on {pb.state}" in out.stderr
    assert pb.alive()


def test_second_instance_under_watchdog_is_refused(balancer):
    pb = balancer()
    out = run("-directory", pb.state, "-http", f"127.0.0.1:{free_port()}", "-watchdog")
    assert out.returncode == 78 and "another protobalance" in out.stderr


def test_http_port_taken(balancer, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        out = run("-directory", tmp_path / "state", "-http",
                  f"127.0.0.1:{taken.getsockname()[1]}")
    assert out.returncode == 78
    assert "-http" in out.stderr and "Address already in use" in out.stderr


@pytest.mark.parametrize("argv,words", [
    (["-nonsense"], "no such option: -nonsense"),
    (["-workers", "0"], "a number from 1 to 64"),
    (["-workers", "65"], "a number from 1 to 64"),
    (["-workers"], "needs an argument"),
    (["-shared=2"], "-shared is a switch"),
    (["-http", "nowhere"], "-http nowhere"),
    (["stray"], "no such argument: stray"),
    (["-user", "nobody-of-that-name"], "no such user"),
])
def test_bad_options(tmp_path, argv, words):
    out = run("-directory", tmp_path / "state", *argv)
    assert out.returncode == 78 and words in out.stderr


def test_help_and_version():
    out = run("-help")
    assert out.returncode == 0
    for option in ("directory", "http", "http-cert", "http-key", "metrics", "shared", "workers",
                   "watchdog", "daemon", "pidfile", "user", "logfile", "monthly", "daily",
                   "version", "help"):
        assert f"\n  -{option} " in out.stdout
    page = (Path(__file__).parents[2] / "cmd" / "protobalance.8").read_text()
    described = re.findall(r"\bFl ([\w-]+)", "".join(re.findall(r"^\.It .*$", page, re.M)))
    assert set(re.findall(r"^  -([\w-]+) ", out.stdout, re.M)) == set(described)
    assert run("-version").stdout.startswith("protobalance ")


def test_cmdline_file(keep, tmp_path):
    state = tmp_path / "pb" / "state"
    state.mkdir(parents=True)
    (state / "CMDLINE").write_text("# workers of this machine\n-workers 3\n-monthly\t"
                                   f"{tmp_path}  # all mail\n")
    pb = keep(Balancer(tmp_path / "pb", workers=2))
    assert set(pb.children()) == ROLES  # the command line wins
    port = pb.add_cluster("MX", "smtp")
    smtplib.SMTP("127.0.0.1", port).quit()
    month = time.strftime("%Y-%m", time.gmtime())
    wait_for("monthly log", lambda: (tmp_path / month).exists())
    (state / "CMDLINE").write_text("-directory /elsewhere\n")
    assert "-directory cannot stand there" in run("-directory", state).stderr
    (state / "CMDLINE").write_text("-colour\n")
    assert "CMDLINE: no such option: -colour" in run("-directory", state).stderr


def test_daemon_pidfile_logfile(tmp_path):
    state, pidfile = tmp_path / "state", tmp_path / "pid"
    out = run("-directory", state, "-http", f"127.0.0.1:{free_port()}", "-daemon", "-pidfile",
              pidfile)
    assert out.returncode == 0, out.stderr
    assert f"password and access key are in {state}/first-login" in out.stderr
    pid = int(pidfile.read_text())
    assert "info: running: 1 worker," in (state / "error.log").read_text()
    os.kill(pid, signal.SIGTERM)
    wait_for("it ends", lambda: not is_running(pid))
    assert not pidfile.exists()


def test_daemon_that_cannot_start(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        out = run("-directory", tmp_path / "state", "-daemon", "-http",
                  f"127.0.0.1:{taken.getsockname()[1]}")
    assert out.returncode == 78
    assert f"cannot start; {tmp_path}/state/error.log tells why" in out.stderr


def test_term_lets_sessions_end(site):
    s = site(1)
    c = smtplib.SMTP("127.0.0.1", s.smtp)
    idle = smtplib.SMTP("127.0.0.1", s.smtp)
    idle.ehlo("x.org")
    c.ehlo("x.org")
    c.mail("me@x.org")
    c.rcpt(s.people[0])
    os.kill(s.pb.pid, signal.SIGTERM)
    assert idle.sock.makefile("rb").readline().startswith(b"421 4.3.2")
    with pytest.raises(OSError):  # nobody gets in any more
        socket.create_connection(("127.0.0.1", s.smtp), 2)
    assert c.data("Subject: last\r\n\r\nbye\r\n")[0] == 250
    assert s.pb.child.wait(10) == 0
    assert len(s.boxes[0].mails()) == 1


def test_hup_reopens_logs(keep, tmp_path, demobox):
    log = tmp_path / "log"
    pb = keep(Balancer(tmp_path / "pb", "-logfile", log, start=False))
    super(Balancer, pb).__init__(pb.command_line(), pb.directory / "error.log")
    wait_for("it runs", lambda: log.exists() and "info: running:" in log.read_text())
    port = pb.add_cluster("MX", "smtp")
    smtplib.SMTP("127.0.0.1", port).quit()
    wait_for("traffic", lambda: pb.traffic_lines("connected"))
    day = next(iter(pb.traffic.iterdir()))
    log.rename(tmp_path / "log.1")
    day.rename(tmp_path / "day.1")
    os.kill(pb.pid, signal.SIGHUP)

    def reopened():
        try:
            pb.xml("deletecluster", clusterid="none")
        except Exception:
            pass
        smtplib.SMTP("127.0.0.1", port).quit()
        return log.exists() and day.exists()
    wait_for("new files", reopened)


def test_watchdog(balancer):
    pb = balancer("-watchdog")
    port = pb.add_cluster("MX", "smtp")
    first, children = pb.supervisor(), pb.children()
    os.kill(first, signal.SIGKILL)
    wait_for("a new supervisor", lambda: pb.supervisor() not in (0, first))
    wait_for("all roles", lambda: set(pb.children()) == ROLES)
    assert not set(children.values()) & set(pb.children().values())
    wait_for("the listener is back", lambda: smtplib.SMTP("127.0.0.1", port).quit())
    assert pb.stop() == 0
    assert not any(is_running(pid) for pid in children.values())


def test_user_option(keep, tmp_path):
    """All but the supervisor run as -user, and cannot get back."""
    os.chmod(tmp_path, 0o755)
    for parent in tmp_path.parents:
        if parent.owner() == "root" and parent != parent.parent:
            os.chmod(parent, parent.stat().st_mode | 0o011)
    traffic = tmp_path / "pb" / "traffic"
    traffic.mkdir(parents=True)
    os.chmod(tmp_path / "pb", 0o777)
    os.chmod(traffic, 0o777)
    pb = keep(Balancer(tmp_path / "pb", "-user", "nobody"))
    uids = {role: os.stat(f"/proc/{pid}").st_uid for role, pid in pb.children().items()}
    status = {role: open(f"/proc/{pid}/status").read() for role, pid in pb.children().items()}
    for role in ROLES:
        assert "\nUid:\t65534\t65534\t65534\t65534" in status[role], (role, uids)
        assert "\nNoNewPrivs:\t1" in status[role]
        assert "\nCapEff:\t0000000000000000" in status[role]
    port = pb.add_cluster("MX", "smtp")
    smtplib.SMTP("127.0.0.1", port).quit()
    assert pb.traffic_lines("connected")
    assert pb.stop() == 0


@pytest.mark.parametrize("trap", ["error.log", "lock", "CMDLINE"])
def test_user_sets_no_trap(tmp_path, trap):
    """What -user has put into its directory does not lead root to other files."""
    nobody = pwd.getpwnam("nobody").pw_uid
    state, victim = tmp_path / "state", tmp_path / "victim"
    state.mkdir()
    if trap == "CMDLINE":
        (state / trap).write_text(f"-logfile {victim}\n")
    else:
        (state / trap).symlink_to(victim)
    victim.touch(mode=0o600) if trap != "lock" else None
    os.lchown(state / trap, nobody, -1)
    run = subprocess.run([BUILD / "protobalance", "-directory", state, "-user", "nobody", "-daemon",
                          "-http", f"127.0.0.1:{free_port()}"], capture_output=True, text=True,
                         timeout=20)
    assert run.returncode == 78
    assert victim.exists() == (trap != "lock")
    assert trap == "lock" or (victim.stat().st_uid == 0 and victim.read_text() == "")


def test_log_is_opened_anew_for_the_user(keep, tmp_path):
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.owner() == "root" and parent != parent.parent:
            os.chmod(parent, parent.stat().st_mode | 0o011)
    log = tmp_path / "log"
    (tmp_path / "pb" / "traffic").mkdir(parents=True)
    os.chmod(tmp_path / "pb" / "traffic", 0o777)
    pb = keep(Balancer(tmp_path / "pb", "-user", "nobody", "-logfile", log, start=False))
    Process.__init__(pb, pb.command_line(), tmp_path / "pb" / "error.log")
    wait_for("it runs", lambda: log.exists() and "running" in log.read_text())
    log.rename(tmp_path / "log.1")
    pb.child.send_signal(signal.SIGHUP)
    wait_for("a new log", log.exists)
    wait_for("admin writes there", lambda: pb.post(b"<x/>")[0] == 403 and "no access key" in
             log.read_text())
    assert "writing on" not in (tmp_path / "log.1").read_text()
    assert pb.stop() == 0


def test_spread_over_workers(site, capsys):
    """200 sessions: each worker holds its share, give or take a fifth."""
    s = site(1, workers=4)
    sessions = []
    for _ in range(200):
        c = socket.create_connection(("127.0.0.1", s.smtp), 10)
        sessions.append(c)
    for c in sessions:
        assert c.recv(200).startswith(b"220")
    root = s.pb.xml("stats")
    held = [int(w.findtext("sessions")) for w in root.find("workers")
            if w.findtext("role") == "worker"]
    with capsys.disabled():
        print(f"\n200 sessions over 4 workers: {held}")
    assert sum(held) == 200 and len(held) == 4
    assert all(40 <= n <= 60 for n in held)
    for c in sessions:
        c.close()
    wait_for("they end", lambda: s.pb.counters("MX")["sessions"] == 0)


def test_worker_that_hangs(site):
    """The others take its share over when its beat has stopped."""
    s = site(1)
    pid = s.pb.children()["worker 2"]
    os.kill(pid, signal.SIGSTOP)
    try:
        sessions = [socket.create_connection(("127.0.0.1", s.smtp), 20) for _ in range(40)]
        for c in sessions:
            assert c.recv(200).startswith(b"220")
    finally:
        os.kill(pid, signal.SIGCONT)
