"""What acknowledged commands make of the store: a model of accounts, aliases, clusters, boxes,
lights, settings and blocks, random commands over it, and the comparison with a running service."""

import copy
import random
import xml.etree.ElementTree as ET

from contract import ACCOUNT, ALIAS, BOX, CLUSTER, INFO
from harness import XmlError, answer_of, document, free_port, values

PEOPLE = [f"{n}@{d}" for d in ("example.com", "x.org") for n in ("anna", "bert", "carl", "dora",
                                                                 "e.f")]
PEOPLE += ["@example.com", "@x.org"]
FAR = ["far@elsewhere.net", "away@elsewhere.net"]
BOXES = ["B0", "B1", "B2"]
CLUSTERS = {"C0": "smtp", "C1": "pop3", "C2": "tcp"}
FIXED = {"accounts": ["email_address", "user_password", "boxid"],
         "aliases": ["alias_address", "alias_list"]}
PARAMS = {"accounts": ACCOUNT, "aliases": ALIAS}
TO_ESCAPED = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}


class Refused(Exception):
    """What the service has to answer."""


def kept(p, value):
    """How a value that was sent stands in the store."""
    if value == "" and p.kind.empty_is is not None:
        return p.kind.empty_is
    return value.lower() if p.tag in ("email_address", "alias_address", "alias_list",
                                      "probe_address") else value


def defaults(params):
    return {p.tag: p.default for p in params if p.default is not None}


# --- the files ---

def csv_line(table, row):
    params, fixed = PARAMS[table], FIXED[table]
    odd = [t for t in fixed if set(row[t]) & set("\t\n\r")]
    columns = ["" if t in odd else row[t] for t in fixed]
    for p in params:
        if p.tag in odd or (p.tag not in fixed and row[p.tag] != p.default):
            text = "".join(TO_ESCAPED.get(c, c) for c in row[p.tag])
            columns.append(f"{p.tag}={text}")
    return "\t".join(columns)


def csv_row(table, line):
    row, columns = defaults(PARAMS[table]), line.split("\t")
    row |= zip(FIXED[table], columns)
    for column in columns[len(FIXED[table]):]:
        tag, _, text = column.partition("=")
        out, rest = "", text
        while rest:
            if rest[0] == "\\":
                out += {v: k for k, v in TO_ESCAPED.items()}[rest[:2]]
                rest = rest[2:]
            else:
                out, rest = out + rest[0], rest[1:]
        row[tag] = out
    return row


