"""What a client says was heard of the agent stands in transcript, items and report."""

import pytest

from engine.store.account import Account

BEGIN = [{"t": 0.0, "event": "call_started", "id": "s1", "transport": "ws", "started": "2026-11-21T10:00:00+00:00"},
         {"t": 0.1, "event": "on_wire", "gen": 4, "at": 0.1}]
SAID = {"t": 3.0, "event": "agent_said", "gen": 4, "text": "We open at nine.", "interrupted": False}
HEARD = {"t": 2.5, "event": "agent_heard", "gen": 4, "text": "We open", "ms": 640}


@pytest.mark.parametrize("lines", [[SAID, HEARD], [HEARD, SAID]])
def test_the_clients_word_holds_whichever_comes_first(lines):
    """A truncation may cross the end of the reply: the order of the two lines tells nothing."""
    account = Account("2026/s1")
    for number, event in enumerate(BEGIN + lines, 1):
        account.take(event, number)
    changes = account.take_changes()
    (segment,), (item,) = changes["segments"], changes["items"]
    assert (segment["text"], segment["interrupted"]) == ("We open", True)
    assert item["content"] == [{"type": "output_audio", "transcript": "We open"}]
    assert (item["status"], item["truncated_ms"]) == ("incomplete", 640)
    assert account.session["interruptions"] == 1
