"""Clients that are broken or mean ill, one at a time: documents, sizes, HTTP. Each is answered or
closed, and admin neither dies nor grows."""

import socket
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import answer_of, free_port
from hostile import (BODY, GET, HEAD, MIB, chunked, good, keyed, memory, padded, refused, talk)

pytestmark = pytest.mark.usefixtures("unharmed")


@pytest.fixture(scope="module")
def pb(service):
    service.add_account("anna@example.com", "MAIL1")
    service.add_cluster("MX", "smtp")
    return service


# --- documents ---

@pytest.mark.parametrize("text", [
    "", " ", "\n\n", "<", ">", "<>", "</stats>", "<stats", "<stats>", "<stats>KEY",
    "<stats>KEY</stat>",
    "<stats>KEY</stats", "<stats>KEY</stats><stats>KEY</stats>", "<stats>KEY</stats>x",
    "x<stats>KEY</stats>",
    "<?xml version=\"1.0\"?>", "<!-- only -->", "<stats>KEY<!-- never ends</stats>",
    "<stats>KEY<![CDATA[x</stats>",
    "<stats>KEY<a></b></stats>", "<stats>KEY<a b=c/></stats>",
    "<stats>KEY<a b=\"1\" b=\"2\"/></stats>",
    "<stats>KEY<a b=\"<\"/></stats>", "<stats>KEY&unknown;</stats>",
    "<stats>KEY<a>&unknown;</a></stats>",
    "<stats>KEY<a>&#0;</a></stats>", "<stats>KEY<a>&#1;</a></stats>",
    "<stats>KEY<a>&#xD800;</a></stats>",
    "<stats>KEY<a>&#xFFFF;</a></stats>", "<stats>KEY<a>&#x110000;</a></stats>",
    "<stats>KEY<a>&amp</a></stats>",
    "<stats>KEY<a>]]></a></stats>", "<stats>KEY<1a/></stats>", "<stats>KEY<a\x01/></stats>",
    "<stats>KEY\x08</stats>",
    "<stats>KEY word</stats>", "<stats>word KEY</stats>", "<stats>KEY<a>x<b/></a></stats>",
    "<stats>KEY<?xml version=\"1.0\"?></stats>", "{\"stats\": {}}", "stats=1&accesskey=x", "\x00",
    "<?xml version=\"1.0\" standalone=\"maybe\"?><stats>KEY</stats>",
    "<stats>KEY<a xmlns:b=\"x\"><b:c/></a></stats>",
])
def test_malformed(pb, text):
    refused(pb, keyed(pb, text))


@pytest.mark.parametrize("text", [
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n" + GET,
    "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>" + GET + "\n\n",
    "\ufeff<getemail>KEY<email_address>anna@example.com</email_address></getemail>",
    "\r\n\t \n" + GET.replace(">KEY<", ">\r\n\tKEY\r\n\t<") + "\r\n",
    "<!-- a -->" + GET.replace("KEY", "<!-- b -->KEY").replace("@", "<!-- c -->@") + "<!-- d -->",
    "<getemail>KEY<email_address><![CDATA[anna@example.com]]></email_address></getemail>",
    "<getemail>KEY<email_address>&#97;nn&#x61;@example.com</email_address></getemail>",
    "<?php x?><getemail>KEY<?y z?><email_address>anna@example.com</email_address></getemail>",
    "<getemail a=\"1\">KEY<email_address b='2'>anna@example.com</email_address></getemail >",
    "<getemail><email_address>anna@example.com</email_address>KEY</getemail>",
])
def test_well_formed_in_odd_ways(pb, text):
    status, answer = pb.post(keyed(pb, text))
    assert answer_of("getemail", status, answer).findtext("boxid") == "MAIL1"


LAUGHS = "<!DOCTYPE s [<!ENTITY l0 \"ha\">" + "".join(
    f"<!ENTITY l{i} \"{f'&l{i - 1};' * 10}\">" for i in range(1, 11)) + "]><s>KEY<a>&l10;</a></s>"
