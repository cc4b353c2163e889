"""What the tests of hostile clients share."""

import re
import socket
import struct
import xml.etree.ElementTree as ET

from harness import document

MIB = 1 << 20
HEAD = b"POST /xml HTTP/1.1\r\nHost: x\r\n"
BODY = b"<stats/>"
GET = "<getemail>KEY<email_address>anna@example.com</email_address></getemail>"


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


def good(pb):
    return keyed(pb, GET)


def padded(pb, n, command="stats", inner=b""):
    """A good document of n bytes."""
    body = document(command, pb.key()).replace(f"</{command}>".encode(),
                                               inner + f"</{command}>".encode())
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


def open_from(pb, address):
    return socket.create_connection(("127.0.0.1", pb.http), 30, (address, 0))


def vanish(s):
    """With a reset."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
