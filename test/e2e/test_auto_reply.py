"""Automatic replies: what Python's email package reads in them, to whom none is sent, and that a
mail is acknowledged only when a box has it or its sender has an answer."""

import email
import email.policy
import re

import pytest

from harness import wait_for
from test_relay import OUTSIDE, outgoing  # noqa: F401: a fixture
from test_smtp import Smtp

SENDER = "you@elsewhere.org"
MAIL = ("From: You <you@elsewhere.org>\r\nTo: anna@example.com\r\nSubject: Are you there?\r\n"
        "Message-ID: <q1@elsewhere.org>\r\nReferences: <q0@elsewhere.org>\r\n\r\nhello\r\n")
SCRIPTS = {
    "latin": ("Abwesend: Größe & Maß", "Ich bin bis Montag nicht da.\nGrüße, Anna"),
    "greek": ("Απουσία από το γραφείο", "Λείπω μέχρι τη Δευτέρα.\nΆννα"),
    "cyrillic": ("Отсутствие в офисе", "Меня не будет до понедельника.\nАнна"),
    "hebrew": ("לא במשרד", "אני לא במשרד עד יום שני.\nאנה"),
    "arabic": ("خارج المكتب", "أنا خارج المكتب حتى يوم الاثنين.\nآنا"),
    "devanagari": ("कार्यालय से बाहर", "मैं सोमवार तक कार्यालय से बाहर हूँ।\nअन्ना"),
    "thai": ("ไม่อยู่ที่สำนักงาน", "ฉันไม่อยู่จนถึงวันจันทร์\nอันนา"),
    "han": ("不在办公室的自动回复，请稍后再联系我们", "我星期一之前不在办公室。\n安娜"),
    "hangul": ("부재중 자동 응답", "월요일까지 자리를 비웁니다.\n안나"),
    "japanese": ("不在のお知らせ", "月曜日まで不在にしております。\nアンナ"),
    "emoji": ("Gone fishing 🎣🐟", "Back on Monday 👋🏽\n🎣"),
    "ascii": ("Out of office", "I am away until Monday.\n.\n.hidden dot\nFrom here on\n" + "x" * 300),
}


def turn_on(s, subject="Away", body="I am away.", copy=1, who="anna@example.com", **more):
    s.pb.xml("commitmodifyemail", email_address=who, auto_reply_subject=subject,
             auto_reply_body=body, auto_reply_copy=copy, **more)


@pytest.fixture
def site(outgoing):  # noqa: F811
    """anna's mailbox is on MAIL1; MAIL3 alone takes what goes abroad."""
    return outgoing(OUTSIDE, relays=["MAIL3"], n=3, time_scale=50)


def replies(s, to=SENDER):
    return s.boxes[2].mails(to)


def reply(s, n=1):
    return email.message_from_bytes(wait_for("a reply", lambda: len(r := replies(s)) >= n and r)[-1],
                                    policy=email.policy.default)


def send(s, sender=SENDER, to="anna@example.com", mail=MAIL):
    return Smtp(s.smtp).mail(to, sender=sender, body=mail)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts(site, script):
    subject, body = SCRIPTS[script]
    turn_on(site, subject, body)
    assert send(site).startswith("250")
    m = reply(site)
    assert not m.defects and all(not v.defects for v in m.values() if hasattr(v, "defects"))
    assert m["Subject"] == subject
    assert m.get_content().replace("\r\n", "\n").rstrip("\n") == body
    assert (m.get_content_type(), m.get_content_charset()) == ("text/plain", "utf-8")
    assert m["MIME-Version"] == "1.0"
    assert m["Auto-Submitted"] == "auto-replied"
    assert m["In-Reply-To"] == "<q1@elsewhere.org>"
    assert m["References"] == "<q0@elsewhere.org> <q1@elsewhere.org>"
    assert [a.addr_spec for a in m["To"].addresses] == [SENDER]
    assert [a.addr_spec for a in m["From"].addresses] == ["anna@example.com"]
    assert m["Date"].datetime and re.fullmatch(r"<[^<>@ ]+@mx\.example\.com>", m["Message-ID"])
    assert m["Return-Path"] is None or m["Return-Path"] == "<>"
    raw = replies(site)[0]
    assert max(len(line) for line in raw.splitlines()) <= 998
    assert len(site.boxes[0].mails("anna@example.com")) == 1  # a copy was kept


QUIET = [
    ("null sender", "", MAIL),
    ("list", SENDER, "List-Id: <a.b>\r\n" + MAIL),
    ("unsubscribe", SENDER, "List-Unsubscribe: <mailto:x@y.org>\r\n" + MAIL),
    ("bulk", SENDER, "Precedence: bulk\r\n" + MAIL),
    ("robot's mail", SENDER, "Auto-Submitted: auto-generated\r\n" + MAIL),
    ("daemon", "MAILER-DAEMON@elsewhere.org", MAIL),
    ("list owner", "owner-list@elsewhere.org", MAIL),
    ("list request", "list-request@elsewhere.org", MAIL),
    ("own address", "anna@example.com", MAIL),
    ("not addressed", SENDER, MAIL.replace("To: anna@example.com", "To: somebody@else.org")),
]


