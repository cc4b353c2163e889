"""The XML interface from a program's side: documents, answers, connections. Imported through
harness.py."""

import http.client
import socket
import threading
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

GONE = (OSError, http.client.HTTPException, ET.ParseError)  # no answer came


class XmlError(Exception):
    def __init__(self, status, code, text):
        super().__init__(f"HTTP {status} {code}: {text}")
        self.status, self.code, self.text = status, code, text


def document(command, key, params=(), inner=""):
    """The bytes of a request; params are (tag, value) pairs, inner stands behind them as it is.
    A CR would be read as a newline."""
    params = list(params) if key is None else [("accesskey", key), *params]
    rows = "".join(f"<{k}>{escape(str(v), {chr(13): '&#13;'})}</{k}>" for k, v in params)
    return f"<{command}>{rows}{inner}</{command}>".encode()


def answer_of(command, status, text):
    """The <response> element; a refusal is an XmlError."""
    root = ET.fromstring(text)
    assert root.tag == "response"
    if root.findtext("status") != "ok":
        raise XmlError(status, root.findtext("code"), root.findtext("error"))
    assert status == 200 and root.findtext("command") == command
    return root


def values(element):
    """{tag: text} of the children that are no lists; of a whole answer without its head."""
    head = ("command", "status") if element.tag == "response" else ()
    return {e.tag: e.text or "" for e in element
            if not len(e) and "total" not in e.attrib and e.tag not in head}


class LocalConnection(http.client.HTTPConnection):
    """To DIR/admin.sock, which needs no key."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class XmlClient:
    """A program that asks over one connection for as long as it lasts, then over the next. Not
    to be shared between threads."""

    def __init__(self, balancer, timeout=30):
        self.balancer = balancer
        self.connection = http.client.HTTPConnection("127.0.0.1", balancer.http, timeout=timeout)

    def xml(self, command, **params):
        """As Balancer's; OSError or HTTPException when no answer came."""
        try:
            self.connection.request("POST", "/xml",
                                    document(command, self.balancer.key(), params.items()))
            r = self.connection.getresponse()
            text = r.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()  # the next request opens it anew
            raise
        return answer_of(command, r.status, text)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class InFlight(threading.Thread):
    """One request in a thread; answer is the answer, the XmlError, or None when none came."""

    def __init__(self, balancer, command, body=None):
        super().__init__(daemon=True)
        self.balancer, self.command, self.answer = balancer, command, None
        self.body = body or document(command, balancer.key())
        self.start()

    def run(self):
        try:
            self.answer = answer_of(self.command, *self.balancer.post(self.body))
        except XmlError as e:
            self.answer = e
        except GONE:
            pass


def progress(balancer):
    """(done, of) of the long command under way, or None."""
    work = balancer.xml("stats").find("work")
    return None if work is None else (int(work.findtext("done")), int(work.findtext("of")))
