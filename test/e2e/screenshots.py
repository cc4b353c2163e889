"""Pictures of each page of the console, light and dark, wide and narrow: screenshots.py DIRECTORY"""

import smtplib
import sys
import tempfile
import time
from pathlib import Path

from browser import Browser
from harness import Balancer, DemoBox, wait_for

PAGES = ["info", "clusters", "clusters/add/smtp", "clusters/edit/MX", "emails", "emails/edit/account/anna@example.com",
         "why/team@example.com", "log", "password"]
PEOPLE = ["anna", "bert", "carl", "dora", "emil", "frida", "georg", "hanna"]


def fill(pb, directory):
    """A small site with mail in it; what is running."""
    boxes = [DemoBox(directory, f"MAIL{i}") for i in (1, 2)]
    port = pb.add_cluster("MX", "smtp", comment="where mail comes in")
    pop = pb.add_cluster("POP", "pop3")
    for box in boxes:
        pb.add_box("MX", box.name, box.smtp)
        pb.add_box("POP", box.name, box.pop3)
    for i, name in enumerate(PEOPLE):
        pb.add_account(f"{name}@example.com", boxes[i % 2].name)
    pb.add_alias("team@example.com", "anna@example.com", "bert@example.com", "far@elsewhere.org")
    for i in range(60):
        with smtplib.SMTP("127.0.0.1", port) as c:
            to = f"{PEOPLE[i % 8]}@example.com" if i % 7 else "nobody@example.com"
            try:
                c.sendmail(f"friend{i}@far.org", [to], f"Subject: mail {i}\r\n\r\nhello\r\n")
            except smtplib.SMTPRecipientsRefused:
                pass
        time.sleep(0.2)
    assert pop
    return boxes


def pictures(pb, out):
    for look, dark in (("light", False), ("dark", True)):
        b = Browser(dark=dark)
        try:
            b.go(f"http://127.0.0.1:{pb.http}/")
            b.type("#pw", pb.credentials()["password"])
            b.screenshot(out / f"login-{look}.png")
            b.click("button", "Log in")
            for size, width in (("wide", 1280), ("narrow", 380)):
                b.resize(width, 900)
                for page in PAGES:
                    b.run("location.hash = arguments[0]", f"#/{page}")
                    time.sleep(1)
                    wait_for("the page", lambda: b.run(
                        "return document.getElementById('main').dataset.page === location.hash"))
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
            time.sleep(12)  # until the graphs have something to show
            pictures(pb, out)
        finally:
            for x in [*boxes, pb]:
                x.kill()
    print(f"{len(list(out.iterdir()))} pictures in {out}")


if __name__ == "__main__":
    main()