@pytest.mark.parametrize("copy", [1, 0])
@pytest.mark.parametrize("what,sender,mail", QUIET, ids=[q[0] for q in QUIET])
def test_who_gets_no_reply(site, what, sender, mail, copy):
    """And without a reply the mail is delivered, whatever the account keeps."""
    turn_on(site, copy=copy)
    assert send(site, sender, mail=mail).startswith("250")
    assert len(site.boxes[0].mails("anna@example.com")) == 1
    assert replies(site, "*") == []
    if sender:
        assert site.pb.traffic_lines("auto-reply anna@example.com => .* none - ")


@pytest.mark.parametrize("copy", [1, 0])
def test_once_in_seven_days(site, copy):
    turn_on(site, copy=copy)
    for n in range(3):
        assert send(site, mail=MAIL.replace("q1", f"n{n}")).startswith("250")
        wait_for("a line", lambda: len(site.pb.traffic_lines("auto-reply anna@example.com")) > n)
        site.pb.ledger_is_written()
    assert len(replies(site)) == 1
    assert len(site.boxes[0].mails("anna@example.com")) == (3 if copy else 2)
    assert send(site, "other@elsewhere.org").startswith("250")
    wait_for("another sender has his", lambda: replies(site, "other@elsewhere.org"))


def test_expiry(site):
    turn_on(site, auto_reply_expiry="2020-01-01T00:00:00Z")
    assert send(site).startswith("250")
    turn_on(site, auto_reply_expiry="2099-01-01T00:00:00Z", who="bert@example.com")
    assert send(site, to="bert@example.com", mail=MAIL.replace("anna", "bert")).startswith("250")
    reply(site)
    assert not site.pb.traffic_lines("auto-reply anna@example.com")


def test_an_alias_of_one_is_answered_for(site):
    site.pb.add_alias("a.lastname@example.com", "anna@example.com")
    turn_on(site)
    turn_on(site, who="bert@example.com")
    assert send(site, to="a.lastname@example.com",
                mail=MAIL.replace("anna@", "a.lastname@")).startswith("250")
    assert reply(site)["From"] == "anna@example.com"
    assert send(site, "other@elsewhere.org", to="team@example.com",
                mail=MAIL.replace("anna@", "team@")).startswith("250")
    assert replies(site, "other@elsewhere.org") == []


# --- no copy is kept: the reply stands for the mail ---

def test_reply_in_place_of_the_mail(site):
    turn_on(site, copy=0)
    answer = send(site)
    assert answer.startswith("250 2.0.0") and "automatic_reply" in answer
    assert len(replies(site)) == 1  # before the 250, not behind it
    assert site.boxes[0].mails() == []


def test_others_get_the_mail(site):
    turn_on(site, copy=0)
    assert Smtp(site.smtp).mail("anna@example.com", "bert@example.com", sender=SENDER,
                                body=MAIL).startswith("250")
    assert [len(b.mails()) for b in site.boxes] == [0, 1, 1]


@pytest.mark.parametrize("fault", ["mail:refuse4", "rcpt:refuse4", "data:refuse4", "body:drop",
                                   "end:refuse4", "end:drop", "connect:reset"])
def test_a_relay_box_that_fails_means_451(site, fault):
    turn_on(site, copy=0)
    site.boxes[2].faults(fault)
    assert send(site).startswith("451")
    assert site.boxes[0].mails() == [] and replies(site) == []
    site.boxes[2].faults()
    answer = wait_for("its retry", lambda: (a := send(site)).startswith("250") and a)
    assert "automatic_reply" in answer
    assert len(replies(site)) == 1 and site.boxes[0].mails() == []


def test_no_relay_box_means_451(site):
    turn_on(site, copy=0)
    site.pb.xml("red", clusterid="MX", boxid="MAIL3")
    assert send(site).startswith("451")
    assert site.boxes[0].mails() == []


def test_a_sender_who_cannot_be_answered(site):
    """The reply is refused for good: the mail's next try is delivered."""
    turn_on(site, copy=0)
    site.boxes[2].faults(f"rcpt={SENDER}:refuse5")
    assert send(site).startswith("451")
    site.pb.ledger_is_written()
    assert send(site).startswith("250")
    assert len(site.boxes[0].mails("anna@example.com")) == 1


# --- a copy is kept: the reply is tried again ---

def test_a_reply_is_tried_again(site):
    turn_on(site)
    site.boxes[2].faults("end:refuse4:3")
    assert send(site).startswith("250")
    assert reply(site)["Auto-Submitted"] == "auto-replied"
    wait_for("the log", lambda: site.pb.traffic_lines(
        f"auto-reply anna@example.com => {SENDER} success - MAIL3: 250"))


def test_a_reply_is_given_up(site):
    turn_on(site)
    site.boxes[2].faults("mail:refuse4")
    assert send(site).startswith("250")
    wait_for("it is given up", lambda: site.pb.traffic_lines(
        f"auto-reply anna@example.com => {SENDER} failure - MAIL3: 4"))
    assert replies(site) == []


def test_a_local_sender_is_answered_at_his_box(site):
    turn_on(site)
    assert send(site, "bert@example.com").startswith("250")
    wait_for("bert has it", lambda: site.boxes[1].mails("bert@example.com"))


def test_two_accounts_that_reply_do_not_answer_each_other(site):
    turn_on(site)
    turn_on(site, who="bert@example.com")
    assert send(site, "bert@example.com").startswith("250")
    wait_for("bert has it", lambda: site.boxes[1].mails("bert@example.com"))
    assert not site.pb.traffic_lines("auto-reply bert@example.com")
