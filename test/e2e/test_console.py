"""The console in headless Chromium, against a running protobalance."""

import time

import pytest

from browser import ELEMENT
from console import PAGES, Console
from harness import BUILD, free_port, wait_for
from test_smtp import Smtp

EVIL = "<img src=x onerror=\"document.title='owned'\">'\"&amp;<script>document.title='owned'</script>"


@pytest.fixture(scope="module")
def chromium():
    b = Console()
    yield b
    b.kill()


@pytest.fixture
def console(chromium):
    """One browser for all, as new for each."""
    chromium.clear()
    yield chromium
    assert chromium.complaints() == []


def light_of(pb, box="MAIL1", cluster="MX"):
    return next(b.findtext("light") for c in pb.xml("listclusters").find("clusters") if c.findtext("clusterid") == cluster
                for b in c.find("boxes") if b.findtext("boxid") == box)


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
    b.run("sessionStorage.setItem('token', 'forged'); location.reload()")
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


# --- clusters ---


def test_lights(console, site):
    """Yellow and red say first what they will do, Escape is no, and the page shows how a box drains."""
    s = site()
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", fallover_boxid="MAIL2")
    b = console.open(s.pb).login()
    b.page("clusters")
    held = []
    for _ in range(3):
        held.append(Smtp(s.smtp))
        assert held[-1].say("MAIL FROM:<me@sender.org>").startswith("250")
        assert held[-1].say(f"RCPT TO:<{s.people[0]}>").startswith("250")
    yellow = "[aria-label='Light of MAIL1 in MX'] .yellow"
    b.click(yellow)
    b.see("dialog h2", "Turn MAIL1 of MX yellow?")
    b.see("dialog p", "What is meant for it goes to its fall-over box MAIL2.")
    b.see("dialog p", "1 account has its mailbox on MAIL1.")
    b.keys("\ue00c")
    b.gone("dialog")
    assert light_of(s.pb) == "green"
    b.click(yellow)
    b.click("dialog button", "Turn yellow")
    b.said("MAIL1 of MX is yellow: it takes no new sessions.")
    assert light_of(s.pb) == "yellow"
    b.see("td", "3 left")
    Smtp(s.smtp).mail(s.people[0])  # goes on at the fall-over box
    held.pop().socket.shutdown(2)
    b.see("td", "2 of 3 left")
    for c in held:
        c.socket.shutdown(2)
    b.see("td", "drained")
    b.click("[aria-label='Light of MAIL2 in MX'] .red")
    b.see("dialog p", "It is the last green box of MX")
    b.click("dialog button", "Turn red")
    b.said("MAIL2 of MX is red")
    b.see("section.warning", "none of its boxes is green")
    assert Smtp(s.smtp).say("MAIL FROM:<me@sender.org>").startswith("250")
    b.click("[aria-label='Light of MAIL1 in MX'] .green")
    wait_for("green again", lambda: light_of(s.pb) == "green")
    b.see("[aria-label='Light of MAIL1 in MX'] .green[aria-pressed=true]")
    b.gone("section.warning")


def test_red_ends_sessions(console, site):
    s = site(1)
    b = console.open(s.pb).login()
    b.page("clusters")
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<me@sender.org>")
    assert c.say(f"RCPT TO:<{s.people[0]}>").startswith("250")
    b.click("[aria-label='Light of MAIL1 in MX'] .red")
    b.see("dialog p", "1 session of it is ended at once")
    b.click("dialog button", "Turn red")
    b.said("MAIL1 of MX is red")
    c.say("DATA")
    assert light_of(s.pb) == "red"


def test_box_that_fails(console, site):
    s = site(1)
    b = console.open(s.pb).login()
    s.boxes[0].stop()
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<me@sender.org>")
    assert c.say(f"RCPT TO:<{s.people[0]}>").startswith("451")
    b.page("clusters")
    b.see("td .bad", "passed over")


