"""The controller's commands as the stand-in reads them, and its own messages as it writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.standin import wire

TEXT = (
    b"connect\n\nsendmsg 4711\ncall-command: execute\nexecute-app-arg: a: b\n\r\n"
    b"api status\r\n\r\n\n\nsendevent X\nContent-Length: 4\n\nbodygetvar x\n\n"
)
LINES = ["connect", "sendmsg 4711", "api status", "sendevent X", "getvar x"]


@given(st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_commands_do_not_depend_on_how_the_bytes_come(cuts):
    """LF or CRLF, split anywhere, a body skipped by its length."""
    parser, commands, last = wire.CommandParser(), [], 0
    for cut in [*sorted(cuts), len(TEXT)]:
        commands += parser.feed(TEXT[last:cut])
        last = cut
    assert [command.line for command in commands] == LINES
    assert commands[1].headers == {"call-command": "execute", "execute-app-arg": "a: b"}
    assert (commands[1].name, commands[1].argument) == ("sendmsg", "4711")


def test_endless_command_is_refused():
    """A controller that never ends its command must not eat memory."""
    parser = wire.CommandParser()
    with pytest.raises(ValueError, match="command of more than"):
        for _ in range(100):
            parser.feed(b"x: y\n" * 1000)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(data):
    """Rubbish makes commands that are not found, never an exception."""
    wire.CommandParser().feed(data + b"\n\n")


def test_values_are_encoded_as_freeswitch_does():
    """Recorded: "/", "," and "(" stay, ":", "@", "%", "+" and a line end do not."""
    assert wire.encode("tone_stream://%(800,0,440)") == "tone_stream%3A//%25(800,0,440)"
    assert wire.encode('"Al" <+1@x>\r\n') == "%22Al%22%20%3C%2B1%40x%3E%0D%0A"
    assert wire.encode("é") == "%C3%A9"


def test_length_counts_bytes_and_stands_first():
    """An event's Content-Length comes before its type and counts bytes, not characters."""
    message = wire.event_json([("Event-Name", "X"), ("name", "é")])
    head, _, body = message.partition(b"\n\n")
    assert head == f"Content-Length: {len(body)}\nContent-Type: text/event-json".encode()
    assert body == '{"Event-Name":"X","name":"é"}'.encode()
