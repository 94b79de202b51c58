"""FreeSWITCH's inbound event socket for hand-over: it calls humans in the background and tells of them.

As strict as the real one where it matters: jobs only for ``bgapi`` with a Job-UUID, events only of the names that were
asked for.
"""

import json
import re

import gevent
from gevent.server import StreamServer


class PhoneSwitch:
    """``answer(uuid) -> (seconds, result)`` says what becomes of a human who is called. ``commands``: all that came."""

    def __init__(self, answer):
        self.answer, self.commands, self._sockets, self._wanted = answer, [], [], set()
        self.on_bridge = None  # on_bridge(caller, human): what the switch does; its answer is sent after it
        self.answers = {"uuid_getvar": "8000"}  # other than +OK, by the beginning of the API command
        self.slow = {}  # seconds that the answer to a command takes, by its beginning
        self._timers = []
        self._server = StreamServer(("127.0.0.1", 0), self._serve)
        self._server.start()
        self.port = self._server.server_port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        gevent.killall(self._timers)
        self._server.stop(timeout=1)
        for sock in self._sockets:
            sock.close()

    def tell(self, name, headers):
        """Send an event, if somebody asked for it."""
        if name in self._wanted:
            body = json.dumps({"Event-Name": name, **headers})
            self._sockets[-1].sendall(
                f"Content-Length: {len(body)}\nContent-Type: text/event-json\n\n{body}".encode())

    def sent(self, start):
        """The commands that begin so."""
        return [command for command in self.commands if command.startswith(start)]

    def _serve(self, sock, _address):
        self._sockets.append(sock)
        sock.sendall(b"Content-Type: auth/request\n\n")
        buffer = b""
        try:
            while data := sock.recv(4096):
                buffer += data
                while b"\n\n" in buffer:
                    command, _, buffer = buffer.partition(b"\n\n")
                    self._obey(sock, command.decode())
        except OSError:
            return  # closed

    def _obey(self, sock, command):
        self.commands.append(command)
        if command.startswith("api uuid_bridge ") and self.on_bridge is not None:
            self.on_bridge(*command.split()[2:])
        gevent.sleep(next((seconds for start, seconds in self.slow.items() if command.startswith(start)), 0))
        if command.startswith("api "):
            text = next((text for start, text in self.answers.items() if command[4:].startswith(start)), "+OK\n")
            sock.sendall(f"Content-Type: api/response\nContent-Length: {len(text)}\n\n{text}".encode())
            return
        job = re.search(r"^Job-UUID: (\S+)$", command, re.MULTILINE)
        extra = f"Job-UUID: {job[1]}\n" if job else ""
        if command.startswith("event json "):
            self._wanted.update(command.split()[2:])
        sock.sendall(f"Content-Type: command/reply\nReply-Text: +OK\n{extra}\n".encode())
        if job and command.startswith("bgapi originate"):
            uuid = re.search(r"origination_uuid=([0-9a-f-]+)", command)[1]
            seconds, result = self.answer(uuid)
            self._timers.append(gevent.spawn_later(seconds, self._finish, job[1], result))

    def _finish(self, job, result):
        if "BACKGROUND_JOB" in self._wanted:
            head = json.dumps({"Event-Name": "BACKGROUND_JOB", "Job-UUID": job, "_body": result})
            self._sockets[-1].sendall(f"Content-Length: {len(head)}\nContent-Type: text/event-json\n\n{head}".encode())
