"""What a carrier tells of a call, and the session that holds the call, are one for whoever asks."""

import base64
import json
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

sys.path[:0] = [str(Path(__file__).parents[1] / "call")]

from call_world import Caller  # noqa: E402

from engine.carriers import switchrecord  # noqa: E402
from engine.carriers.errors import Unreadable  # noqa: E402
from engine.standin.standin import StandIn  # noqa: E402

SID = "6f5e8fcf1d4b4a6a9c1a2b3c4d5e6f70"


@pytest.fixture
def switch():
    with StandIn() as running:
        yield running


def _call(at, switch, **variables):
    return Caller(switch.place(at.engine.event_socket_address, caller="919876543210", variables=variables))


def test_webhooks_before_during_and_after_a_sip_call(site, switch):
    """Exotel announces the call, it comes by SIP with its id in a header, the recording comes when all is over."""
    at = site()
    at.exotel.get("/webhook/exotel", CallSid=SID, CallFrom="09876543210", CallTo="08047361234", CallStatus="ringing")
    assert at.session(SID)["transport"] == "exotel"
    call = _call(at, switch, **{"sip_h_X-Exotel-CallSid": SID})
    call.greeted()
    found = at.session(SID, lambda one: one["transport"] == "freeswitch" and one["carrier_accounts"])
    assert (found["session_id"], found["live"], found["carrier"]) == (call.uuid, True, "exotel")
    assert len(at.get("/sessions")["data"]) == 1
    at.exotel.post("/webhook/exotel", {"CallSid": SID, "Status": "in-progress"})
    call.hangup()
    at.exotel.post("/webhook/exotel", {"CallSid": SID, "Status": "completed", "Duration": "9"})
    found = at.session(SID, lambda one: one["ended_at"])
    assert (found["state"], found["outcome"], found["hangup_by"]) == ("ended", "caller_left", "caller")
    at.exotel.post("/webhook/exotel", {"CallSid": SID, "Status": "completed", "DateUpdated": "2026-11-21 15:31:00",
                                       "RecordingUrl": "https://recordings.exotel.com/a.mp3"})
    found = at.session(SID, lambda one: any(each["carrier_recording"] for each in one["carrier_accounts"]))
    assert found["session_id"] == call.uuid and len(at.get("/sessions")["data"]) == 1
    lines = at.get(f"/sessions/{call.uuid}/events")["data"]
    joined = next(one for one in lines if one["event"] == "carrier_joined")
    assert (joined["carrier"], joined["call"], joined["state"]) == ("exotel", SID, "ringing")
    assert [one["means"] for one in lines if one["event"] == "carrier_told"][0] == "answered"


def test_a_call_that_its_carrier_mentions_only_afterwards(site, switch):
    """Only the terminal callback is configured: it is found beside the session all the same."""
    at = site()
    call = _call(at, switch, **{"sip_h_X-Exotel-CallSid": SID})
    call.greeted()
    call.hangup()
    at.session(call.uuid, lambda one: one["ended_at"])
    at.exotel.post("/webhook/exotel", {"CallSid": SID, "Status": "completed"}, times=3)
    found = at.session(SID, lambda one: one["carrier_accounts"])
    assert (found["session_id"], len(found["carrier_accounts"])) == (call.uuid, 1)


def test_the_switchs_record_is_filed_beside_the_session_and_without_one(site, switch):
    """Cause, quality and the carrier's headers of every channel, also of one that never came to the engine."""
    at = site()
    call = _call(at, switch)
    call.greeted()
    call.hangup()
    at.session(call.uuid, lambda one: one["ended_at"])
    assert _post(at, _record(call.uuid, rtp_audio_in_mos="4.32"))[0] == 204
    found = at.session(call.uuid)["switch_record"]
    assert (found["mos"], found["billable_s"], found["hangup_cause"], found["q850"]) == (4.32, 9, "NORMAL_CLEARING", 16)
    missed = _record("never-came", hangup_cause="USER_BUSY", answer_uepoch="0", **{"sip_h_X-Exotel-CallSid": SID})
    assert _post(at, missed)[0] == 204 and _post(at, missed)[0] == 204
    found = at.get("/webhook/freeswitch/cdr/never-came")
    assert (found["state"], found["carrier"], found["carrier_call_id"]) == ("busy", "exotel", SID)
    assert found["headers"] == {"X-Exotel-CallSid": SID}
    assert at.get(f"/webhook/freeswitch/cdr/{SID}")["fs_uuid"] == "never-came"
    at.get("/webhook/freeswitch/cdr/unheard-of", 404)


@pytest.mark.parametrize(("user", "password"), [("freeswitch", "wrong"), ("root", "records"), ("", "")])
def test_records_need_the_password(site, user, password):
    at = site()
    assert _post(at, _record("x"), user, password)[0] == 401
    at.get("/webhook/freeswitch/cdr/x", 404)


@pytest.mark.parametrize("encode", [
    lambda text: text.encode(), lambda text: b"cdr=" + base64.b64encode(text.encode()),
    lambda text: b"cdr=" + quote(text).encode()])
def test_a_record_is_read_in_each_encoding_of_mod_json_cdr(encode):
    """As FreeSWITCH 1.11.2 sends it, whose values are URL-encoded in themselves."""
    row = switchrecord.read(encode(json.dumps(_record("u1", caller_id_number="%2B919876543210"))))
    assert (row["fs_uuid"], row["from_number"], row["state"], row["hangup_by"]) == (
        "u1", "+919876543210", "ended", "caller")


def test_a_record_that_freeswitch_spoilt_says_what_to_configure():
    """With encode=true a quotation mark in a value ends it."""
    spoilt = b'cdr=%7B%22variables%22%3A%7B%22uuid%22%3A%22u1%22,%22caller_id%22%3A%22%22Outbound Call%22%22%7D%7D'
    with pytest.raises(Unreadable, match="encode=false"):
        switchrecord.read(spoilt)


def test_records_are_refused_where_no_password_is_set(site):
    at = site(environ={})
    assert _post(at, _record("x"), "freeswitch", "")[0] == 401


def _record(uuid, **changes):
    return {"variables": {
        "uuid": uuid, "direction": "inbound", "hangup_cause": "NORMAL_CLEARING", "hangup_cause_q850": "16",
        "duration": "12", "billsec": "9", "start_uepoch": "1795255200000000", "answer_uepoch": "1795255203000000",
        "end_uepoch": "1795255212000000", "sip_hangup_disposition": "recv_bye", **changes},
        "callflow": [{"caller_profile": {"caller_id_number": "+919876543210", "destination_number": "1000",
                                         "context": "public"}}]}


def _post(at, record, user="freeswitch", password="records"):
    proof = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    return at.exotel.send("POST", "/webhook/freeswitch/cdr", json.dumps(record).encode(),
                          {"Authorization": proof, "Content-Type": "application/json"})
