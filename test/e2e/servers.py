"""Real mail servers of Debian's packages as boxes and as senders, each in a directory of its own."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

from harness import Process, can_connect, free_port, wait_for

ROOT = Path(__file__).resolve().parents[2]


def open_to_all(directory):
    """Servers change their user: every directory above must let them through."""
    directory = Path(directory)
    for parent in [directory, *directory.parents]:
        mode = parent.stat().st_mode
        if mode & 0o011 != 0o011 and parent.stat().st_uid == os.geteuid():
            parent.chmod(mode | 0o011)


class Postfix(Process):
    """A Postfix of its own. As a box it delivers <domain> into maildirs; with relayhost it is a
    sender with a real queue: sendmail() puts a mail in, flush() makes it try again."""

    def __init__(self, directory, domain="example.com", relayhost=None, **settings):
        self.directory = Path(directory)
        self.smtp = free_port()
        self.mail = self.directory / "mail"
        self.etc = self.directory / "etc"
        for d in (self.mail, self.etc, self.directory / "queue", self.directory / "data"):
            d.mkdir(parents=True)
        open_to_all(self.directory)
        shutil.chown(self.mail, "nobody")
        shutil.chown(self.directory / "data", "postfix")
        nobody = pwd.getpwnam("nobody").pw_uid
        conf = {
            "compatibility_level": "3.6", "myhostname": "postfix.example.net",
            "mydestination": "", "mynetworks": "127.0.0.0/8", "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4", "queue_directory": self.directory / "queue",
            "data_directory": self.directory / "data", "mail_owner": "postfix",
            "maillog_file": self.directory / "postfix.log",
            "maillog_file_prefixes": self.directory, "alias_maps": "", "biff": "no",
            "minimal_backoff_time": "1s", "queue_run_delay": "1s", "maximal_backoff_time": "2s",
            "smtp_connection_cache_on_demand": "no", "default_destination_concurrency_limit": 20,
            "in_flow_delay": "0", "import_environment": "MAIL_CONFIG PATH",
        }
        if relayhost:
            conf["relayhost"] = f"[127.0.0.1]:{relayhost}"
        else:
            conf |= {"virtual_mailbox_domains": domain, "virtual_transport": "virtual",
                     "virtual_mailbox_base": self.mail,
                     "virtual_mailbox_maps": "static:all/", "virtual_minimum_uid": 1,
                     "virtual_uid_maps": f"static:{nobody}",
                     "virtual_gid_maps": f"static:{pwd.getpwnam('nobody').pw_gid}"}
        conf |= settings
        (self.etc / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in conf.items()))
        services = Path("/etc/postfix/master.cf").read_text()
        lines = [f"127.0.0.1:{self.smtp} inet n - n - - smtpd"]
        keep = False
        for line in services.splitlines():
            if line[:1] not in (" ", "#", "", "\t"):
                words = line.split()
                keep = words[1] == "unix" or words[0] == "postlog"
                words[4] = "n"  # no chroot
                line = " ".join(words)
            if keep and not line.startswith("#"):
                lines.append(line)
        (self.etc / "master.cf").write_text("\n".join(lines) + "\n")
        subprocess.run(["postfix", "-c", self.etc, "check"], check=True, capture_output=True)
        self.start()

    def start(self):
        """Again after kill(): what its queue holds is delivered."""
        super().__init__(["/usr/lib/postfix/sbin/master", "-c", self.etc, "-d"],
                         self.directory / "output", env={"MAIL_CONFIG": str(self.etc)})
        wait_for("Postfix", lambda: not self.alive() or can_connect(self.smtp))
        assert self.alive(), self.output()

    def output(self):
        log = self.directory / "postfix.log"
        return super().output() + (log.read_text() if log.exists() else "")

    def mails(self):
        """Bytes of every mail delivered."""
        return [p.read_bytes() for p in self.mail.glob("all/new/*")]

    def copies(self, message_id):
        return sum(f"<{message_id}>".encode() in m for m in self.mails())

    def sendmail(self, sender, recipients, text):
        subprocess.run(["sendmail", "-C", self.etc, "-f", sender, "-i", *recipients],
                       input=text.encode(), check=True, env={**os.environ,
                                                             "MAIL_CONFIG": str(self.etc)})

    def flush(self):
        subprocess.run(["postqueue", "-c", self.etc, "-f"], check=True)

    def queue(self):
        """One line a queued mail; empty when all have gone."""
        out = subprocess.run(["postqueue", "-c", self.etc, "-j"], capture_output=True, text=True)
        return out.stdout.splitlines()


class Exim(Process):
    """An Exim unpacked beside Postfix, whose package conflicts with it (packaging/deps exim)."""

    def __init__(self, directory, domain="example.com", relayhost=None, authenticators=""):
        self.directory = Path(directory)
        self.smtp = free_port()
        self.mail = self.directory / "mail"
        self.mail.mkdir(parents=True)
        (self.directory / "spool").mkdir()
        open_to_all(self.directory)
        self.binary = exim_binary()
        for d in (self.directory, self.mail, self.directory / "spool"):
            os.chown(d, *exim_owner(self.binary))
        router = (f"out:\n driver = manualroute\n domains = *\n transport = smtp\n"
                  f" route_list = * 127.0.0.1\n self = send\n" if relayhost else
                  f"in:\n driver = accept\n domains = {domain}\n transport = maildir\n")
        self.config = self.directory / "exim.conf"
        self.config.write_text(f"""\
