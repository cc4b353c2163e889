"""Pictures of each page of the console, light and dark, wide and narrow: screenshots.py DIRECTORY"""

import math
import poplib
import smtplib
import sys
import tempfile
import time
from pathlib import Path

import console
from harness import Balancer, DemoBox

PAGES = [*console.PAGES, "clusters/edit/MX", "clusters/box/MX/MAIL1", "emails/edit/account/anna@example.com",
         "emails/edit/alias/team@example.com", "why/team@example.com", "why/127.0.0.1"]
PEOPLE = ["anna", "bert", "carl", "dora", "emil", "frida", "georg", "hanna"]


def send(port, i):
    with smtplib.SMTP("127.0.0.1", port) as c:
        to = f"{PEOPLE[i * 5 % 8]}@example.com" if i % 11 else "nobody@example.com"
        try:
            c.sendmail(f"friend{i % 40}@far.org", [to], f"Subject: mail {i}\r\n\r\n{'hello ' * (i * 37 % 400)}\r\n")
        except smtplib.SMTPRecipientsRefused:
            pass


def fill(pb, directory):
    """A small site with a minute's mail in it; what is running."""
    boxes = [DemoBox(directory, f"MAIL{i}") for i in (1, 2, 3)]
    mx = pb.add_cluster("MX", "smtp", comment="where the world's mail comes in", default_spam_setting=2, relay_ranges="10.0.0.0/8")
    office = pb.add_cluster("OFFICE", "smtp", comment="mail of our own people")
    pop = pb.add_cluster("POP", "pop3")
    for box in boxes:
        for cluster in ("MX", "OFFICE"):
            pb.add_box(cluster, box.name, box.smtp, smtp_relay=int(box.name == "MAIL1"), fallover_boxid="MAIL1" if box.name != "MAIL1" else "",
                       probe_interval_s=10)
        pb.add_box("POP", box.name, box.pop3)
    for i, name in enumerate(PEOPLE):
        pb.add_account(f"{name}@example.com", boxes[i % 3].name)
    pb.add_alias("team@example.com", "anna@example.com", "board@example.com", "far@elsewhere.org")
    pb.add_alias("board@example.com", "bert@example.com", "carl@example.com")
    pb.xml("setblockip", address="203.0.113.9", block_ip="1")
    for i in range(400):
        send(mx if i % 5 == 0 else office, i)
        if i % 8 == 0:
            c = poplib.POP3("127.0.0.1", pop)
            c.user("anna@example.com")
            c.pass_("secret")
            c.quit()
        time.sleep(0.05 + 0.2 * abs(math.sin(i / 25)))
    pb.xml("yellow", clusterid="MX", boxid="MAIL3")
    return boxes


def pictures(pb, out):
    for look, dark in (("light", False), ("dark", True)):
        b = console.Console(dark=dark)
        try:
            b.go(f"http://127.0.0.1:{pb.http}/")
            b.type("#pw", pb.credentials()["password"])
            b.screenshot(out / f"login-{look}.png")
            b.click("button", "Log in")
            for size, width in (("wide", 1280), ("narrow", 380)):
                b.resize(width, 900)
                for page in PAGES:
                    b.page(page)
                    time.sleep(0.5)
                    b.screenshot(out / f"{page.split('@')[0].replace('/', '-')}-{size}-{look}.png")
        finally:
            b.kill()


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        pb = Balancer(Path(directory) / "pb")
        boxes = []
        try:
            boxes = fill(pb, Path(directory))
            pictures(pb, out)
        finally:
            for x in [*boxes, pb]:
                x.kill()
    print(f"{len(list(out.iterdir()))} pictures in {out}")


if __name__ == "__main__":
    main()
