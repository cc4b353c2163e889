"""The XML interface over TLS: clients old and new, certificates that change, files that are bad."""

import os
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import threading
import warnings
import xml.etree.ElementTree as ET

import pytest

from harness import BUILD, DEADLINE, Balancer, free_port, wait_for


class Authority:
    """A CA of our own. issue(name) makes name.crt (with the CA's behind it) and name.key."""

    def __init__(self, directory):
        self.directory = directory
        self.openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key "
                     "-out ca.crt")

    def openssl(self, command):
        subprocess.run(["openssl", *command.split()], cwd=self.directory, check=True,
                       capture_output=True)

    def issue(self, name, kind="rsa:2048"):
        (self.directory / "ext").write_text("subjectAltName=IP:127.0.0.1\n")
        self.openssl(f"req -newkey {kind} -nodes -subj /CN={name} -keyout {name}.key "
                     "-out req")
        self.openssl(f"x509 -req -in req -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 "
                     f"-extfile ext -out {name}.crt")
        return self.directory / f"{name}.crt", self.directory / f"{name}.key"

    def client(self, version=None):
        """A context that trusts this CA alone; version: no other one."""
        c = ssl.create_default_context(cafile=self.directory / "ca.crt")
        if version:
            c.minimum_version = c.maximum_version = version
        return c


@pytest.fixture
def ca(tmp_path):
    (tmp_path / "ca").mkdir()
    return Authority(tmp_path / "ca")


@pytest.fixture
def pb(balancer, ca):
    """Speaks TLS with live.crt and live.key, which are copies of first.*"""
    install(ca, "first")
    b = balancer("-http-cert", ca.directory / "live.crt", "-http-key", ca.directory / "live.key")
    b.tls = ca.client()
    return b


def install(ca, name, kind="rsa:2048"):
    crt, key = ca.issue(name, kind)
    shutil.copy(crt, ca.directory / "live.crt")
    shutil.copy(key, ca.directory / "live.key")


def connect(pb, context=None):
    raw = socket.create_connection(("127.0.0.1", pb.http), DEADLINE)
    return (context or pb.tls).wrap_socket(raw, server_hostname="127.0.0.1")


def shown(pb, context=None):
    """The common name of the certificate that a new connection sees."""
    with connect(pb, context) as s:
        return dict(x[0] for x in s.getpeercert()["subject"])["commonName"]


def read_all(s):
    return b"".join(iter(lambda: s.recv(65536), b""))


def stats(pb, pad=0):
    return f"<stats>{' ' * pad}<accesskey>{pb.key()}</accesskey></stats>".encode()


@pytest.mark.parametrize("line", ["POST /xml HTTP/1.0", "POST /xml HTTP/1.1"])
def test_bare_client(pb, line):
    body = b'\n\n<?xml version="1.0" encoding="UTF-8"?>\n' + stats(pb)
    with connect(pb) as s:
        s.sendall(f"{line}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        answer = read_all(s)
    assert answer.split(b"\r\n")[0].split(b" ", 1)[1] == b"200 OK"
    assert ET.fromstring(answer.split(b"\r\n\r\n", 1)[1]).findtext("status") == "ok"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["rsa:2048", "ec -pkeyopt ec_paramgen_curve:prime256v1"])
