"""The console in headless Chromium, against a running protobalance."""

import time

import pytest

from browser import ELEMENT, Browser
from harness import BUILD, free_port, wait_for
from test_smtp import Smtp

PAGES = ["info", "clusters", "emails", "why", "log", "password", "clusters/add/smtp", "emails/add/account"]
EVIL = "<img src=x onerror=\"document.title='owned'\">'\"&amp;<script>document.title='owned'</script>"


class Console(Browser):
    def open(self, pb, **kw):
        self.pb = pb
        pb.key()
        self.password = pb.credentials()["password"]
        self.go(f"http://127.0.0.1:{pb.http}/")
        return self

    def login(self, password=None):
        self.type("#pw", password or self.password)
        self.click("button", "Log in")
        return self

    def page(self, name):
        self.run("location.hash = arguments[0]", f"#/{name}")
        wait_for("the page is drawn", lambda: self.run(
            "return document.getElementById('main').dataset.page === location.hash"))

    def fill(self, table, **values):
        for name, value in values.items():
            self.type(f"#f-{table}-{name}", value)


@pytest.fixture
def console(keep):
    b = keep(Console())
    yield b
    assert b.complaints() == []


def said(b, text):
    wait_for(f"'{text}' is said, not '{b.text()[-300:]}'", lambda: b.find("#said", text))


# --- the way in ---


def test_login(console, balancer):
    pb = balancer()
    b = console.open(pb)
    b.login("not this")
    b.see("[role=alert]", "That is not the console's password.")
    b.login()
    b.see("nav a", "Email Database")
    b.see("dd", "0.1.0")
    b.run("location.reload()")  # the session goes on
    b.see("nav a", "Clusters")
    b.click("nav button", "Logout")
    b.see("h1", "Login")
    b.go(f"http://127.0.0.1:{pb.http}/#/clusters")
    b.see("h1", "Login")


def test_session_that_is_over(console, balancer):
    pb = balancer()
    b = console.open(pb).login()
    b.see("nav a", "Info")
    pb.xml("changepassword", password="a new one")  # ends all sessions
    b.run("location.hash = '#/clusters'")
    b.see("h1", "Login")
    b.login("a new one")
    b.see("h1", "Clusters")


def test_change_password(console, balancer):
    b = console.open(balancer()).login()
    b.page("password")
    b.type("#password-1", "first one")
    b.type("#password-2", "another")
    b.click("form button", "Change")
    said(b, "The two are not the same.")
    b.type("#password-2", "first one")
    b.click("form button", "Change")
    said(b, "Console password is changed.")
    b.click("nav button", "Logout")
    b.login("first one")
    b.see("nav a", "Info")


# --- the newcomer ---


def test_first_steps(console, balancer, demobox):
    """From an empty installation to a mail in its box, by the browser alone."""
    pb, box = balancer(), demobox("MAIL1")
    b = console.open(pb).login()
    b.see("h2", "First steps")
    b.click("li a", "Add SMTP Cluster")
    b.see("h2", "Add SMTP Cluster")
    port = free_port()
    assert "255, 246, 194" in b.run("return getComputedStyle(document.querySelector('.mandatory input')).backgroundColor")
    b.fill("cluster", clusterid="MX", listen_address="127.0.0.1", listen_port="70000")
    b.click("button", "Save")
    b.see("[role=alert]", "listen_port: \"70000\" is not in 1..65535")
    b.fill("cluster", listen_port=str(port), smtp_host_name="mx.example.com", default_spam_setting="0")
    b.click("button", "Save")
    b.click("a", "Add box")
    b.fill("box", boxid="MAIL1", connect_address="127.0.0.1", connect_port=str(box.smtp))
    b.click("button", "Save")
    b.click(".light.green", "green")
    wait_for("the light", lambda: pb.xml("listclusters").findtext("clusters/cluster/boxes/box/light") == "green")
    b.page("emails/add/account")
    b.fill("account", email_address="anna@example.com", boxid="MAIL1")
    b.click("button", "Save")
    b.see("h2", "Email anna@example.com")
    b.page("why")
    b.type("#tto", "anna@example.com")
    b.type("#tfrom", "bob@example.org")
    b.click("button", "Send test mail")
    b.see("strong", "The mail was taken.")
    b.see(".log li", "bob@example.org => anna@example.com \"Test mail of protobalance\":0kB success - 250")
    assert len(box.mails("anna@example.com")) == 1
    b.page("info")
    assert "First steps" not in b.text()


# --- clusters ---


def test_lights(console, site):
    """Yellow and red ask first, Escape is no, and the page shows how a box drains."""
    s = site(1)
    b = console.open(s.pb).login()
    b.page("clusters")
    c = Smtp(s.smtp)
    assert c.say("MAIL FROM:<me@sender.org>").startswith("250")
    assert c.say(f"RCPT TO:<{s.people[0]}>").startswith("250")

    def light():
        return s.pb.xml("listclusters").findtext("clusters/cluster/boxes/box/light")
    b.click(".light.yellow")
    b.see("dialog", "Turn MAIL1 of MX yellow?")
    b.keys("\ue00c")
    b.gone("dialog")
    assert light() == "green"
    b.click(".light.yellow")
    b.click("dialog button", "Turn yellow")
    said(b, "MAIL1 of MX is yellow.")
    assert light() == "yellow"
    b.see("td", "drains: 1 left")
    c.socket.close()
    c.file.close()
    b.gone("td", "drains")
    b.click(".light.red")
    b.click("dialog button", "Turn red")
    said(b, "MAIL1 of MX is red.")
    b.see("section", "none of its boxes is green")
    b.click(".light.green")
    wait_for("green again", lambda: light() == "green")


