"""Clients that are broken or mean ill: documents, HTTP, numbers, slowness. Each is answered or
closed, nobody else notices, and admin neither dies nor grows."""

import random
import re
import socket
import struct
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import XmlClient, XmlError, answer_of, document, free_port, values, wait_for

MIB = 1 << 20


@pytest.fixture(scope="module")
def pb(service):
    service.add_account("anna@example.com", "MAIL1")
    service.add_cluster("MX", "smtp")
    return service


@pytest.fixture(autouse=True)
def unharmed(request):
    """Behind each test: all processes are those of the start, and others are answered at once."""
    pb = request.getfixturevalue("pb")
    before = pb.children()
    yield
    begin = time.monotonic()
    assert values(pb.xml("getemail", email_address="anna@example.com"))["boxid"] == "MAIL1"
    assert time.monotonic() - begin < 5
    assert pb.children() == before and pb.crashes() == []


def memory(pb, what="VmHWM"):
    """MiB of the admin process: VmHWM, the most it ever had, or VmRSS."""
    with open(f"/proc/{pb.children()['admin']}/status") as f:
        return int(re.search(rf"{what}:\s+(\d+) kB", f.read())[1]) // 1024


def keyed(pb, text):
    """text with KEY replaced by the element that authorises."""
    key = f"<accesskey>{pb.key()}</accesskey>".encode()
    return (text if isinstance(text, bytes) else text.encode()).replace(b"KEY", key)


def refused(pb, body, status=400, code="malformed"):
    found, text = pb.post(body)
    root = ET.fromstring(text)
    assert (found, root.findtext("status"), root.findtext("code")) == (status, "error", code), \
        (body[:80], found, text)
    assert 0 < len(root.findtext("error")) < 1000
    return root.findtext("error")


# --- documents ---

@pytest.mark.parametrize("text", [
    "", " ", "\n\n", "<", ">", "<>", "</stats>", "<stats", "<stats>", "<stats>KEY", "<stats>KEY</stat>",
    "<stats>KEY</stats", "<stats>KEY</stats><stats>KEY</stats>", "<stats>KEY</stats>x", "x<stats>KEY</stats>",
    "<?xml version=\"1.0\"?>", "<!-- only -->", "<stats>KEY<!-- never ends</stats>", "<stats>KEY<![CDATA[x</stats>",
    "<stats>KEY<a></b></stats>", "<stats>KEY<a b=c/></stats>", "<stats>KEY<a b=\"1\" b=\"2\"/></stats>",
    "<stats>KEY<a b=\"<\"/></stats>", "<stats>KEY&unknown;</stats>", "<stats>KEY<a>&unknown;</a></stats>",
    "<stats>KEY<a>&#0;</a></stats>", "<stats>KEY<a>&#1;</a></stats>", "<stats>KEY<a>&#xD800;</a></stats>",
    "<stats>KEY<a>&#xFFFF;</a></stats>", "<stats>KEY<a>&#x110000;</a></stats>", "<stats>KEY<a>&amp</a></stats>",
    "<stats>KEY<a>]]></a></stats>", "<stats>KEY<1a/></stats>", "<stats>KEY<a\x01/></stats>", "<stats>KEY\x08</stats>",
    "<stats>KEY word</stats>", "<stats>word KEY</stats>", "<stats>KEY<a>x<b/></a></stats>",
    "<stats>KEY<?xml version=\"1.0\"?></stats>", "{\"stats\": {}}", "stats=1&accesskey=x", "\x00",
    "<?xml version=\"1.0\" standalone=\"maybe\"?><stats>KEY</stats>",
    "<stats>KEY<a xmlns:b=\"x\"><b:c/></a></stats>",
])
def test_malformed(pb, text):
    refused(pb, keyed(pb, text))


@pytest.mark.parametrize("text", [
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<getemail>KEY<email_address>anna@example.com</email_address></getemail>",
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><getemail>KEY<email_address>anna@example.com"
    "</email_address></getemail>\n\n",
    "\ufeff<getemail>KEY<email_address>anna@example.com</email_address></getemail>",
    "\r\n\t \n<getemail>\r\n\tKEY\r\n\t<email_address>anna@example.com</email_address>\r\n</getemail>\r\n",
    "<!-- a --><getemail><!-- b -->KEY<email_address>anna<!-- c -->@example.com</email_address></getemail><!-- d -->",
    "<getemail>KEY<email_address><![CDATA[anna@example.com]]></email_address></getemail>",
    "<getemail>KEY<email_address>&#97;nn&#x61;@example.com</email_address></getemail>",
    "<?php x?><getemail>KEY<?y z?><email_address>anna@example.com</email_address></getemail>",
    "<getemail a=\"1\">KEY<email_address b='2'>anna@example.com</email_address></getemail >",
    "<getemail><email_address>anna@example.com</email_address>KEY</getemail>",
])
def test_well_formed_in_odd_ways(pb, text):
    status, answer = pb.post(keyed(pb, text))
    assert answer_of("getemail", status, answer).findtext("boxid") == "MAIL1"


