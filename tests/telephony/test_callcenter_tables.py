"""Reading mod_callcenter's tables, as FreeSWITCH 1.11.2 prints them."""

from engine.telephony.queue import available, position, rows

MEMBERS = """\
queue|instance_id|uuid|session_uuid|cid_number|cid_name|system_epoch|joined_epoch|rejoined_epoch|bridge_epoch|\
abandoned_epoch|base_score|skill_score|serving_agent|serving_system|state|score
support@default|single_box|m3|third|300|c|1795224420|1795224430|0|0|0|0|0|||Waiting|5
support@default|single_box|m1|first|100|a|1795224400|1795224410|0|0|0|0|0|anna@default|single_box|Trying|25
support@default|single_box|m0|before|000|z|1795224390|1795224391|0|1795224395|0|0|0|anna@default|single_box|Answered|35
support@default|single_box|m2|second|200|b|1795224410|1795224420|0|0|0|0|0|||Waiting|15
support@default|single_box|m9|left|900|y|1795224380|1795224381|0|0|1795224389|0|0|||Abandoned|45
+OK
"""
AGENTS = """\
name|instance_id|uuid|type|contact|status|state|max_no_answer
anna@default|single_box||callback|user/1|Available|Waiting|0
ben@default|single_box||callback|user/2|Logged Out|Waiting|0
cleo@default|single_box||callback|user/3|On Break|Waiting|0
dan@default|single_box||callback|user/4|Available (On Demand)|Idle|0
+OK
"""


def test_the_position_counts_those_who_still_wait():
    """In the order in which they came, whatever the order of the table; who is served or has left does not count."""
    assert [position(MEMBERS, uuid) for uuid in ("first", "second", "third", "before", "left", "nobody")] == [
        1, 2, 3, 0, 0, 0]  # fmt: skip


def test_who_is_there():
    """Logged in and not on a break."""
    assert available(AGENTS) == 2


def test_empty_and_strange_tables():
    """No row is better than a wrong one."""
    assert rows("") == []
    assert rows("-ERR Invalid Queue not found!") == []
    assert rows("name|strategy\nsupport@default|ring-all|too much\n+OK\n") == []
