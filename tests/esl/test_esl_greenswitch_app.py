"""An application written for greenswitch, in the manner of its README, runs on our server without a change."""

import gevent
import greenswitch
import pytest
from esl_peer import Peer

from engine.esl.server import OutboundESLServer


class GreetingApplication:
    """Nothing in it knows of Trunkline."""

    log = None

    def __init__(self, session):
        self.session = session
        self.hung_up = False

    def on_hangup(self, event):
        self.hung_up = True
        self.log.append(("cause", event.headers.get("Hangup-Cause")))

    def run(self):
        try:
            self.handle_call()
        except greenswitch.esl.OutboundSessionHasGoneAway:
            self.log.append(("gone", self.session.call_uuid))

    def handle_call(self):
        self.session.connect()
        self.session.myevents()
        self.session.register_handle("CHANNEL_HANGUP", self.on_hangup)
        self.session.linger()
        called = self.session.session_data.get("variable_sip_to_user")
        self.log.append(("caller", self.session.caller_id_number, called))
        answered = self.session.answer()
        self.log.append(("answer", answered))
        gevent.sleep(0.01)
        with self.session.while_connected():
            pin = self.session.play_and_get_digits("1", "4", "3", "5000", "#", "ask.wav", "wrong.wav", "pin", "\\d+",
                                                   "1000", "'fail'")
        self.log.append(("pin", pin))
        event = self.session.playback("hello.wav")
        self.log.append(("played", event.headers.get("Application-Response")))
        self.session.say(text="15", block=False)
        self.session.uuid_break()
        self.session.playback("long.wav")


class SwitchPeer(Peer):
    """Applications complete by themselves; the caller hangs up during long.wav."""

    def answer(self, text):
        answer = super().answer(text)
        if "execute-app-name" in text:
            self.write(answer)
            app, arg, event_uuid = self.executed[-1]
            if arg == "long.wav":
                self.hang_up("ORIGINATOR_CANCEL")
                return b""
            extra = {"variable_pin": "4711"} if app == "play_and_get_digits" else {}
            self.event("CHANNEL_EXECUTE_COMPLETE", Application=app, Application_Response="FILE PLAYED",
                       variable_current_application=app, **({"Application_UUID": event_uuid} if event_uuid else {}),
                       **extra)
            return b""
        return answer


def test_unmodified_application(tidy):
    """The acceptance test of compatibility; the server's constructor and life are greenswitch's too."""
    log = []
    application = type("App", (GreetingApplication,), {"log": log})
    server = OutboundESLServer(bind_address="127.0.0.1", bind_port=[0], application=application, max_connections=5)
    assert isinstance(server, greenswitch.esl.OutboundESLServer)
    listening = gevent.spawn(server.listen)
    gevent.sleep(0.05)
    with SwitchPeer.call(server.bound_port) as peer:
        assert peer.ended.wait(10)
    server.stop()
    listening.join(timeout=10)
    assert listening.ready()
    # The hangup handler runs beside the application: their order is not fixed.
    assert [line for line in log if line[0] != "cause"] == [
        ("caller", "+15550100", "1001"), ("answer", "+OK"), ("pin", "4711"), ("played", "FILE PLAYED"),
        ("gone", peer.uuid)]
    assert ("cause", "ORIGINATOR_CANCEL") in log


def test_while_connected_as_decorator(call):
    with call() as (session, peer):
        session.connect()

        @session.while_connected()
        def work():
            return "done"

        assert work() == "done"
        session.myevents()
        peer.hang_up()
        session.ended.wait(5)
        with pytest.raises(greenswitch.esl.OutboundSessionHasGoneAway):
            work()


def test_constructor_forms():
    """The same mistakes are refused as in greenswitch."""
    with pytest.raises(ValueError, match="Application"):
        OutboundESLServer(bind_port=8084)
    with pytest.raises(ValueError, match="bind_port"):
        OutboundESLServer(bind_port=[], application=GreetingApplication)
    server = OutboundESLServer("127.0.0.1", 8000, GreetingApplication, 7)
    assert (server.bind_port, server.max_connections, server.connection_count) == ([8000], 7, 0)
