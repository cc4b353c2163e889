"""Many clients at once, and such that stall or vanish: nobody else notices, nothing that was
acknowledged is lost, and admin neither dies nor grows."""

import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import XmlClient, XmlError, document, values, wait_for
from hostile import BODY, HEAD, MIB, good, memory, open_from, vanish

pytestmark = pytest.mark.usefixtures("unharmed")


@pytest.fixture(scope="module")
def pb(service):
    service.add_account("anna@example.com", "MAIL1")
    service.add_cluster("MX", "smtp")
    return service


def client(pb, n, wrote):
    """A mix of commands on rows of its own: how many were answered. wrote: {address: boxid}."""
    r, answered = random.Random(n), 0
    mine = [f"c{n}-{i}@example.com" for i in range(4)]
    with XmlClient(pb, timeout=120) as c:
        def ask(command, status=None, **params):
            nonlocal answered
            try:
                c.xml(command, **params)
                assert status is None, (command, params)
            except XmlError as e:
                assert e.status == status, e
            answered += 1
        for address in mine:
            box = f"M{r.randrange(9)}"
            ask("addnewemail", email_address=address, boxid=box, user_password="pw")
            wrote[address] = box
        ask("addnewemail", 409, email_address=mine[0])
        ask("searchemail", query=f"c{n}-*", limit=3)
        ask("moveemail", email_address=mine[1], boxid="MOVED")
        wrote[mine[1]] = "MOVED"
        ask(r.choice(["stats", "getinfo", "listclusters", "exportconfig", "audit", "blockedips"]))
        ask("commitmodifyemail", 400, email_address=mine[2], spam_setting=7)
        ask("deleteemail", email_address=mine[3])
        del wrote[mine[3]]
        if n % 20 == 0:
            ask(r.choice(["green", "red", "yellow"]), 404, clusterid="MX", boxid="NONE")
            ask("commitmodifycluster", clusterid="MX", comment=f"by {n}")
        ask("getemail", 404, email_address=mine[3])
    return answered


def test_two_hundred_clients(pb):
    """All are answered, none is lost, and the store is what was acknowledged."""
    before = pb.xml("searchemail", limit=1).find("emails").get("total")
    wrote, begin = [{} for _ in range(200)], time.monotonic()
    with ThreadPoolExecutor(200) as pool:
        answered = list(pool.map(lambda n: client(pb, n, wrote[n]), range(200)))
    took = time.monotonic() - begin
    assert answered == [11 + 2 * (n % 20 == 0) for n in range(200)]
    want = {k: v for w in wrote for k, v in w.items()}
    got, after = {}, ""
    while True:
        rows = pb.xml("searchemail", query="c*", after=after, limit=1000).find("emails")
        if not len(rows):
            break
        got |= {r.findtext("email_address"): r.findtext("boxid") for r in rows}
        after = list(got)[-1]
    assert got == want
    assert pb.xml("getcluster", clusterid="MX").findtext("comment").startswith("by ")
    now = pb.xml("searchemail", limit=1).find("emails").get("total")
    assert int(now) == int(before) + 600
    print(f"200 clients: {sum(answered)} commands in {took:.1f} s")