LAUGHS = "<!DOCTYPE stats [<!ENTITY l0 \"ha\">" + "".join(
    f"<!ENTITY l{i} \"{f'&l{i - 1};' * 10}\">" for i in range(1, 11)) + "]><stats>KEY<a>&l10;</a></stats>"
QUADRATIC = f"<!DOCTYPE stats [<!ENTITY e \"{'x' * 50000}\">]><stats>KEY<a>{'&e;' * 50000}</a></stats>"


@pytest.mark.parametrize("text", [
    LAUGHS, QUADRATIC, "<!DOCTYPE stats><stats>KEY</stats>", "<!DOCTYPE stats []><stats>KEY</stats>",
    "<!DOCTYPE stats SYSTEM \"file:///etc/passwd\"><stats>KEY</stats>",
    "<!DOCTYPE s [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><stats>KEY<a>&e;</a></stats>",
    "<!DOCTYPE s [<!ENTITY % p SYSTEM \"http://127.0.0.1:PORT/x\"> %p;]><stats>KEY</stats>",
    "<!DOCTYPE s SYSTEM \"http://127.0.0.1:PORT/x.dtd\"><stats>KEY</stats>",
    "<!DOCTYPE s PUBLIC \"-//X//Y\" \"http://127.0.0.1:PORT/x.dtd\" [<!ELEMENT s ANY>]><stats>KEY</stats>",
    "<!DOCTYPE s [<!ATTLIST s a CDATA \"b\">]><stats>KEY</stats>",
    "<!DOCTYPE s [<!ENTITY a \"&b;\"><!ENTITY b \"&a;\">]><stats>KEY<a>&a;</a></stats>",
    "<!DOCTYPE s [<!NOTATION n SYSTEM \"x\">]><stats>KEY</stats>",
    "<?xml version=\"1.0\"?><!-- x --><!DOCTYPE stats><stats>KEY</stats>",
], ids=range(13))
def test_entity_bombs(pb, text):
    """Refused at the declaration: nothing is expanded, read or fetched."""
    before = memory(pb)
    with socket.create_server(("127.0.0.1", 0)) as bait:
        bait.settimeout(0)
        begin = time.monotonic()
        port = str(bait.getsockname()[1])
        text = refused(pb, keyed(pb, text.replace("PORT", port)))
        assert "DOCTYPE" in text and "root:" not in text
        assert time.monotonic() - begin < 2
        with pytest.raises(BlockingIOError):
            bait.accept()
    assert memory(pb) - before < 16


