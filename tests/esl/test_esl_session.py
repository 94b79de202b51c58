"""Control of one call: what is sent, what is awaited, and how every wait ends."""

import gevent
import greenswitch.esl
import pytest
from esl_peer import ANSWERED, api_reply, linger_notice, reply
from gevent import socket

from engine.config import EventSocketOptions
from engine.errors import TrunklineError
from engine.esl import command
from engine.esl.connection import CommandTimeout, ConnectionLost, Stage
from engine.esl.errors import BadArgument, CommandRefused, EslError

PATIENCE = 10.0


@pytest.fixture
def taken(call):
    """A call that has begun: connect, linger, myevents json."""
    with call(connect_reply=ANSWERED) as (session, peer):
        session.begin()
        yield session, peer


def test_begin_sends_what_every_call_needs(call):
    with call() as (session, peer):
        channel = session.begin(["DTMF", "CUSTOM", "mod_audio_stream::json"], cancel_watchdog=True)
        assert peer.commands == ["connect", "linger 5", "myevents json",
                                 "event json DTMF CUSTOM mod_audio_stream::json", f"api sched_del {peer.uuid}"]
        assert channel.uuid == session.uuid == peer.uuid
        assert session.connect() is session.session_data
        assert len(peer.commands) == 5
        assert session.caller_id_number == "+15550100"
        assert session.answer_state == "ringing"
        assert isinstance(session, greenswitch.esl.OutboundSession)


def test_without_full_the_call_goes_on_with_a_warning(call, caplog):
    """``socket … async`` without ``full`` refuses linger and api; the log says what to write."""
    not_full = ANSWERED.replace(b"Control: full", b"Control: single-channel")
    with call(connect_reply=not_full) as (session, peer):
        session.begin()
        assert peer.commands == ["connect", "myevents json"]
        assert "async full" in caplog.text


def test_execute_returns_its_own_completion(taken):
    """Matched by Event-UUID: an older execution of the same application does not count."""
    session, peer = taken
    session.execute_nowait("playback", "music.wav")
    playing = gevent.spawn(session.execute, "playback", "hello.wav")
    sent = peer.wait_command("sendmsg", 2)
    assert "event-lock: true" in sent
    peer.complete("playback", 0)
    peer.complete("playback", 1, response="FILE PLAYED")
    event = playing.get(timeout=PATIENCE)
    assert event.get("Application-Data") == "hello.wav"
    assert event.get("Application-Response") == "FILE PLAYED"


def test_execute_on_another_channel_names_it(taken):
    session, peer = taken
    session.execute_nowait("playback", "a.wav", uuid="other-leg")
    assert peer.commands[-1].startswith("sendmsg other-leg\n")


def test_execute_refuses_expansion_but_greenswitch_s_methods_do_not(taken):
    session, peer = taken
    with pytest.raises(BadArgument, match="expand=True"):
        session.execute("playback", "${sound}")
    session.playback("${sound}", block=False)
    assert "execute-app-arg: ${sound}" in peer.commands[-1]
    assert "event-lock" not in peer.commands[-1]


@pytest.mark.parametrize("end", ["hangup_complete", "linger", "goodbye", "drop"])
def test_a_waiting_execution_ends_with_the_call(taken, end):
    """Applications that are queued never complete after a hangup: whoever waits is told, with the stage."""
    session, peer = taken
    playing = gevent.spawn(session.execute, "playback", "hello.wav")
    peer.wait_command("sendmsg")
    if end == "hangup_complete":
        peer.event("CHANNEL_HANGUP_COMPLETE", Hangup_Cause="USER_BUSY")
    elif end == "linger":
        peer.write(linger_notice(peer.uuid))
    elif end == "goodbye":
        peer.write(b"Content-Type: text/disconnect-notice\nContent-Disposition: disconnect\nContent-Length: 0\n\n")
    else:
        peer.close()
    with pytest.raises(ConnectionLost) as caught:
        playing.get(timeout=PATIENCE)
    assert caught.value.stage is Stage.ACCEPTED
    assert session.ended.wait(PATIENCE)
    if end == "hangup_complete":
        assert session.hangup_cause == "USER_BUSY"
        assert "USER_BUSY" in str(caught.value)


def test_hangup_of_another_channel_is_not_this_call_s(taken):
    session, peer = taken
    peer.event("CHANNEL_HANGUP", Unique_ID="other-leg", Hangup_Cause="NORMAL_CLEARING")
    session.api("status")
    assert session.hangup_cause is None
    session.raise_if_disconnected()


