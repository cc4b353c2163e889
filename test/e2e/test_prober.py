"""Health checks: boxes that fall ill and get well, what logs and figures say, and the prober's own accidents."""

import os
import signal

import pytest

from harness import free_port, wait_for
from test_smtp import Smtp

EVERY = {"probe_interval_s": "0.3"}


def box_of(pb, cluster, name):
    return next(b for c in pb.xml("listclusters").find("clusters") if c.findtext("clusterid") == cluster
                for b in c.find("boxes") if b.findtext("boxid") == name)


def check_of(pb, cluster="MX", name="MAIL1"):
    """(verdict, text)"""
    b = box_of(pb, cluster, name)
    return b.findtext("check"), b.findtext("check_text")


def becomes(pb, verdict, text="", cluster="MX", name="MAIL1"):
    wait_for(f"{name} of {cluster} is {verdict}: {text}", lambda: (
        check_of(pb, cluster, name)[0] == verdict and text in check_of(pb, cluster, name)[1]))


@pytest.fixture
def checked(site):
    """A Site of one box, which is checked all the time."""
    s = site(1)
    for cluster in ("MX", "POP"):
        s.pb.xml("commitmodifybox", clusterid=cluster, boxid="MAIL1", **EVERY)
    becomes(s.pb, "well")
    becomes(s.pb, "well", cluster="POP")
    return s


def test_well(checked):
    s = checked
    assert "8BITMIME" in check_of(s.pb)[1]
    b = box_of(s.pb, "MX", "MAIL1")
    assert int(b.findtext("check_took_us")) > 0
    wait_for("again and again", lambda: s.boxes[0].events_text().count("ehlo") > 5 or
             s.boxes[0].events_text().count("connect") > 10)
    assert int(b.findtext("sessions_total")) == 0  # a check is no session


def test_ill_and_well_again(checked):
    s = checked
    s.boxes[0].kill()
    becomes(s.pb, "ill", "connect: Connection refused")
    wait_for("it is passed over before anybody has asked for it",
             lambda: int(box_of(s.pb, "MX", "MAIL1").findtext("passed_over_ms")) > 0)
    b = box_of(s.pb, "MX", "MAIL1")
    assert int(b.findtext("failures_in_a_row")) > 0 and b.findtext("last_failure").startswith("connect: ")
    assert "box MAIL1 of cluster MX is ill: connect: Connection refused" in s.pb.output()
    s.boxes[0].start()
    becomes(s.pb, "well")
    assert box_of(s.pb, "MX", "MAIL1").findtext("failures_in_a_row") == "0"
    assert s.pb.output().count("box MAIL1 of cluster MX is ill") == 1  # told once
    assert "box MAIL1 of cluster MX is well again" in s.pb.output()


@pytest.mark.parametrize("fault,text", [
    ("greeting:refuse4", "greeting: 4"),
    ("greeting:refuse5", "greeting: 5"),
    ("greeting:garbage", "greeting: the box does not speak its protocol"),
    ("greeting:drop", "greeting: the box closed the connection"),
    ("ehlo:refuse4", "EHLO: 4"),
    ("ehlo:drop", "EHLO: the box closed the connection"),
])
def test_refusals(checked, fault, text):
    """They are told. The box is not passed over: it may serve the sessions that it has."""
    s = checked
    s.boxes[0].faults(fault)
    becomes(s.pb, "refuses", text)
    wait_for("often", lambda: s.boxes[0].events_text().count("connect") > 10)
    b = box_of(s.pb, "MX", "MAIL1")
    assert (b.findtext("failures_in_a_row"), b.findtext("passed_over_ms")) == ("0", "0")
    assert "box MAIL1 of cluster MX answers, and refuses: " in s.pb.output()
    s.boxes[0].faults()
    becomes(s.pb, "well")


def test_a_box_with_as_many_connections_as_it_takes(checked):
    """Mail goes on over the connection that there is."""
    s = checked
    c = Smtp(s.smtp)
    assert c.mail("anna@example.com").startswith("250")
    s.boxes[0].faults("greeting:refuse4")
    becomes(s.pb, "refuses", "greeting: 4")
    for _ in range(5):
        assert c.mail("anna@example.com").startswith("250")