def test_versions(balancer, ca, version, kind):
    install(ca, "first", kind)
    pb = balancer("-http-cert", ca.directory / "live.crt", "-http-key", ca.directory / "live.key")
    pb.tls = ca.client(version)
    assert pb.xml("stats") is not None
    with connect(pb) as s:
        assert s.version() == version.name.replace("_", ".")
        cipher = s.cipher()[0]
        assert "GCM" in cipher or "CHACHA20" in cipher or "CCM" in cipher
    old = ca.client()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shown(pb, old)
    weak = ca.client(ssl.TLSVersion.TLSv1_2)
    weak.set_ciphers("AES128-SHA256:AES256-SHA:AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        shown(pb, weak)


def test_many_requests_on_one_connection(pb):
    """Bodies of all sizes around those of a TLS record and of the library's buffers."""
    c = pb.connection()
    for pad in (0, 1, 16000, 16384, 16385, 32768, 100000, 1 << 19, (1 << 20) - 200, 0):
        c.request("POST", "/xml", stats(pb, pad))
        r = c.getresponse()
        assert r.status == 200 and b"<status>ok</status>" in r.read()
    c.close()


def test_small_records(pb):
    """A record a byte, and one with the end of the header and the begin of the body."""
    body = stats(pb)
    text = f"POST /xml HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with connect(pb) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(text)):
            s.sendall(text[i:i + 1])
        assert s.recv(65536).startswith(b"HTTP/1.1 200")
        s.sendall(text[:-20])
        s.sendall(text[-20:] + text)  # two requests in a row
        both = b""
        while both.count(b"</response>") < 2:
            more = s.recv(65536)
            assert more
            both += more


def test_large_answer_and_parallel_clients(pb):
    rows = 300
    for i in range(rows):
        pb.add_account(f"person-{i:04}@example.com", "MAIL1")
    wrong = []

    def ask():
        for pad in (0, 1 << 19, 3000):
            root = ET.fromstring(pb.post(stats(pb, pad))[1])
            if root.findtext("status") != "ok":
                wrong.append(ET.tostring(root))
    threads = [threading.Thread(target=ask) for _ in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_client_without_a_handshake(pb):
    """Those that stop half-way, or speak something else, are in nobody's way."""
    stuck = []
    for first in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", b"GET /healthz HTTP/1.0\r\n\r\n",
                  os.urandom(600)):
        for _ in range(20):
            s = socket.create_connection(("127.0.0.1", pb.http), DEADLINE)
            s.sendall(first)
            stuck.append(s)
    assert pb.xml("stats") is not None
    for s in stuck[40:60]:  # plain HTTP: the connection ends, and nothing is answered in plain
        assert b"HTTP" not in read_until_end(s)
    for s in stuck:
        s.close()
    assert pb.xml("stats") is not None
    assert not pb.crashes()


def read_until_end(s):
    try:
        return read_all(s)
    except ConnectionError:
        return b""


def hup(pb, says):
    before = pb.log_text().count(says)
    os.kill(pb.pid, signal.SIGHUP)
    wait_for(says, lambda: pb.log_text().count(says) > before)


def test_reload(pb, ca):
    c = pb.connection()
    c.connect()
    half = socket.create_connection(("127.0.0.1", pb.http), DEADLINE)  # no handshake yet
    assert shown(pb) == "first"
    install(ca, "second", "ec -pkeyopt ec_paramgen_curve:prime256v1")
    hup(pb, "serving HTTPS with")
    assert shown(pb) == "second"
    c.request("POST", "/xml", stats(pb))  # what was open goes on
    assert c.getresponse().read()
    with pb.tls.wrap_socket(half, server_hostname="127.0.0.1") as s:
        assert dict(x[0] for x in s.getpeercert()["subject"])["commonName"] == "second"
    (ca.directory / "live.key").write_text("junk")
    hup(pb, "live.key: no private key in PEM form")
    assert "the old certificate stays" in pb.log_text()
    assert shown(pb) == "second"
    shutil.copy(ca.directory / "first.key", ca.directory / "live.key")
    hup(pb, "is not the key of the certificate in")
    (ca.directory / "live.crt").unlink()
    hup(pb, "live.crt: No such file")
    assert shown(pb) == "second"
    c.request("POST", "/xml", stats(pb))
    assert c.getresponse().read()
    c.close()
    assert not pb.crashes()


def test_reload_while_clients_shake_hands(pb, ca):
    """Certificates that change all the time; each handshake ends with a whole one."""
    files = {}
    for name in ("first", "second"):
        files[name] = ca.issue(name)
    stop, seen, wrong = threading.Event(), set(), []

    def shake():
        while not stop.is_set():
            try:
                seen.add(shown(pb))
            except OSError as e:
                wrong.append(e)
    threads = [threading.Thread(target=shake) for _ in range(4)]
    for t in threads:
        t.start()
    for i in range(20):
        name = ("second", "first")[i % 2]
        for kind, path in zip(("crt", "key"), files[name]):
            new = ca.directory / "new"
            shutil.copy(path, new)
            new.rename(ca.directory / f"live.{kind}")
        hup(pb, "serving HTTPS with")
    stop.set()
    for t in threads:
        t.join()
    assert not wrong and seen == {"first", "second"}
    assert not pb.crashes()


def test_key_of_root(open_path, keep):
    """Read before the process becomes -user, which cannot read it anew."""
    ca = Authority(open_path)
    install(ca, "first")
    (open_path / "live.crt").chmod(0o644)
    (open_path / "live.key").chmod(0o600)
    (open_path / "pb" / "traffic").mkdir(parents=True)
    for path in (open_path / "pb", open_path / "pb" / "traffic"):
        path.chmod(0o777)
    pb = keep(Balancer(open_path / "pb", "-http-cert", open_path / "live.crt", "-http-key",
                       open_path / "live.key", "-user", "nobody"))
    pb.tls = ca.client()
    assert shown(pb) == "first"
    hup(pb, "(HUP reads as user nobody)")
    assert shown(pb) == "first"
    # Its next life reads it again as root.
    os.kill(pb.children()["admin"], signal.SIGKILL)
    wait_for("admin is back", lambda: len(pb.crashes()) == 1)
    wait_for("it serves", lambda: pb.log_text().count("serving HTTPS with") == 2)
    assert shown(pb) == "first"


@pytest.mark.parametrize("cert,key,error", [
    ("none", "first.key", "none: No such file or directory"),
    ("first.crt", "none", "none: No such file or directory"),
    ("first.key", "first.key", "first.key: no certificates in PEM form"),
    ("first.crt", "ca.key", "ca.key is not the key of the certificate in"),
])
def test_cannot_start(tmp_path, ca, cert, key, error):
    ca.issue("first")
    out = subprocess.run([BUILD / "protobalance", "-directory", tmp_path / "state", "-http",
                          f"127.0.0.1:{free_port()}", "-http-cert", ca.directory / cert,
                          "-http-key", ca.directory / key], capture_output=True, text=True,
                         timeout=DEADLINE)
    assert out.returncode == 78
    assert f"-http-cert, -http-key: {ca.directory}/{error}" in out.stderr, out.stderr


def test_key_shown_to_nobody(pb):
    assert stat.S_IMODE((pb.state / "admin.sock").stat().st_mode) == 0o600
    assert "PRIVATE" not in pb.log_text()
