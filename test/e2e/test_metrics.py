"""/metrics, read by Prometheus' own parser, and held against `stats`."""

import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness import Balancer, Client, Gone, Mail, wait_for
from test_pages import get, local


class Page:
    """One reading: families by name, value(name, label=...)."""

    def __init__(self, pb):
        status, self.headers, self.text = get(pb.http, "/metrics")
        assert status == 200
        families = list(text_string_to_metric_families(self.text))
        self.families = {f.name: f for f in families}
        assert len(self.families) == len(families), "a family twice"
        self.samples = {}
        for f in families:
            for s in f.samples:
                key = (s.name, frozenset(s.labels.items()))
                assert key not in self.samples, f"a sample twice: {key}"
                self.samples[key] = s.value

    def value(self, name, **labels):
        return self.samples["protobalance_" + name, frozenset(labels.items())]

    def labels(self, name, label):
        return {dict(labels)[label] for n, labels in self.samples if n == "protobalance_" + name}


@pytest.fixture
def busy(site):
    """A site that has seen mails, refusals, logins and a box that fails."""
    s = site(time_scale=20)
    for i in range(5):
        Mail(s.smtp, f"one-{i}@x", "anna@example.com").attempt()
    Mail(s.smtp, "two@x", *s.people).attempt()
    with Client(s.smtp) as c:
        c.mail("me@sender.org", "nobody@example.com", "someone@elsewhere.org")
        c.command("NONSENSE")
    with Client(s.pop3, hello=False) as c:
        c.file.readline()
        for line in ("USER anna@example.com", "PASS secret", "QUIT"):
            c.send(line + "\r\n")
            assert c.file.readline().startswith(b"+OK")
    s.boxes[1].stop()
    try:
        Mail(s.smtp, "three@x", "bert@example.com").attempt()
    except Gone:
        pass
    wait_for("all sessions have ended",
             lambda: s.pb.counters("MX")["sessions"] + s.pb.counters("POP")["sessions"] == 0)
    s.pb.ledger_is_written()
    return s


def numbers(element):
    return {e.tag: int(e.text) for e in element if re.fullmatch(r"-?\d+", e.text or "")}


def test_every_family_parses(busy):
    page = Page(busy.pb)
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert len(page.families) > 30
    for name, f in page.families.items():
        assert name.startswith("protobalance_"), name
        assert f.type in ("gauge", "counter", "histogram"), name
        assert f.documentation, name
        assert f.samples, name
    helps = re.findall(r"^# HELP (\S+) \S", page.text, re.M)
    types = re.findall(r"^# TYPE (\S+) (?:gauge|counter|histogram)$", page.text, re.M)
    assert helps == types and len(set(helps)) == len(helps)
    lines = [x for x in page.text.splitlines() if not x.startswith("#")]
    assert len(lines) == len(page.samples)
    # Families stand together: no line of another one in between.
    seen = [re.sub(r"_(bucket|sum|count)$", "", re.match(r"\w+", x)[0]) for x in lines]
    assert len(set(seen)) == sum(a != b for a, b in zip(seen, [None, *seen]))