def test_edit_and_delete(console, site):
    s = site(1)
    b = console.open(s.pb).login()
    b.page("clusters")
    b.click("a[aria-label='Edit cluster MX']")
    b.see("h1", "Cluster MX")
    b.type("#find", "sleep")
    b.fill("cluster", error_sleep_s="601")
    b.save()
    b.wrong("cluster", "error_sleep_s", "Not a number from 0 to 600.")
    b.fill("cluster", error_sleep_s="7.5")
    b.type("#find", "comment")
    b.gone("#f-cluster-error_sleep_s")
    b.fill("cluster", comment="the front door")
    b.save()
    b.said("MX is saved, and live in all workers.")
    assert s.pb.xml("getcluster", clusterid="MX").findtext("error_sleep_s") == "7.5"
    b.see("p", "the front door")
    b.click("button[aria-label='Delete cluster MX']")
    b.click("dialog button", "Delete")
    b.said("box")
    b.click("button[aria-label='Delete box MAIL1 of MX']")
    b.see("dialog p", "1 account has its mailbox there.")
    b.click("dialog button", "Delete")
    b.said("box MAIL1 of MX is deleted.")
    b.click("button[aria-label='Delete cluster MX']")
    b.click("dialog button", "Delete")
    b.said("cluster MX is deleted.")
    assert [c.findtext("clusterid") for c in s.pb.xml("listclusters").find("clusters")] == ["POP"]


def test_set_up_amiss(console, site):
    """What is pointed out where one looks: Info and Clusters."""
    s = site(cluster={"relay_ranges": "10.0.0.0/8"})
    s.pb.add_box("MX", "ODD", s.boxes[0].smtp, fallover_boxid="MAIL1")
    s.pb.add_account("homeless@example.com", "")
    s.pb.add_account("lost@example.com", "NOWHERE")
    s.pb.add_cluster("EMPTY", "tcp")
    b = console.open(s.pb).login()
    for page in ("info", "clusters"):
        b.page(page)
        for text in ("MX: box ODD is in no POP3 cluster: who has a mailbox there cannot fetch mail", "EMPTY: it has no box: everybody is put off",
                     "MX: relaying is load balanced, but no box has smtp_relay", "Email Database: 2 accounts have no box of an SMTP cluster"):
            b.see("section.warning li", text)
    b.see("section.cluster", "No box takes outgoing mail (relay)")
    b.page("emails")
    b.see("td", "▲ no box")
    b.see("td", "NOWHERE: no cluster has it")


# A form, a field, a value that cannot be, what is said of it, one that can.
GOOD_AND_BAD = [
    ("clusters/edit/MX", "cluster", [
        ("listen_port", "70000", "Not a whole number from 1 to 65,535.", None), ("listen_address", "1.2.3", "", "127.0.0.1"),
        ("max_mail_size_kb", "0", "from 1 to 4,000,000", "20000"), ("relay_ranges", "10.0.0.0/33", "", "10.0.0.0/8,2001:db8::/32"),
        ("spread_factor", "x", "Not a number from 0 to 100.", "0.5"), ("rcpt_per_mail", "1.5", "Not a whole number", "50"),
        ("tls_certificate", "relative.pem", "", ""), ("dns_lists", "bad_name!", "", "zen.example.org"),
        ("pregreet_ms", "-1", "from 0 to 10,000", "100"), ("block_ranges", "nobody", "", "192.0.2.0/24")]),
    ("clusters/box/MX/MAIL1", "box", [
        ("connect_address", "mail.example.com", "", "127.0.0.1"), ("connect_port", "", "", None), ("weight", "1001", "from 1 to 1,000", "3"),
        ("max_sessions", "many", "whole number", "10"), ("probe_address", "nobody", "", "probe@example.com"), ("comment", None, "", "behind the door")]),
    ("emails/edit/account/anna@example.com", "account", [
        ("rcpt_per_mail", "0", "from 1 to 100,000", "7"), ("auto_reply_subject", None, "", "away"), ("auto_reply_body", None, "", "back soon"),
        ("auto_reply_expiry", None, "", "2031-02-03T04:05:06"), ("spam_setting", None, "", "2"), ("null_reverse_path", None, "", "0")]),
    ("emails/edit/alias/team@example.com", "alias", [
        ("alias_list", "anna@", "", "anna@example.com,far@elsewhere.org"), ("rcpt_per_mail", "x", "whole number", "9"), ("mail_unlimited", None, "", "1")]),
    ("info/settings", "info", [
        ("greylist_initial_min", "1441", "from 0 to 1,440", "10.5"), ("ip_dictionary_max_mb", "0", "from 1 to 4,096", "32"),
        ("mail_from_quota", "", "", "100"), ("sister_discovery", None, "", "0"), ("sister_list", None, "", "192.0.2.1")]),
]
KEYS = {"cluster": {"clusterid": "MX"}, "box": {"clusterid": "MX", "boxid": "MAIL1"}, "account": {"email_address": "anna@example.com"},
        "alias": {"alias_address": "team@example.com"}, "info": {}}
