"""Plain TCP clusters: how a box is chosen, what passes, what boxes learn of the client, lights
and limits, the death of a worker, and the manual's example of a queue that is too long."""

import collections
import hashlib
import ipaddress
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import DEADLINE, free_port, wait_for
from servers import ROOT
from tcpbox import TcpBox, TcpClient, digest, more_descriptors, noise

EXAMPLES = ROOT / "docs" / "examples"


class Farm:
    """Boxes BOX001, BOX002, ... behind a plain TCP cluster Cluster001."""

    def __init__(self, pb, keep, weights=(1, 1), boxes=None, **settings):
        self.pb = pb
        self.port = pb.add_cluster("Cluster001", "tcp", **settings)
        self.boxes = [keep(box) for box in boxes or
                      [TcpBox(f"BOX{i + 1:03}") for i in range(len(weights))]]
        for box, weight in zip(self.boxes, weights):
            pb.add_box("Cluster001", box.name, box.port, weight=weight)

    def modify(self, **settings):
        self.pb.xml("commitmodifycluster", clusterid="Cluster001", **settings)

    def modify_box(self, name, **settings):
        self.pb.xml("commitmodifybox", clusterid="Cluster001", boxid=name, **settings)

    def light(self, light, box):
        self.pb.xml(light, clusterid="Cluster001", boxid=box)

    def client(self, source="127.0.0.1", **kw):
        return TcpClient(self.port, source, **kw)

    def serves(self, source="127.0.0.1"):
        """The box that one short session gets."""
        with self.client(source) as c:
            return c.box

    def shares(self, sources):
        return collections.Counter(self.serves(s) for s in sources)

    def sessions(self):
        """Gauges of the cluster and of its boxes."""
        return [self.pb.counters("Cluster001")["sessions"],
                *(self.pb.counters("Cluster001", b.name)["sessions"] for b in self.boxes)]

    def settles(self, *numbers):
        wait_for(f"sessions {numbers}", lambda: self.sessions() == list(numbers))


@pytest.fixture
def farm(balancer, keep):
    """make(weights, workers=2, **settings of the cluster): a Farm."""
    return lambda weights=(1, 1), workers=2, **kw: Farm(balancer(workers=workers), keep, weights,
                                                        **kw)


def sources(n):
    """Addresses of n clients."""
    return [f"127.0.{1 + i // 250}.{1 + i % 250}" for i in range(n)]


def at_once(n, work):
    """work(i) in n threads; the results in order."""
    results = [None] * n

    def one(i):
        results[i] = work(i)
    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


# --- choosing ---

def test_round_robin(farm):
    """Two workers share the turns, whichever of them takes a session."""
    f = farm((3, 1, 2))
    assert f.shares(sources(60)) == {"BOX001": 30, "BOX002": 10, "BOX003": 20}
    assert collections.Counter(at_once(60, lambda i: f.serves())) == {
        "BOX001": 30, "BOX002": 10, "BOX003": 20}
    f.modify_box("BOX001", weight=1)  # a change is live with its answer
    f.light("yellow", "BOX003")
    assert f.shares(sources(40)) == {"BOX001": 20, "BOX002": 20}
    f.settles(0, 0, 0, 0)


def test_least_sessions(farm):
    f = farm((1, 1), method="least_sessions")
    held = [f.client() for _ in range(12)]
    by = collections.defaultdict(list)
    for c in held:
        by[c.box].append(c)
    assert sorted(map(len, by.values())) == [6, 6]
    for c in by["BOX002"]:
        c.close()
    f.settles(6, 6, 0)
    more = [f.client() for _ in range(6)]
    assert [c.box for c in more] == ["BOX002"] * 6
    f.modify_box("BOX001", weight=3)
    more += [f.client() for _ in range(12)]
    assert f.sessions() == [24, 18, 6]
    for c in more + by["BOX001"]:
        c.close()
    f.settles(0, 0, 0)


def test_least_sessions_does_not_herd(farm):
    """All come at one moment, to both workers: a session counts before its box is connected."""
    f = farm((1, 1, 1), method="least_sessions")
    clients = at_once(60, lambda i: f.client())
    counts = collections.Counter(c.box for c in clients)
    assert sum(counts.values()) == 60 and max(counts.values()) - min(counts.values()) <= 4, counts
    for c in clients:
        c.close()