def test_edit_and_delete(console, site):
    s = site(1)
    b = console.open(s.pb).login()
    b.page("clusters/edit/MX")
    b.fill("cluster", error_sleep_s="601")
    b.click("button", "Save")
    b.see("[role=alert]", "error_sleep_s: \"601\" is not in 0..600")
    b.fill("cluster", error_sleep_s="7.5", comment="the front door")
    b.click("button", "Save")
    said(b, "")
    wait_for("saved", lambda: s.pb.xml("getcluster", clusterid="MX").findtext("error_sleep_s") == "7.5")
    b.see("p", "the front door")
    b.click("button", "Delete")
    b.click("dialog button", "Delete")
    wait_for("it is gone", lambda: s.pb.xml("listclusters").find("clusters/cluster/boxes").get("total") == "0")


def test_by_keyboard_alone(console, balancer):
    """Login and a new page without a mouse."""
    b = console.open(balancer())
    b.see("#pw")
    b.keys(*b.password, "\ue007")
    b.see("nav a", "Info")
    b.run("document.querySelector('nav a[href=\"#/clusters\"]').focus()")
    b.keys("\ue007")
    b.see("h1", "Clusters")
    assert b.run("return document.activeElement.id") == "main"


# --- the e-mail database ---


def test_emails(console, site):
    s = site()
    b = console.open(s.pb).login()
    b.page("emails")
    b.type("#q-account", "bert")
    b.gone("a", "anna@example.com")
    b.click("a", "bert@example.com")
    b.fill("account", rcpt_per_mail="x")
    b.click("button", "Save")
    b.see("[role=alert]", "rcpt_per_mail")
    b.fill("account", rcpt_per_mail="7")
    b.click("button", "Save")
    said(b, "bert@example.com is saved.")
    assert s.pb.xml("getemail", email_address="bert@example.com").findtext("rcpt_per_mail") == "7"
    b.click("button", "Delete")
    b.click("dialog button", "Delete")
    b.see("h2", "Search Email")
    assert s.pb.refused("getemail", email_address="bert@example.com").status == 404
    b.page("emails/add/alias")
    b.fill("alias", alias_address="new@example.com", alias_list="anna@example.com,far@elsewhere.org")
    b.click("button", "Save")
    b.see("h2", "Alias new@example.com")
    s.pb.xml("setblockip", block_email="1", email_address="anna@example.com")
    b.page("emails")
    b.click("button", "Unblock")
    said(b, "anna@example.com is unblocked.")
    assert len(s.pb.xml("blockedips").find("blockedips")) == 0


def test_files(console, site):
    s = site()
    b = console.open(s.pb).login()
    b.page("emails")
    b.click("button", "Vacuum Databases")
    b.see("div", "The files are written.")
    with (s.pb.state / "email.csv").open("a") as f:
        f.write("carl@example.com\t\tMAIL1\nthis is no line\n")
    b.click("button", "Re-read Database")
    b.click("dialog button", "Re-read")
    b.see("td", "email.csv")
    assert s.pb.xml("getemail", email_address="carl@example.com") is not None


def test_upload_and_download(console, site, tmp_path):
    s = site()
    b = console.open(s.pb).login()
    b.page("emails")
    b.click("button", "Download email.csv")
    b.see("p", "There is no email.csv yet")
    mine = tmp_path / "mine.csv"
    mine.write_text("dora@example.com\t\tMAIL2\n")
    e = b.see("#up-email\\.csv")
    b.do("POST", f"/element/{e[ELEMENT]}/value", {"text": str(mine)})
    b.see("div", "email.csv is there.")
    assert (s.pb.state / "email.csv").read_text() == mine.read_text()
    b.click("button", "Download email.csv")


# --- why, and the log ---


def test_why(console, site):
    s = site(cluster={"default_spam_setting": 2})
    Smtp(s.smtp).say("NOOP")
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<me@sender.org>")
    assert c.say(f"RCPT TO:<{s.people[0]}>").startswith("450")
    b = console.open(s.pb).login()
    b.page("why")
    b.type("#about", "team@example.com")
    b.type("#sender", "me@sender.org")
    b.type("#client", "127.0.0.1")
    b.click("button", "Why?")
    b.see("li", "anna@example.com – account on MAIL1")
    b.see("p", "It would be held up: put off")
    b.type("#about", "127.0.0.1")
    b.click("button", "Why?")
    b.see("li", "450 4.7.1 greylisted")
    b.type("#about", "not an address")
    b.click("button", "Why?")
    said(b, "email_address")