def test_clients_that_stall(pb):
    """In the header, in the body, before a large answer: 50 of each, and the others do not
    notice. An answer that nobody reads takes its size, and no more."""
    for i in range(60):
        pb.xml("addnewemail", email_address=f"big{i}@example.com", auto_reply_body="b" * 50000)
    before, body = memory(pb, "VmRSS"), good(pb)
    ask_all = document("searchemail", pb.key(), [("query", "big"), ("limit", 1000)])
    in_header, in_body, not_reading = [], [], []
    try:
        for i in range(50):
            s = open_from(pb, "127.2.0.1")
            s.sendall(b"POST /xml HTTP/1.1\r\nHost: x\r\nContent-Le")
            in_header.append(s)
            s = open_from(pb, "127.3.0.1")
            s.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body[:-5]))
            in_body.append(s)
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.bind(("127.4.0.1", 0))
            s.connect(("127.0.0.1", pb.http))
            s.settimeout(30)
            s.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(ask_all), ask_all))
            not_reading.append(s)
        pb.xml("getinfo")  # by then all those answers have been made
        slowest = 0
        for i in range(50):
            begin = time.monotonic()
            pb.xml("commitmodifyemail", email_address=f"big{i}@example.com", boxid=f"M{i}")
            pb.xml("stats")
            slowest = max(slowest, time.monotonic() - begin)
        assert slowest < 10  # and not until they are closed, after 30 s
        assert memory(pb, "VmRSS") - before < 50 * 3 + 50
        # those that go on are answered after all
        for s in in_header:
            s.sendall(b"ngth: %d\r\n\r\n%s" % (len(body), body))
        for s in in_body:
            s.sendall(body[-5:])
        for s in in_header + in_body:
            assert s.recv(100).split()[1] == b"200"
        for s in not_reading[::10]:
            text = b""
            while not text.endswith(b"</response>\n"):
                text += s.recv(MIB)
            assert text.count(b"<email>") == 60
    finally:
        for s in in_header + in_body + not_reading:
            s.close()
    wait_for("memory is given back", lambda: memory(pb, "VmRSS") - before < 50)
    for i in range(60):
        pb.xml("deleteemail", email_address=f"big{i}@example.com")


def test_more_connections_than_there_are(pb):
    """Idle ones from everywhere take no place for long: the local socket has its own, and a new
    client is served as soon as they go."""
    idle = []
    try:
        for i in range(450):
            try:
                idle.append(open_from(pb, f"127.{5 + i // 200}.0.1"))
            except OSError:
                break
        assert pb.local("getinfo") is not None
    finally:
        for s in idle:
            s.close()
    wait_for("it answers", pb.answers)


def test_clients_that_go_away(pb):
    """In the middle of every byte of a command, and right behind it: it is carried out as a
    whole or not at all, and the next is served."""
    port = pb.xml("getcluster", clusterid="MX").findtext("listen_port")
    requests = [document("addnewemail", pb.key(), [("email_address", f"gone{i}@example.com"),
                                                   ("boxid", "B"), ("user_password", "pw")])
                for i in range(120)]
    for i, body in enumerate(requests):
        data = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        s = open_from(pb, "127.0.0.1")
        s.sendall(data if i % 2 else data[:len(data) * i // 120])
        (vanish if i % 3 else socket.socket.close)(s)
    for command, params in (("commitmodifycluster", [("clusterid", "MX"), ("comment", "gone")]),
                            ("vacuum", []), ("reread", []), ("searchemail", [("limit", 1000)]),
                            ("changepassword", [("password", "never-mind-9")])):
        body = document(command, pb.key(), params)
        for _ in range(5):
            s = open_from(pb, "127.0.0.1")
            s.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            vanish(s)
    for i in range(10):  # while the delay of a wrong key runs
        s = open_from(pb, "127.8.0.1")
        s.sendall(HEAD + b"Content-Length: 8\r\n\r\n" + BODY)
        vanish(s)
    wait_for("no long command runs", lambda: pb.xml("stats").find("work") is None)
    rows = pb.xml("searchemail", query="gone*", limit=1000).find("emails")
    for row in rows:
        assert row.findtext("boxid") == "B"
    complete = {r.findtext("email_address") for r in rows}
    assert not complete & {f"gone{i}@example.com" for i in range(0, 118, 2)}
    assert pb.xml("getcluster", clusterid="MX").findtext("listen_port") == port


def test_memory_stays_bounded(pb):
    """Behind all of the above, which came here first when the file runs as a whole; and bodies
    without a key, which strangers may send, share one bound."""
    body = b"<stats>" + b"x" * (MIB - 100)
    before = memory(pb)

    def send(i):
        try:
            s = open_from(pb, f"127.{20 + i % 8}.0.1")
            s.sendall(HEAD + b"Content-Length: %d\r\n\r\n%s" % (MIB, body))
            return s
        except OSError:
            return None
    with ThreadPoolExecutor(20) as pool:
        open_ones = list(pool.map(send, range(200)))
    grown = memory(pb) - before
    assert pb.xml("stats") is not None
    for s in open_ones:
        if s:
            s.close()
    assert grown < 150
    assert memory(pb) < 400
