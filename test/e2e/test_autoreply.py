"""Automatic replies as another program reads them: Python's email package parses what lib/wire
composes, field by field, in the scripts of the world."""

import email
import email.header
import email.policy
import random
import re
import subprocess
from datetime import datetime, timezone

import pytest

from harness import BUILD, DEADLINE

PROGRAM = BUILD / "test/compose"
FROM, TO, ID = "anna@example.com", "bert@example.org", "<7@us.example>"
WHEN = 1795766400
ORIGINAL = ("Message-ID: <2@example.org>\r\nReferences: <0@example.org>\r\n <1@example.org>\r\n"
            "Subject: A question\r\n\r\n")

# One text for each script; the first line is a subject, too.
SCRIPTS = {
    "latin": "Grüße aus dem Büro: ça va, señor, ĉu ne? Ž",
    "greek": "Είμαι σε διακοπές μέχρι τη Δευτέρα",
    "cyrillic": "Я в отпуске до понедельника, отвечу позже",
    "hebrew": "אני בחופשה עד יום ראשון, תודה על ההודעה",
    "arabic": "أنا في إجازة حتى يوم الأحد، شكرا على رسالتكم",
    "devanagari": "मैं सोमवार तक छुट्टी पर हूँ, धन्यवाद",
    "thai": "ฉันลาพักร้อนจนถึงวันจันทร์ ขอบคุณสำหรับข้อความ",
    "han": "我正在休假，星期一回来，谢谢您的来信。我们会尽快回复您的邮件",
    "hangul": "월요일까지 휴가 중입니다. 메시지 보내 주셔서 감사합니다",
    "japanese": "月曜日まで休暇中です。メッセージありがとうございます",
    "emoji": "Away 🏖️🌊 until 👩‍👩‍👧‍👦 Monday 🇩🇪 👋🏽",
    "ascii": "I am away until Monday",
}
LETTERS = "".join(SCRIPTS.values())


def compose(subject="", body="x\n", header=ORIGINAL, sender=TO):
    parts = [FROM, sender, subject, ID, str(WHEN), header, body]
    data = b"".join((p if isinstance(p, bytes) else p.encode()) + b"\0" for p in parts)
    return subprocess.run([PROGRAM], input=data, capture_output=True, timeout=DEADLINE,
                          check=True).stdout


def parse(raw):
    """The message, after what holds for each of them whatever it says."""
    assert raw.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert not message.defects
    for name, value in message.items():
        assert not value.defects, (name, value.defects)
    # the same by the older half of the package, which decodes in its own way
    old = email.message_from_bytes(raw, policy=email.policy.compat32)
    text = str(email.header.make_header(email.header.decode_header(old["Subject"])))
    assert re.sub(r"\r\n", "", text) == message["Subject"]
    return message


def body_of(message):
    return message.get_payload(decode=True).decode("utf-8")


def crlf(text):
    text = re.sub("\r\n|\r|\n", "\r\n", text)
    return text if not text or text.endswith("\r\n") else text + "\r\n"


def test_fields():
    message = parse(compose("away"))
    assert message.keys() == ["Date", "From", "To", "Subject", "Message-ID", "In-Reply-To",
                              "References", "Auto-Submitted", "MIME-Version", "Content-Type",
                              "Content-Transfer-Encoding"]
    assert message["Date"].datetime == datetime.fromtimestamp(WHEN, timezone.utc)
    assert [a.addr_spec for a in message["From"].addresses] == [FROM]
    assert [a.display_name for a in message["From"].addresses] == [""]
    assert [a.addr_spec for a in message["To"].addresses] == [TO]
    assert message["Message-ID"] == ID
    assert message["In-Reply-To"] == "<2@example.org>"
    assert message["References"].split() == ["<0@example.org>", "<1@example.org>",
                                             "<2@example.org>"]
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["MIME-Version"] == "1.0"
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("times", [1, 2, 7])
def test_subjects(script, times):
    text = " ".join([SCRIPTS[script]] * times)
    while len(text.encode()) > 998:
        text = text[:-1]
    assert parse(compose(text))["Subject"] == text.strip()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("lines", [1, 3, 200])
