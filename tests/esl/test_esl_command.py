"""Each command's text is what FreeSWITCH was seen to accept, and no argument can start another command."""

import esl_captures as capture
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.esl import command
from engine.esl.errors import BadArgument

U = "11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(("built", "text"), [
    (command.connect(), "connect\n\n"),
    (command.auth("ClueCon"), "auth ClueCon\n\n"),
    (command.userauth("bob@example.com", "a b"), "userauth bob@example.com:a b\n\n"),
    (command.exit(), "exit\n\n"),
    (command.linger(5), "linger 5\n\n"),
    (command.nolinger(), "nolinger\n\n"),
    (command.resume(), "resume\n\n"),
    (command.myevents(), "myevents json\n\n"),
    (command.myevents("plain", U), f"myevents {U} plain\n\n"),
    (command.event(["DTMF", "CUSTOM", "a::b"]), "event json DTMF CUSTOM a::b\n\n"),
    (command.event(["ALL"], "plain"), "event plain ALL\n\n"),
    (command.nixevent(["DTMF"]), "nixevent DTMF\n\n"),
    (command.filter("Event-Name", "DTMF"), "filter Event-Name DTMF\n\n"),
    (command.divert_events(True), "divert_events on\n\n"),
    (command.divert_events(False), "divert_events off\n\n"),
    (command.log("debug"), "log debug\n\n"),
    (command.getvar("sip_to_user"), "getvar sip_to_user\n\n"),
    (command.execute("answer"), "sendmsg\ncall-command: execute\nexecute-app-name: answer\nevent-lock: true\n\n"),
    (command.execute("playback", "a b.wav", event_uuid=U, lock=False, loops=2, uuid="x"),
     "sendmsg x\ncall-command: execute\nexecute-app-name: playback\nexecute-app-arg: a b.wav\nloops: 2\n"
     f"Event-UUID: {U}\n\n"),
    (command.execute("set", "a=" + "é" * 1500, lock=False),
     "sendmsg\ncall-command: execute\nexecute-app-name: set\ncontent-type: text/plain\ncontent-length: 3002\n\n"
     "a=" + "é" * 1500),
    (command.unicast("127.64.0.1", 9000, "127.0.0.1", 41001),
     "sendmsg\ncall-command: unicast\nlocal-ip: 127.64.0.1\nlocal-port: 9000\n"
     "remote-ip: 127.0.0.1\nremote-port: 41001\n\n"),
    (command.unicast("127.0.0.1", 0, "127.0.0.1", 1, native=True),
     "sendmsg\ncall-command: unicast\nlocal-ip: 127.0.0.1\nlocal-port: 0\n"
     "remote-ip: 127.0.0.1\nremote-port: 1\nflags: native\n\n"),
    (command.hangup("USER_BUSY"), "sendmsg\ncall-command: hangup\nhangup-cause: USER_BUSY\n\n"),
    (command.api("status"), "api status\n\n"),
    (command.api("uuid_kill", U), f"api uuid_kill {U}\n\n"),
    (command.bgapi("originate", "user/1 &park()", job_uuid=U), f"bgapi originate user/1 &park()\nJob-UUID: {U}\n\n"),
    (command.sendevent("CUSTOM", {"Event-Subclass": "my::test"}), "sendevent CUSTOM\nEvent-Subclass: my::test\n\n"),
    (command.raw("sendmsg\ncall-command: hangup"), "sendmsg\ncall-command: hangup\n\n"),
], ids=lambda value: str(value).split("\n")[0] if isinstance(value, command.Command) else "")
def test_wire_text(built, text):
    assert str(built) == text
    assert bytes(built) == text.encode()


def test_texts_that_a_real_freeswitch_took():
    """Where a capture holds the command, ours is the same to the byte."""
    seen = {c.data for path in capture.FILES for c in capture.read(path) if c.sender == "C>"}
    for built in (
        command.connect(), command.linger(5), command.myevents(), command.getvar("sip_to_user"),
        command.divert_events(True), command.api("status"), command.filter("Event-Name", "DTMF"),
        command.resume(), command.nolinger(), command.log("debug"),
        command.execute("set", "continue_on_fail=true", lock=False),
        command.sendevent("CUSTOM", {"Event-Subclass": "my::test"}),
    ):
        assert any(bytes(built) in data for data in seen), str(built)


BAD = ["x.wav\n\napi system touch /tmp/x", "x\r\ny", "x\ny", "x\r", "\n", "a\0b"]
CALLS = [
    lambda t: command.auth(t), lambda t: command.userauth("u", t), lambda t: command.userauth(t, "p"),
    lambda t: command.myevents("json", t), lambda t: command.event([t]), lambda t: command.nixevent([t]),
    lambda t: command.filter(t, "v"), lambda t: command.filter("h", t), lambda t: command.log(t),
    lambda t: command.getvar(t), lambda t: command.execute(t), lambda t: command.execute("playback", t),
    lambda t: command.execute("playback", "x" * 2000 + t), lambda t: command.execute("a", event_uuid=t),
    lambda t: command.execute("a", uuid=t), lambda t: command.unicast(t, 0, "127.0.0.1", 1),
    lambda t: command.unicast("127.0.0.1", 0, t, 1), lambda t: command.hangup(t), lambda t: command.hangup(uuid=t),
    lambda t: command.sendmsg([(t, "v")]), lambda t: command.sendmsg([("h", t)]), lambda t: command.api(t),
    lambda t: command.api("status", t), lambda t: command.bgapi("status", t, job_uuid="j"),
    lambda t: command.bgapi("status", job_uuid=t), lambda t: command.sendevent(t, {}),
    lambda t: command.sendevent("CUSTOM", {"h": t}), lambda t: command.originate(t, "x", {}),
    lambda t: command.originate("x", t, {}), lambda t: command.originate("x", "y", {"v": t}),
    lambda t: command.originate("x", "y", {t: "v"}), lambda t: command.originate("x", "y", {}, context=t),
]