def test_after_hangup_the_api_still_works_but_nothing_is_executed(taken):
    """FreeSWITCH lingers for the last questions; applications would only be queued for nobody."""
    session, peer = taken
    peer.hang_up("NORMAL_CLEARING")
    assert session.ended.wait(PATIENCE)
    assert session.api("status") == "+OK\n"
    assert session.connected
    for act in (lambda: session.execute("playback", "a.wav"), lambda: session.answer(), session.raise_if_disconnected):
        with pytest.raises(ConnectionLost) as caught:
            act()
        assert caught.value.stage is Stage.NOT_SENT
        assert isinstance(caught.value, (greenswitch.esl.OutboundSessionHasGoneAway))
        assert isinstance(caught.value, (greenswitch.esl.NotConnectedError))
        assert isinstance(caught.value, TrunklineError)


def test_deadlines_say_how_far_the_command_got(taken):
    session, peer = taken
    with pytest.raises(CommandTimeout) as caught:
        session.execute("sleep", "1000", timeout=0.05)
    assert caught.value.stage is Stage.ACCEPTED
    with pytest.raises(CommandTimeout, match="DTMF"):
        session.wait_for("DTMF", timeout=0.05)
    peer.rules["sendmsg"] = None
    with pytest.raises(CommandTimeout, match="sendmsg execute sleep: nothing within 0.05 s"):
        session.send(command.execute("sleep", "1000"), timeout=0.05)
    peer.rules["api slow"] = None
    with pytest.raises(CommandTimeout) as caught:
        session.api("slow", timeout=0.05)
    assert caught.value.stage is Stage.SENT
    assert isinstance(caught.value, TimeoutError)
    assert not session.connection.expected


def test_a_late_reply_shifts_no_other(taken):
    """The slot of a timed-out command stays: its reply, when it comes, is not taken for the next one's."""
    session, peer = taken
    peer.rules["api slow"] = None
    with pytest.raises(CommandTimeout):
        session.api("slow", timeout=0.05)
    peer.rules["api next"] = lambda _: api_reply("late") + api_reply("next")
    assert session.api("next") == "next"
    assert session.api("status") == "+OK\n"


def test_lost_before_sending_and_while_waiting(taken):
    session, peer = taken
    peer.rules["api slow"] = lambda _: peer.sock.shutdown(socket.SHUT_RDWR)
    with pytest.raises(ConnectionLost) as caught:
        session.api("slow")
    assert caught.value.stage is Stage.SENT
    with pytest.raises(ConnectionLost) as caught:
        session.api("status")
    assert caught.value.stage is Stage.NOT_SENT
    assert not session.connected


def test_a_peer_that_does_not_read(call):
    """Half a command would swallow the next one: the connection ends, and the command was not executed."""
    with call(EventSocketOptions(command_timeout_s=0.2)) as (session, peer):
        session.connect()
        peer._greenlet.kill()
        with pytest.raises(ConnectionLost) as caught:
            session.send("api echo " + "a" * 30_000_000)
        assert caught.value.stage is Stage.NOT_SENT
        assert "does not read" in str(caught.value)


def test_nonsense_ends_the_connection_after_what_came_before(taken):
    session, peer = taken
    seen = []
    session.on("DTMF", seen.append)
    peer.event("DTMF", DTMF_Digit="1")
    peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert session.ended.wait(PATIENCE)
    assert "no FreeSWITCH" in session.connection.lost.reason
    session.close()
    assert [event.get("DTMF-Digit") for event in seen] == ["1"]


def test_an_event_that_cannot_be_read_is_dropped(taken):
    """One broken event must not cost the call."""
    session, peer = taken
    peer.write(b"Content-Length: 5\nContent-Type: text/event-json\n\n{oops")
    assert session.api("status") == "+OK\n"
    assert session.connection.dropped == 1


def test_refusals_carry_the_text(taken):
    session, peer = taken
    peer.rules["api uuid_kill"] = api_reply("-ERR No such channel!\n")
    with pytest.raises(CommandRefused, match="No such channel") as caught:
        session.kill()
    assert caught.value.reply == "-ERR No such channel!\n"
    peer.rules["event"] = reply("-ERR no keywords supplied")
    with pytest.raises(CommandRefused):
        session.subscribe("NOSUCH")


def test_variables(taken):
    """An unset variable is None: ``getvar`` would say -ERR, ``uuid_getvar`` says _undef_."""
    session, peer = taken
    peer.rules["api uuid_getvar"] = lambda text: api_reply("_undef_" if text.endswith("nosuch") else "50%20off")
    assert session.getvar("nosuch") is None
    assert session.getvar("discount") == "50%20off"
    session.setvar("name", "it's a 'test'")
    assert peer.commands[-1] == f"api uuid_setvar {peer.uuid} name it\\'s\\sa\\s\\'test\\'"
    session.setvar("name", "")
    assert peer.commands[-1] == f"api uuid_setvar {peer.uuid} name"
    with pytest.raises(BadArgument):
        session.setvar("name", "a\nb")


