"""Limits on the connections of one client, over several workers: how many at once, how many in a
time, how slow a mail may be. Clients come from addresses of 127.0.0.0/8."""

import itertools
import os
import random
import select
import signal
import socket
import threading
import time

import pytest

from harness import DEADLINE, Client, wait_for

OFTEN = "4.7.0 too many connections from your address, try again later"
MANY = "4.7.0 too many sessions from your address at once, try again later"


class Guest:
    """A connection from this address; what it heard first is in words."""

    def __init__(self, port, address):
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE, (address, 0))
        self.file = self.socket.makefile("rb")
        try:
            self.words = self.file.readline().decode().rstrip("\r\n")
        except ConnectionResetError:  # closed before we came to read; the words are lost
            self.words = ""
        self.inside = self.words.startswith(("220 ", "+OK"))
        if not self.inside:
            self.close()

    def alive(self):
        """Is the session still there? Its worker answers."""
        try:
            self.socket.sendall(b"NOOP\r\n")
            return self.file.readline().startswith((b"250", b"+OK"))
        except OSError:
            return False

    def close(self):
        self.file.close()
        self.socket.close()


def crowd(port, address, n):
    """n connections, begun at one moment by eight threads; those that were let in."""
    inside, lock, gate = [], threading.Lock(), threading.Barrier(8)

    def come(count):
        gate.wait()
        for _ in range(count):
            guest = Guest(port, address)
            if guest.inside:
                with lock:
                    inside.append(guest)
    threads = [threading.Thread(target=come, args=(n // 8,)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return inside


def sessions(pb, cluster="MX"):
    return pb.counters(cluster)["sessions"]


def put(pb, cluster="MX", **settings):
    pb.xml("commitmodifycluster", clusterid=cluster, **settings)


# --- at once ---


@pytest.fixture
def four(site):
    return site(workers=4, cluster={"max_client_concurrent": "13"})


def test_concurrent(four):
    """Eight come at once, again and again: so many get in, on whichever workers, and no more. Places
    that are given back can be had again."""
    pb, port = four.pb, four.smtp
    inside = crowd(port, "127.0.0.2", 40)
    assert len(inside) == 13
    refused = Guest(port, "127.0.0.2")
    assert refused.words == f"421 {MANY}"
    others = crowd(port, "127.0.0.3", 16)
    assert len(others) == 13
    assert sessions(pb) == 26
    for _ in range(10):
        gone = random.sample(inside, random.randrange(1, 13))
        for guest in gone:
            inside.remove(guest)
            guest.close()
        wait_for("they have left", lambda: sessions(pb) == 13 + len(inside))
        inside += crowd(port, "127.0.0.2", 24)
        assert len(inside) == 13 and all(g.alive() for g in inside)
    assert all(g.alive() for g in others)
    counted = pb.counters("MX")
    assert counted["refused_client_sessions"] > 27 and counted["refused_connections"] == 0
    assert pb.traffic_lines("127.0.0.2.*refused at connect cluster=MX: max_client_concurrent")
    put(pb, max_client_concurrent=15)
    inside += crowd(port, "127.0.0.2", 16)
    assert len(inside) == 15
    assert not pb.crashes()


def test_concurrent_after_kill(four):
    """A worker is killed: what it held is free again, what the others hold is not."""
    pb, port = four.pb, four.smtp
    inside = crowd(port, "127.0.0.2", 40)
    for round_ in range(6):
        assert len(inside) == 13
        role = f"worker {round_ % 4 + 1}"
        pid = pb.children()[role]
        os.kill(pid, signal.SIGKILL)
        wait_for("the next one is there", lambda: pb.children().get(role, pid) != pid)
        alive = [g for g in inside if g.alive()]
        for guest in set(inside) - set(alive):
            guest.close()
        wait_for("the dead one's are forgotten", lambda: sessions(pb) == len(alive))
        inside = alive + crowd(port, "127.0.0.2", 40)


def test_kill_among_comers(four):
    """Workers die while clients come and go: in the end exactly so many get in as ever."""
    pb, port = four.pb, four.smtp
    over = threading.Event()

    def come_and_go():
        while not over.is_set():
            try:
                guest = Guest(port, "127.0.0.2")
                if guest.inside:
                    guest.close()
            except OSError:
                pass
    threads = [threading.Thread(target=come_and_go) for _ in range(6)]
    for t in threads:
        t.start()
    for i in range(5):
        role = f"worker {random.randrange(4) + 1}"
        pid = pb.children()[role]
        os.kill(pid, signal.SIGKILL)
        wait_for("the next one is there", lambda: pb.children().get(role, pid) != pid)
    over.set()
    for t in threads:
        t.join()
    wait_for("all have left", lambda: sessions(pb) == 0)
    assert len(crowd(port, "127.0.0.2", 40)) == 13


def test_concurrent_pop3(four):
    put(four.pb, "POP", max_client_concurrent=2)
    inside = crowd(four.pop3, "127.0.0.2", 16)
    assert len(inside) == 2 and len(crowd(four.smtp, "127.0.0.2", 16)) == 13
    assert Guest(four.pop3, "127.0.0.2").words == f"-ERR [SYS/TEMP] {MANY[6:]}"


# --- in a time ---


def passes(port, address):
    """One connection that is closed at once: was it let in?"""
    guest = Guest(port, address)
    if guest.inside:
        guest.close()
    return guest.inside


def test_rate(site):
    """So many in the interval, counted over all workers; other clients do not suffer."""
    s = site(workers=4, cluster={"max_client_connections": "20",
                                 "max_client_connections_interval_s": "3600"})
    assert sum(passes(s.smtp, "127.0.0.2") for _ in range(50)) == 20
    assert sum(g.inside for g in crowd(s.smtp, "127.0.0.3", 48)) == 20
    assert Guest(s.smtp, "127.0.0.2").words == f"421 {OFTEN}"
    counted = s.pb.counters("MX")
    assert counted["refused_client_rate"] == 59 and counted["refused_connections"] == 0
    assert s.pb.traffic_lines("127.0.0.2.*refused at connect cluster=MX: max_client_connections")
    put(s.pb, "POP", max_client_connections=1, max_client_connections_interval_s=3600)
    assert passes(s.pop3, "127.0.0.2")
    assert Guest(s.pop3, "127.0.0.2").words == f"-ERR [SYS/TEMP] {OFTEN[6:]}"


def test_rate_interval_ends(site):
    """It begins with the first connection and ends then, however many are refused meanwhile."""
    s = site(cluster={"max_client_connections": "1", "max_client_connections_interval_s": "1.25"})
    for _ in range(2):
        begin = time.monotonic()
        wait_for("an interval begins", lambda: passes(s.smtp, "127.0.0.2"))
        after = time.monotonic()
        wait_for("the next one", lambda: passes(s.smtp, "127.0.0.2"))
        assert time.monotonic() - begin > 1.2
        begin = after


def test_rate_after_kill(site):
    """The count is nobody's: it survives all workers."""
    s = site(workers=2, cluster={"max_client_connections": "20",
                                 "max_client_connections_interval_s": "3600"})
    assert sum(passes(s.smtp, "127.0.0.2") for _ in range(10)) == 10
    before = s.pb.children()
    for role in ("worker 1", "worker 2"):
        os.kill(before[role], signal.SIGKILL)
        wait_for("the next one is there",
                 lambda: s.pb.children().get(role, before[role]) != before[role])
    assert sum(passes(s.smtp, "127.0.0.2") for _ in range(20)) == 10


def test_clearip(site):
    s = site(cluster={"max_client_connections": "2", "max_client_connections_interval_s": "3600"})
    assert [passes(s.smtp, "127.0.0.2") for _ in range(3)] == [True, True, False]
    assert [passes(s.smtp, "127.0.0.3") for _ in range(3)] == [True, True, False]
    row = s.pb.xml("trace", address="127.0.0.2").find("client/connections/at_cluster")
    assert row.findtext("clusterid") == "MX" and row.findtext("tries") == "3"
    assert 3500000 < int(row.findtext("interval_ends_ms")) <= 3600000
    s.pb.xml("clearip", address="127.0.0.2")
    assert s.pb.xml("trace", address="127.0.0.2").find("client/connections") is None
    assert [passes(s.smtp, "127.0.0.2") for _ in range(3)] == [True, True, False]
    assert not passes(s.smtp, "127.0.0.3")


def test_expiry(site):
    """Who is silent for so long is forgotten; who goes on trying is not."""
    s = site(cluster={"max_client_connections": "1", "max_client_connections_interval_s": "3600"})
    s.pb.xml("commitmodifyinfo", ip_dictionary_expiry_s="2.25")
    assert passes(s.smtp, "127.0.0.2") and passes(s.smtp, "127.0.0.3")
    for _ in range(30):
        time.sleep(0.1)
        assert not passes(s.smtp, "127.0.0.3")
    assert passes(s.smtp, "127.0.0.2")  # three seconds are over
    assert not passes(s.smtp, "127.0.0.3")
    time.sleep(2.4)
    assert passes(s.smtp, "127.0.0.3")


def test_favoured(site):
    """Listed servers and proxies have no such limits; blocked addresses hear the manual's words."""
    s = site(cluster={"max_client_connections": "2", "max_client_concurrent": "1",
                      "max_client_connections_interval_s": "3600",
                      "spam_whitelist_ranges": "127.0.0.2", "accept_proxy_protocol": "127.0.0.3",
                      "block_ranges": "127.0.0.4"})
    for address in ("127.0.0.2", "127.0.0.3"):
        guests = [Guest(s.smtp, address) for _ in range(5)]
        assert all(g.inside for g in guests)
    guests = [Guest(s.smtp, "127.0.0.5") for _ in range(3)]
    assert [g.words[:3] for g in guests] == ["220", "421", "421"]
    for _ in range(3):
        assert Guest(s.smtp, "127.0.0.4").words == (
            "550 your service has been explicitly blacklisted - contact our site administrators "
            "for more info")
    assert s.pb.counters("MX")["refused_connections"] == 3


def test_many_clients(site):
    """Thousands of addresses beat on the smallest dictionary, one of them without end: mail of
    others goes on, over a session that began before and over new ones."""
    s = site(workers=4, cluster={"max_client_connections": "50", "max_client_concurrent": "20",
                                 "max_client_connections_interval_s": "3600",
                                 "max_connections": "100000"})
    s.pb.xml("commitmodifyinfo", ip_dictionary_max_mb="1")
    over, numbers, wrong = threading.Event(), itertools.count(), []

    def beat():
        while not over.is_set():
            i = next(numbers)
            host = f"127.{i >> 14 & 63 | 64}.{i >> 6 & 255}.{(i & 63) + 1}"
            try:
                Guest(s.smtp, "127.0.0.9" if i % 3 == 0 else host).close()
            except OSError as e:
                wrong.append(e)
    threads = [threading.Thread(target=beat) for _ in range(4)]
    for t in threads:
        t.start()

    def mail(client, i):
        assert client.mail(f"m{i}@sender.org", "anna@example.com") == [250]
        assert client.command("DATA")[0] == 354
        assert client.command("Subject: x\r\n\r\nhello\r\n.")[0] == 250
    with Client(s.smtp) as old:
        for i in range(40):
            mail(old, i)
            with Client(s.smtp) as new:
                mail(new, i)
        wait_for("thousands have come", lambda: next(numbers) > 6000, 120)
    over.set()
    for t in threads:
        t.join()
    assert wrong == []
    assert len(s.boxes[0].mails("anna@example.com")) == 80
    assert s.pb.counters("MX")["refused_client_rate"] > 1000
    assert not s.pb.crashes()


def test_size_changes(site):
    """Any size at run time; limits hold in each."""
    s = site(cluster={"max_client_connections": "2", "max_client_connections_interval_s": "3600"})
    for i, mb in enumerate((1, 4096, 3, 64, 2)):
        s.pb.xml("commitmodifyinfo", ip_dictionary_max_mb=mb)
        assert [passes(s.smtp, f"127.0.1.{i}") for _ in range(3)] == [True, True, False]


# --- slow ones ---


def test_slow_mail(site):
    """What trickles ends with 421, and nobody has it; who keeps the pace is not disturbed."""
    s = site(time_scale=20, cluster={"data_min_bytes_per_s": "1000"})
    slow, steady = Client(s.smtp), Client(s.smtp)
    for c in (slow, steady):
        assert c.mail("a@sender.org", "team@example.com") == [250]
        assert c.command("DATA")[0] == 354
        c.send("Subject: pace\r\n\r\n")
    begin = time.monotonic()
    slow.socket.settimeout(0.05)
    said = b""
    while not said.endswith(b"\r\n"):
        assert time.monotonic() - begin < DEADLINE, "it trickles on and on"
        steady.send("x" * 500 + "\r\n")
        try:
            slow.socket.sendall(b"y")
            said += slow.socket.recv(200)
        except TimeoutError:
            pass
    assert said == b"421 4.4.2 the mail comes too slowly, closing\r\n"
    assert steady.command(".")[0] == 250
    assert [len(b.mails()) for b in s.boxes] == [1, 1]
    assert s.pb.counters("MX")["timeouts"] == 1
    assert s.pb.traffic_lines('disconnected reason="too slow in data"')


def test_slow_box(site):
    """A box that takes its time is not the client's fault."""
    s = site(n=1, time_scale=20, cluster={"data_min_bytes_per_s": "1000000"})
    s.boxes[0].faults("end:slow:4000:1")
    with Client(s.smtp) as c:
        assert c.mail("a@sender.org", "anna@example.com") == [250]
        assert c.command("DATA")[0] == 354
        assert c.command("Subject: x\r\n\r\nhello\r\n.")[0] == 250


def test_deadline_before_login(site):
    """POP3: commands do not make the time before a login longer."""
    s = site(n=1)
    put(s.pb, "POP", session_max_s="1.5")
    guest = Guest(s.pop3, "127.0.0.2")
    begin = time.monotonic()
    while True:
        assert time.monotonic() - begin < DEADLINE
        guest.socket.sendall(b"NOOP\r\n")
        line = guest.file.readline()
        if not line.startswith(b"+OK"):
            break
        time.sleep(0.05)
    assert line == b"-ERR [SYS/TEMP] no login for too long\r\n"
    assert time.monotonic() - begin > 1.4
    assert guest.file.readline() == b""


# --- memory ---

MOST = 8 << 20  # bytes of one session, HACKING.md "Memory of a session"
GREEDY = 10


def private(pid):
    """Bytes of memory that are this process's own."""
    with open(f"/proc/{pid}/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("RssAnon"))


def pour(connection, data):
    """Sends until nobody takes any more for two seconds, reading what comes; bytes sent."""
    connection.setblocking(False)
    sent = 0
    while sent < len(data):
        readable, writable, _ = select.select([connection], [connection], [], 2)
        if readable and not connection.recv(65536):
            break
        if writable:
            sent += connection.send(data[sent:sent + 65536])
        elif not readable:
            break
    return sent


def greedy(port, kind):
    """A session that takes what it can get: recipients without end and a mail that no box takes in,
    or commands without end whose answers it does not read."""
    c = Client(port)
    assert c.command("MAIL FROM:<a@sender.org> PRDR")[0] == 250
    c.command("RCPT TO:<team@example.com>")
    rcpts = "".join(f"RCPT TO:<{i:060}@example.com>\r\n" for i in range(5000)).encode()
    if kind == 0:
        c.socket.settimeout(1)
        try:
            for _ in range(200):
                c.socket.sendall(rcpts)
        except OSError:
            pass
        return c
    assert pour(c.socket, rcpts) == len(rcpts)
    c.socket.setblocking(True)
    c.send("DATA\r\n")
    said = b""
    while b"\r\n354 " not in said:
        said = said[-10:] + c.socket.recv(65536)
    fields = b"".join(b"X-Field-%d: %s\r\n" % (i, b"z" * 900) for i in range(20000))
    assert 0 < pour(c.socket, fields) < len(fields)
    return c


def test_memory_of_a_session(site):
    s = site(workers=1, cluster={"max_mail_size_kb": "100000", "data_min_bytes_per_s": "0"})
    for box in s.boxes:
        box.faults("body:slow:1/60000")
    worker = s.pb.children()["worker 1"]
    with Client(s.smtp) as c:
        c.command("NOOP")
    before, kept, most = private(worker), [], 0
    over = threading.Event()

    def watch():
        nonlocal most
        while not over.is_set():
            most = max(most, private(worker))
            time.sleep(0.01)
    watcher = threading.Thread(target=watch)
    watcher.start()
    threads = [threading.Thread(target=lambda k=k: kept.append(greedy(s.smtp, k % 3)))
               for k in range(GREEDY)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    over.set()
    watcher.join()
    print(f"{(most - before) / GREEDY / 1024:.0f} kB a session")
    assert len(kept) == GREEDY and most - before < GREEDY * MOST
    with Client(s.smtp) as c:
        assert c.command("NOOP")[0] == 250
    assert s.pb.children()["worker 1"] == worker
    for c in kept:
        c.close()