class Model:
    """One method a command: changes the model, or raises Refused(status, code)."""

    def __init__(self):
        self.accounts, self.aliases, self.clusters, self.boxes = {}, {}, {}, {}
        self.info, self.blocked = defaults(INFO), set()

    def addnewemail(self, email_address, **fields):
        self.is_free(email_address, "email", "alias")
        self.accounts[email_address] = {**defaults(ACCOUNT), "email_address": email_address,
                                        **fields}

    def addnewalias(self, alias_address, **fields):
        self.is_free(alias_address, "alias", "email")
        self.aliases[alias_address] = {**defaults(ALIAS), "alias_address": alias_address, **fields}

    def is_free(self, address, *kinds):
        for kind in kinds:
            if address in (self.accounts if kind == "email" else self.aliases):
                raise Refused(409, f"{kind}_exists")

    def commitmodifyemail(self, email_address, **fields):
        self.there(self.accounts, email_address, "email").update(fields)

    def commitmodifyalias(self, alias_address, **fields):
        self.there(self.aliases, alias_address, "alias").update(fields)

    def deleteemail(self, email_address):
        self.there(self.accounts, email_address, "email")
        del self.accounts[email_address]

    def deletealias(self, alias_address=None, email_address=None):
        self.there(self.aliases, alias_address or email_address, "alias")
        del self.aliases[alias_address or email_address]

    def there(self, rows, key, kind):
        if key not in rows:
            raise Refused(404, f"no_such_{kind}")
        return rows[key]

    def moveemail(self, boxid, email_address=None, from_boxid=None):
        if email_address:
            self.there(self.accounts, email_address, "email")["boxid"] = boxid
        for row in self.accounts.values():
            if from_boxid and row["boxid"] == from_boxid:
                row["boxid"] = boxid

    def setblockip(self, block_email, email_address=None, address=None, block_ip=None):
        for subject, block in ((email_address, block_email),
                               (address, block_email if block_ip is None else block_ip)):
            if subject:
                (self.blocked.add if block == "1" else self.blocked.discard)(subject)

    def addcluster(self, clusterid, **fields):
        if clusterid in self.clusters:
            raise Refused(409, "cluster_exists")
        self.clusters[clusterid] = {**defaults(CLUSTER), "clusterid": clusterid, **fields}

    def commitmodifycluster(self, clusterid, **fields):
        self.there(self.clusters, clusterid, "cluster").update(fields)

    def deletecluster(self, clusterid):
        self.there(self.clusters, clusterid, "cluster")
        if any(c == clusterid for c, _ in self.boxes):
            raise Refused(409, "cluster_in_use")
        del self.clusters[clusterid]

    def addbox(self, clusterid, boxid, **fields):
        if (clusterid, boxid) in self.boxes:
            raise Refused(409, "box_exists")
        of = self.there(self.clusters, clusterid, "cluster")
        self.boxes[clusterid, boxid] = {
            **defaults(BOX), "clusterid": clusterid, "boxid": boxid, "protocol": of["type"],
            "connect_timeout_ms": of["box_connect_timeout_ms"], "light": "yellow", **fields}

    def commitmodifybox(self, clusterid, boxid, **fields):
        self.there(self.boxes, (clusterid, boxid), "box").update(fields)

    def deletebox(self, clusterid, boxid):
        self.there(self.boxes, (clusterid, boxid), "box")
        del self.boxes[clusterid, boxid]

    def light(self, light, clusterid, boxid):
        self.there(self.boxes, (clusterid, boxid), "box")["light"] = light

    def commitmodifyinfo(self, **fields):
        self.info.update(fields)

    def reread(self, accounts, aliases):
        """Lines; one that is no dict is (address, bad line): what was there stays."""
        was = {**self.accounts}, {**self.aliases}
        self.accounts, self.aliases, self.skipped = {}, {}, 0
        for rows, old, lines, key in ((self.accounts, was[0], accounts, "email_address"),
                                      (self.aliases, was[1], aliases, "alias_address")):
            for line in lines:
                if isinstance(line, tuple):
                    self.skipped += 1
                    if line[0] in old and line[0] not in self.accounts:
                        rows[line[0]] = old[line[0]]
                elif rows is self.aliases and line[key] in self.accounts:
                    self.skipped += 1
                else:
                    rows[line[key]] = line


# --- random commands ---