READ = {"cluster": "getcluster", "box": "getbox", "account": "getemail", "alias": "getalias", "info": "getinfo"}


@pytest.mark.parametrize("page, table, cases", GOOD_AND_BAD, ids=[c[1] for c in GOOD_AND_BAD])
def test_forms(console, site, page, table, cases):
    """Bad values are told at their field, and nothing of the form is stored; good ones are stored."""
    s = site()
    b = console.open(s.pb).login()
    b.see("nav a", "Info")

    def stored():
        return {e.tag: e.text or "" for e in s.pb.xml(READ[table], **KEYS[table])}
    before = stored()
    b.page(page)
    b.unfold()
    for name, bad, complaint, good in cases:
        if bad is not None:
            kept = b.run("return document.querySelector(arguments[0]).value", f"#f-{table}-{name}")
            b.fill(table, **{name: bad})
            b.save()
            b.wrong(table, name, complaint)
            assert b.see(f"#f-{table}-{name}-wrong")
            assert {k: v for k, v in stored().items() if k in before and k != "uptime_s"} == {k: v for k, v in before.items() if k != "uptime_s"}
            b.fill(table, **{name: good if good is not None else kept})
    for name, _, _, good in cases:
        if good is not None:
            b.fill(table, **{name: good})
    b.save()
    b.said("saved")
    after = stored()
    for name, _, _, good in cases:
        if good is not None:
            want = good + "Z" if "expiry" in name else good
            assert after[name].replace(", ", ",") == want, name


def test_passwords_in_forms(console, site):
    """One that is left empty stays; it is gone only when that is asked for."""
    s = site(1)
    b = console.open(s.pb).login()
    b.page(f"emails/edit/account/{s.people[0]}")

    def password():
        return s.pb.xml("getemail", email_address=s.people[0], show_password="1").findtext("user_password")
    was = password()
    b.fill("account", boxid="MAIL1", spam_setting="2")
    b.save()
    b.said("is saved")
    assert password() == was
    b.fill("account", user_password="{XYZ}abc")
    b.save()
    b.wrong("account", "user_password", "")
    b.fill("account", user_password="another")
    b.save()
    wait_for("the new one", lambda: password() not in (was, ""))
    b.click("#f-account-user_password-remove")
    b.save()
    wait_for("none", lambda: not password())


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


# --- the e-mail database ---


def test_search(console, site):
    s = site()
    for i in range(120):
        s.pb.add_account(f"user{i:03}@example.com", f"MAIL{i % 2 + 1}")
    b = console.open(s.pb).login()
    b.page("emails")
    b.see("p", "1–50 of 122")
    b.click("button", "Next page")
    b.see("p", "51–100 of 122")
    b.click("button", "Next page")
    b.see("p", "101–122 of 122")
    b.gone("button", "Next page")
    b.click("button", "Previous page")
    b.see("p", "51–100 of 122")
    b.type("#q", "user01")
    b.see("p", "1–10 of 10")
    b.choose("#q-box", "MAIL2")
    b.see("p", "1–5 of 5")
    b.type("#q", "nobody at all")
    b.see("p", "Nothing found.")
    b.click("button", "Aliases")
    b.type("#q", "te*")
    b.see("p", "1–1 of 1")
    b.see("td", "anna@example.com, bert@example.com")