def test_a_box_that_says_nothing(site):
    s = site(1, time_scale=100)
    s.boxes[0].faults("ehlo:stall")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", **EVERY)
    becomes(s.pb, "ill", "EHLO: no answer in time")


def test_login(checked):
    """A wrong password is told, and takes nothing out of service."""
    s = checked
    s.pb.xml("commitmodifybox", clusterid="POP", boxid="MAIL1", probe_address="anna@example.com", probe_password="secret")
    wait_for("a login", lambda: "pass" in s.boxes[0].events_text().lower())
    becomes(s.pb, "well", cluster="POP")
    s.boxes[0].faults("pass=anna@example.com:refuse5")
    becomes(s.pb, "login", "PASS: ", cluster="POP")
    assert box_of(s.pb, "POP", "MAIL1").findtext("failures_in_a_row") == "0"
    assert "box MAIL1 of cluster POP answers, but not to the login of its check" in s.pb.output()
    s.boxes[0].faults()
    becomes(s.pb, "well", cluster="POP")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", probe_address="anna@example.com", probe_password="secret")
    becomes(s.pb, "login", "AUTH: ")


def test_settings(checked):
    """Of a box that moves the new address counts at once; 0 ends the checks; red boxes are looked at, too."""
    s = checked
    s.pb.xml("red", clusterid="MX", boxid="MAIL1")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", probe_interval_s=3600)
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", connect_port=free_port())
    becomes(s.pb, "ill", "connect: ")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", connect_port=s.boxes[0].smtp)
    becomes(s.pb, "well")
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", probe_interval_s=0, connect_port=free_port())
    s.pb.xml("commitmodifybox", clusterid="POP", boxid="MAIL1", connect_port=free_port())
    becomes(s.pb, "ill", cluster="POP")  # by then MX would have been
    assert check_of(s.pb)[0] == "well"
    s.pb.xml("deletebox", clusterid="MX", boxid="MAIL1")
    s.pb.add_box("MX", "MAIL1", s.boxes[0].smtp)
    assert check_of(s.pb)[0] in ("none", "well")
    assert s.pb.crashes() == []


def test_one_look_is_not_enough(site):
    """A box that does not answer once is told, and goes on serving; the second look comes soon."""
    s = site(1)
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", probe_interval_s=4)
    becomes(s.pb, "well")
    c = Smtp(s.smtp)
    assert c.mail("anna@example.com").startswith("250")
    s.boxes[0].faults("greeting:reset:1")  # the connection that there is goes on

    def it_is_over():
        assert c.mail("anna@example.com").startswith("250")
        said = s.pb.output()
        return "is ill: greeting: Connection reset by peer" in said and "MAIL1 of cluster MX is well again" in said
    wait_for("an ill look and a good one", it_is_over)
    assert box_of(s.pb, "MX", "MAIL1").findtext("failures_in_a_row") == "0"


def test_sessions_do_not_wait_for_a_dead_box(site):
    """Nobody has asked for the box; its failure is known all the same, and mail goes to the one it falls over to."""
    s = site(2)
    s.pb.xml("commitmodifybox", clusterid="MX", boxid="MAIL1", fallover_boxid="MAIL2", **EVERY)
    s.boxes[0].kill()
    becomes(s.pb, "ill")
    wait_for("passed over for long", lambda: int(box_of(s.pb, "MX", "MAIL1").findtext("passed_over_ms")) > 5000)
    assert Smtp(s.smtp).mail("anna@example.com").startswith("250 2.0.0 [MAIL2:")
    assert s.pb.counters("MX", "MAIL1")["failures"] == 0


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGSTOP])
def test_prober_dies(checked, sig):
    """Mail goes on, what was found last stands; the next prober looks anew."""
    s = checked
    old = s.pb.children()["prober"]
    os.kill(old, sig)
    assert Smtp(s.smtp).mail("anna@example.com").startswith("250")
    if sig == signal.SIGSTOP:
        os.kill(old, signal.SIGCONT)
    else:
        wait_for("a new one", lambda: s.pb.children().get("prober", old) != old)
    s.boxes[0].kill()
    becomes(s.pb, "ill")
    s.boxes[0].start()
    becomes(s.pb, "well")
