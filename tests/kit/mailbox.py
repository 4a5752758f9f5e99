#!/usr/bin/env python3
"""A mail relay that keeps what it takes, and does what it is told to.

    mailbox.py PORT FOLDER [--address IPV4] [--tls PEM] [--auth USER:PASSWORD]

Each mail it takes becomes a file FOLDER/NUMBER.eml: what came, behind lines
X-Envelope-From, X-Envelope-To and X-Tls. With --tls it offers STARTTLS, with
--auth it takes no mail without it.

What it does with a mail is told by the recipient's address, WHAT.WHERE or
WHAT.WHERE.TIMES: WHAT is a code of SMTP, cut (hangs up) or slow (two seconds),
WHERE is mail, rcpt, data, body (halfway) or dot; after TIMES times it is taken.
At cut.dot it was taken: only the answer is lost.

What it does with everybody is told by FOLDER/mode, a line each: "greeting 421"
answers so instead of 220, "starttls 454" refuses to encrypt, "pause 50" waits
so many milliseconds before it says that it has taken a mail.
"""
import argparse
import asyncio
import base64
import collections
import itertools
import pathlib
import re
import ssl

TOLD = re.compile(r"(\d{3}|cut|slow)\.(mail|rcpt|data|body|dot)(?:\.(\d+))?@")
ENHANCED = {"550": "5.1.1", "551": "5.1.6", "552": "5.2.2", "554": "5.7.1",
            "450": "4.2.1", "451": "4.7.1", "452": "4.3.1", "421": "4.3.2"}


class HangUp(Exception):
    """The client gets no answer."""


class Mailbox:
    def __init__(self, folder, tls, auth):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(tls)
        self.auth = auth
        self.times = collections.Counter()
        taken = [int(path.stem) for path in self.folder.glob("*.eml")]
        self.numbers = itertools.count(max(taken, default=0) + 1)

    def mode(self, word):
        """The code that FOLDER/mode wants for it, or None."""
        try:
            lines = (self.folder / "mode").read_text(encoding="ascii").split("\n")
        except FileNotFoundError:
            return None
        return next((line.split()[1] for line in lines
                     if line.startswith(word + " ")), None)

    async def told(self, recipient, where):
        """What its address says for this place: a code, or nothing."""
        match = TOLD.match(recipient)
        if not match or match[2] != where:
            return None
        self.times[recipient] += 1
        if match[3] and self.times[recipient] > int(match[3]):
            return None
        if match[1] == "cut":
            raise HangUp
        if match[1] == "slow":
            await asyncio.sleep(2)
            return None
        return match[1]

    def keep(self, sender, recipient, tls, body):
        number = next(self.numbers)
        head = (f"X-Envelope-From: {sender}\r\nX-Envelope-To: {recipient}\r\n"
                f"X-Tls: {'yes' if tls else 'no'}\r\n")
        new = self.folder / f"{number:06d}.new"
        new.write_bytes(head.encode() + body)
        new.rename(new.with_suffix(".eml"))

    async def serve(self, reader, writer):
        try:
            await Session(self, reader, writer).run()
        except (HangUp, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()


class Session:
    def __init__(self, box, reader, writer):
        self.box, self.reader, self.writer = box, reader, writer
        self.encrypted = False
        self.known = not box.auth
        self.sender = self.recipient = None

    async def say(self, *lines):
        for index, line in enumerate(lines):
            if index < len(lines) - 1:
                line = line[:3] + "-" + line[4:]
            self.writer.write(line.encode() + b"\r\n")
        await self.writer.drain()

    async def refuse(self, code):
        await self.say(f"{code} {ENHANCED.get(code, '')} told so by the test")
        if code == "421":
            raise HangUp

    async def line(self):
        line = await self.reader.readuntil(b"\n")
        assert line.endswith(b"\r\n"), line
        return line[:-2].decode()

    async def run(self):
        code = self.box.mode("greeting")
        if code:
            await self.say(f"{code} not now")
            return
        await self.say("220 mailbox ESMTP")
        while True:
            line = await self.line()
            word = line.split(" ")[0].upper()
            if word == "QUIT":
                await self.say("221 bye")
                return
            action = getattr(self, "do_" + word.lower(), None)
            if action:
                await action(line)
            else:
                await self.say("500 what?")

    async def do_ehlo(self, _):
        offers = ["250 mailbox", "250 8BITMIME"]
        if self.box.tls and not self.encrypted:
            offers.append("250 STARTTLS")
        if self.box.auth and (self.encrypted or not self.box.tls):
            offers.append("250 AUTH PLAIN LOGIN")
        await self.say(*offers)

    async def do_starttls(self, _):
        code = self.box.mode("starttls")
        if code or not self.box.tls:
            await self.say(f"{code or 502} no")
            return
        await self.say("220 go ahead")
        await self.writer.start_tls(self.box.tls)
        self.encrypted = True

    async def do_auth(self, line):
        words = line.split(" ")
        if len(words) < 3:
            await self.say("334 ")
            words.append(await self.line())
        given = base64.b64decode(words[2]).decode().split("\0")[1:]
        self.known = ":".join(given) == self.box.auth
        await self.say("235 welcome" if self.known else "535 5.7.8 no")

    async def do_mail(self, line):
        if not self.known:
            await self.say("530 5.7.0 authenticate first")
            return
        self.sender, self.recipient = line[10:].split(">")[0].strip("<"), None
        await self.say("250 ok")

    async def do_rcpt(self, line):
        recipient = line[8:].split(">")[0].strip("<")
        code = await self.box.told(recipient, "rcpt")
        if code:
            await self.refuse(code)
            return
        self.recipient = recipient
        await self.say("250 ok")

    async def do_rset(self, _):
        self.sender = self.recipient = None
        await self.say("250 ok")

    async def do_data(self, _):
        if not self.recipient:
            await self.say("503 nobody to send it to")
            return
        code = await self.box.told(self.recipient, "data")
        if code:
            await self.refuse(code)
            return
        await self.say("354 go on")
        body = []
        while (line := await self.reader.readuntil(b"\n")) != b".\r\n":
            assert line.endswith(b"\r\n") and len(line) <= 1000, line
            body.append(line[1:] if line.startswith(b"..") else line)
            if len(body) == 20:
                await self.box.told(self.recipient, "body")
        await self.take(b"".join(body))

    async def take(self, body):
        try:
            code = await self.box.told(self.recipient, "dot")
        except HangUp:
            self.box.keep(self.sender, self.recipient, self.encrypted, body)
            raise
        if code:
            await self.refuse(code)
            return
        self.box.keep(self.sender, self.recipient, self.encrypted, body)
        await asyncio.sleep(int(self.box.mode("pause") or 0) / 1000)
        await self.say("250 2.0.0 taken")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("folder")
    parser.add_argument("--tls")
    parser.add_argument("--auth")
    given = parser.parse_args()
    box = Mailbox(given.folder, given.tls, given.auth)
    server = await asyncio.start_server(box.serve, given.address, given.port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