@pytest.mark.parametrize("text", BAD, ids=repr)
@pytest.mark.parametrize("call", CALLS)
def test_line_ends_are_refused_everywhere(call, text):
    """A line end in an argument is a second command to FreeSWITCH, up to running a shell."""
    with pytest.raises(BadArgument):
        call(text)


def test_errors_name_the_argument():
    with pytest.raises(BadArgument, match="argument of playback has a line feed at character 5"):
        command.execute("playback", "x.wav\napi status")
    with pytest.raises(BadArgument, match="empty line"):
        command.raw("api status\n\napi system x")
    with pytest.raises(BadArgument, match="carriage return"):
        command.raw("api status\r\n\r\napi system x")


def test_expansion_is_refused_unless_the_text_is_our_own():
    """FreeSWITCH runs ``${system …}`` in the arguments of applications."""
    with pytest.raises(BadArgument, match="expand=True"):
        command.execute("log", "INFO ${system(touch /tmp/x)}")
    assert "${hold_music}" in str(command.execute("playback", "${hold_music}", expand=True))


@pytest.mark.parametrize("call", [
    lambda: command.linger(0), lambda: command.event([]), lambda: command.myevents("xml"),
    lambda: command.unicast("127.0.0.1", 0, "127.0.0.1", 0),
    lambda: command.unicast("127.0.0.1", 70000, "127.0.0.1", 1),
    lambda: command.api(""), lambda: command.execute("play back"), lambda: command.userauth("a:b", "c"),
    lambda: command.originate("user/1", "&play(it's)", {}), lambda: command.channel_variables({"a=b": 1}),
    lambda: command.channel_variables({"a": "b}c"}), lambda: command.channel_variables({"a": "${b}"}),
    lambda: command.channel_variables({"a": "x:_:y"}),
])
def test_other_bad_arguments(call):
    with pytest.raises(BadArgument):
        call()


def test_passwords_stay_out_of_messages():
    assert "secret" not in command.auth("secret").label + command.userauth("u", "secret").label


# FreeSWITCH's own splitting, as read in switch_utils.c (switch_separate_string, cleanup_separated_string).

def freeswitch_clean(text, delimiter):
    out, quoted, keep, i = [], False, 0, 0
    text = text.lstrip(" ")
    while i < len(text):
        character, following = text[i], text[i + 1] if i + 1 < len(text) else ""
        plain = {"n": "\n", "r": "\r", "t": "\t", "s": " "}.get(following)
        if character == "\\" and following and (following in "'\"\\" or following == delimiter or plain):
            out.append(plain or following)
            keep, i = len(out), i + 2
            continue
        if character == "'" and (quoted or "'" in text[i + 1 :]):
            quoted = not quoted
            keep = len(out) if quoted else keep
        else:
            out.append(character)
            if character != " " or quoted:
                keep = len(out)
        i += 1
    return "".join(out[:keep]) if keep else "".join(out)


def freeswitch_split(text, delimiter, most=1000):
    parts, start, quoted, i = [], 0, False, 0
    while i < len(text) and len(parts) < most - 1:
        if text[i] == "\\":
            i += 1
        elif text[i] == "'" and (delimiter == " " or quoted or "'" in text[i + 1 :]):
            quoted = not quoted
        elif text[i] == delimiter and not quoted:
            parts.append(text[start:i])
            start = i + 1
        i += 1
    parts.append(text[start:])
    return [freeswitch_clean(part, "" if delimiter == " " else delimiter) for part in parts]


VALUE = st.text(st.sampled_from("ab'\\,= \"$+:/@nrs|^"), max_size=12).filter(
    lambda v: "${" not in v and ":_:" not in v)


@given(st.dictionaries(st.sampled_from(["a", "sip_h_X-Y", "origination_caller_id_name"]), VALUE, min_size=1))
@settings(max_examples=150, deadline=None)
def test_freeswitch_reads_back_the_variables_of_an_originate(variables):
    """A caller's name with quotes, commas and backslashes arrives as it is and sets nothing else."""
    line = command.originate("user/1000", "&park()", variables)
    words = freeswitch_split(line, " ")
    assert words[1:] == ["&park()"]
    wanted = {name: value for name, value in variables.items() if value}
    if not wanted:
        assert words[0] == "user/1000"
        return
    inside, endpoint = words[0][1:].rsplit("}", 1)
    assert endpoint == "user/1000"
    pairs = [freeswitch_split(pair, "=", 2) for pair in freeswitch_split(inside, ",")]
    assert dict(pairs) == wanted


@given(VALUE.filter(lambda v: v))
@settings(max_examples=80, deadline=None)
def test_freeswitch_reads_back_an_escaped_argument(value):
    assert freeswitch_split(f"uuid name {command.escape(value)}", " ", 3) == ["uuid", "name", value]