def test_bodies(script, ends, lines):
    text = "".join(f"{SCRIPTS[script]}{' ' * (i % 3)}{ends}" for i in range(lines))
    for body in (text, text + "the end", text * 2 + ends):
        message = parse(compose("x", body))
        assert body_of(message) == crlf(body)
        wanted = "7bit" if body.isascii() else None
        assert wanted in (None, message["Content-Transfer-Encoding"])
    assert body_of(parse(compose("x", text.replace(ends, " ")))) == crlf(text.replace(ends, " "))


@pytest.mark.parametrize("text,encoding", [
    (SCRIPTS["ascii"], "7bit"), ("Ich bin bis Montag weg. Schöne Grüße!", "quoted-printable"),
    (SCRIPTS["ascii"] * 4, "quoted-printable"), (SCRIPTS["greek"], "base64"),
    (SCRIPTS["han"], "base64")])
def test_the_shorter_encoding(text, encoding):
    text = (text + "\n") * 9
    assert parse(compose("x", text))["Content-Transfer-Encoding"] == encoding


def test_largest_body():
    text = ("ä\n" * 65536).encode()[:65535].decode()
    assert body_of(parse(compose("x", text))) == crlf(text)


# Encoded words of other programs, as they come.
@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("charset", ["utf-8", "own"])
def test_subject_that_is_answered(script, charset):
    own = {"latin": "iso-8859-3", "greek": "iso-8859-7", "cyrillic": "koi8-r",
           "hebrew": "iso-8859-8", "arabic": "iso-8859-6", "thai": "tis-620", "han": "gb18030",
           "hangul": "euc-kr", "japanese": "iso-2022-jp"}
    text = SCRIPTS[script]
    if charset == "own":
        charset = own.get(script, "utf-8")
        text = text.encode(charset, "ignore").decode(charset)
    raw = email.header.Header(text, charset, header_name="Subject").encode(linesep="\r\n")
    message = parse(compose("", header=f"Subject: {raw}\r\n\r\n"))
    assert message["Subject"] == "Auto: " + text


@pytest.mark.parametrize("script", SCRIPTS)
def test_raw_subject_that_is_answered(script):
    message = parse(compose("", header=f"Subject: {SCRIPTS[script]}\r\n\r\n"))
    assert message["Subject"] == "Auto: " + SCRIPTS[script]


@pytest.mark.parametrize("text", [
    "a\r\nBcc: c@example.net", "a\n\nbody", "a\rX: y", "\u2028Bcc: c\u2029", "a\x0bb\x0cc",
    "=?utf-8?q?a=0D=0ABcc:_c?= x"])
def test_nothing_is_injected(text):
    usual = parse(compose("x")).keys()
    for message in (parse(compose(text)), parse(compose("x", header=text)),
                    parse(compose("x", header=f"Message-ID: <{text}@x>\r\nReferences: {text}\r\n")),
                    email.message_from_bytes(compose("", header=f"Subject: {text}\r\n\r\n"))):
        assert set(message.keys()) <= set(usual)
        assert message.get_payload() == "x\r\n"


def test_random_texts():
    chance = random.Random(20261123)
    for _ in range(150):
        subject = "".join(chance.choices(LETTERS + " =?_", k=chance.randrange(1, 200)))
        body = "".join(chance.choices(LETTERS + " =.\t\n\r", k=chance.randrange(400)))
        message = parse(compose(subject, body))
        assert message["Subject"] == subject.encode()[:998].decode(errors="ignore").strip(" ") \
            or not subject.strip(" ")
        assert body_of(message) == crlf(body)


# An answer of ours to ourselves ends there: what was composed is not answered again.
def test_no_answer_to_an_answer():
    header = compose("x").split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    data = b"\0".join([TO.encode(), FROM.encode(), header, b""])
    verdict = subprocess.run([PROGRAM, "decide"], input=data, capture_output=True, text=False,
                             timeout=DEADLINE, check=True).stdout
    assert verdict == b"Auto-Submitted\n"
