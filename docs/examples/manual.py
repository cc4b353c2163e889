#!/usr/bin/env python3
"""The user manual's example in today's Python: turns the light of a box.

usage: manual.py green|yellow|red CLUSTER BOX

It speaks to the socket itself, and sends what the manual's does, byte for byte: HTTP/1.0, no Host
field, and a document that begins with an empty line. Prints the answer as it comes.

BALANCE_URL is the interface (default http://127.0.0.1:8080/xml), BALANCE_KEYFILE a file that
holds nothing but the access key. Exit status: 0 done, 1 refused, 2 could not ask.
"""

import os
import socket
import sys
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

DOCUMENT = """
<?xml version="1.0" encoding="UTF-8" ?>
<{light}>
  <accesskey>{key}</accesskey>
  <clusterid>{cluster}</clusterid>
  <boxid>{box}</boxid>
</{light}>
"""


def submit(document):
    """The whole answer, with its header."""
    url = urlsplit(os.environ.get("BALANCE_URL", "http://127.0.0.1:8080/xml"))
    body = document.encode()
    answer = b""
    with socket.create_connection((url.hostname, url.port or 80), timeout=60) as connection:
        connection.sendall(b"POST /xml HTTP/1.0\r\n")
        connection.sendall(b"content-length: %d\r\n" % len(body))
        connection.sendall(b"\r\n" + body)
        while piece := connection.recv(4096):
            answer += piece
    return answer.decode()


def main(light="", cluster=None, box=None, *more):
    if light not in ("green", "yellow", "red") or box is None or more:
        sys.stderr.write(__doc__)
        return 2
    try:
        with open(os.environ["BALANCE_KEYFILE"]) as keyfile:
            key = keyfile.read().strip()
        answer = submit(DOCUMENT.format(light=light, key=escape(key), cluster=escape(cluster),
                                        box=escape(box)))
    except (OSError, KeyError, ValueError) as error:
        print(f"manual.py: cannot ask: {error}", file=sys.stderr)
        return 2
    print(answer)
    return 0 if "<status>ok</status>" in answer else 1


sys.exit(main(*sys.argv[1:]))
