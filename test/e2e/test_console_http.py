"""The console's way in: pages, login with cookie and token, and who is kept out."""

import http.client
import os
import re
import signal
import socket
import threading
import xml.etree.ElementTree as ET

import pytest

from harness import wait_for


class Browser:
    """Keeps a cookie as browsers do."""

    def __init__(self, pb):
        self.pb, self.cookie, self.token = pb, None, None

    def ask(self, method, path, body=None, **headers):
        c = http.client.HTTPConnection("127.0.0.1", self.pb.http, timeout=30)
        if self.cookie:
            headers["Cookie"] = f"other=1; {self.cookie}"
        c.request(method, path, body, headers)
        answer = c.getresponse()
        answer.text = answer.read().decode()
        set_cookie = answer.getheader("Set-Cookie")
        if set_cookie:
            self.cookie = set_cookie.split(";")[0]
        c.close()
        return answer

    def login(self, password=None, body=None):
        password = self.pb.password() if password is None else password
        answer = self.ask("POST", "/login", body or f"<login><password>{password}</password></login>")
        if answer.status == 200:
            self.token = ET.fromstring(answer.text).findtext("csrf_token")
        return answer

    def xml(self, text, token=True):
        return self.ask("POST", "/xml", text, **({"X-CSRF-Token": self.token} if token else {}))


@pytest.fixture
def pb(balancer):
    b = balancer()
    b.key()  # the file that has it goes with the first password
    b.password = lambda: b.credentials()["password"]
    return b


def test_pages(pb):
    b = Browser(pb)
    page = b.ask("GET", "/")
    assert page.status == 200 and page.text.startswith("<!DOCTYPE html>")
    policy = page.getheader("Content-Security-Policy")
    assert "default-src 'none'" in policy and "script-src 'self'" in policy
    assert "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert page.getheader("X-Content-Type-Options") == "nosniff"
    for name in re.findall(r'(?:href|src)="([^"#]+)"', page.text):
        found = b.ask("GET", f"/{name}")
        assert found.status == 200, name
        again = b.ask("GET", f"/{name}", **{"If-None-Match": found.getheader("ETag")})
        assert again.status == 304 and again.text == ""
    assert b.ask("HEAD", "/").text == ""
    assert b.ask("POST", "/", "x").status == 405
    for path in ("/none", "/../email.csv", "/%2e%2e/email.csv", "/web/index.html", "//index.html"):
        assert b.ask("GET", path).status == 404, path


def test_login_and_logout(pb):
    b = Browser(pb)
    answer = b.login()
    assert answer.status == 200, answer.text
    assert len(b.token) == 64
    rules = answer.getheader("Set-Cookie").split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(rules[1:]) and "Secure" not in rules
    assert b.token not in answer.getheader("Set-Cookie")
    assert answer.getheader("Cache-Control") == "no-store"
    assert "<version>" in b.xml("<getinfo/>").text
    assert b.ask("POST", "/logout", "", **{"X-CSRF-Token": b.token}).status == 200
    assert b.cookie.endswith("=")
    assert b.xml("<getinfo/>").status == 403


def test_form(pb):
    """As curl sends it."""
    b = Browser(pb)
    pb.xml("changepassword", password="a b&c=%+\u00e9")
    assert b.login("", body="x=1&password=a+b%26c%3D%25%2b%c3%a9").status == 200
    assert b.xml("<getinfo/>").status == 200


def test_console_is_named(pb):
    b = Browser(pb)
    b.login()
    assert b.xml("<addcluster><clusterid>C</clusterid><type>tcp</type><listen_address>127.0.0.1"
                 "</listen_address><listen_port>0</listen_port></addcluster>").status == 400
    assert b.xml("<setsisterkey><sister_key>0123456789abcdef0123456789abcdef</sister_key>"
                 "</setsisterkey>").status == 200
    rows = pb.xml("audit").findall("changes/change")
    assert rows[-1].findtext("who") == "console" or rows[0].findtext("who") == "console"


@pytest.mark.parametrize("break_it", ["no token", "another token", "no cookie", "another cookie"])
def test_forged_requests(pb, break_it):
    """A page of somebody else has the cookie at most, never the token."""
    b = Browser(pb)
    b.login()
    if break_it == "no token":
        answer = b.xml("<getinfo/>", token=False)
        assert "wrong_key" in answer.text
    else:
        if break_it == "another token":
            b.token = "0" * 64
        elif break_it == "no cookie":
            b.cookie = None
        else:
            b.cookie = "protobalance=" + "0" * 64
        answer = b.xml("<getinfo/>")
        assert "wrong_session" in answer.text
    assert answer.status == 403
    assert "no such session" in pb.log_text() or "no access key" in pb.log_text()


@pytest.mark.parametrize("body", ["", "<login/>", "<login><password></password></login>", "password=",
                                  "<login><password>wrong</password></login>", "password=wrong",
                                  "<login><password>" + "x" * 1000 + "</password></login>"])
def test_wrong_password(pb, body):
    b = Browser(pb)
    answer = b.ask("POST", "/login", body)
    assert answer.status == 403 and "wrong_password" in answer.text
    assert answer.getheader("Set-Cookie") is None
    assert re.search(r"login from=127.0.0.1: (no|wrong) password", pb.log_text())


def test_bad_document(pb):
    assert Browser(pb).ask("POST", "/login", "<login><password>").status == 400


