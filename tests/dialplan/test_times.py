"""Time conditions against fixed times."""

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialplan.model import TIME_ATTRIBUTES
from engine.dialplan.times import time_matches

SATURDAY = datetime(2026, 11, 21, 18, 30, 15, tzinfo=ZoneInfo("Europe/Berlin"))
SUMMER = datetime(2026, 7, 1, 0, 0, 0, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(("name", "text", "matches"), [
    ("wday", "7", True), ("wday", "sat", True), ("wday", "mon-fri", False), ("wday", "fri-sun", True),
    ("wday", "2-6", False), ("wday", "7,1", True), ("wday", "6-2", True), ("wday", "Saturday", True),
    ("wday", "monday,sat", False),
    ("wday", "someday", False), ("wday", "", False), ("wday", "-7", True),
    ("mon", "11", True), ("mon", "1-10,12", False), ("mon", "10-2", True), ("mday", "21", True),
    ("mday", "20,22", False),
    ("year", "2026", True), ("year", "2027-2030", False), ("yday", "325", True), ("week", "47", True),
    ("mweek", "3", True), ("mweek", "2", False), ("hour", "9-18", True), ("hour", "20-8", False), ("hour", "x", False),
    ("minute", "30", True), ("minute-of-day", "1111", True), ("minute-of-day", "1110", False),
    ("time-of-day", "09:00-18:00", False), ("time-of-day", "09:00-18:30:15", True),
    ("time-of-day", "22:00-06:00", False), ("time-of-day", "18:00-02:00", True), ("time-of-day", "18:30", False),
    ("time-of-day", "01:00-02:00,18:00-19:00", True), ("time-of-day", "", False),
    ("date-time", "2026-11-21 00:00:00~2026-11-22 00:00:00", True),
    ("date-time", "2026-11-20 00:00:00~2026-11-21 18:30:15", False),
    ("date-time", "2026-11-20~2026-11-21, 2026-11-21 18:30:15~2026-12-01", False),
    ("date-time", "2026-11-20~2026-11-21,2026-11-21 18:30:15~2026-12-01", True),
    ("date-time", "20261121000000~20261122000000", False), ("date-time", "18:00~19:00", True),
    ("date-time", "tomorrow~next year", False), ("date-time", "2026-11-21", False),
    ("tz-offset", "1", True), ("tz-offset", "2", False), ("tz-offset", "somewhere", True),
    ("dst", "true", False), ("dst", "false", False),
])
def test_one_attribute(name, text, matches):
    """As FreeSWITCH compares: both ends of a range count, a range that ends earlier goes round, but that of
    ``date-time`` stops before its end; a word it does not know never matches."""
    assert time_matches({name: text}, SATURDAY, None, "") is matches


def test_all_attributes_have_to_match():
    """Several attributes are an and."""
    assert time_matches({"wday": "7", "hour": "18"}, SATURDAY, None, "") is True
    assert time_matches({"wday": "7", "hour": "19"}, SATURDAY, None, "") is False


def test_no_attribute_is_no_answer():
    """None is not False: the condition then goes by its field. An empty ``dst`` compares nothing."""
    assert time_matches({}, SATURDAY, None, "") is None
    assert time_matches({"dst": ""}, SATURDAY, None, "") is None


def test_the_clock_can_be_moved_but_not_for_daylight_saving():
    """``tod_tz_offset`` and ``timezone`` move hours and days; ``dst`` asks the machine."""
    assert time_matches({"hour": "23", "tz-offset": "5"}, SATURDAY, 5, "Europe/Paris") is False
    assert time_matches({"hour": "22"}, SATURDAY, 5, "") is True
    assert time_matches({"hour": "23", "minute": "0"}, SATURDAY, None, "Asia/Kolkata") is True
    assert time_matches({"dst": "true"}, SUMMER, None, "") is True
    assert time_matches({"dst": "true"}, SUMMER.astimezone(timezone.utc), 2, "") is False
    assert time_matches({"hour": "17"}, SATURDAY, None, "No/Where") is True


@given(st.sampled_from(TIME_ATTRIBUTES), st.text(alphabet="0123456789-,:~ .xmont", max_size=40))
def test_any_text(name, text):
    """Whatever is written there, the answer is yes or no; only ``dst`` may ask nothing."""
    answer = time_matches({name: text}, SATURDAY, None, "")
    assert answer in (True, False) or (name == "dst" and not text)
