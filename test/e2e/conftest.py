import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

pytest.register_assert_rewrite("harness", "hostile", "model", "xmlclient")

from console import Console  # noqa: E402: behind the line above
from harness import Balancer, DemoBox  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "timeout: seconds a test may take")
    # Programs under test get their signals as a shell gives them, also when this runs in the
    # background or without a terminal to hang up, where these are ignored and inherited so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def keeping(node):
    things = []
    yield lambda thing: things.append(thing) or thing
    for thing in reversed(things):
        thing.kill()
    if getattr(node, "failed", False):
        for thing in things:
            print(f"--- {thing.argv[0]} ---\n{thing.output()[-4000:]}")


@pytest.fixture
def keep(request):
    """Registers things to be ended after the test, last first; shows logs of a failed one."""
    yield from keeping(request.node)


@pytest.fixture
def open_path():
    """A directory that every user may enter. Those of pytest are root's alone, and another run of
    it makes them so again at any moment."""
    with tempfile.TemporaryDirectory(prefix="pb-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "call":
        item.failed = report.failed
        module = item.getparent(pytest.Module)
        module.failed = getattr(module, "failed", False) or report.failed


@pytest.fixture
def balancer(keep, tmp_path):
    """make(*options, workers=2, time_scale=None): a running protobalance."""
    def make(*options, **kw):
        return keep(Balancer(tmp_path / f"pb{len(list(tmp_path.iterdir()))}", *options, **kw))
    return make


@pytest.fixture(scope="module")
def service(request, tmp_path_factory):
    """One running protobalance for all tests of a module that leave it as they found it."""
    for keep in keeping(request.node):
        yield keep(Balancer(tmp_path_factory.mktemp("service") / "pb"))


@pytest.fixture
def unharmed(service):
    """Behind the test all processes are those of before, and others are answered at once."""
    before = service.children()
    yield
    begin = time.monotonic()
    assert service.xml("getinfo") is not None and service.local("getinfo") is not None
    assert time.monotonic() - begin < 5
    assert service.children() == before and service.crashes() == []


@pytest.fixture
def demobox(keep, tmp_path):
    """make(name, *options, faults=()): a running demobox."""
    return lambda name, *options, **kw: keep(DemoBox(tmp_path, name, *options, **kw))


class Site:
    """Two boxes MAIL1 and MAIL2 behind an SMTP cluster MX and a POP3 cluster POP, accounts
    anna@example.com on MAIL1 and bert@example.com on MAIL2, alias team@example.com of both."""

    def __init__(self, balancer, demobox, n=2, options=(), cluster=None, box_options=(), **kw):
        self.boxes = [demobox(f"MAIL{i + 1}", *box_options) for i in range(n)]
        self.pb = balancer(*options, **kw)
        self.smtp = self.pb.add_cluster("MX", "smtp", **(cluster or {}))
        self.pop3 = self.pb.add_cluster("POP", "pop3")
        self.people = []
        for box, name in zip(self.boxes, ("anna", "bert", "carl", "dora", "emil", "frida")):
            self.pb.add_box("MX", box.name, box.smtp)
            self.pb.add_box("POP", box.name, box.pop3)
            self.people.append(f"{name}@example.com")
            self.pb.add_account(self.people[-1], box.name)
        if n > 1:
            self.pb.add_alias("team@example.com", *self.people)


@pytest.fixture
def site(balancer, demobox):
    """make(n=2, options=(), cluster={}, box_options=(), **balancer's): a Site."""
    return lambda n=2, **kw: Site(balancer, demobox, n, **kw)


@pytest.fixture(scope="session")
def have():
    """have("swaks"): its path; a test without its program fails, it is never skipped."""
    def find(name):
        path = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        assert path, f"{name} is missing: packaging/deps test"
        return path
    return find


@pytest.fixture(scope="module")
def chromium():
    b = Console()
    yield b
    b.kill()


@pytest.fixture
def console(chromium):
    """One browser for all tests of a module, as new for each."""
    chromium.clear()
    yield chromium
    assert chromium.complaints() == []