def test_guesses_take_longer(pb):
    """Behind enough of them nothing is looked at."""
    codes = []

    def guess():
        codes.append(Browser(pb).login("wrong").status)
    threads = [threading.Thread(target=guess) for _ in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert codes.count(429) >= 1 and codes.count(403) >= 1 and set(codes) == {403, 429}


def test_a_new_password_ends_other_sessions(pb):
    mine, other = Browser(pb), Browser(pb)
    mine.login()
    other.login()
    assert mine.xml("<changepassword><password>another one</password></changepassword>").status == 200
    assert mine.xml("<getinfo/>").status == 200
    assert other.xml("<getinfo/>").status == 403
    assert Browser(pb).login("another one").status == 200


def test_restart_ends_sessions(pb):
    b = Browser(pb)
    b.login()
    os.kill(pb.children()["admin"], 9)

    def answers():
        try:
            return b.ask("GET", "/").status == 200
        except OSError:
            return False
    wait_for("another one", answers)
    assert b.xml("<getinfo/>").status == 403


# --- account files ---


def put(b, name, body, token=True, **headers):
    if token:
        headers["X-CSRF-Token"] = b.token
    return b.ask("PUT", f"/files/{name}", body, **headers)


def test_files_up_and_down(pb):
    b = Browser(pb)
    b.login()
    nothing = b.ask("GET", "/files/email.csv", **{"X-CSRF-Token": b.token})
    assert nothing.status == 404 and "vacuum writes it" in nothing.text
    text = "".join(f"user{i}@example.com\tsecret\tMAIL1\n" for i in range(50000))
    answer = put(b, "email.csv", text.encode())
    assert answer.status == 200 and f"<bytes>{len(text)}</bytes>" in answer.text
    assert put(b, "alias.csv", b"team@example.com\tuser1@example.com\n").status == 200
    assert (pb.state / "email.csv").read_text() == text
    assert (pb.state / "email.csv").stat().st_mode & 0o777 == 0o600
    assert b.xml("<reread/>").status == 200
    assert b.ask("GET", "/files/email.csv", **{"X-CSRF-Token": b.token}).text == text
    assert b.xml("<getemail><email_address>user49999@example.com</email_address></getemail>").status == 200
    assert list(pb.state.glob("*.upload")) == []


def test_files_are_for_those_who_have_logged_in(pb):
    b = Browser(pb)
    b.login()
    put(b, "email.csv", b"a@example.com\tx\tB\n")
    for stranger in (Browser(pb), b):
        assert put(stranger, "email.csv", b"evil", token=False).status == 403
        assert stranger.ask("GET", "/files/email.csv").status == 403
    assert put(b, "email.csv", b"evil", **{"X-CSRF-Token": "0" * 64}, token=False).status == 403
    assert (pb.state / "email.csv").read_bytes() == b"a@example.com\tx\tB\n"
    for path in ("first-login", "accounts.mdb", "../first-login", "email.csv/..", ""):
        assert put(b, path, b"x").status in (404, 405)
    assert b.ask("DELETE", "/files/email.csv", **{"X-CSRF-Token": b.token}).status == 405


def test_an_upload_that_is_broken_off(pb):
    """The file of before stands, and nothing is left beside it."""
    b = Browser(pb)
    b.login()
    put(b, "email.csv", b"a@example.com\tx\tB\n")
    s = socket.create_connection(("127.0.0.1", pb.http))
    s.sendall(f"PUT /files/email.csv HTTP/1.1\r\nHost: a\r\nCookie: {b.cookie}\r\nX-CSRF-Token: {b.token}\r\n"
              "Content-Length: 1000000\r\n\r\nhalf of it".encode())
    wait_for("it has begun", lambda: list(pb.state.glob("*.upload")))
    second = put(b, "email.csv", b"b@example.com\tx\tB\n")
    assert second.status == 503 and "another upload of this file is under way" in second.text
    assert put(b, "alias.csv", b"").status == 200
    s.close()
    wait_for("it is gone", lambda: not list(pb.state.glob("*.upload")))
    assert (pb.state / "email.csv").read_bytes() == b"a@example.com\tx\tB\n"


def test_an_upload_in_which_admin_is_killed(pb):
    b = Browser(pb)
    b.login()
    put(b, "email.csv", b"a@example.com\tx\tB\n")
    s = socket.create_connection(("127.0.0.1", pb.http))
    s.sendall(f"PUT /files/email.csv HTTP/1.1\r\nHost: a\r\nCookie: {b.cookie}\r\nX-CSRF-Token: {b.token}\r\n"
              "Content-Length: 1000000\r\n\r\nhalf of it".encode())
    wait_for("it has begun", lambda: list(pb.state.glob("*.upload")))
    os.kill(pb.children()["admin"], signal.SIGKILL)
    wait_for("what it had is gone", lambda: not list(pb.state.glob("*.upload")))
    assert (pb.state / "email.csv").read_bytes() == b"a@example.com\tx\tB\n"
    wait_for("the next one", pb.answers)
    b.login()
    assert put(b, "email.csv", b"c@example.com\tx\tB\n").status == 200
    s.close()


def test_an_upload_that_is_too_large(pb):
    b = Browser(pb)
    b.login()
    s = socket.create_connection(("127.0.0.1", pb.http))
    s.sendall(f"PUT /files/email.csv HTTP/1.1\r\nHost: a\r\nCookie: {b.cookie}\r\nX-CSRF-Token: {b.token}\r\n"
              "Content-Length: 536870913\r\n\r\n".encode())
    assert b"413" in s.recv(1000)
    s.close()
    assert not (pb.state / "email.csv").exists()