def test_accounts_and_aliases(console, site):
    s = site()
    b = console.open(s.pb).login()
    b.page("emails")
    b.type("#q", "bert")
    b.gone("a", "anna@example.com")
    b.click("a", "bert@example.com")
    b.see("h1", "Email bert@example.com")
    b.click("button", "Delete")
    b.click("dialog button", "Delete")
    b.said("bert@example.com is deleted.")
    assert s.pb.refused("getemail", email_address="bert@example.com").status == 404
    b.page("emails/add/account")
    b.fill("account", email_address="anna@example.com")
    b.save("Add")
    b.see("[role=alert]", "anna@example.com")
    b.fill("account", email_address="carl@example.com", boxid="MAIL2", user_password="{SHA}bad")
    b.save("Add")
    b.wrong("account", "user_password", "")
    b.fill("account", user_password="secret")
    b.save("Add")
    b.said("carl@example.com is added.")
    b.page("emails/add/alias")
    b.fill("alias", alias_address="all@example.com", alias_list="team@example.com,carl@example.com,far@elsewhere.org")
    b.save("Add")
    b.see("h1", "Alias all@example.com")
    tree = b.run("""const tree = (ul) => [...ul.children].map((li) => [li.querySelector("a, strong").textContent,
        li.textContent.includes("MAIL1"), li.querySelector("ul") ? tree(li.querySelector("ul")) : []]);
        return tree(document.querySelector("ul.tree"))""")
    assert tree == [["all@example.com", True, [
        ["team@example.com", True, [["anna@example.com", True, []], ["bert@example.com", False, []]]],
        ["carl@example.com", False, []], ["far@elsewhere.org", False, []]]]]
    b.see(".tree .lamp.green[aria-label=green]")


def test_move(console, site):
    s = site()
    b = console.open(s.pb).login()
    b.page("emails/move")
    b.see("p", "1 account there.")
    b.choose("#m-from", "MAIL1")
    b.choose("#m-to", "MAIL2")
    b.click("button", "Move all")
    b.click("dialog button", "Move")
    b.see("p", "1 moved from MAIL1 to MAIL2.")
    b.type("#m-address", "bert@example.com")
    b.choose("#m-to1", "MAIL1")
    b.click("form:has(#m-address) button", "Move")
    b.see("p", "bert@example.com is on MAIL1.")
    assert [s.pb.xml("getemail", email_address=a).findtext("boxid") for a in s.people] == ["MAIL2", "MAIL1"]


def test_blocked(console, site):
    s = site(1)
    s.pb.xml("setblockip", block_email="1", email_address="anna@example.com")
    b = console.open(s.pb).login()
    b.page("emails/blocked")
    b.type("#b-who", "192.0.2.9")
    b.click("button", "Block")
    b.click("dialog button", "Block")
    b.see("td", "192.0.2.9")
    b.see("td", "blocked by an administrator")
    b.click("button[aria-label='Unblock anna@example.com']")
    b.said("anna@example.com is unblocked.")
    assert [r.findtext("address") for r in s.pb.xml("blockedips").find("blockedips")] == ["192.0.2.9"]
    b.type("#forget", "192.0.2.9")
    b.click("form:has(#forget) button")
    b.said("192.0.2.9 is forgotten")
    b.type("#forget", "192.0.2")
    b.click("form:has(#forget) button")
    b.said("address")