def test_live_log(console, site):
    s = site(1)
    b = console.open(s.pb).login()
    Smtp(s.smtp).mail(s.people[0], sender="first@sender.org")
    b.page("log")
    b.see(".log li", "first@sender.org")
    Smtp(s.smtp).mail(s.people[0], sender="second@sender.org")
    b.see(".log li", "second@sender.org")
    b.type("#match", "second@")
    b.keys("\ue007")
    b.gone(".log li", "first@sender.org")
    b.see(".log li", "second@sender.org")


def test_graphs(console, site):
    s = site(1)
    b = console.open(s.pb).login()
    b.see("figcaption", "mails a minute, the last ten minutes")
    for _ in range(3):
        Smtp(s.smtp).mail(s.people[0])
    wait_for("a line of it", lambda: b.find("figure svg polyline.line"), 40)
    wait_for("mails", lambda: b.find("dd", "3 since the start"))
    b.click("button", "week")
    b.see("figcaption", "mails a minute, the last week")
    b.see("button[aria-pressed=true]", "week")


# --- strangers' texts ---


def test_nothing_that_is_shown_is_run(console, site):
    """Comments, log lines, senders and subjects with HTML in them are text everywhere."""
    s = site(1, cluster={"comment": EVIL})
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", comment=EVIL)
    s.pb.xml("commitmodifyemail", email_address=s.people[0], auto_reply_subject=EVIL)
    c = Smtp(s.smtp)
    c.mail(s.people[0], body=f"Subject: {EVIL}\r\n\r\nx\r\n")
    c.say(f"EHLO {EVIL}")
    c.say(f"MAIL FROM:<{EVIL}@x>")
    b = console.open(s.pb).login()
    for page in ["clusters", "clusters/edit/MX", "clusters/box/MX/MAIL1", "emails", f"emails/edit/account/{s.people[0]}",
                 f"why/{s.people[0]}", "why/127.0.0.1", "log", "info"]:
        b.page(page)
        time.sleep(0.3)
        assert "owned" not in b.run("return document.title"), page
        assert b.run("return document.querySelectorAll('img, main script').length") == 0, page
    b.page("log")
    b.see(".log li", "<img src=x")
    b.go(f"http://127.0.0.1:{s.pb.http}/#/why/{EVIL}")
    time.sleep(0.5)
    assert "owned" not in b.run("return document.title")


# --- every page ---


def looked_at(b, axe):
    return b.run_async(axe + """; const done = arguments[0];
        axe.run().then((r) => done(r.violations.filter((v) => ["serious", "critical"].includes(v.impact))
            .map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html).join(" | "))), (e) => done([String(e)]))""")


@pytest.mark.parametrize("dark", [False, True])
def test_everybody_can_use_it(keep, site, dark):
    """axe-core finds nothing serious on any page, in the light and in the dark."""
    axe = next(BUILD.glob("axe-*.js")).read_text()
    s = site(1, cluster={"relay_ranges": "10.0.0.0/8"})
    Smtp(s.smtp).mail(s.people[0])
    s.pb.xml("setblockip", block_email="1", email_address=s.people[0])
    b = keep(Console(dark=dark)).open(s.pb)
    assert b.run("return matchMedia('(prefers-color-scheme: dark)').matches") == dark
    for page in ["login", *PAGES, "clusters/edit/MX", f"emails/edit/account/{s.people[0]}", f"why/{s.people[0]}"]:
        if page == "login":
            b.see("#pw")
        elif b.find("#pw"):
            b.login()
            b.see("nav a", "Info")
        if page != "login":
            b.page(page)
        assert looked_at(b, axe) == [], page
    # and it would find some
    b.run("""document.querySelector("main").insertAdjacentHTML("beforeend",
        '<input><p id="faint">faint</p>'); document.getElementById("faint").style.cssText =
        "color: #777; background: #888";""")
    assert {x.split(":")[0] for x in looked_at(b, axe)} == {"color-contrast", "label"}


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_fit(console, site, width):
    """No page is wider than the window; each has one heading, and every field a label."""
    s = site(1, cluster={"relay_ranges": "10.0.0.0/8"})
    b = console.open(s.pb).login()
    b.see("nav a", "Info")
    b.resize(width, 800)
    for page in PAGES:
        b.page(page)
        wide = b.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, page
        assert b.run("return document.querySelectorAll('h1').length") == 1
        assert b.run("""return [...document.querySelectorAll('input, select, textarea')].filter(
            (e) => !e.labels.length && !e.ariaLabel).map((e) => e.id)""") == [], page


def test_small_and_from_here_alone(console, site):
    """Below 150 KiB in all, and no request to any other host."""
    s = site(1)
    b = console.open(s.pb).login()
    for page in PAGES:
        b.page(page)
    hosts = b.run("return [...new Set(performance.getEntriesByType('resource').map((r) => new URL(r.name).host))]")
    assert hosts == [f"127.0.0.1:{s.pb.http}"]
    sizes = b.run("""return performance.getEntriesByType('resource').filter((r) =>
        !/(xml|login)$/.test(r.name)).map((r) => r.decodedBodySize)""")
    assert 20000 < sum(sizes) < 150 * 1024