class Player:
    """Plays commands on a service and its model at once."""

    def __init__(self, pb, seed):
        self.pb, self.model, self.random = pb, Model(), random.Random(seed)
        self.ports = {c: str(free_port()) for c in CLUSTERS}
        self.done = {}  # (command, status): how often

    def value(self, p):
        """(value, whether it is good)"""
        r = self.random
        if r.random() < 0.02:
            return r.choice([b for b in p.kind.bad if len(b) < 2000]), False
        good = [g for g in p.kind.good if len(g) < 2000] + [p.value, p.default or p.value]
        good += [""] if p.kind.empty_is is not None else []
        return r.choice(good), True

    def fields(self, params, most, without=()):
        """Some of them at random: ({tag: value as sent}, {tag: as kept}, whether all are good)"""
        chosen = self.random.sample([p for p in params if p.tag not in without],
                                    self.random.randrange(most))
        sent = [(p, *self.value(p)) for p in chosen]
        return ({p.tag: v for p, v, _ in sent}, {p.tag: kept(p, v) for p, v, _ in sent},
                all(good for _, _, good in sent))

    def play(self, command, key, fields=({}, {}, True), model=None):
        """Sends it; the answer must be the model's."""
        sent, kept_fields, good = fields
        expected = (200, None)
        before = copy.deepcopy(self.model.__dict__)
        try:
            if not good:
                raise Refused(400, "bad_value")
            (model or getattr(self.model, command))(**key, **kept_fields)
        except Refused as e:
            expected = e.args
            self.model.__dict__.update(before)
        try:
            self.pb.xml(command, **key, **sent)
            found = (200, None)
        except XmlError as e:
            found = (e.status, e.code)
        assert found == expected, (command, key, sent, found, expected)
        self.done[command, found[0]] = self.done.get((command, found[0]), 0) + 1

    def step(self):
        r = self.random
        r.choices(*zip(*((getattr(self, f"play_{n}"), w) for n, w in (
            ("account", 40), ("alias", 20), ("move", 5), ("block", 6), ("cluster", 12), ("box", 20),
            ("light", 9), ("info", 5), ("reread", 2), ("config", 2)))))[0]()

    def play_account(self):
        key = {"email_address": self.random.choice(PEOPLE)}
        command = self.random.choice(["addnewemail", "addnewemail", "commitmodifyemail",
                                      "commitmodifyemail", "deleteemail"])
        fields = ({}, {}, True)
        if command != "deleteemail":
            fields = self.fields(ACCOUNT[1:], 6, ("boxid",))
            fields[0]["boxid"] = fields[1]["boxid"] = self.random.choice(BOXES)
        self.play(command, key, fields)

    def play_alias(self):
        r = self.random
        key = {"alias_address": r.choice(PEOPLE)}
        command = r.choice(["addnewalias", "addnewalias", "commitmodifyalias", "deletealias"])
        if command == "deletealias":
            return self.play(command, r.choice([key, {"email_address": key["alias_address"]}]))
        fields = self.fields(ALIAS[2:], 4)
        fields[0]["alias_list"] = ",".join(r.sample(PEOPLE[:-2] + FAR, r.randrange(1, 6)))
        fields[1]["alias_list"] = fields[0]["alias_list"]
        return self.play(command, key, fields)

    def play_move(self):
        r = self.random
        key = r.choice([{"email_address": r.choice(PEOPLE)}, {"from_boxid": r.choice(BOXES)}])
        self.play("moveemail", {**key, "boxid": r.choice(BOXES)})

    def play_block(self):
        r = self.random
        key = {"block_email": r.choice("01")}
        key |= r.choice([{"email_address": r.choice(PEOPLE[:-2])},
                         {"address": f"10.0.0.{r.randrange(4)}"}])
        if r.random() < 0.3:
            key |= {"address": f"10.0.1.{r.randrange(4)}", "block_ip": r.choice("01")}
        self.play("setblockip", key)

    def play_cluster(self):
        r = self.random
        cluster = r.choice(list(CLUSTERS))
        command = r.choice(["addcluster", "addcluster", "commitmodifycluster",
                            "commitmodifycluster",
                            "deletecluster"])
        if command == "deletecluster":
            return self.play(command, {"clusterid": cluster})
        fields = self.fields(CLUSTER[5:], 6)
        key = {"clusterid": cluster}
        if command == "addcluster":
            key |= {"type": CLUSTERS[cluster], "listen_address": "127.0.0.1",
                    "listen_port": self.ports[cluster]}
        return self.play(command, key, fields)

    def box_key(self):
        """Of any box, or of one that there is."""
        r, there = self.random, sorted(self.model.boxes)
        anywhere = r.choice(list(CLUSTERS)), r.choice(BOXES)
        key = r.choice(there) if there and r.random() < 0.5 else anywhere
        return dict(zip(("clusterid", "boxid"), key))

    def play_box(self):
        r, key = self.random, self.box_key()
        command = r.choice(["addbox", "addbox", "addbox", "commitmodifybox", "commitmodifybox",
                            "deletebox"])
        if command == "deletebox":
            return self.play(command, key)
        fields = self.fields(BOX[4:], 6, ("protocol", "fallover_boxid"))
        if command == "addbox":
            key |= {"connect_address": r.choice(["127.0.0.1", "::1"]),
                    "connect_port": str(r.randrange(1, 65536))}
        return self.play(command, key, fields)

    def play_light(self):
        light = self.random.choice(["green", "yellow", "red"])
        self.play(light, self.box_key(), model=lambda **key: self.model.light(light, **key))

    def play_info(self):
        self.play("commitmodifyinfo", {}, self.fields(INFO, 5))

    def play_reread(self):
        """The files as they are, with some lines gone, changed, new, or broken."""
        r, m, lines = self.random, self.model, {}
        for table, key in (("accounts", "email_address"), ("aliases", "alias_address")):
            rows = [dict(row) for row in getattr(m, table).values() if r.random() < 0.8]
            taken = {row[key] for row in rows}
            for row in rows:
                if r.random() < 0.3:
                    row["spam_setting"] = r.choice("012")
            for address in r.sample(PEOPLE, 3):
                if address not in taken:
                    row = {**defaults(PARAMS[table]), key: address, "rcpt_per_mail": "7"}
                    row |= {"alias_list": FAR[0]} if table == "aliases" else {"boxid": "B1"}
                    rows.append(row)
            r.shuffle(rows)
            lines[table] = [(row[key],
                             f"{row[key]}\tx\ttwo words\tspam_setting=9") if r.random() < 0.1
                            else row for row in rows]
            if rows and all(isinstance(one, tuple) for one in lines[table]):
                lines[table][0] = rows[0]  # a file without a good line is refused
        for table, file in (("accounts", "email.csv"), ("aliases", "alias.csv")):
            (self.pb.state / file).write_text("".join(
                (one[1] if isinstance(one, tuple) else csv_line(table, one)) + "\n"
                for one in lines[table]), newline="")
        answer = self.pb.xml("reread")
        m.reread(lines["accounts"], lines["aliases"])
        assert answer.findtext("skipped") == str(m.skipped)
        self.done["reread", 200] = self.done.get(("reread", 200), 0) + 1

    def play_config(self):
        """As it was exported, with one box less."""
        root = self.pb.xml("exportconfig", show_password=1)
        gone = self.random.choice(sorted(self.model.boxes) or [None])
        for cluster in root.find("clusters"):
            for box in cluster.find("boxes"):
                if (cluster.findtext("clusterid"), box.findtext("boxid")) == gone:
                    cluster.find("boxes").remove(box)
        inner = "".join(ET.tostring(root.find(t), "unicode").strip() for t in ("clusters",
                                                                               "settings"))
        answer_of("importconfig", *self.pb.post(document("importconfig", self.pb.key(),
                                                         inner=inner)))
        self.model.boxes.pop(gone, None)
        self.done["importconfig", 200] = self.done.get(("importconfig", 200), 0) + 1


