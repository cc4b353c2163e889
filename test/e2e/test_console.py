"""The console in headless Chromium, against a running protobalance: the way in, the newcomer's, strangers' texts, what
holds for every page."""

import time
from pathlib import Path

import pytest

from console import PAGES, Console, light_of
from harness import BUILD, free_port, wait_for
from test_smtp import Smtp

# The manual's names of pages, by which its readers find their way.
NAMES = ["Info", "Clusters", "Add SMTP Cluster", "Add POP3 Cluster", "Add Cluster", "Email Database", "Add Email", "Add Alias",
         "Search Email", "Show blocked IP addresses", "Vacuum Databases", "Re-read Database", "Change password"]
EVIL = "<img src=x onerror=\"document.title='owned'\">'\"&amp;<script>document.title='owned'</script>"


WEB = Path(__file__).resolve().parents[2] / "admin/web"


# --- the way in ---


def test_login(console, balancer):
    pb = balancer()
    b = console.open(pb)
    b.login("not this")
    b.see("[role=alert]", "That is not the console's password.")
    b.login()
    b.see("dd", "0.1.0")
    for name in NAMES:
        b.see("nav a", name)
    b.run("location.reload()")  # the session goes on
    b.see("nav a", "Clusters")
    b.click("nav button", "Logout")
    b.see("h1", "Login")
    b.go(f"http://127.0.0.1:{pb.http}/#/clusters")
    b.see("h1", "Login")
    b.login()
    b.see("h1", "Clusters")


def test_session_that_is_over(console, balancer):
    """It leads to the login, which says why, and from there to where one was."""
    pb = balancer()
    b = console.open(pb).login()
    b.see("nav a", "Info")
    pb.xml("changepassword", password="a new one")  # ends all sessions
    b.run("location.hash = '#/clusters'")
    b.see("h1", "Login")
    b.see("[role=alert]", "The session is over.")
    b.login("a new one")
    b.see("h1", "Clusters")


def test_who_is_away_is_logged_out(console, balancer):
    """Pages ask for news by themselves; that keeps nobody in."""
    b = console.open(balancer()).login()
    b.see("nav a", "Info")
    b.run("const real = Date.now; Date.now = () => real() + 31 * 60000")
    b.see("h1", "Login")
    b.see("[role=alert]", "Nobody was here for 30 minutes.")


def test_two_tabs(console, site):
    """A second tab is logged in like the first, and out with it."""
    b = console.open(site(1).pb).login()
    b.see("nav a", "Info")
    first = b.do("GET", "/window")
    second = b.do("POST", "/window/new", {"type": "tab"})["handle"]
    b.do("POST", "/window", {"handle": second})
    b.go(f"http://127.0.0.1:{b.pb.http}/#/clusters")
    b.see("h1", "Clusters")
    b.click("nav button", "Logout")
    b.see("h1", "Login")
    b.do("DELETE", "/window")
    b.do("POST", "/window", {"handle": first})
    b.see("h1", "Login")


def test_forged_requests(console, site):
    """What a page of somebody else could send has no token, or a wrong one."""
    s = site(1)
    b = console.open(s.pb).login()
    b.see("nav a", "Info")
    for token in (None, "forged"):
        answer = b.run_async("""const [token, done] = arguments;
            fetch("xml", { method: "POST", headers: token ? { "X-CSRF-Token": token } : {},
                body: "<red><clusterid>MX</clusterid><boxid>MAIL1</boxid></red>" }).then((r) => done(r.status))""", token)
        assert answer == 403
    assert light_of(s.pb) == "green"
    b.run("localStorage.setItem('token', 'forged'); location.reload()")
    b.see("h1", "Login")


def test_change_password(console, balancer):
    pb = balancer()
    b = console.open(pb).login()
    b.page("password")
    b.type("#password-1", "first one")
    b.type("#password-2", "another")
    b.click("form:has(#password-1) button", "Change")
    b.see("[role=alert]", "The two are not the same.")
    b.type("#password-2", "first one")
    b.click("form:has(#password-1) button", "Change")
    b.said("Console password is changed.")
    b.click("form:has(#new_accesskey-1) button", "Invent one")
    invented = b.run("return document.getElementById('new_accesskey-1').value")
    assert len(invented) == 24
    b.click("form:has(#new_accesskey-1) button", "Change")
    b.said("Access key is changed.")
    assert pb.refused("getinfo").status == 403
    assert pb.xml("getinfo", key=invented) is not None
    b.click("nav button", "Logout")
    b.login("first one")
    b.see("nav a", "Info")