def test_commands_about_the_channel(taken):
    session, peer = taken
    session.kill("USER_BUSY")
    session.transfer("2001", context="public")
    session.break_all()
    session.sched_del()
    session.sched_hangup(60)
    assert peer.commands[-5:] == [
        f"api uuid_kill {peer.uuid} USER_BUSY", f"api uuid_transfer {peer.uuid} 2001 XML public",
        f"api uuid_break {peer.uuid} all", f"api sched_del {peer.uuid}",
        f"api sched_hangup +60 {peer.uuid} ALLOTTED_TIMEOUT"]


def test_unicast_only_with_media(call):
    """Before an answer it aborts the whole FreeSWITCH, with all calls on it."""
    with call() as (session, peer):
        session.begin()
        with pytest.raises(EslError, match="would abort FreeSWITCH"):
            session.unicast("127.64.0.1", 9000, "127.0.0.1", 41001)
        answering = gevent.spawn(session.execute, "answer")
        peer.wait_command("sendmsg")
        peer.complete("answer")
        answering.get(timeout=PATIENCE)
        session.unicast("127.64.0.1", 9000, "127.0.0.1", 41001)
        assert "remote-port: 41001" in peer.commands[-1]


def test_background_job(taken):
    """Our own Job-UUID is awaited before the job starts, so even a result before the reply is not missed."""
    session, peer = taken

    def quick(text):
        uuid = text.split("Job-UUID: ")[1]
        peer.event("BACKGROUND_JOB", body="+OK done\n", Job_UUID="another")
        peer.event("BACKGROUND_JOB", body="-ERR USER_BUSY\n" if "busy" in text else "+OK done\n", Job_UUID=uuid)
        return reply(f"+OK Job-UUID: {uuid}", f"Job-UUID: {uuid}")

    peer.rules["bgapi"] = quick
    assert session.bgapi("status").get(PATIENCE) == "+OK done\n"
    with pytest.raises(CommandRefused, match="USER_BUSY"):
        session.bgapi("originate", "busy &park()").get(PATIENCE)
    assert peer.commands.count("event json BACKGROUND_JOB") == 1
    peer.rules["bgapi"] = reply("-ERR no")
    with pytest.raises(CommandRefused):
        session.bgapi("status")
    assert not session.connection.expected


def test_wait_for_an_event_that_matches(taken):
    session, peer = taken
    waiting = gevent.spawn(session.wait_for, "DTMF", lambda event: event.get("DTMF-Digit") == "#")
    gevent.sleep(0.01)
    peer.event("DTMF", DTMF_Digit="1")
    peer.event("DTMF", DTMF_Digit="#")
    assert waiting.get(timeout=PATIENCE).get("DTMF-Digit") == "#"


def test_handlers(taken):
    """Named handlers first, ``*`` for the rest, subclasses of CUSTOM by their own name; one that fails stops nobody."""
    session, peer = taken
    seen = []
    session.on("DTMF", lambda event: 1 / 0)
    take_back = session.on("DTMF", lambda event: seen.append("named"))
    session.on("my::event", lambda event: seen.append("custom"))
    session.on("*", lambda event: seen.append(event.name))
    session.before_handle = lambda event: seen.append("before")
    peer.event("DTMF")
    peer.event("CUSTOM", Event_Subclass="my::event")
    peer.event("CHANNEL_ANSWER")
    session.api("status")
    gevent.sleep(0.05)
    assert seen == ["before", "named", "before", "custom", "before", "CHANNEL_ANSWER"]
    take_back()
    with pytest.raises(ValueError, match="DTMF"):
        take_back()


def test_a_handler_may_command_and_wait_while_events_flood(call):
    """The queue is at its bound and the handler waits for a reply that stands behind the flood: no deadlock."""
    with call(EventSocketOptions(event_queue=16)) as (session, peer):
        session.begin()
        replies, count = [], 60
        session.on("DTMF", lambda event: replies.append(session.api("status")))
        for _ in range(count):
            peer.event("DTMF")
        with gevent.Timeout(PATIENCE):
            while len(replies) < count:
                gevent.sleep(0.01)
        assert set(replies) == {"+OK\n"}


