"""The XML interface among many clients, and among those that stall."""

import select
import socket
import threading
import time

import pytest

from harness import DEADLINE, LocalConnection, document, wait_for
from test_metrics import Page

MIB = 1 << 20


@pytest.fixture
def pb(balancer):
    b = balancer()
    b.add_cluster("MX", "smtp")
    return b


def together(n, work):
    """Runs work(i) in n threads that begin at one moment; what they raised."""
    gate, wrong = threading.Barrier(n), []

    def run(i):
        try:
            gate.wait()
            work(i)
        except Exception as e:  # whatever it was, the test tells
            wrong.append(e)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return wrong


def test_200_clients(pb):
    """All connected at once; each change is there afterwards."""
    pb.key()
    connected = threading.Barrier(200)

    def work(i):
        c = pb.connection()
        c.connect()
        connected.wait(DEADLINE)
        status, text = pb.post(document("addnewemail", pb.key(), dict(
            email_address=f"p{i}@example.com", user_password="x", boxid="MAIL1").items()),
            connection=c)
        assert status == 200, text
    assert together(200, work) == []
    assert pb.xml("searchemail", limit=1000).find("emails").get("total") == "200"
    assert not pb.crashes()


def stalled(pb, text):
    """A client that sends this, as much as is taken without waiting, and no more."""
    s = socket.create_connection(("127.0.0.1", pb.http), DEADLINE)
    s.setblocking(False)
    while text and select.select([], [s], [], 0.05)[1]:
        text = text[s.send(text):]
    return s


def memory(pb):
    return Page(pb).value("process_resident_memory_bytes", process="admin")


def test_clients_that_stall(pb):
    """In the header, in the body, before the answer: nobody else waits, and memory is bounded."""
    before = memory(pb)
    body = b"POST /xml HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % MIB
    import_body = b"POST /xml HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (16 * MIB)
    kinds = [b"POST /xml HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000,
             body + b"<stats>" + b" " * (MIB - 100),
             import_body + b"<importconfig>" + b" " * (15 * MIB),
             b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 1000]
    clients = []
    try:
        for kind, n in zip(kinds, (80, 100, 10, 90)):
            clients += [stalled(pb, kind) for _ in range(n)]
        begin = time.monotonic()
        assert together(10, lambda i: pb.xml("stats")) == []
        assert time.monotonic() - begin < 5
        assert memory(pb) - before < 150 * MIB
    finally:
        for s in clients:
            s.close()
    wait_for("memory is given back", lambda: memory(pb) - before < 40 * MIB)
    status, text = pb.post(document("stats", pb.key(), {}.items()) + b"\n" * (MIB - 1000))
    assert status == 200, text
    assert not pb.crashes()


def test_one_address_has_a_share(pb):
    """Beyond it connections are closed at once; the local socket and other addresses go on."""
    held = [socket.create_connection(("127.0.0.1", pb.http), DEADLINE) for _ in range(300)]
    try:
        for s in held:
            s.sendall(b"POST")
        with socket.create_connection(("127.0.0.1", pb.http), DEADLINE) as late:
            assert late.recv(100) == b""
        with socket.create_connection(("127.0.0.1", pb.http), DEADLINE,
                                      source_address=("127.0.0.2", 0)) as other:
            other.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            assert other.recv(100).startswith(b"HTTP/1.1 200")
        status, _ = pb.post(document("stats", None, {}.items()),
                            connection=LocalConnection(pb.state / "admin.sock"))
        assert status == 200
    finally:
        for s in held:
            s.close()
    wait_for("its share is free again", pb.answers)