def test_client_hash(farm):
    """A client has its box; when one goes only its own clients move, and they come back."""
    f = farm((1, 1, 1), method="client_hash")
    before = {s: f.serves(s) for s in sources(60)}
    assert {s: f.serves(s) for s in sources(60)} == before
    assert set(before.values()) == {"BOX001", "BOX002", "BOX003"}
    f.light("yellow", "BOX002")
    after = {s: f.serves(s) for s in sources(60)}
    assert "BOX002" not in after.values()
    assert all(after[s] == before[s] for s in before if before[s] != "BOX002")
    f.light("green", "BOX002")
    assert {s: f.serves(s) for s in sources(60)} == before


def test_affinity(farm):
    f = farm((1, 1, 1), affinity_s=3600)
    first = {s: f.serves(s) for s in sources(12)}
    assert collections.Counter(first.values()) == dict.fromkeys(["BOX001", "BOX002", "BOX003"], 4)
    for _ in range(3):
        assert {s: f.serves(s) for s in reversed(sources(12))} == first
    assert len(set(at_once(20, lambda i: f.serves("127.9.9.9")))) == 1  # new, and to both workers
    f.light("yellow", "BOX001")  # what is not green is left, for good
    second = {s: f.serves(s) for s in sources(12)}
    assert all(second[s] == first[s] for s in first if first[s] != "BOX001")
    assert "BOX001" not in second.values()
    f.light("green", "BOX001")
    assert {s: f.serves(s) for s in sources(12)} == second
    f.modify(affinity_s="0")
    assert set(f.shares(["127.0.1.1"] * 9).values()) == {3}


def test_affinity_ends(farm):
    """Without a session for so long it is forgotten."""
    f = farm((1, 1), affinity_s="0.05")
    box = f.serves()
    time.sleep(0.2)  # nothing tells of it: it is the time that counts
    assert f.serves() != box  # whose turn it is


# --- boxes that cannot be connected to ---

def test_dead_box(farm, keep):
    """Its sessions go to its fall-over; then it is passed over, until it is there again."""
    dead = TcpBox("BOX001", start=False)
    f = farm((1, 1, 1), boxes=[dead, TcpBox("BOX002"), TcpBox("BOX003")])
    f.modify_box("BOX001", fallover_boxid="BOX003")
    assert f.shares(sources(2)).keys() <= {"BOX002", "BOX003"}
    shares = f.shares(sources(30))
    assert sum(shares.values()) == 30 and "BOX001" not in shares and "" not in shares
    log = f.pb.traffic_lines("tries another box=BOX001 - Connection refused, while=\"connect\"")
    session = log[0].split()[4]
    assert f.pb.traffic_lines(f" {session} tcp joined box=BOX003")
    assert f.pb.counters("Cluster001", "BOX001")["failures"] == len(log)
    dead.start()
    assert dead.ready.wait(DEADLINE)
    wait_for("it is tried again", lambda: f.serves() == "BOX001")
    assert f.shares(sources(30)) == dict.fromkeys(["BOX001", "BOX002", "BOX003"], 10)
    assert f.pb.counters("Cluster001")["refused_temporary"] == 0
    f.settles(0, 0, 0, 0)


def test_no_box(farm):
    """Nobody to connect to: the session ends at once, by itself."""
    f = farm((1, 1), boxes=[TcpBox("BOX001", start=False), TcpBox("BOX002", start=False)])
    assert [f.serves() for _ in range(5)] == [""] * 5
    assert f.pb.counters("Cluster001")["refused_temporary"] == 5
    assert len(f.pb.traffic_lines("tcp put off box=- - no box is in service")) == 5
    for box in ("BOX001", "BOX002"):
        f.light("yellow", box)
    assert f.serves() == ""
    f.settles(0, 0, 0)


def test_silent_box(farm):
    """One that answers no connect at all costs its time-out; what the client says meanwhile waits."""
    with socket.socket() as full:  # its queue is full: the kernel drops what comes
        full.bind(("127.0.0.1", free_port()))
        full.listen(0)
        fill = [socket.socket() for _ in range(4)]
        for s in fill:
            s.setblocking(False)
            s.connect_ex(full.getsockname())
        f = farm((1,), boxes=[TcpBox("BOX002")])
        f.pb.add_box("Cluster001", "BOX001", full.getsockname()[1], connect_timeout_ms=200)
        for _ in range(2):  # one of two turns is its
            with f.client(early=b"early") as c:
                assert c.box == "BOX002"
                assert c.file.read(5) == b"early" and c.say(b"more")
        log = f.pb.traffic_lines("tries another box=BOX001 - Connection timed out")
        assert len(log) == 1
        for s in fill:
            s.close()


# --- what passes ---

def test_half_close(farm):
    f = farm((1,))
    with f.client() as c:
        c.socket.sendall(b"question")
        c.end()
        assert c.file.read() == b"questionend\n"
    f.settles(0, 0)
    assert f.pb.traffic_lines('disconnected reason="closed" in=8 out=19')


