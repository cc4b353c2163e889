#!/usr/bin/env python3
"""Accounts of protobalance over its XML interface; Python's standard library alone.

usage: account.py add ADDRESS BOX       the password is read from standard input
       account.py password ADDRESS      likewise
       account.py show ADDRESS
       account.py delete ADDRESS

BALANCE_URL is the interface (default http://127.0.0.1:8080/xml), BALANCE_KEYFILE a file that
holds nothing but the access key. Exit status: 0 done, 1 refused, 2 could not ask.
"""

import http.client
import os
import sys
import xml.etree.ElementTree as ET
from urllib.parse import urlsplit


class Refused(Exception):
    pass


def call(command, **parameters):
    """One command; the <response> element."""
    with open(os.environ["BALANCE_KEYFILE"]) as keyfile:
        parameters["accesskey"] = keyfile.read().strip()
    request = ET.Element(command)
    for tag, value in parameters.items():
        ET.SubElement(request, tag).text = value
    url = urlsplit(os.environ.get("BALANCE_URL", "http://127.0.0.1:8080/xml"))
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[url.scheme](url.netloc, timeout=60)
    connection.request("POST", url.path, ET.tostring(request, encoding="utf-8"),
                       {"Content-Type": "text/xml"})
    response = ET.fromstring(connection.getresponse().read())
    if response.find("status") is None:
        raise ValueError("the answer is not protobalance's")
    if response.findtext("status") != "ok":
        raise Refused(f"{response.findtext('error')} ({response.findtext('code')})")
    return response


def password():
    return sys.stdin.buffer.read().decode().removesuffix("\n")


def show(address):
    for value in call("getemail", email_address=address):
        if value.tag not in ("command", "status"):
            print(f"{value.tag}: {value.text or ''}")


COMMANDS = {
    ("add", 2): lambda address, box: call("addnewemail", email_address=address, boxid=box,
                                          user_password=password()),
    ("password", 1): lambda address: call("commitmodifyemail", email_address=address,
                                          user_password=password()),
    ("show", 1): show,
    ("delete", 1): lambda address: call("deleteemail", email_address=address),
}


def main(command="", *arguments):
    sys.stdout.reconfigure(encoding="utf-8")
    run = COMMANDS.get((command, len(arguments)))
    if not run or "BALANCE_KEYFILE" not in os.environ:
        sys.stderr.write(__doc__)
        return 2
    try:
        run(*arguments)
        return 0
    except Refused as error:
        print(f"account.py: {error}", file=sys.stderr)
        return 1
    except (OSError, http.client.HTTPException, KeyError, ValueError, ET.ParseError) as error:
        print(f"account.py: cannot ask: {error}", file=sys.stderr)
        return 2


sys.exit(main(*sys.argv[1:]))
