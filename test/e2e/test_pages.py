"""/healthz: who is missed, by name as in ps; and who may read the pages."""

import http.client
import os
import signal
import socket

import pytest

from harness import DEADLINE, wait_for


def get(port, path, method="GET"):
    """(status, headers, text)"""
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        c.request(method, path)
        r = c.getresponse()
        return r.status, r.headers, r.read().decode()
    finally:
        c.close()


def local(pb, path):
    """The same over DIR/admin.sock: (status, text)."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(pb.state / "admin.sock"))
        s.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: s.recv(65536), b"")).decode()
    head, _, text = answer.partition("\r\n\r\n")
    return int(head.split()[1]), text


def is_well(pb):
    return get(pb.http, "/healthz")[::2] == (200, "ok\n")


@pytest.mark.parametrize("role", ["worker 1", "worker 2", "replicator", "verifier", "prober",
                                  "supervisor"])
def test_process_that_hangs(balancer, role):
    pb = balancer()
    wait_for("all is well", lambda: is_well(pb))
    pid = {**pb.children(), "supervisor": pb.supervisor()}[role]
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_for("it is missed", lambda: get(pb.http, "/healthz")[2].startswith(
            f"{role} hangs: no sign of life for "))
        status, _, text = get(pb.http, "/healthz")
        assert status == 503 and text.count("\n") == 1, text
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for("all is well again", lambda: is_well(pb))


def test_processes_that_die(balancer):
    pb = balancer()
    wait_for("all is well", lambda: is_well(pb))
    for role, pid in pb.children().items():
        if role != "admin":
            os.kill(pid, signal.SIGKILL)
    # None is missed for long: each is there again within a second.
    wait_for("all is well again", lambda: is_well(pb) and len(pb.crashes()) == 5)
    os.kill(pb.children()["admin"], signal.SIGKILL)
    wait_for("admin is back", lambda: len(pb.crashes()) == 6)
    wait_for("all is well again", pb.answers)


def test_pages_are_for_loopback(balancer):
    pb = balancer("-metrics", "none")
    assert get(pb.http, "/healthz")[0] == 403
    wait_for("root may always", lambda: local(pb, "/healthz") == (200, "ok\n"))
    assert pb.xml("stats") is not None
    pb.stop()
    pb = balancer("-metrics", "10.0.0.0/8,127.0.0.0/8")
    wait_for("all is well", lambda: is_well(pb))
    status, headers, text = get(pb.http, "/healthz", "HEAD")
    assert status == 200 and text == "" and headers["content-length"] == "3"
    assert get(pb.http, "/healthz", "POST")[0] == 405