# --- is the service what the model says? ---

def whole_list(pb, command, rows, row, key):
    found = pb.xml(command, limit=1000).find(rows)
    out = {r.findtext(key): values(r) for r in found.findall(row)}
    assert int(found.get("total")) == len(found) == len(out)
    assert list(out) == sorted(out, key=str.encode)
    return out


def compare(pb, m):
    secret = {a: {k: v for k, v in row.items() if k != "user_password"} for a,
              row in m.accounts.items()}
    assert whole_list(pb, "searchemail", "emails", "email", "email_address") == secret
    assert whole_list(pb, "searchalias", "aliases", "alias", "alias_address") == m.aliases
    for address in PEOPLE:
        if address in m.accounts:
            got = values(pb.xml("getemail", email_address=address, show_password=1))
            assert got == m.accounts[address]
    root = pb.xml("exportconfig", show_password=1)
    assert {c.findtext("clusterid"): values(c) for c in root.find("clusters")} == m.clusters
    assert {(b.findtext("clusterid"),
             b.findtext("boxid")): values(b) for b in root.iter("box")} == m.boxes
    assert values(root.find("settings")) == m.info
    listed = pb.xml("listclusters")
    assert {(c.findtext("clusterid"), b.findtext("boxid")): b.findtext("light")
            for c in listed.find("clusters") for b in c.find("boxes")} == \
        {k: b["light"] for k, b in m.boxes.items()}
    rows = pb.xml("blockedips", limit=1000).find("blockedips")
    assert {r.findtext("address") or r.findtext("email_address") for r in rows} == m.blocked
    pb.xml("vacuum")
    for table, file in (("accounts", "email.csv"), ("aliases", "alias.csv")):
        with open(pb.state / file, newline="") as f:
            lines = f.read().split("\n")
        assert lines.pop() == ""
        want = sorted(getattr(m, table).items(), key=lambda kv: kv[0].encode())
        assert [csv_row(table, line) for line in lines] == [row for _, row in want]
        assert lines == [csv_line(table, row) for _, row in want]
