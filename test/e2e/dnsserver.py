"""A name server on loopback that says what a test tells it to."""

import socket
import struct
import threading

A, PTR = 1, 12


class DnsServer:
    """answers: {(name, type): [record, ...]}; names it has not are told not to be there. mode: "answers",
    "silent", "servfail", "garbage" or "held": it answers when it is released. questions: the names that were asked,
    in their order."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.answers, self.mode, self.questions = {}, "answers", []
        self.argv, self.ends, self.held = ["dns"], False, []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def has(self, name, *addresses):
        self.answers[name, A] = [socket.inet_aton(a) for a in addresses]

    def is_called(self, address, name):
        self.answers[reverse(address) + ".in-addr.arpa", PTR] = [wire_name(name)]

    def serve(self):
        while not self.ends:
            try:
                question, peer = self.socket.recvfrom(2048)
                self.say(question, peer)
            except OSError:
                return

    def say(self, question, peer):
        name = parse(question)[0]
        if self.mode == "held":
            self.held.append((question, peer))
        self.questions.append(name)
        if self.mode in ("held", "silent"):
            return
        self.socket.sendto(self.answer(question), peer)

    def release(self):
        """Answers what has been held, and whatever comes."""
        self.mode = "answers"
        while self.held:
            question, peer = self.held.pop()
            self.socket.sendto(self.answer(question), peer)

    def answer(self, question):
        name, kind, end = parse(question)
        if self.mode == "garbage":
            return question[:2] + b"\x81\x80" + b"\xff" * 40
        records = self.answers.get((name.lower(), kind), [])
        code = 2 if self.mode == "servfail" else 0 if records else 3
        head = question[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records) if code == 0 else 0, 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 300, len(r)) + r
                        for r in records if code == 0)
        return head + question[12:end] + body

    def output(self):
        return "\n".join(self.questions)

    def kill(self):
        self.ends = True
        self.socket.close()


def reverse(address):
    return ".".join(reversed(address.split(".")))


def wire_name(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0"


def parse(question):
    """Name, type, and where the question ends."""
    at, labels = 12, []
    while question[at]:
        labels.append(question[at + 1:at + 1 + question[at]].decode("latin-1"))
        at += 1 + question[at]
    return ".".join(labels), struct.unpack("!H", question[at + 1:at + 3])[0], at + 5
