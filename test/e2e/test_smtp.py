"""A mail reaches the box, or the boxes, that hold its recipients."""

import smtplib
import subprocess


def test_alias_over_two_boxes(site, have):
    s = site()
    out = subprocess.run([have("swaks"), "--to", "team@example.com", "--from", "me@sender.org",
                          "--server", f"127.0.0.1:{s.smtp}", "--h-Message-Id", "<one@sender.org>"],
                         capture_output=True, text=True)
    assert out.returncode == 0, out.stdout
    assert "250 2.0.0 [MAIL1:250_" in out.stdout and "[MAIL2:250_" in out.stdout
    assert [b.copies("one@sender.org") for b in s.boxes] == [1, 1]


def test_one_connection_many_mails(site):
    s = site()
    with smtplib.SMTP("127.0.0.1", s.smtp) as c:
        for i in range(20):
            c.sendmail("me@sender.org", [s.people[i % 2]], f"Message-Id: <{i}@x>\r\n\r\nhello\r\n")
    assert [len(b.mails()) for b in s.boxes] == [10, 10]