def test_files(console, site, tmp_path):
    s = site()
    b = console.open(s.pb).login()
    b.page("emails/vacuum")
    b.click("button", "Download email.csv")
    b.see("p", "There is no email.csv yet")
    b.click("button", "Vacuum Databases")
    b.see("p", "email.csv and alias.csv are written.")
    mine = tmp_path / "mine.csv"
    mine.write_text((s.pb.state / "email.csv").read_text() + "dora@example.com\t\tMAIL2\n" + "this is <b>no</b> line\n" * 25)
    e = b.see("#up-email\\.csv")
    b.do("POST", f"/element/{e[ELEMENT]}/value", {"text": str(mine)})
    b.see("p", "email.csv is there.")
    assert (s.pb.state / "email.csv").read_text() == mine.read_text()
    b.page("emails/reread")
    b.click("button", "Re-read Database")
    b.click("dialog button", "Re-read")
    b.see("h3", "25 lines could not be taken; the first 20")
    assert len(b.find("td", "email.csv")) == 20
    assert s.pb.xml("getemail", email_address="dora@example.com") is not None
    b.click("button", "Download email.csv")


# --- why, and the log ---


def test_why(console, site):
    s = site(cluster={"default_spam_setting": 2})
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<me@sender.org>")
    assert c.say(f"RCPT TO:<{s.people[0]}>").startswith("450")
    b = console.open(s.pb).login()
    b.page("why")
    b.type("#about", "team@example.com")
    b.type("#sender", "me@sender.org")
    b.type("#client", "127.0.0.1")
    b.click("button", "Why?")
    b.see(".findings li", "It is an alias.")
    b.see(".tree li li", "anna@example.com")
    b.see(".findings li", "MX – anna@example.com goes to")
    b.see(".findings li.wait", "be put off; a retry passes in")
    b.page("why/anna@example.com")
    b.see(".log li.wait", "450 4.7.1 greylisted")
    b.page("why/127.0.0.1")
    b.see(".log li", "450 4.7.1 greylisted")
    b.see(".findings li", "MX: 1 connection in the running interval")
    b.click("button", "Block")
    b.see(".findings li.bad", "It is blocked since")
    b.click("button", "Unblock")
    b.gone(".findings li.bad", "It is blocked")
    b.page("why/nobody@example.com")
    b.see(".findings li", "It is no account or alias of this site.")
    b.see(".findings li.bad", "there is no such account or alias: 550")
    s.pb.xml("red", clusterid="MX", boxid="MAIL1")
    b.page("why/anna%40example.com")
    b.see(".findings li.bad", "Its box MAIL1 in MX is red")
    b.type("#about", "not an address")
    b.click("button", "Why?")
    b.see("p.bad", "email_address")


def test_live_log(console, site):
    s = site(1)
    b = console.open(s.pb).login()
    Smtp(s.smtp).mail(s.people[0], sender="first@sender.org")
    b.page("log")
    b.see(".log li.good", "first@sender.org")
    Smtp(s.smtp).mail(s.people[0], sender="second@sender.org")
    b.see(".log li", "second@sender.org")
    b.type("#match", "second@")
    b.gone(".log li", "first@sender.org")
    b.see(".log li", "second@sender.org")
    b.click("#follow")
    Smtp(s.smtp).mail(s.people[0], sender="another-second@sender.org")
    time.sleep(2)
    assert not b.find(".log li", "another-second@")
    b.click("#follow")
    b.click(".log a", "another-second@sender.org")
    b.see("h1", "Why?")


def test_info(console, site):
    s = site(1)
    b = console.open(s.pb).login()
    b.see("figcaption", "Mails/s")
    for _ in range(3):
        Smtp(s.smtp).mail(s.people[0])
    c = Smtp(s.smtp)
    c.say("MAIL FROM:<me@sender.org>")
    c.say("RCPT TO:<nobody@example.com>")
    wait_for("a line of it", lambda: b.find("figure svg polyline.line"), 40)
    b.see("dd", "3 in all")
    b.see("td", "no such mailbox")
    for span in ("Minute", "Hour", "Day", "Week", "10 min"):
        b.click(".segments button", span)
        b.see("button[aria-pressed=true]", span)
    b.see("p", "This balancer stands alone.")
    b.page("info/changes")
    b.see("td", "addnewemail")


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
    assert b.run("return performance.getEntriesByType('navigation').length") == 1