async def ends_first(box, reader, writer):
    """Ends its side, and counts what still comes."""
    writer.write_eof()
    box.heard = await reader.read(-1)


def test_half_close_of_the_box(farm):
    box = TcpBox("BOX001", serve=ends_first)
    f = farm((1,), boxes=[box])
    with f.client() as c:
        assert c.box == "BOX001" and c.file.read() == b""
        c.socket.sendall(b"still here")
        c.end()
        f.settles(0, 0)
    assert box.heard == b"still here"


def test_end_before_the_box_is_connected(farm):
    f = farm((1,))
    with socket.create_connection(("127.0.0.1", f.port), DEADLINE) as s:
        s.sendall(b"all at once")
        s.shutdown(socket.SHUT_WR)
        assert s.makefile("rb").read() == b"BOX001\nall at onceend\n"


BIG = 48 << 20


async def big(box, reader, writer):
    """Sends its own noise while it takes the digest of what comes."""
    async def send():
        data = noise("box", BIG)
        for i in range(0, BIG, 1 << 20):
            writer.write(data[i:i + (1 << 20)])
            await writer.drain()
        writer.write_eof()
    sending = box.loop.create_task(send())
    heard = hashlib.sha256()
    while data := await reader.read(1 << 20):
        heard.update(data)
    await sending
    box.heard = heard.hexdigest()


def test_big_transfers(farm):
    """Both ways at the same time."""
    box = TcpBox("BOX001", serve=big)
    f = farm((1,), boxes=[box])
    mine = noise("client", BIG)
    with f.client() as c:
        def send():
            c.socket.sendall(mine)
            c.end()
        sender = threading.Thread(target=send)
        sender.start()
        heard = c.file.read()
        sender.join()
    assert len(heard) == BIG and digest(heard) == digest(noise("box", BIG))
    wait_for("all is heard", lambda: hasattr(box, "heard"))
    assert box.heard == digest(mine)
    f.settles(0, 0)
    counters = f.pb.counters("Cluster001")
    assert counters["bytes_in"] == BIG and counters["bytes_out"] == BIG + len("BOX001\n")
    assert f.pb.counters("Cluster001", "BOX001")["bytes"] == BIG


def test_idle(farm):
    f = farm((1,), idle_timeout_s="0.3")
    with f.client() as c, f.client() as talks:
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert talks.say(b"still here")
        assert c.file.read() == b""
        assert talks.say(b"still here")
    f.settles(0, 0)
    assert f.pb.counters("Cluster001")["timeouts"] == 1
    assert len(f.pb.traffic_lines('disconnected reason="time-out"')) == 1


# --- what boxes learn of the client ---

@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("listen,host,source", [
    ("127.0.0.1", "127.0.0.1", "127.0.0.77"), ("::1", "::1", "::1"),
    ("::", "127.0.0.1", "127.0.0.77"), ("::", "::1", "::1")])
def test_proxy_header(balancer, keep, version, listen, host, source):
    pb, port = balancer(workers=1), free_port()
    box = keep(TcpBox("BOX001", proxy=True))
    pb.xml("addcluster", clusterid="Cluster001", type="tcp", listen_address=listen,
           listen_port=port)
    pb.add_box("Cluster001", "BOX001", box.port, client_info=f"proxy_v{version}")
    for early in (b"", b"EHLO me\r\n"):
        with TcpClient(port, source, host, early) as c:
            assert c.box == "BOX001" and c.file.read(len(early)) == early and c.say(b"hello")
            assert box.headers[-1] == (version, ipaddress.ip_address(source), c.address[1],
                                       ipaddress.ip_address(host), port)


def test_client_info(farm):
    """Without it, not a byte of ours; what only SMTP knows does nothing, and the answer says so."""
    f = farm((1,))
    with f.client(early=b"x") as c:
        assert c.file.read(1) == b"x"
    for info in ("xclient", "xforward"):
        answer = f.pb.xml("commitmodifybox", clusterid="Cluster001", boxid="BOX001",
                          client_info=info)
        assert "does nothing in plain TCP" in answer.findtext("warning")
        with f.client(early=b"x") as c:
            assert c.file.read(1) == b"x"


# --- limits ---

