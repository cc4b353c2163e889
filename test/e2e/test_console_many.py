"""The console over a million accounts: search as one types, pages, and a re-read with its progress."""

import pytest

from console import Console
from harness import Balancer, wait_for

MILLION = 1000000


def address(i):
    return f"user{i:06}@d{i % 997:03}.example.com"


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    pb = Balancer(tmp_path_factory.mktemp("many") / "pb")
    pb.add_cluster("MX", "smtp")
    for box in ("MAIL1", "MAIL2"):
        pb.add_box("MX", box, 25)
    with (pb.state / "email.csv").open("w") as f:
        f.writelines(f"{address(i)}\t\tMAIL{i % 2 + 1}\n" for i in range(MILLION))
    (pb.state / "alias.csv").write_text("")
    b = Console()
    yield pb, b.open(pb).login()
    b.kill()
    pb.kill()


@pytest.mark.timeout(300)
def test_a_million_accounts(many):
    pb, b = many
    b.see("nav a", "Info")
    b.page("emails/reread")
    b.click("button", "Re-read Database")
    b.click("dialog button", "Re-read")
    b.see("p", "Re-read Database: ")
    b.run("""window.most = 0; new MutationObserver(() => {
        const p = document.querySelector("progress");
        window.most = Math.max(window.most, p && p.value || 0);
    }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true })""")
    wait_for("all rows", lambda: b.find("td", "1,000,000"), 200)
    assert b.run("return window.most") > 1  # it has said how far it was
    b.page("emails")
    b.see("p", "1–50 of 1,000,000")
    b.click("button", "Next page")
    b.see("p", "51–100 of 1,000,000")
    b.type("#q", "user12345*")
    b.see("p", "1–10 of 10")
    b.see("td", address(123456))
    b.type("#q", "5@d123.")
    b.see("p", f"of {sum(address(i).find('5@d123.') > 0 for i in range(MILLION)):,}")
    for typed in ("u", "us", "use", "user", "user9", "user99", "user999999"):  # what is overtaken is dropped
        b.run("""const q = document.getElementById("q"); q.value = arguments[0];
            q.dispatchEvent(new Event("input", { bubbles: true }))""", typed)
    b.see("p", "1–1 of 1")
    assert [e for e in b.find("tbody tr")] and len(b.find("tbody tr")) == 1
    b.click("td a", address(999999))
    b.see("h1", address(999999))
    assert pb.crashes() == []
