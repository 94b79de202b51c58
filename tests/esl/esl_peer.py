"""A small FreeSWITCH for tests: the side of the outbound socket that connects, and the listening inbound side.

It answers as FreeSWITCH 1.11.2 was seen to answer; a test may overrule any answer by ``peer.rules``.
"""

import json
from urllib.parse import quote

import esl_captures as capture
import gevent
from gevent import socket

RINGING = capture.read(capture.named("01"))[1].data
ANSWERED = capture.read(capture.named("02-"))[1].data
GOODBYE = (b"Content-Type: text/disconnect-notice\nContent-Disposition: disconnect\nContent-Length: 67\n\n"
           b"Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n")


def reply(text, *more):
    return "\n".join(["Content-Type: command/reply", f"Reply-Text: {text}", *more, "", ""]).encode()


def api_reply(text):
    body = text if isinstance(text, bytes) else text.encode()
    return b"Content-Type: api/response\nContent-Length: %d\n\n" % len(body) + body


def linger_notice(uuid):
    return (f"Content-Type: text/disconnect-notice\nControlled-Session-UUID: {uuid}\nContent-Disposition: linger\n"
            "Linger-Time: 5\nContent-Length: 0\n\n").encode()


class Peer:
    """One connection with FreeSWITCH's manners. ``commands`` is what came; ``form`` how events are written."""

    def __init__(self, sock, connect_reply=RINGING):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as FreeSWITCH does
        self.sock = sock
        self.connect_reply = connect_reply
        self.uuid = next(line[11:].decode() for line in connect_reply.split(b"\n") if line.startswith(b"Unique-ID: "))
        self.commands = []
        self.form = "plain"
        self.rules = {}
        self.executed = []  # (application, argument, Event-UUID or None)
        self.ended = gevent.event.Event()
        self._greenlet = gevent.spawn(self._serve)

    @classmethod
    def call(cls, port, host="127.0.0.1", **options):
        """Connect to an engine as the ``socket`` application does."""
        return cls(socket.create_connection((host, port), timeout=5), **options)

    def write(self, data):
        self.sock.sendall(data)

    def event(self, name, body=None, form=None, **headers):
        """Write an event; underscores in names of keyword headers stand for hyphens unless they begin ``variable_``."""
        given = {"Event-Name": name, "Unique-ID": self.uuid}
        given.update({key if key.startswith("variable_") else key.replace("_", "-"): value
                      for key, value in headers.items()})
        self.write(encode(given, body, form or self.form))

    def complete(self, app, index=-1, response="_none_"):
        """Let an execution end: the last one of ``app`` so far, or number ``index`` of them."""
        _, arg, event_uuid = [entry for entry in self.executed if entry[0] == app][index]
        extra = {"Application_UUID": event_uuid} if event_uuid else {}
        self.event("CHANNEL_EXECUTE_COMPLETE", Application=app, Application_Data=arg or "", Answer_State="answered",
                   Application_Response=response, variable_current_application=app, **extra)

    def hang_up(self, cause="NORMAL_CLEARING", linger=True):
        """The caller hangs up: events as in capture 01."""
        self.event("CHANNEL_HANGUP", Hangup_Cause=cause, Answer_State="hangup")
        self.event("CHANNEL_HANGUP_COMPLETE", Hangup_Cause=cause, Answer_State="hangup", variable_billsec="3")
        self.event("CHANNEL_DESTROY", Answer_State="hangup")
        if linger:
            self.write(linger_notice(self.uuid))

    def wait_command(self, start, count=1, timeout=5):
        """Wait until ``count`` commands that begin so have come; returns the last."""
        with gevent.Timeout(timeout, AssertionError(f"no {start!r} among {self.commands}")):
            while True:
                found = [text for text in self.commands if text.startswith(start)]
                if len(found) >= count:
                    return found[-1]
                gevent.sleep(0.005)

    def close(self):
        self._greenlet.kill()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _serve(self):
        buffer = b""
        try:
            while data := self.sock.recv(65536):
                buffer += data
                while b"\n\n" in buffer:
                    text, rest = buffer.split(b"\n\n", 1)
                    length = next((int(line.split(b":")[1]) for line in text.lower().split(b"\n")
                                   if line.startswith(b"content-length:")), 0)
                    while len(rest) < length:
                        rest += self.sock.recv(65536)
                    body, buffer = rest[:length], rest[length:]
                    self._take(text.decode() + ("\n\n" + body.decode() if body else ""))
        except OSError:
            pass
        finally:
            self.ended.set()

    def _take(self, text):
        self.commands.append(text)
        for start, rule in self.rules.items():
            if text.startswith(start):
                answer = rule(text) if callable(rule) else rule
                if answer:
                    self.write(answer)
                return
        self.write(self.answer(text))
        if text == "exit":
            self.write(GOODBYE)
            self.sock.shutdown(socket.SHUT_WR)

    def answer(self, text):
        """What FreeSWITCH says to this command."""
        word = text.split("\n")[0].split(" ")[0]
        if word == "connect":
            return self.connect_reply
        if word in ("myevents", "event"):
            self.form = "json" if " json" in text else "plain"
            return reply("+OK Events Enabled" if word == "myevents" else f"+OK event listener enabled {self.form}")
        if word == "linger":
            return reply(f"+OK will linger {text[7:]} seconds" if text[7:] else "+OK will linger")
        if word == "api":
            return api_reply("+OK\n")
        if word == "bgapi":
            job = dict(line.split(": ", 1) for line in text.split("\n")[1:])["Job-UUID"]
            return reply(f"+OK Job-UUID: {job}", f"Job-UUID: {job}")
        if word == "exit":
            return reply("+OK bye")
        if word == "sendmsg":
            headers = dict(line.split(": ", 1) for line in text.split("\n\n")[0].split("\n")[1:])
            if headers.get("call-command") == "execute":
                self.executed.append((headers["execute-app-name"], headers.get("execute-app-arg"),
                                      headers.get("Event-UUID")))
            return reply("+OK")
        return reply("-ERR command not found")


def encode(headers, body, form):
    """An event on the wire, as switch_event_serialize and _json write it."""
    if form == "json":
        more = {"Content-Length": str(len(body)), "_body": body} if body is not None else {}
        inner = json.dumps({**headers, **more}, separators=(",", ":")).encode()
    else:
        lines = "".join(f"{name}: {quote(value) or '_undef_'}\n" for name, value in headers.items())
        inner = (lines + (f"Content-Length: {len(body)}\n\n{body}" if body is not None else "\n")).encode()
    return b"Content-Length: %d\nContent-Type: text/event-%s\n\n" % (len(inner), form.encode()) + inner


class Switch:
    """The inbound event socket: invites, checks the password, then is a ``Peer`` for each client."""

    def __init__(self, password="ClueCon", host="127.0.0.1", port=0, silent=False, rules=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(5)
        self.port = self.listener.getsockname()[1]
        self.peers = []
        self.logins = []
        self._rules = rules or {}
        self._password = password
        self._silent = silent
        self._greenlet = gevent.spawn(self._accept)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            peer = Peer(sock)
            peer.rules = {"auth ": self._login, "userauth ": self._login, **self._rules}
            self.peers.append(peer)
            if not self._silent:
                peer.write(b"Content-Type: auth/request\n\n")

    def _login(self, text):
        self.logins.append(text)
        return reply("+OK accepted" if text.endswith(self._password) else "-ERR invalid")

    def stop(self):
        """The switch dies."""
        self._greenlet.kill()
        self.listener.close()
        for peer in self.peers:
            peer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
