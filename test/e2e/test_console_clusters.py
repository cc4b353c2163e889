"""The console's clusters, boxes and lights, and all of its forms."""

import re
import smtplib
import threading
import time
from collections import Counter

import pytest

from console import light_of
from harness import wait_for
from test_smtp import Smtp


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


class Senders:
    """Mail that flows: each sender one mail behind the other, until stop()."""

    def __init__(self, port, to, n=3):
        self.port, self.to, self.over = port, to, False
        self.taken, self.put_off, self.other = [], 0, []
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(n)]
        for t in self.threads:
            t.start()

    def run(self, who):
        n = 0
        while not self.over:
            n += 1
            name = f"{who}-{n}@load"
            try:
                with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as c:
                    c.sendmail("me@sender.org", [self.to], f"Message-ID: <{name}>\r\n\r\nx\r\n")
                self.taken.append(name)
            except smtplib.SMTPResponseException as e:
                self.put_off += 400 <= e.smtp_code < 500
                if e.smtp_code >= 500:
                    self.other.append(str(e))
            except smtplib.SMTPRecipientsRefused as e:
                self.put_off += 1
                self.other += [str(r) for r in e.recipients.values() if r[0] >= 500]
            except smtplib.SMTPServerDisconnected:
                self.put_off += 1
            time.sleep(0.02)

    def stop(self):
        self.over = True
        for t in self.threads:
            t.join()


def test_lights_under_load(console, site):
    """While mail flows: each light does what it says, the page tells it, and nothing is lost or doubled."""
    s = site()
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", fallover_boxid="MAIL2")
    b = console.open(s.pb).login()
    b.page("clusters")
    load = Senders(s.smtp, s.people[0])
    try:
        for light in ("yellow", "green", "red", "green", "yellow"):
            before = len(load.taken)
            b.click(f"[aria-label='Light of MAIL1 in MX'] .{light}")
            if light != "green":
                b.click("dialog button", f"Turn {light}")
            b.see(f"[aria-label='Light of MAIL1 in MX'] .{light}[aria-pressed=true]")
            assert light_of(s.pb) == light
            wait_for("mail goes on", lambda: len(load.taken) > before + 10)
        b.see("[aria-label='Boxes of MX'] td", "drained")
        b.page("info")
        wait_for("mails a second", lambda: float(b.run(
            "return [...document.querySelectorAll('.figure')].find((f) => f.textContent.includes('Mails/s')).querySelector('dd').firstChild.data")
            .replace("–", "0")) > 0)
    finally:
        load.stop()
    assert load.other == []
    stored = Counter(n.decode() for box in s.boxes for mail in box.mails() for n in re.findall(rb"<(\d+-\d+@load)>", mail))
    assert [n for n in load.taken if stored[n] != 1] == []
    assert s.boxes[0].mails() and s.boxes[1].mails()


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


def test_checks(console, site):
    s = site(1)
    b = console.open(s.pb).login()
    b.page("clusters")
    b.see("[data-key=MX] td", "no checks")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", probe_interval_s="0.3")
    b.see("[data-key=MX] td small", "✓ ")
    s.boxes[0].kill()
    b.see("[data-key=MX] td .bad", "s ago: connect: Connection refused")


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
                     "MX: relaying is load balanced, but no box has smtp_relay", "Email Database: 2 accounts have no box of an SMTP cluster, 1 of them none at all"):
            b.see("section.warning li", text)
    b.see("section.cluster", "No box takes outgoing mail (relay)")
    b.page("emails")
    b.see("td", "NOWHERE: no cluster has it")
    b.page("info")
    b.click("a[aria-label^='Mend: Email Database']")
    b.see("p", "1–1 of 1")
    b.see("td", "▲ no box")
    b.page("emails/move")
    b.choose("#m-from", "NOWHERE")
    b.choose("#m-to", "MAIL1")
    b.click("button", "Move all")
    b.click("dialog button", "Move")
    b.see("p", "1 moved from NOWHERE to MAIL1.")


# --- forms ---


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


def test_each_type_has_its_settings(console, balancer):
    b = console.open(balancer()).login()
    b.see("nav a", "Info")
    everywhere = {"clusterid", "listen_port", "block_ranges", "spam_whitelist_ranges", "max_client_connections", "smtp_host_name"}
    own = {"smtp": {"dns_lists", "relay_ranges", "pregreet_ms"}, "pop3": set(), "tcp": {"method", "affinity_s"}}
    for kind in own:
        b.page(f"clusters/add/{kind}")
        shown = set(b.run("return [...document.querySelectorAll('form [name]')].map((e) => e.name)"))
        assert everywhere | own[kind] <= shown, kind
        for other in set(own) - {kind}:
            assert not own[other] & shown, kind


def test_leaving_what_is_not_saved(console, site):
    b = console.open(site(1).pb).login()
    b.page("clusters/edit/MX")
    b.fill("cluster", comment="not yet")
    b.click("nav a", "Live log")
    b.see("dialog h2", "Leave without saving?")
    b.click("dialog button", "Cancel")
    b.gone("dialog")
    assert b.run("return document.getElementById('f-cluster-comment').value") == "not yet"
    b.see("h1", "Cluster MX")
    b.click("nav a", "Live log")
    b.click("dialog button", "Leave")
    b.see("h1", "Live log")
    assert b.run("return location.hash") == "#/log"


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