def test_service_that_is_away(console, balancer):
    pb = balancer()
    b = console.open(pb).login()
    b.page("clusters")
    pb.stop()
    b.see("#away", "protobalance does not answer")
    pb.start()
    b.gone("#away")
    b.see("h1", "Login")  # sessions end with the service


def test_by_keyboard_alone(console, site):
    """Login, another page, a light and its question, without a mouse."""
    s = site(1)
    b = console.open(s.pb)
    b.see("#pw")
    b.keys(*b.password, "\ue007")
    b.see("nav a", "Info")
    b.run("location.reload()")
    b.see("h1", "Info")
    b.keys("\ue004")
    assert b.run("return document.activeElement.id") == "skip"
    b.keys("\ue007")
    assert b.run("return document.activeElement.id") == "main"
    assert b.find("h1", "Info")
    b.run("document.querySelector('nav a[href=\"#/clusters\"]').focus()")
    b.keys("\ue007")
    b.see("h1", "Clusters")
    assert b.run("return document.activeElement.id") == "main"
    b.see("[aria-label='Light of MAIL1 in MX']")
    b.run("document.querySelector('[aria-label=\"Light of MAIL1 in MX\"] .green').focus()")
    b.keys("\ue004", " ")  # the next lamp
    b.see("dialog", "yellow?")
    assert b.run("return document.activeElement.textContent") == "Cancel"
    assert b.run("const s = getComputedStyle(document.activeElement); return s.outlineStyle") == "solid"
    b.keys("\ue004", "\ue007")
    wait_for("yellow", lambda: light_of(s.pb) == "yellow")
    time.sleep(2.5)  # the page has been drawn anew
    assert "yellow" in b.run("return document.activeElement.className")


# --- the newcomer ---


def test_first_steps(console, balancer, demobox):
    """From an empty installation to a mail in its box, by the browser alone."""
    pb, box = balancer(), demobox("MAIL1")
    b = console.open(pb).login()
    b.see("h2", "First steps")
    b.click("li.next a", "Add SMTP Cluster")
    b.see("h1", "Add SMTP Cluster")
    assert "255, 248, 197" in b.run("return getComputedStyle(document.querySelector('.mandatory input')).backgroundColor")
    port = free_port()
    b.save("Add")
    b.wrong("cluster", "clusterid", "This is needed.")
    b.fill("cluster", clusterid="MX", listen_address="127.0.0.1", listen_port=str(port), smtp_host_name="mx.example.com",
           default_spam_setting="0")
    b.save("Add")
    b.said("MX listens.")
    b.click("li.next a", "Add box")
    b.see("h1", "Add box to MX")
    b.fill("box", boxid="MAIL1", connect_address="127.0.0.1", connect_port=str(box.smtp))
    b.save("Add")
    b.said("Its light is yellow")
    b.see("li.next a", "Turn the light of its box green")
    b.click(".light.green")
    wait_for("the light", lambda: light_of(pb) == "green")
    b.click("li.next a", "Add Email")
    b.fill("account", email_address="Anna@example.com", boxid="MAIL1")
    b.save("Add")
    b.see("h1", "Email anna@example.com")
    b.see(".tree li", "anna@example.com")
    b.page("info")
    b.click("li.next a", "Send a test mail")
    assert b.see("#tto")
    b.type("#tfrom", "bob@example.org")
    b.click("button", "Send test mail")
    b.see("h2", "The mail was taken.")
    b.see(".log li", "250 2.0.0")
    b.see(".log li", "bob@example.org => anna@example.com \"Test mail of protobalance\":0kB success - 250")
    assert len(box.mails("anna@example.com")) == 1
    b.page("info")
    b.see("dd", "1 in all")
    assert "First steps" not in b.text()


# --- strangers' texts ---


