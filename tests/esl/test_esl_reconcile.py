"""Orphans are found in two rounds and killed; nothing is killed that might be a human's conversation."""

import json

import gevent
import pytest
from esl_peer import Switch, api_reply

from engine.esl.errors import EslError
from engine.esl.inbound import InboundClient
from engine.esl.reconcile import ChannelRow, Reconciler, Round, candidates, compare, mark, read_channels, release

US, THEM = "node-1", "node-2"


def rows(*entries):
    return [ChannelRow(*entry) for entry in entries]


def test_reading_the_list():
    """Without channels FreeSWITCH leaves ``rows`` out."""
    text = json.dumps({"row_count": 1, "rows": [{"uuid": "a", "state": "CS_EXECUTE", "application": "socket",
                                                 "cid_name": "x"}]})
    assert read_channels(text) == rows(("a", "CS_EXECUTE", "socket"))
    assert read_channels('{"row_count":0}') == []
    for wrong in ("-ERR nonsense", "[]", '{"rows":[{}]}', '{"rows":7}', ""):
        with pytest.raises(EslError, match="show channels"):
            read_channels(wrong)


def test_an_orphan_is_killed_in_the_second_round():
    """In the first round it may be a call whose connection is just arriving."""
    listed = rows(("a", "CS_EXECUTE", "socket"), ("b", "CS_PARK", "answer"), ("known", "CS_EXECUTE", "socket"))
    owners = {"a": US, "b": US}
    first = compare(listed, owners, {"known"}, US, Round())
    assert not first.orphans
    assert first.suspected_orphans == {"a", "b"}
    second = compare(listed, owners, {"known"}, US, first)
    assert second.orphans == {"a", "b"}


def test_what_is_never_killed():
    """Another engine's channels, unmarked ones, and those that the dialplan's next action is busy with."""
    listed = rows(("theirs", "CS_EXECUTE", "socket"), ("unmarked", "CS_EXECUTE", "park"),
                  ("human", "CS_EXECUTE", "bridge"), ("voicemail", "CS_EXECUTE", "voicemail"))
    owners = {"theirs": THEM, "unmarked": None, "human": US, "voicemail": US}
    found = Round()
    for _ in range(3):
        found = compare(listed, owners, (), US, found)
    assert not found.orphans
    assert candidates(listed, ()) == ["theirs", "unmarked"]


def test_a_suspect_that_became_a_call_or_went_is_forgotten():
    listed = rows(("a", "CS_EXECUTE", "socket"))
    first = compare(listed, {"a": US}, (), US, Round())
    assert not compare(listed, {}, {"a"}, US, first).orphans
    assert not compare([], {}, (), US, first).orphans


def test_calls_without_a_channel_are_reported_in_the_second_round():
    first = compare([], {}, {"gone", "here"}, US, Round())
    assert not first.gone
    second = compare(rows(("here", "CS_EXECUTE", "answer")), {}, {"gone", "here"}, US, first)
    assert second.gone == {"gone"}
    assert not compare([], {}, (), US, second).gone


def test_mark_and_release(call):
    with call() as (session, peer):
        session.begin()
        mark(session, "node-1")
        assert peer.commands[-1] == f"api uuid_setvar {peer.uuid} trunkline_node node-1"
        release(session)
        assert peer.commands[-1] == f"api uuid_setvar {peer.uuid} trunkline_node"


def test_rounds_against_a_switch(tidy):
    """The loop asks, kills what is ours and stuck, reports what is gone, and survives a switch that goes away."""
    channels = {"rows": [{"uuid": "orphan", "state": "CS_EXECUTE", "application": "socket"},
                         {"uuid": "call", "state": "CS_EXECUTE", "application": "socket"},
                         {"uuid": "foreign", "state": "CS_EXECUTE", "application": "park"},
                         {"uuid": "human", "state": "CS_EXECUTE", "application": "bridge"}]}
    owner = {"orphan": US, "call": US, "foreign": "_undef_", "human": US}
    gone = []
    with Switch(rules={
        "api show channels as json": lambda _: api_reply(json.dumps(channels)),
        "api uuid_getvar": lambda text: api_reply(owner[text.split(" ")[2]]),
    }) as switch:
        client = InboundClient("127.0.0.1", switch.port, "ClueCon", first_pause_s=0.02)
        client.start()
        client.wait_connected(10)
        reconciler = Reconciler(client, US, lambda: ["call", "lost"], gone.append, every_s=0.02)
        reconciler.start()
        peer = switch.peers[0]
        assert peer.wait_command("api uuid_kill") == "api uuid_kill orphan NORMAL_TEMPORARY_FAILURE"
        with gevent.Timeout(10):
            while not gone:
                gevent.sleep(0.01)
        assert gone[0] == "lost"
        assert not [text for text in peer.commands if "human" in text or "getvar call" in text]
        switch.stop()
        gevent.sleep(0.1)
        assert reconciler.last == Round()
        reconciler.close()
        reconciler.close()
        client.close()
        assert reconciler.killed >= 1
