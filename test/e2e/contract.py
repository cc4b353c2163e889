"""The parameters of the XML interface as its contract has them, by table: kind, range, default,
and a value that is not the default. Written from the contract, not from the product: the tests
drive every command from here.

A kind knows values that are taken and read back as they were sent (good), and such that are
refused (bad), each with the words that the error must hold beside tag and value.
"""

from dataclasses import dataclass, field

LONG_DOMAIN = ".".join(["d" * 60] * 4)  # 243 bytes


@dataclass
class Kind:
    good: list
    bad: list
    allowed: tuple = ()  # words of the allowed range
    secret: bool = False  # its value must not be shown
    empty_is: str = None  # what an empty child means; None: it is refused

    def words(self, value):
        """What the error about it says of the range."""
        if "\x7f" in value:
            return ("control characters",) if self.allowed and self.allowed[0].isdigit() else ()
        return self.allowed if value else ()


def boolean():
    return Kind(["1", "0"], ["2", "-1", "yes", "true", "TRUE", "01", " 1", "1 ", "0.0"],
                ("0 or 1",), empty_is="0")


def number(least, most, empty=False):
    bad = [str(least - 1), str(most + 1), "-1" if least >= 0 else str(least - 100), "1.5", "five",
           "1e3", "0x10", "+5", " 5", "5 ", "5,0", "9" * 30, "\u0665"]
    return Kind([str(least), str(most), str((least + most) // 2)], bad + ([] if empty else [""]),
                (str(least), str(most)), empty_is="" if empty else None)


def decimal(least, most):
    """Four decimals at most."""
    good = [str(least), str(most), f"{(float(least) + float(most)) / 2:g}".replace("+", "")]
    good += ["0.05"] if float(least) <= 0.05 <= float(most) else ["1.25"]
    bad = ["", "-1", "-0.5", f"{float(most) + 0.0001:.4f}", f"{float(most) * 10:.0f}", "0.00001",
           ".5", "1.", "1,5", "1e1", "nan", "inf", "1.2.3", " 1", "0x1", "9" * 40]
    if float(least) > 0:
        bad += ["0"]
    return Kind([g for g in good if "e" not in g], bad, (f"{float(least):g}", str(most)))


def date():
    return Kind(["2026-11-23T00:00:00Z", "1999-12-31T23:59:59Z", "2096-02-29T12:00:01Z"],
                ["2026-11-23", "2026-11-23 00:00:00Z", "2026-11-23T00:00:00",
                 "2026-13-01T00:00:00Z",
                 "2026-02-30T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T00:60:00Z", "never",
                 "tomorrow", "0", "1795392000", "23.11.2026", "-001-01-01T00:00:00Z",
                 "2026-11-23T00:00:00Zz"], ("a date like 2026-11-23T00:00:00Z",), empty_is="")


def word(*words, also_empty=False):
    bad = [words[0].upper(), words[0] + " ", words[0] + "x", "frobnicate", "|".join(words[:2]), "0"]
    return Kind(list(words), bad + ([] if also_empty else [""]), words)


def name(empty=True):
    """clusterid, boxid"""
    good = ["MAIL1", "mail-2.example.com", "x" * 63, "a_b@c+d!#%"]
    bad = ["x" * 64, "two words", "tab\there", "line\nbreak", "a/b", "a\\b", "a<b", "a>b", "a&b",
           "a\"b", "a'b", "b\u00f6x", "del\x7f"]
    return Kind(good, bad + ([] if empty else [""]), empty_is="" if empty else None)


def address(catch_all=True):
    """Addresses are compared, and answered, in lower case."""
    good = ["user@example.com", "first.last+tag@sub.example-1.com", "1@x_y.org",
            "a!b#c$d%e&f*g=h@i.jk",
            "a" * 64 + "@example.com", "m\u00e9l@example.com"]
    bad = ["", "nobody", "@", "user@", "a@@b.cc", "a..b@c.dd", ".a@b.cc", "a.@b.cc", "a b@c.dd",
           "a@b cc", "a@b..cc", "a@.b.cc", "a@b.cc.", "a@-b.cc", "a@b-.cc", "a@b,cc", "<a@b.cc>",
           "a(b)@c.dd", "\"a\"@b.cc", "a@[10.0.0.1]", "a'b@c.dd", "a\tb@c.dd", "a\nb@c.dd",
           "a\x7fb@c.dd", "a@b\u00f6x.com", "a" * 65 + "@example.com", "a@" + "b" * 64 + ".com",
           "user123456@" + LONG_DOMAIN + "x"]
    good += ["@example.com"] if catch_all else []
    bad += [] if catch_all else ["@example.com"]
    return Kind(good, bad)


def members():
    good = ["anna@example.com", "anna@example.com,bert@example.com,far@elsewhere.org"]
    bad = ["", ",", "anna@example.com,", ",anna@example.com", "anna@example.com,,bert@example.com",
           "anna@example.com;bert@example.com", "nobody", "anna@example.com,nobody",
           "@example.com", "a@@b.cc"]
    return Kind(good, bad)


def text(most, secret=False, least=0):
    good = ["plain", "<b>&amp; \"quoted\" 'text'</b>", "gr\u00fc\u00dfe \u20ac \U0001f4e7",
            "x" * most]
    bad = ["y" * (most + 1), "del\x7fete" + "x" * least, "\u00e9" * (most // 2 + 1)]
    if least:
        good, bad = [g for g in good if len(g.encode()) >= least], bad + ["z" * (least - 1)]
    return Kind(good, bad, (f"{most}",), secret, None if least else "")


def lines(most):
    """Text that may hold tabs and line breaks."""
    kind = text(most)
    kind.good += ["Dear sir,\n\tI am away.\n\nYours\n"]
    return kind


def password():
    return Kind(["secret", "<&\"'> \u00e9", "x" * 255, "{PLAIN}{x", "$5$saltsalt$" + "a" * 43],
                ["y" * 256, "del\x7fete", "{NOSUCHSCHEME}x", "$6$salt$short"],
                secret=True, empty_is="")


def ranges():
    good = ["10.0.0.1", "10.0.0.0/8", "10.0.0.1-10.0.0.9", "2001:db8::1", "2001:db8::/32",
            "2001:db8::1-2001:db8::f", "10.0.0.1,192.168.0.0/16", "10.0.0.1\n10.0.0.2\n::1",
            "10.0.0.1, 10.0.0.2", "0.0.0.0/0,::/0"]
    bad = ["10.0.0", "10.0.0.256", "10.0.0.1/33", "2001:db8::/129", "10.0.0.1/",
           "10.0.0.9-10.0.0.1",
           "10.0.0.1-2001:db8::1", "example.com", "10.0.0.1;10.0.0.2", "10.0.0.1-", "[::1]",
           "10.0.0.1:25", "10.0.0.1/24/24", "10.0.0.1/-1", "1.2.3.4 x"]
    return Kind(good, bad, empty_is="")


def ip(empty=False):
    good = ["10.0.0.1", "127.0.0.1", "2001:db8::1", "::1"]
    bad = ["10.0.0", "10.0.0.256", "010.0.0.1", "localhost", "example.com", "10.0.0.1:25", "[::1]",
           "10.0.0.0/8", " 10.0.0.1", "::g", "1:2:3:4:5:6:7:8:9"]
    return Kind(good, bad + ([] if empty else [""]), ("IP address",))


def host():
    return Kind(["mail.example.com", "mx-1", "a_b.example.com", "x" * 253],
                ["y" * 254, "two words", "m\u00e4il.example.com", "a/b", "a@b", "a\tb", "a:25"],
                empty_is="")


def hosts():
    return Kind(["bl.example.com", "bl.example.com,a_b.example.net", "a.example, b.example", "x" * 4096],
                ["y" * 4097, "a.example;b.example", "a.example/b", "a@b", "a\tb", "b\u00e4d.example"],
                empty_is="")


def path():
    return Kind(["/etc/ssl/cert.pem", "/a b/\u00e9.pem"],
                ["relative.pem", "./cert.pem", "~/cert.pem", "/" + "x" * 1000, "/a\x7fb"],
                empty_is="")


@dataclass
class Param:
    tag: str
    kind: Kind
    default: str = None  # None: it has none, because it must be named
    value: str = None    # not the default
    only: tuple = field(default=())  # the cluster types it is for; (): all

    @property
    def shown(self):
        return not self.kind.secret


def P(tag, kind, default=None, value=None, only=()):
    return Param(tag, kind, default, value, only)


ACCOUNT = [
    P("email_address", address(), value="abigail@example.com"),
    P("user_password", password(), "", "Qrlhax <7> & IMF"),
    P("boxid", name(), "", "MAIL7"),
    P("to_equals_from", boolean(), "1", "0"),
    P("null_reverse_path", boolean(), "1", "0"),
    P("spam_setting", number(0, 2), "1", "2"),
    P("rcpt_per_mail", number(1, 100000, empty=True), "", "50"),
    P("auto_reply_subject", text(998), "", "Away <soon> & \"back\""),
    P("auto_reply_body", lines(65536), "", "Dear friend,\n\n\tnot here & \u00e9.\n"),
    P("auto_reply_copy", boolean(), "1", "0"),
    P("auto_reply_expiry", date(), "", "2027-01-01T00:00:00Z"),
    P("mail_unlimited", boolean(), "0", "1"),
    P("mail_unlimited_expiry", date(), "", "2027-02-03T04:05:06Z"),
    P("allow_remote_deliveries", boolean(), "1", "0"),
]

ALIAS = [
    P("alias_address", address(), value="sales@example.com"),
    P("alias_list", members(), value="abigail@example.com,yolanda@elsewhere.org"),
    P("rcpt_per_mail", number(1, 100000, empty=True), "", "50"),
    P("mail_unlimited", boolean(), "0", "1"),
    P("mail_unlimited_expiry", date(), "", "2027-02-03T04:05:06Z"),
    P("spam_setting", number(0, 2), "1", "0"),
    P("allow_remote_deliveries", boolean(), "1", "0"),
]

# The values here are such that a cluster that has them all is served all the same.
CLUSTER = [
    P("clusterid", name(empty=False), value="Cluster001"),
    P("type", word("smtp", "pop3", "imap", "tcp"), value="smtp"),
    P("smtp_host_name", host(), "", "mail.example.com"),
    P("listen_address", ip(), "0.0.0.0", "127.0.0.1"),
    P("listen_port", number(1, 65535), value=None),  # a free one
    P("comment", lines(1000), "", "two & more\nlines"),
    P("relay_box_choice", number(0, 1), "0", "1"),
    P("max_mail_size_kb", number(1, 4000000), "9000", "20000"),
    P("allow_relay_notifications", boolean(), "0", "1"),
    P("default_spam_setting", Kind(["0", "2"], ["1", "3", "-1", "", "2.0"], ("0", "2")), "2", "0"),
    P("error_sleep_s", decimal("0", "600"), "15", "0.05"),
    P("relay_ranges", ranges(), "", "10.0.0.0/8,2001:db8::1-2001:db8::f"),
    P("spam_whitelist_ranges", ranges(), "", "192.0.2.1\n192.0.2.7"),
    P("rcpt_per_mail", number(1, 100000), "100", "10000"),
    P("spread_factor", decimal("0", "100"), "1", "0.5"),
    P("block_ranges", ranges(), "", "203.0.113.0/24"),
    P("box_connect_timeout_ms", number(10, 120000), "5000", "2500"),
    P("max_connections", number(1, 1000000), "2000", "321"),
    P("max_client_connections", number(1, 1000000), "600", "77"),
    P("max_client_connections_interval_s", decimal("0.01", "86400"), "60", "0.5"),
    P("max_client_concurrent", number(1, 1000000), "50", "7"),
    P("tls", word("none", "starttls", "implicit"), "none", "starttls"),
    P("tls_required", boolean(), "0", "1"),
    P("tls_certificate", path(), "", "/nowhere/cert.pem"),
    P("tls_key", path(), "", "/nowhere/key.pem"),
    P("accept_proxy_protocol", ranges(), "", "192.0.2.0/24"),
    P("auth_required", boolean(), "0", "1"),
    P("received_header", boolean(), "1", "0"),
    P("bare_newline", word("reject", "normalize"), "reject", "normalize"),
    P("multi_box", word("fanout", "one_per_transaction"), "fanout", "one_per_transaction"),
    P("plus_addressing", boolean(), "0", "1"),
    P("sender_must_match", boolean(), "1", "0"),
    P("pregreet_ms", number(0, 10000), "0", "50"),
    P("dns_lists", hosts(), "", "zen.example.org,bl.example.net"),
    P("session_max_s", decimal("1", "86400"), "3600", "1800.5"),
    P("data_min_bytes_per_s", number(0, 1000000), "64", "100"),
    P("method", word("round_robin", "least_sessions", "client_hash"), "round_robin",
      "client_hash"),
    P("affinity_s", decimal("0", "86400"), "0", "0.25"),
    P("idle_timeout_s", decimal("0.1", "86400"), "1800", "90"),
]

BOX = [
    P("clusterid", name(empty=False), value="Cluster001"),
    P("boxid", name(empty=False), value="BOX001"),
    P("connect_address", ip(), value="127.0.0.1"),
    P("connect_port", number(1, 65535), value="2525"),
    P("connect_timeout_ms", number(10, 120000, empty=True), "5000", "1234"),
    P("fallover_boxid", name(), "", "BOX002"),
    P("smtp_relay", boolean(), "0", "1"),
    P("weight", number(1, 1000), "1", "3"),
    P("max_sessions", number(0, 1000000), "0", "12"),
    P("protocol", word("smtp", "lmtp", "pop3", "imap", "tcp", also_empty=True), "smtp", "lmtp"),
    P("tls", word("none", "starttls", "implicit"), "none", "starttls"),
    P("tls_verify", boolean(), "0", "1"),
    P("client_info", word("none", "xclient", "xforward", "proxy_v1", "proxy_v2"), "none",
      "xclient"),
    P("ehlo_name", word("ours", "client"), "ours", "client"),
    P("probe_interval_s", decimal("0", "86400"), "10", "2.5"),
    P("probe_address", Kind(address().good[:3], address().bad[1:], empty_is=""), "",
      "probe@example.com"),
    P("probe_password", text(255, secret=True), "", "pr0be & <x>"),
    P("comment", lines(1000), "", "in the cellar"),
]

INFO = [
    P("ip_dictionary_expiry_s", decimal("1", "864000"), "3600", "1800.25"),
    P("ip_dictionary_max_mb", number(1, 4096), "64", "32"),
    P("greylist_initial_min", decimal("0", "1440"), "5", "0.05"),
    P("greylist_initial_suspicious_min", decimal("0", "1440"), "120", "60"),
    P("greylist_first_window_min", decimal("0", "14400"), "360", "7.5"),
    P("greylist_max_age_min", decimal("0", "5256000"), "172800", "1000"),
    P("whitelist_max_age_min", decimal("0", "5256000"), "172800", "2000"),
    P("spreadlist_max_age_min", decimal("0", "5256000"), "43200", "3000"),
    P("recipient_exceeded_quota", number(1, 100000), "5", "6"),
    P("recipient_exceeded_interval_min", decimal("0", "14400"), "5", "0.5"),
    P("mail_from_quota", number(1, 1000000), "200", "300"),
    P("mail_from_interval_min", decimal("0", "14400"), "5", "10"),
    P("distinct_from_emails", number(1, 1000000), "10", "20"),
    P("distinct_from_emails_interval_min", decimal("0", "14400"), "120", "60"),
    P("distinct_from_domains", number(1, 1000000), "5", "9"),
    P("distinct_from_domains_interval_min", decimal("0", "14400"), "120", "1.5"),
    P("sister_list", text(4096), "", "192.0.2.7,192.0.2.8"),
    P("sister_discovery", boolean(), "1", "0"),
    P("sister_wait", boolean(), "1", "0"),
    P("sister_share_clusters", boolean(), "0", "1"),
    P("sister_transport", word("mesh", "nats"), "mesh", "nats"),
    P("nats_url", text(1000), "", "nats://192.0.2.9:4222"),
]

# Parameters that are no field of a row, by command.
LIMIT, AFTER = P("limit", number(1, 1000)), P("after", text(254))
ASKED_ADDRESS = P("address", ip(empty=True))
OTHERS = {
    "getemail": [ACCOUNT[0], P("show_password", boolean())],
    "deleteemail": [ACCOUNT[0]],
    "getalias": [ALIAS[0]],
    "deletealias": [ALIAS[0]],
    "searchemail": [P("query", text(254)), P("boxid", name()), AFTER,
                    P("offset", number(0, 100000000)), LIMIT],
    "searchalias": [P("query", text(254)), AFTER, P("offset", number(0, 100000000)), LIMIT],
    "moveemail": [P("email_address", address()), P("from_boxid", name()),
                  P("boxid", name(empty=False))],
    "blockedips": [AFTER, LIMIT],
    "setblockip": [P("block_email", boolean()), P("email_address", address()), ASKED_ADDRESS,
                   P("block_ip", boolean())],
    "getcluster": [CLUSTER[0]], "deletecluster": [CLUSTER[0]],
    **{c: BOX[:2] for c in ("getbox", "deletebox", "green", "yellow", "red")},
    "setsisterkey": [P("sister_key", text(255, secret=True, least=16))],
    "changepassword": [P("password", text(255, secret=True, least=6)),
                       P("new_accesskey", text(255, secret=True, least=6))],
    "clearip": [P("address", ip())],
    "audit": [AFTER, LIMIT],
    "trace": [ASKED_ADDRESS, P("email_address", address())],
    "exportconfig": [P("show_password", boolean())],
    "reread": [P("accounts_since", number(0, 2**63 - 1)),
               P("aliases_since", number(0, 2**63 - 1))],
    **{c: [] for c in ("vacuum", "listclusters", "getinfo", "stats", "listsisters",
                       "importconfig")},
}
ROWS = {"addnewemail": ACCOUNT, "commitmodifyemail": ACCOUNT, "addnewalias": ALIAS,
        "commitmodifyalias": ALIAS, "addcluster": CLUSTER, "commitmodifycluster": CLUSTER,
        "addbox": BOX, "commitmodifybox": BOX, "commitmodifyinfo": INFO}
COMMANDS = {**ROWS, **OTHERS}
# What must be named.
REQUIRED = {
    "addnewemail": ["email_address"], "commitmodifyemail": ["email_address"],
    "addnewalias": ["alias_address", "alias_list"], "commitmodifyalias": ["alias_address"],
    "addcluster": ["clusterid", "type", "listen_port"], "commitmodifycluster": ["clusterid"],
    "addbox": ["clusterid", "boxid", "connect_address", "connect_port"],
    "commitmodifybox": ["clusterid", "boxid"], "commitmodifyinfo": [],
    "getemail": ["email_address"], "deleteemail": ["email_address"],
    "getalias": ["alias_address"], "deletealias": ["alias_address"],
    "moveemail": ["email_address", "boxid"], "setblockip": ["block_email", "email_address"],
    "getcluster": ["clusterid"], "deletecluster": ["clusterid"],
    **{c: ["clusterid", "boxid"] for c in ("getbox", "deletebox", "green", "yellow", "red")},
    "setsisterkey": ["sister_key"], "changepassword": ["password"], "clearip": ["address"],
    "trace": ["address"], "importconfig": ["settings"],
    **{c: [] for c in ("searchemail", "searchalias", "blockedips", "vacuum", "reread",
                       "listclusters", "getinfo", "stats", "listsisters", "audit",
                       "exportconfig")},
}
READS = {"getemail", "searchemail", "getalias", "searchalias", "blockedips", "getcluster",
         "getbox", "listclusters", "getinfo", "stats", "listsisters", "audit", "trace",
         "exportconfig"}