def test_a_slow_handler_holds_freeswitch_back(call):
    """The event queue is bounded: what does not fit stays in TCP, not in memory."""
    with call(EventSocketOptions(event_queue=16)) as (session, peer):
        session.begin()
        go, seen = gevent.event.Event(), []
        session.on("DTMF", lambda event: (go.wait(), seen.append(1)))
        count = 3000
        flooding = gevent.spawn(lambda: [peer.event("DTMF", Filler="x" * 2000) for _ in range(count)])
        gevent.sleep(0.3)
        assert not flooding.ready()
        assert len(session.connection._events) < 16 + 64
        go.set()
        with gevent.Timeout(60):
            flooding.get()
            while len(seen) < count:
                gevent.sleep(0.01)


def test_close_delivers_what_had_arrived_and_says_goodbye(taken):
    session, peer = taken
    seen = []
    session.on("DTMF", lambda event: (gevent.sleep(0.01), seen.append(event.get("DTMF-Digit"))))
    for digit in "123":
        peer.event("DTMF", DTMF_Digit=digit)
    session.close()
    assert seen == ["1", "2", "3"]
    assert peer.commands[-1] == "exit"
    session.close()


def test_killed_greenlet_leaves_no_half_state(taken):
    """An application's own gevent.Timeout around a call must not spoil the next one."""
    session, peer = taken
    peer.rules["api slow"] = None
    with pytest.raises(gevent.Timeout):
        with gevent.Timeout(0.05):
            session.api("slow")
    peer.rules["api next"] = lambda _: api_reply("late") + api_reply("next")
    assert session.api("next") == "next"


def test_commands_of_many_greenlets_get_their_own_replies(taken):
    session, peer = taken
    peer.rules["api echo"] = lambda text: api_reply(text[9:])
    texts = [str(n) for n in range(200)]
    jobs = [gevent.spawn(session.api, "echo", text) for text in texts]
    gevent.joinall(jobs, timeout=PATIENCE)
    assert [job.value for job in jobs] == texts


def test_before_connect(call):
    with call() as (session, _):
        assert session.uuid is session.call_uuid is session.session_data is None
        for act in (session.raise_if_disconnected, lambda: session.getvar("x"), lambda: session.playback("x")):
            with pytest.raises(ConnectionLost, match="connect"):
                act()


def test_connect_has_a_deadline(call):
    with call(EventSocketOptions(connect_timeout_s=0.05)) as (session, peer):
        peer.rules["connect"] = None
        with pytest.raises(CommandTimeout, match="connect"):
            session.connect()


def test_play_and_get_digits_sends_no_python(taken):
    """greenswitch writes ``None`` for what was not given; FreeSWITCH would take it for a file name."""
    session, peer = taken
    asking = gevent.spawn(session.play_and_get_digits, min_digits=1, max_digits=4, prompt_file="ask.wav",
                          variable="pin")
    sent = peer.wait_command("sendmsg")
    assert "execute-app-arg: 1 4 1 5000 # ask.wav silence_stream://250 pin\n" in sent + "\n"
    _, _, event_uuid = peer.executed[-1]
    peer.event("CHANNEL_EXECUTE_COMPLETE", Application_UUID=event_uuid, variable_pin="1234")
    assert asking.get(timeout=PATIENCE) == "1234"


def test_register_expected_event(taken):
    session, peer = taken
    result = gevent.event.AsyncResult()
    session.register_expected_event("CHANNEL_EXECUTE_COMPLETE", "current_application", "echo", result)
    peer.event("CHANNEL_EXECUTE_COMPLETE", variable_current_application="playback")
    peer.event("CHANNEL_EXECUTE_COMPLETE", variable_current_application="echo", Tag="this")
    assert result.get(timeout=PATIENCE).get("Tag") == "this"
    lost = gevent.event.AsyncResult()
    session.register_expected_event("X", "a", "b", lost)
    peer.close()
    with pytest.raises(greenswitch.esl.OutboundSessionHasGoneAway):
        lost.get(timeout=PATIENCE)


def test_several_commands_in_one_trip(taken):
    """Replies go to their own commands; a refusal of one does not stop the others."""
    session, peer = taken
    peer.rules["api echo"] = lambda text: api_reply(text[9:])
    peer.rules["api no"] = api_reply("-ERR no\n")
    sent = [command.api("echo", "1"), command.api("no"), command.api("echo", "2")]
    assert [answer.text for answer in session.connection.send_all(sent)] == ["1", "-ERR no\n", "2"]
    peer.rules["api slow"] = None
    with pytest.raises(CommandTimeout, match="api slow"):
        session.connection.send_all([command.api("echo", "1"), command.api("slow")], timeout=0.05)


def test_commands_by_object(taken):
    session, _ = taken
    assert session.send(command.divert_events(True)).ok is False  # the test's peer does not know it