QUADRATIC = f"<!DOCTYPE s [<!ENTITY e \"{'x' * 50000}\">]><s>KEY<a>{'&e;' * 50000}</a></s>"


@pytest.mark.parametrize("text", [
    LAUGHS, QUADRATIC, "<!DOCTYPE stats><stats>KEY</stats>",
    "<!DOCTYPE stats []><stats>KEY</stats>",
    "<!DOCTYPE stats SYSTEM \"file:///etc/passwd\"><stats>KEY</stats>",
    "<!DOCTYPE s [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><stats>KEY<a>&e;</a></stats>",
    "<!DOCTYPE s [<!ENTITY % p SYSTEM \"http://127.0.0.1:PORT/x\"> %p;]><stats>KEY</stats>",
    "<!DOCTYPE s SYSTEM \"http://127.0.0.1:PORT/x.dtd\"><stats>KEY</stats>",
    "<!DOCTYPE s PUBLIC \"-//X//Y\" \"http://127.0.0.1:PORT/x\" [<!ELEMENT s ANY>]><s>KEY</s>",
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


@pytest.mark.parametrize("body", [
    *(("<?xml version=\"1.0\" encoding=\"%s\"?>" % name + GET).encode(codec) for name, codec in (
        ("UTF-16", "utf-16"), ("UTF-16LE", "utf-16-le"), ("UTF-16BE", "utf-16-be"),
        ("UTF-32", "utf-32"),
        ("UTF-16", "utf-8"), ("ISO-8859-1", "latin1"), ("US-ASCII", "ascii"),
        ("windows-1252", "cp1252"),
        ("UTF-7", "ascii"), ("EBCDIC-CP-US", "cp500"), ("x" * 500, "ascii"), ("", "ascii"))),
    GET.encode("utf-16"), GET.encode("utf-16-le"), GET.encode("cp500"),
    *(GET.encode().replace(b"anna", bad) for bad in (
        b"\xff", b"\xfe\xff", b"\xc0\xaf", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
        b"\xf8\x88\x80\x80\x80",
        b"\xe2\x82", b"m\xfcller", b"an\x00na", b"\xc0\x80", b"\x80", b"\xef\xbf\xbf")),
    b"\x00" + GET.encode(), GET.encode() + b"\x00", GET.encode().replace(b"<getemail>",
                                                                         b"<get\xc3email>"),
], ids=range(31))
def test_encodings(pb, body):
    """UTF-8 alone, and that to the letter."""
    if b"KEY" in body:
        body = keyed(pb, body)
    refused(pb, body)


# --- sizes ---

def test_largest_bodies(pb):
    """1 MiB, 16 MiB for importconfig; and not one byte more, announced or in chunks."""
    settings = b"<settings><mail_from_quota>77</mail_from_quota></settings>"
    for most, command, inner in ((MIB, "stats", b""), (16 * MIB, "importconfig", settings)):
        for n, wanted in ((most, 200), (most + 1, 413), (most + 3 * MIB, 413)):
            body = padded(pb, n, command, inner)
            status, text = pb.post(body)
            assert status == wanted, (command, n)
            head = HEAD + b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            out = talk(pb, head + chunked(body))
            assert out.split()[1:2] == [str(wanted).encode()], (command, n, out[:200])
            if wanted == 413:
                assert ET.fromstring(text).findtext("code") == "too_large"
                assert b"too_large" in out
    assert pb.xml("getinfo").findtext("mail_from_quota") == "77"
    # the room is for importconfig, not for what only looks like it
    for begin in (b"<importconfigs>", b"<stats><importconfig>", b"<!-- <importconfig> --><stats>",
                  b" "):
        assert pb.post(begin + b" " * 2 * MIB)[0] == 413
    status, text = pb.post(padded(pb, 2 * MIB, "importconfig").replace(pb.key().encode(), b"wrong"))
    assert (status, ET.fromstring(text).findtext("code")) == (403, "wrong_key")


def test_imports_of_many_elements(pb):
    box, setting = b"<box><boxid>B</boxid></box>", b"<mail_from_quota>1</mail_from_quota>"
    for inner in (b"<clusters>" + b"<cluster/>" * 100001 + b"</clusters>",
                  b"<clusters>" + b"<cluster>" * 100000 + b"</cluster>" * 100000 + b"</clusters>",
                  b"<clusters><cluster><boxes>" + box * 60000 + b"</boxes></cluster></clusters>",
                  b"<settings>" + setting * 100000 + b"</settings>"):
        status, text = pb.post(padded(pb, 0, "importconfig", inner))
        assert status == 400 and ET.fromstring(text).findtext("error")
    ports = set()
    while len(ports) < 65:
        ports.add(free_port())
    clusters = "".join(f"<cluster><clusterid>C{p}</clusterid><type>tcp</type><listen_address>"
                       f"127.0.0.1</listen_address><listen_port>{p}</listen_port></cluster>"
                       for p in ports)
    status, text = pb.post(padded(pb, 0, "importconfig",
                                  f"<clusters>{clusters}</clusters>".encode()))
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

def test_chunked_bodies(pb):
    head = HEAD + b"Transfer-Encoding: chunked\r\n"
    for size in (1, 7, 100000):
        out = talk(pb, head + b"\r\n" + chunked(good(pb), size))
        assert b" 200 OK" in out and b"MAIL1" in out
    body = good(pb)
    whole = b"%x;name=value\r\n%s\r\n0\r\nTrailer: x\r\n\r\n" % (len(body), body)
    assert b"MAIL1" in talk(pb, head + b"\r\n" + whole)
    for bad in (b"zz\r\n<a/>\r\n0\r\n\r\n", b"-1\r\n<a/>\r\n0\r\n\r\n",
                b"ffffffffffffffffff\r\n<a/>\r\n",
                b"5\r\n<a/>\r\n0\r\n\r\n", b"4\r\n<a/>XX0\r\n\r\n", b"\r\n\r\n",
                b"1" * 5000 + b"\r\n"):
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


@pytest.mark.parametrize("data", [
    b"\r\n\r\n\r\n", bytes(range(256)) * 16,
    b"GET /xml\r\n", b"GET /xml\r\n\r\n", b"POST /xml\r\n\r\n" + BODY, b"POST\r\n\r\n",
    b"POST /xml HTTP/9.9\r\n\r\n",
    b"POST /xml HTTP/1.1 HTTP/1.1\r\n\r\n", b"P\x00ST /xml HTTP/1.1\r\n\r\n",
    b"post /xml HTTP/1.1\r\n\r\n",
    b"EHLO example.com\r\nMAIL FROM:<>\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET " + b"/" * 100000 + b" HTTP/1.1\r\n\r\n", b"GET /" + b"x" * 10000000,
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /xml%00 HTTP/1.1\r\nHost: x\r\n\r\n", b"TRACE /xml HTTP/1.1\r\nHost: x\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b"CONNECT 127.0.0.1:25 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PUT /xml HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n" + BODY,
    b"DELETE /xml HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /xml HTTP/1.1\r\nContent-Length: -1\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.1\r\nContent-Length: x\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.1\r\nContent-Length: 8\r\nContent-Length: 9\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.1\r\nContent-Length: 8\r\nTransfer-Encoding: chunked\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n" + BODY,
    b"POST /xml HTTP/1.0\r\n\r\n" + BODY, b"POST /xml HTTP/1.1\r\n\r\n",
    b"POST /xml HTTP/1.1\r\n no colon\r\n\r\n", b"POST /xml HTTP/1.1\r\n: empty\r\n\r\n",
    b"POST /xml HTTP/1.1\r\nA\x00B: c\r\n\r\n",
    b"POST /xml HTTP/1.1\r\nA: b\r\n folded\r\nContent-Length: 8\r\n\r\n" + BODY,
    HEAD + b"".join(b"X-%d: y\r\n" % i for i in range(10000)) + b"\r\n",
    HEAD + b"X: " + b"y" * 5000000 + b"\r\n\r\n",
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
