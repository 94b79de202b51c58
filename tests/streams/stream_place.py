"""An engine that takes carriers' streams, as its tests use it."""

from time import monotonic

import gevent
from call_world import read_events, wait
from stream_phone import StreamPhone

from tests.fakes.exotel_media import ExotelMedia
from tests.fakes.twilio_media import TwilioMedia


class Place:
    """One engine and its HTTP server."""

    def __init__(self, engine, web, folder):
        self.engine, self.web, self.home = engine, web, folder

    @property
    def ws(self):
        return self.web.url.replace("http", "ws", 1)

    def twilio(self, path="/ws/twilio", headers=None, **parameters):
        return StreamPhone(self.ws + path, TwilioMedia(monotonic(), **parameters), headers)

    def exotel(self, path="/ws/exotel", headers=None, **options):
        return StreamPhone(self.ws + path, ExotelMedia(monotonic(), **options), headers)

    def both(self, call):
        """``call(phone)`` with a phone behind each carrier, at the same time; the log of each call by its transport."""
        phones = {"twilio": self.twilio(), "exotel": self.exotel()}
        running = [gevent.spawn(call, phone) for phone in phones.values()]
        gevent.joinall(running, raise_error=True)
        logs = {log[0]["transport"]: log for log in self.logs()}
        return [(name, phone, logs[name]) for name, phone in phones.items()]

    def log(self):
        """The lines of the only call, which is over."""
        (one,) = self.logs()
        return one

    def logs(self):
        wait(lambda: not self.engine.sessions, "the engine still holds a stream")
        assert self.engine._disk.flush()
        return [read_events(log) for log in sorted(self.home.glob("calls/*/*/events.jsonl"))]