def fill(n, room=MIB - 200):
    """n times, or as often as there is room for."""
    return lambda piece: piece * min(n, room // len(piece))


@pytest.mark.parametrize("text", [
    "<a>" * 200000, "<stats>KEY" + "<a>" * 100000 + "</a>" * 100000 + "</stats>",
    "<stats>KEY" + "<a/>" * 129 + "</stats>",
    "<stats>KEY" + "".join(f"<a{i}/>" for i in range(100000)) + "</stats>",
    "<stats " + "".join(f"a{i}=\"\" " for i in range(90000)) + ">KEY<b/></stats>",
    "<stats>KEY<a " + "".join(f"a{i:05}='' " for i in range(80000)) + "/></stats>",
    "<stats>KEY<a b=\"" + "x" * 1000000 + "\"/></stats>",
    f"<{'n' * 1000000}/>", f"<stats>KEY<{'n' * 500000}/></stats>",
    "<stats>KEY" + "<!-- x -->" * 80000 + "<a></stats>",
    "<stats>KEY<a>" + "&lt;" * 200000 + "</a></stats>",
    "<stats>KEY<accesskey>" + "x" * 900000 + "</accesskey></stats>",
], ids=range(12))
def test_documents_of_many_parts(pb, text):
    """Refused in time and memory that go with their size."""
    before, begin = memory(pb), time.monotonic()
    status, answer = pb.post(keyed(pb, text))
    root = ET.fromstring(answer)
    assert status in (400, 403, 404) and root.findtext("status") == "error"
    assert len(answer) < 2000
    assert time.monotonic() - begin < 5
    assert memory(pb) - before < 64


def test_attributes(pb):
    """They mean nothing, and too many, which would cost a stranger nothing and us much, are refused."""
    text = "<getemail " + "".join(f"a{i}='' " for i in range(5000)) + ">KEY" \
        "<email_address>anna@example.com</email_address></getemail>"
    status, answer = pb.post(keyed(pb, text))
    assert answer_of("getemail", status, answer).findtext("boxid") == "MAIL1"
    text = "<getemail " + "".join(f"a{i}='' " for i in range(100000)) + ">KEY" \
        "<email_address>anna@example.com</email_address></getemail>"
    before, begin = memory(pb), time.monotonic()
    assert "bytes of attributes" in refused(pb, keyed(pb, text))
    assert time.monotonic() - begin < 2 and memory(pb) - before < 64


GET = "<getemail>KEY<email_address>anna@example.com</email_address></getemail>"


@pytest.mark.parametrize("body", [
    *(("<?xml version=\"1.0\" encoding=\"%s\"?>" % name + GET).encode(codec) for name, codec in (
        ("UTF-16", "utf-16"), ("UTF-16LE", "utf-16-le"), ("UTF-16BE", "utf-16-be"), ("UTF-32", "utf-32"),
        ("UTF-16", "utf-8"), ("ISO-8859-1", "latin1"), ("US-ASCII", "ascii"), ("windows-1252", "cp1252"),
        ("UTF-7", "ascii"), ("EBCDIC-CP-US", "cp500"), ("x" * 500, "ascii"), ("", "ascii"))),
    GET.encode("utf-16"), GET.encode("utf-16-le"), GET.encode("cp500"),
    *(GET.encode().replace(b"anna", bad) for bad in (
        b"\xff", b"\xfe\xff", b"\xc0\xaf", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf8\x88\x80\x80\x80",
        b"\xe2\x82", b"m\xfcller", b"an\x00na", b"\xc0\x80", b"\x80", b"\xef\xbf\xbf")),
    b"\x00" + GET.encode(), GET.encode() + b"\x00", GET.encode().replace(b"<getemail>", b"<get\xc3email>"),
], ids=range(31))
def test_encodings(pb, body):
    """UTF-8 alone, and that to the letter."""
    if b"KEY" in body:
        body = keyed(pb, body)
    refused(pb, body)


# --- sizes ---

def padded(pb, n, command="stats", inner=b""):
    """A good document of n bytes."""
    body = document(command, pb.key()).replace(f"</{command}>".encode(), inner + f"</{command}>".encode())
    return body + b" " * (n - len(body))


def chunked(body, size=65536):
    """The same as HTTP/1.1's chunks."""
    pieces = [body[i:i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


def talk(pb, data):
    """Everything that is answered to these bytes until the end of the connection. A reset ends
    it as well: what came before it counts."""
    with socket.create_connection(("127.0.0.1", pb.http), 60) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was closed before all was said
        out = b""
        try:
            while piece := s.recv(MIB):
                out += piece
        except ConnectionResetError:
            pass
        return out


HEAD = b"POST /xml HTTP/1.1\r\nHost: x\r\n"


def test_largest_bodies(pb):
    """1 MiB, 16 MiB for importconfig; and not one byte more, announced or in chunks."""
    settings = b"<settings><mail_from_quota>77</mail_from_quota></settings>"
    for most, command, inner in ((MIB, "stats", b""), (16 * MIB, "importconfig", settings)):
        for n, wanted in ((most, 200), (most + 1, 413), (most + 3 * MIB, 413)):
            body = padded(pb, n, command, inner)
            status, text = pb.post(body)
            assert status == wanted, (command, n)
            out = talk(pb, HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body))
            assert out.split()[1:2] == [str(wanted).encode()], (command, n, out[:200])
            if wanted == 413:
                assert ET.fromstring(text).findtext("code") == "too_large"
                assert b"too_large" in out
    assert pb.xml("getinfo").findtext("mail_from_quota") == "77"
    # the room is for importconfig, not for what only looks like it
    for begin in (b"<importconfigs>", b"<stats><importconfig>", b"<!-- <importconfig> --><stats>", b" "):
        assert pb.post(begin + b" " * 2 * MIB)[0] == 413
    status, text = pb.post(padded(pb, 2 * MIB, "importconfig").replace(pb.key().encode(), b"wrong"))
    assert (status, ET.fromstring(text).findtext("code")) == (403, "wrong_key")


def test_imports_of_many_elements(pb):
    box = b"<box><boxid>B</boxid></box>"
    for inner in (b"<clusters>" + b"<cluster/>" * 100001 + b"</clusters>",
                  b"<clusters>" + b"<cluster>" * 100000 + b"</cluster>" * 100000 + b"</clusters>",
                  b"<clusters><cluster><boxes>" + box * 60000 + b"</boxes></cluster></clusters>",
                  b"<settings>" + b"<mail_from_quota>1</mail_from_quota>" * 100000 + b"</settings>"):
        status, text = pb.post(padded(pb, 0, "importconfig", inner))
        assert status == 400 and ET.fromstring(text).findtext("error")
    ports = set()
    while len(ports) < 65:
        ports.add(free_port())
    clusters = "".join(f"<cluster><clusterid>C{p}</clusterid><type>tcp</type><listen_address>127.0.0.1"
                       f"</listen_address><listen_port>{p}</listen_port></cluster>" for p in ports)
    status, text = pb.post(padded(pb, 0, "importconfig", f"<clusters>{clusters}</clusters>".encode()))
    assert (status, ET.fromstring(text).findtext("code")) == (409, "too_many")
    assert pb.xml("listclusters").find("clusters").get("total") == "1"


def test_largest_values(pb):
    """What a request may hold an answer may hold, to the byte."""
    body = "\u20ac" * (65536 // 3)
    ranges = ",".join(f"10.{i // 256}.{i % 256}.0/24" for i in range(4096))
    pb.xml("commitmodifyemail", email_address="anna@example.com", auto_reply_body=body)
    assert pb.xml("getemail", email_address="anna@example.com").findtext("auto_reply_body") == body
    pb.xml("commitmodifyemail", email_address="anna@example.com", auto_reply_body="")
    pb.xml("commitmodifycluster", clusterid="MX", relay_ranges=ranges)
    assert pb.xml("getcluster", clusterid="MX").findtext("relay_ranges") == ranges
    for more in (ranges + ",10.99.0.1", "1.2.3.4," * 9000):
        e = pb.refused("commitmodifycluster", clusterid="MX", relay_ranges=more)
        assert (e.status, e.code) == (400, "bad_value")
    pb.xml("commitmodifycluster", clusterid="MX", relay_ranges="")


# --- HTTP ---

def good(pb):
    return keyed(pb, GET)


def test_chunked_bodies(pb):
    head = HEAD + b"Transfer-Encoding: chunked\r\n"
    for size in (1, 7, 100000):
        out = talk(pb, head + b"\r\n" + chunked(good(pb), size))
        assert b" 200 OK" in out and b"MAIL1" in out
    body = good(pb)
    whole = b"%x;name=value\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (len(body), body)
    assert b"MAIL1" in talk(pb, head + b"\r\n" + whole)
    for bad in (b"zz\r\n<a/>\r\n0\r\n\r\n", b"-1\r\n<a/>\r\n0\r\n\r\n", b"ffffffffffffffffff\r\n<a/>\r\n",
                b"5\r\n<a/>\r\n0\r\n\r\n", b"4\r\n<a/>XX0\r\n\r\n", b"\r\n\r\n", b"1" * 5000 + b"\r\n"):
        assert b" 200 OK" not in talk(pb, head + b"\r\n" + bad)


def test_pipelined_requests(pb):
    """Answers come one for one, in order, also behind one that is refused."""
    asked, wanted = b"", []
    for i in range(40):
        missing = i % 3 == 1
        body = good(pb).replace(b"anna@", b"nobody%d@" % i) if missing else good(pb)
        asked += HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        wanted.append(b"404" if missing else b"200")
    with socket.create_connection(("127.0.0.1", pb.http), 30) as s:
        s.sendall(asked)
        answers = s.makefile("rb")
        for i, want in enumerate(wanted):
            assert answers.readline().split()[1] == want
            length = 0
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            text = answers.read(length)
            assert (b"nobody%d@" % i if want == b"404" else b"MAIL1") in text


def test_expect_continue(pb):
    body = good(pb)
    with socket.create_connection(("127.0.0.1", pb.http), 30) as s:
        s.sendall(HEAD + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(body))
        answers = s.makefile("rb")
        assert answers.readline().split()[1] == b"100" and answers.readline() == b"\r\n"
        s.sendall(body)
        assert answers.readline().split()[1] == b"200"
    with socket.create_connection(("127.0.0.1", pb.http), 30) as s:
        s.sendall(HEAD + b"Content-Length: 99999999\r\nExpect: 100-continue\r\n\r\n")
        assert s.makefile("rb").readline().split()[1] == b"413"  # before it is sent


BODY = b"<stats/>"


@pytest.mark.parametrize("data", [
    b"\r\n\r\n\r\n", bytes(range(256)) * 16,
    b"GET /xml\r\n", b"GET /xml\r\n\r\n", b"POST /xml\r\n\r\n" + BODY, b"POST\r\n\r\n", b"POST /xml HTTP/9.9\r\n\r\n",
    b"POST /xml HTTP/1.1 HTTP/1.1\r\n\r\n", b"P\x00ST /xml HTTP/1.1\r\n\r\n", b"post /xml HTTP/1.1\r\n\r\n",
    b"EHLO example.com\r\nMAIL FROM:<>\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET /" + b"x" * 10000000,
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /xml%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"TRACE /xml HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT 127.0.0.1:25 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PUT /xml HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n" + BODY, b"DELETE /xml HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /xml HTTP/1.1\r\nContent-Length: -1\r\n\r\n" + BODY, b"POST /xml HTTP/1.1\r\nContent-Length: x\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.1\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.1\r\nContent-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.0\r\n\r\n" + BODY, b"POST /xml HTTP/1.1\r\n\r\n",
    b"POST /xml HTTP/1.1\r\n no colon\r\n\r\n", b"POST /xml HTTP/1.1\r\n: empty\r\n\r\n",
    b"POST /xml HTTP/1.1\r\nA\x00B: c\r\n\r\n", b"POST /xml HTTP/1.1\r\nA: b\r\n folded\r\nContent-Length: 8\r\n\r\n" + BODY,
    HEAD + b"".join(b"X-%d: y\r\n" % i for i in range(10000)) + b"\r\n", HEAD + b"X: " + b"y" * 5000000 + b"\r\n\r\n",
    HEAD + b"Cookie: " + b"a=b; " * 5000 + b"\r\nContent-Length: 8\r\n\r\n" + BODY,
    b"POST /xml?" + b"a=b&" * 3000 + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n" + BODY,
    b"POST http://elsewhere/xml HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n" + BODY,
    b"POST //xml HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n" + BODY,
    b"POST /xml/ HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n" + BODY,
    b"POST /XML HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n" + BODY,
], ids=range(42))
def test_garbage(pb, data):
    """Refused or closed, never taken, and never at the cost of memory."""
    before = memory(pb)
    out = talk(pb, data)
    first = out.split(b"\r\n", 1)[0].split()
    assert not out or first[1][:1] in (b"4", b"5"), out[:200]
    assert b"root:" not in out
    assert memory(pb) - before < 16


@pytest.mark.parametrize("data", [
    b"", b"\x00" * 1000, b"x" * 1000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 500,
    b"POST /xml HTTP/1.1\r\nHost: x\r\n", HEAD + b"Content-Length: 8\r\n\r\n<sta",
], ids=range(6))
def test_beginnings(pb, data):
    """What may still become a request is waited for, and nothing is said to it before."""
    with socket.create_connection(("127.0.0.1", pb.http), 0.5) as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        try:
            assert s.recv(1000)[9:10] in (b"", b"4")
        except (TimeoutError, ConnectionResetError):
            pass


def test_header_floods(pb):
    """Headers without end, from many at once."""
    before = memory(pb)

    def flood(_):
        try:
            with socket.create_connection(("127.0.0.1", pb.http), 30) as s:
                s.sendall(HEAD)
                for i in range(2000):
                    s.sendall(b"X-%d: %s\r\n" % (i, b"y" * 1000))
                s.recv(1000)
        except OSError:
            pass
    with ThreadPoolExecutor(40) as pool:
        list(pool.map(flood, range(40)))
    assert memory(pb) - before < 40


# --- many at once ---

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


def open_from(pb, address):
    return socket.create_connection(("127.0.0.1", pb.http), 30, (address, 0))


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
        slowest = 0
        for i in range(50):
            begin = time.monotonic()
            pb.xml("commitmodifyemail", email_address=f"big{i}@example.com", boxid=f"M{i}")
            pb.xml("stats")
            slowest = max(slowest, time.monotonic() - begin)
        assert slowest < 3
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


def vanish(s):
    """With a reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


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