def test_agrees_with_stats(busy):
    stats = busy.pb.xml("stats")
    page = Page(busy.pb)
    compared, causes = 0, set()

    def same(kind, counters, **labels):
        nonlocal compared
        for tag, n in counters.items():
            if tag in ("failures_in_a_row", "passed_over_ms", "check_ago_ms", "check_took_us"):
                continue
            name = f"{kind}_{tag}"
            if kind == "cluster" and tag.startswith("refused_"):
                causes.add(tag[8:])
                got = page.value("refusals_total", cause=tag[8:], **labels)
            elif tag == "listening":
                got = page.value(name, **labels)
            elif tag in ("sessions", "idle"):
                got = page.value(f"{name}_now", **labels)
            else:
                got = page.value(name if tag.endswith("_total") else f"{name}_total", **labels)
            assert got == n, (name, labels)
            compared += 1
    for c in stats.find("clusters"):
        cluster = c.findtext("clusterid")
        same("cluster", numbers(c), cluster=cluster)
        for b in c.find("boxes"):
            box = b.findtext("boxid")
            same("box", numbers(b), cluster=cluster, box=box)
            answers = [int(x.findtext("answers")) for x in b.find("latency")]
            labels = dict(cluster=cluster, box=box)
            assert page.value("box_latency_seconds_count", **labels) == sum(answers)
            assert page.value("box_latency_seconds_bucket", le="+Inf", **labels) == sum(answers)
            assert page.value("box_latency_seconds_bucket", le="0.004", **labels) == sum(answers[:3])
            assert page.value("box_failures_in_a_row", **labels) == int(
                b.findtext("failures_in_a_row"))
            for light in ("green", "yellow", "red"):
                assert page.value("box_light", light=light, **labels) == (
                    b.findtext("light") == light)
    assert compared > 60
    assert page.labels("refusals_total", "cause") == causes
    assert page.value("cluster_mails_total", cluster="MX") == 6
    assert page.value("cluster_recipients_total", cluster="MX") == 7
    assert page.value("cluster_logins_total", cluster="POP") == 1
    assert page.value("refusals_total", cluster="MX", cause="syntax") >= 1
    assert page.value("box_mails_total", cluster="MX", box="MAIL1") == 6
    assert page.value("box_latency_seconds_sum", cluster="MX", box="MAIL1") >= 0
    assert page.value("box_failures_in_a_row", cluster="MX", box="MAIL2") >= 1
    assert page.value("box_passed_over_seconds", cluster="MX", box="MAIL2") > 0
    journal = stats.find("journal")
    waits = sum(v for (n, _), v in page.samples.items() if n == "protobalance_journal_bytes")
    assert waits == int(journal.findtext("published_bytes")) - int(
        journal.findtext("applied_bytes"))


def test_processes_and_stores(busy):
    page = Page(busy.pb)
    roles = {*busy.pb.children(), "supervisor"}
    assert page.labels("process_up", "process") == roles
    for role in roles:
        assert page.value("process_up", process=role) == 1
        assert page.value("process_restarts_total", process=role) == 0
        assert 1 << 20 < page.value("process_resident_memory_bytes", process=role) < 1 << 30
        assert page.value("process_cpu_seconds_total", process=role) < 60
    assert page.value("process_cpu_seconds_total", process="admin") > 0
    assert page.value("store_rows", store="accounts", table="accounts") == 2
    assert page.value("store_rows", store="accounts", table="aliases") == 1
    assert page.value("store_rows", store="accounts", table="boxes") == 4
    assert page.value("store_rows", store="traffic", table="ledger") == 0
    for store in ("accounts", "traffic"):
        used = (busy.pb.state / f"{store}.mdb").stat().st_size
        assert 0 < page.value("store_used_bytes", store=store) <= used
        assert page.value("store_map_bytes", store=store) >= used
    assert page.value("uptime_seconds") > 0
    assert page.value("info", version="0.1.0") == 1


def test_as_another_user(open_path, keep):
    """Who has given up all rights sees what the others use all the same."""
    (open_path / "pb" / "traffic").mkdir(parents=True)
    for path in (open_path / "pb", open_path / "pb" / "traffic"):
        path.chmod(0o777)
    page = Page(keep(Balancer(open_path / "pb", "-user", "nobody")))
    for role in page.labels("process_up", "process"):
        assert page.value("process_resident_memory_bytes", process=role) > 1 << 20


def test_odd_names(balancer):
    """As odd as names may be."""
    pb = balancer()
    odd = "{a=b},#%1}"
    pb.add_cluster(odd, "smtp")
    pb.add_box(odd, odd, 25, light="red")
    page = Page(pb)
    assert page.value("cluster_mails_total", cluster=odd) == 0
    assert page.value("box_light", cluster=odd, box=odd, light="red") == 1


def test_page(balancer):
    pb = balancer()
    status, headers, text = get(pb.http, "/metrics", "HEAD")
    assert status == 200 and text == "" and int(headers["content-length"]) > 1000
    assert get(pb.http, "/metrics", "POST")[0] == 405
    assert get(pb.http, "/metrics", "DELETE")[0] == 405
    assert local(pb, "/metrics")[0] == 200
    pb.stop()
    pb = balancer("-metrics", "10.0.0.0/8")
    assert get(pb.http, "/metrics")[0] == 403
    status, text = local(pb, "/metrics")
    assert status == 200 and "protobalance_info" in text
