"""The console's e-mail database, Why?, the live log and Info."""

import time

from browser import ELEMENT
from harness import wait_for
from test_smtp import Smtp


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
