"""The console as tests use it."""

from browser import Browser
from harness import wait_for

PAGES = ["info", "info/settings", "info/changes", "clusters", "clusters/add/smtp", "clusters/add/pop3", "clusters/add/tcp",
         "clusters/test", "emails", "emails/add/account", "emails/add/alias", "emails/move", "emails/blocked",
         "emails/vacuum", "why", "log", "password"]


class Console(Browser):
    def open(self, pb):
        self.pb = pb
        pb.key()
        self.password = pb.credentials()["password"]
        self.go(f"http://127.0.0.1:{pb.http}/")
        return self

    def clear(self):
        """Nobody is logged in, nothing is said yet."""
        self.go("about:blank")
        self.do("DELETE", "/cookie")
        self.resize(1280, 900)
        self.complaints()

    def login(self, password=None):
        self.type("#pw", password or self.password)
        self.click("button", "Log in")
        return self

    def page(self, name):
        self.run("location.hash = arguments[0]", f"#/{name}")
        wait_for("the page is drawn", lambda: self.run(
            "return document.getElementById('main').dataset.page === location.hash"))

    def unfold(self):
        """All groups of a form."""
        self.run("document.querySelectorAll('details').forEach((d) => d.open = true)")

    def fill(self, table, **values):
        for name, value in values.items():
            css = f"#f-{table}-{name}"
            kind = self.run("const e = document.querySelector(arguments[0]); return e && (e.type || e.tagName)", css)
            if kind in ("select-one", "datetime-local"):
                self.choose(css, value)
            elif kind == "checkbox":
                if self.run("return document.querySelector(arguments[0]).checked", css) != (value == "1"):
                    self.click(css)
            else:
                self.type(css, value)

    def save(self, button="Save"):
        self.click("form.card button:not([type])", button)

    def wrong(self, table, name, text):
        """The field says what is wrong with it, and has the focus."""
        self.see(f"#f-{table}-{name}-wrong", text)
        wait_for("it has the focus", lambda: self.run("return document.activeElement.id") == f"f-{table}-{name}")

    def said(self, text):
        wait_for(f"'{text}' is said, not '{self.text()[-300:]}'", lambda: self.find("#said", text))


def light_of(pb, box="MAIL1", cluster="MX"):
    return next(b.findtext("light") for c in pb.xml("listclusters").find("clusters") if c.findtext("clusterid") == cluster
                for b in c.find("boxes") if b.findtext("boxid") == box)