def test_nothing_that_is_shown_is_run(console, site):
    """Comments, log lines, senders and subjects with HTML in them are text everywhere."""
    s = site(1, cluster={"comment": EVIL})
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", comment=EVIL)
    s.pb.xml("commitmodifyemail", email_address=s.people[0], auto_reply_subject=EVIL, auto_reply_body=EVIL)
    s.pb.xml("addnewalias", alias_address="odd@example.com", alias_list=s.people[0])
    c = Smtp(s.smtp)
    c.mail(s.people[0], body=f"Subject: {EVIL}\r\n\r\nx\r\n")
    c.say(f"EHLO {EVIL}")
    c.say(f"MAIL FROM:<{EVIL}@x>")
    b = console.open(s.pb).login()
    b.see("nav a", "Info")
    for page in ["clusters", "clusters/edit/MX", "clusters/box/MX/MAIL1", "emails", f"emails/edit/account/{s.people[0]}",
                 "emails/edit/alias/odd@example.com", f"why/{s.people[0]}", "why/127.0.0.1", "why/odd@example.com", "log", "info",
                 "info/changes", "clusters/test"]:
        b.page(page)
        time.sleep(0.3)
        assert "owned" not in b.run("return document.title"), page
        assert b.run("return document.querySelectorAll('main img, main script, [onerror]').length") == 0, page
    b.page("log")
    b.see(".log li", "<img src=x")
    b.page("clusters")
    b.see("p", EVIL)
    b.go(f"http://127.0.0.1:{s.pb.http}/#/why/{EVIL}")
    time.sleep(0.5)
    b.page("why/%E0%A4%A")  # no such text
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
    s = site(cluster={"relay_ranges": "10.0.0.0/8"})
    Smtp(s.smtp).mail(s.people[0])
    s.pb.xml("setblockip", block_email="1", email_address=s.people[0])
    s.pb.xml("yellow", clusterid="MX", boxid="MAIL2")
    b = keep(Console(dark=dark)).open(s.pb)
    assert b.run("return matchMedia('(prefers-color-scheme: dark)').matches") == dark
    b.see("#pw")
    assert looked_at(b, axe) == []
    b.login()
    b.see("nav a", "Info")
    for page in [*PAGES, "clusters/edit/MX", "clusters/box/MX/MAIL1", f"emails/edit/account/{s.people[0]}",
                 "emails/edit/alias/team@example.com", f"why/{s.people[0]}", "why/127.0.0.1"]:
        b.page(page)
        b.unfold()
        if page.startswith("why/"):
            b.see("h2", "All that is held about it")
        assert looked_at(b, axe) == [], page
    b.page("clusters")
    b.click("[aria-label='Light of MAIL1 in MX'] .red")
    b.see("dialog")
    assert looked_at(b, axe) == []
    b.click("dialog button", "Cancel")
    # and it would find some
    b.run("""document.querySelector("main").insertAdjacentHTML("beforeend",
        '<input><p id="faint">faint</p>'); document.getElementById("faint").style.cssText =
        "color: #777; background: #888";""")
    assert {x.split(":")[0] for x in looked_at(b, axe)} == {"color-contrast", "label"}


@pytest.mark.parametrize("width", [360, 700, 1000, 1280, 2400])
def test_pages_fit(console, site, width):
    """No page is wider than the window; each has one heading, and every field a label."""
    s = site(cluster={"relay_ranges": "10.0.0.0/8", "comment": "x" * 200})
    Smtp(s.smtp).mail(s.people[0])
    b = console.open(s.pb).login()
    b.see("dd", "0.1.0")
    b.resize(width, 800)
    for page in [*PAGES, "clusters/edit/MX", "emails/edit/alias/team@example.com", f"why/{s.people[0]}", "why/127.0.0.1"]:
        b.page(page)
        b.unfold()
        if page.startswith("why/"):
            b.see("h2", "All that is held about it")
        wide = b.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, page
        assert b.run("return document.querySelectorAll('h1').length") == 1
        assert b.run("""return [...document.querySelectorAll('input, select, textarea')].filter(
            (e) => !e.labels.length && !e.ariaLabel).map((e) => e.id)""") == [], page
    if width < 900:
        b.gone("nav a")
        b.click("#menu")
        b.click("nav a", "Live log")
        b.see("h1", "Live log")


def test_small_and_from_here_alone(console, site):
    """Below 150 KiB in all, and no request to any other host."""
    s = site(1)
    b = console.open(s.pb).login()
    b.see("nav a", "Info")
    for page in PAGES:
        b.page(page)
    hosts = b.run("return [...new Set(performance.getEntriesByType('resource').map((r) => new URL(r.name).host))]")
    assert hosts == [f"127.0.0.1:{s.pb.http}"]
    sizes = b.run("""return performance.getEntriesByType('resource').filter((r) =>
        !/(xml|login)$/.test(r.name)).map((r) => r.decodedBodySize)""")
    assert 20000 < sum(sizes) < 150 * 1024
    assert sum(p.stat().st_size for p in WEB.iterdir()) < 150 * 1024
    index = (WEB / "index.html").read_text()
    assert [p.name for p in WEB.glob("*.js") if f'href="{p.name}"' not in index] == ["app.js"]  # fetched at once
    assert b.run("return performance.getEntriesByType('navigation').length") == 1