def test_limits(farm):
    f = farm((1, 1), max_connections=5)
    f.modify_box("BOX001", max_sessions=1)
    held = [f.client() for _ in range(5)]
    assert collections.Counter(c.box for c in held) == {"BOX001": 1, "BOX002": 4}
    assert f.serves() == ""  # the sixth
    f.modify(max_connections=2000)
    f.modify_box("BOX002", max_sessions=4)
    assert f.serves() == ""  # both are full
    counters = f.pb.counters("Cluster001")
    assert counters["refused_connections"] == 1 and counters["refused_temporary"] == 1
    for c in held:
        c.close()
    f.settles(0, 0, 0)
    f.modify(block_ranges="127.0.0.9")
    assert f.serves("127.0.0.9") == "" and f.serves("127.0.0.8") != ""
    assert f.pb.traffic_lines("refused at connect cluster=Cluster001: block_ranges")


# --- processes ---

def test_worker_is_killed(farm):
    """Its sessions end; what was counted for them is given back, and nothing else."""
    f = farm((1, 1), method="least_sessions")
    clients = [f.client() for _ in range(40)]
    os.kill(f.pb.children()["worker 1"], signal.SIGKILL)
    wait_for("another worker 1", lambda: "worker 1" in f.pb.children() and
             f.sessions()[0] < 40)
    alive = [c for c in clients if c.say(b"hello")]
    assert 0 < len(alive) < 40
    by = collections.Counter(c.box for c in alive)
    f.settles(len(alive), by["BOX001"], by["BOX002"])
    more = [f.client() for _ in range(40 - len(alive))]
    assert all(c.say(b"hello") for c in alive + more)
    assert sorted(f.sessions()[1:]) == [20, 20]  # what is level is made of right counts
    for c in clients + more:
        c.close()
    f.settles(0, 0, 0)


def test_term(farm):
    """Sessions may go on to the limit; nobody new is taken in."""
    f = farm((1,))
    with f.client() as c:
        f.pb.child.send_signal(signal.SIGTERM)
        wait_for("the door is closed", lambda: refuses(f.port))
        assert c.say(b"still here")
    assert f.pb.stop() == 0


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), DEADLINE).close()
        return False
    except ConnectionResetError:  # the listener was closed while it greeted us
        return False
    except ConnectionRefusedError:
        return True


# --- the manual's example: lights by the length of a queue ---

def script(pb, *argv):
    keyfile = pb.directory / "key"
    keyfile.write_text(pb.key())
    subprocess.run(["/usr/bin/python3", *map(str, argv)], check=True, capture_output=True,
                   timeout=DEADLINE, env={**os.environ, "BALANCE_KEYFILE": str(keyfile),
                                          "BALANCE_URL": f"http://127.0.0.1:{pb.http}/xml"})


@pytest.mark.timeout(180)
def test_queue_length(farm, tmp_path):
    """The manual's cluster of mail queues, with 1,000 sessions. Its script turns lights while they
    run: yellow drains a box and cuts nobody, green refills it, red cuts all of its own."""
    more_descriptors()
    f = farm((1, 1), max_connections=5000)

    def manual(light, box):
        script(f.pb, EXAMPLES / "manual.py", light, "Cluster001", box)

    def queue_light(length, box):
        (tmp_path / "queue").write_text(str(length))
        script(f.pb, EXAMPLES / "queue-light", "Cluster001", box, 100, 500, tmp_path / "queue")

    clients = [f.client() for _ in range(1000)]
    assert collections.Counter(c.box for c in clients) == {"BOX001": 500, "BOX002": 500}
    manual("yellow", "BOX001")
    assert all(c.say(b"hello") for c in clients)  # none is cut
    assert f.shares(sources(100)) == {"BOX002": 100}
    gone = [c for c in clients if c.box == "BOX001"][:300]
    for c in gone:  # it drains, as its sessions end by themselves
        c.close()
    clients = [c for c in clients if c not in gone]
    f.settles(700, 200, 500)
    queue_light(600, "BOX001")
    assert f.serves() == "BOX002"
    queue_light(50, "BOX001")  # short again: it refills
    new = [f.client() for _ in range(300)]
    assert collections.Counter(c.box for c in new) == {"BOX001": 150, "BOX002": 150}
    clients += new
    assert all(c.say(b"hello") for c in clients)
    manual("red", "BOX002")
    cut = [c for c in clients if c.box == "BOX002"]
    assert len(cut) == 650 and all(c.is_cut() for c in cut)
    rest = [c for c in clients if c.box == "BOX001"]
    assert len(rest) == 350 and all(c.say(b"hello") for c in rest)
    f.settles(350, 350, 0)
    wait_for("the box has no session left", lambda: not f.boxes[1].open)
    assert f.shares(sources(20)) == {"BOX001": 20}
    assert len(f.pb.traffic_lines("the box was taken off")) == 650
    for c in clients:
        c.close()
    f.settles(0, 0, 0)
    assert not f.pb.crashes()