exim_path = {self.binary}
primary_hostname = exim.example.net
spool_directory = {self.directory}/spool
log_file_path = {self.directory}/exim-%slog
pid_file_path = {self.directory}/exim.pid
daemon_smtp_ports = {self.smtp}
local_interfaces = 127.0.0.1
domainlist local_domains = {domain}
acl_smtp_rcpt = accept
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
keep_environment =
prdr_enable = true
queue_run_max = 5
retry_interval_max = 1s
deliver_queue_load_max = 1000
queue_only_load = 1000
trusted_users = root
begin acl
begin routers
{router}
begin transports
smtp:
 driver = smtp
 port = {relayhost or 25}
 allow_localhost
 hosts_try_prdr = *
 hosts_avoid_tls = *
maildir:
 driver = appendfile
 maildir_format
 directory = {self.mail}
 create_directory
 user = Debian-exim
 group = Debian-exim
begin retry
* * F,1h,1s
begin rewrite
begin authenticators
{authenticators}
""")
        argv = [self.binary, "-C", self.config, "-bdf", "-q1s"] if relayhost else \
            [self.binary, "-C", self.config, "-bdf"]
        super().__init__(argv, self.directory / "output")
        wait_for("Exim", lambda: not self.alive() or can_connect(self.smtp))
        assert self.alive(), self.output()

    def output(self):
        logs = "".join(p.read_text() for p in self.directory.glob("exim-*log"))
        return super().output() + logs

    def mails(self):
        return [p.read_bytes() for p in self.mail.glob("new/*")]

    def copies(self, message_id):
        return sum(f"<{message_id}>".encode() in m for m in self.mails())

    def sendmail(self, sender, recipients, text):
        subprocess.run([self.binary, "-C", self.config, "-f", sender, "-odb", "-i", *recipients],
                       input=text.encode(), check=True)

    def queue(self):
        out = subprocess.run([self.binary, "-C", self.config, "-bp"], capture_output=True,
                             text=True)
        return [line for line in out.stdout.splitlines() if "<" in line]


def exim_binary():
    """Unpacks Exim once a machine; its path."""
    where = Path(os.environ.get("PB_EXIM", "/tmp/protobalance-exim"))
    out = subprocess.run([ROOT / "packaging" / "deps", "exim", where], capture_output=True,
                         text=True)
    assert out.returncode == 0, out.stdout + out.stderr
    return out.stdout.splitlines()[-1]


def exim_owner(binary):
    """User and group of Exim, whom only the unpacked Exim knows by name."""
    for line in Path(binary).with_name("passwd").read_text().splitlines():
        if line.startswith("Debian-exim:"):
            return [int(n) for n in line.split(":")[2:4]]
    raise AssertionError("packaging/deps made no user for Exim")


class Dovecot(Process):
    """Dovecot as a box: LMTP in, POP3 out, over maildirs of its own, or over another server's
    (one maildir, the ids of whoever owns it). Users: {address: password}."""

    def __init__(self, directory, users, maildir=None, owner=None):
        self.directory = Path(directory)
        self.lmtp, self.pop3 = free_port(), free_port()
        self.mail = self.directory / "mail"
        self.mail.mkdir(parents=True)
        open_to_all(self.directory)
        mail = pwd.getpwnam("mail")
        uid, gid = owner or (mail.pw_uid, mail.pw_gid)
        os.chown(self.mail, uid, gid)
        (self.directory / "users").write_text(
            "".join(f"{a}:{{PLAIN}}{p}\n" for a, p in users.items()))
        config = self.directory / "dovecot.conf"
        config.write_text(f"""\
base_dir = {self.directory}/run
state_dir = {self.directory}/state
log_path = {self.directory}/dovecot.log
protocols = pop3 lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{maildir or f"{self.mail}/%u"}
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
first_valid_gid = 0
auth_mechanisms = plain login
lmtp_save_to_detail_mailbox = no
passdb {{
 driver = passwd-file
 args = username_format=%u {self.directory}/users
}}
userdb {{
 driver = static
 args = uid={uid} gid={gid} home={self.mail}/%u allow_all_users=yes
}}
service lmtp {{
 inet_listener lmtp {{
  port = {self.lmtp}
 }}
}}
service pop3-login {{
 inet_listener pop3 {{
  port = {self.pop3}
 }}
 inet_listener pop3s {{
  port = 0
 }}
}}
""")
        super().__init__(["/usr/sbin/dovecot", "-F", "-c", config], self.directory / "output")
        wait_for("Dovecot", lambda: not self.alive() or can_connect(self.pop3))
        assert self.alive(), self.output()

    def output(self):
        log = self.directory / "dovecot.log"
        return super().output() + (log.read_text() if log.exists() else "")

    def mails(self):
        return [p.read_bytes() for p in self.mail.glob("*/new/*")]

    def copies(self, message_id):
        return sum(f"<{message_id}>".encode() in m for m in self.mails())
