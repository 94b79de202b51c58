"""sipp's calls against the real endpoint. After each run every call has ended and nothing is remembered."""

import random
import shutil
from pathlib import Path

import gevent
import pytest
from gevent import socket
from sipp_runs import ENDED, FIRST, answered, invite, needs_sipp, pause, recv, run, run_sipp, sdp, send

from engine.sip.options import SipOptions
from engine.sip.transaction import Clocks

pytestmark = needs_sipp

QUICK = SipOptions(clocks=Clocks(t1=0.1, t2=0.8, t4=1.0))
"""Repetitions as the scenarios make them: five times as fast as RFC 3261, so that losses cost less time."""


def assert_none_stuck(endpoint, owner, calls, causes=("bye",)):
    """Every call was told to its owner once and ended once, and the tables are empty when their time is over."""
    with gevent.Timeout(20):
        while endpoint.calls:
            gevent.sleep(0.01)
    ends = [told for told in owner.told if isinstance(told, str) and told != "confirmed"]
    assert len(owner.calls) == len(ends) == calls
    assert set(ends) <= set(causes), set(ends)
    endpoint.forward(4000)
    agent = endpoint.agent
    assert agent.idle, (agent.calls, agent.table.servers, agent.table.clients, agent.next_due)
    assert agent.malformed == 0


def test_standard_caller_a_thousand_times(owner, endpoint_at, tmp_path):
    """sipp's own uac scenario, many calls at once."""
    endpoint = endpoint_at(owner)
    run_sipp(tmp_path, ["-sn", "uac", "-m", "1000", "-r", "400", "-l", "1000", "-d", "500"], endpoint.address[1])
    assert_none_stuck(endpoint, owner, 1000)
    assert owner.told.count("confirmed") == 1000


def test_standard_caller_over_tcp(owner, endpoint_at, tmp_path):
    """One connection for all calls."""
    endpoint = endpoint_at(owner)
    run_sipp(tmp_path, ["-sn", "uac", "-m", "100", "-r", "200", "-d", "50", "-t", "t1"], endpoint.address[1])
    assert_none_stuck(endpoint, owner, 100)


def test_a_connection_for_each_call(owner, endpoint_at, tmp_path):
    """Connections come and go with their calls."""
    endpoint = endpoint_at(owner)
    many = ["-sn", "uac", "-m", "60", "-r", "100", "-d", "50", "-t", "tn", "-max_socket", "500"]
    run_sipp(tmp_path, many, endpoint.address[1])
    assert_none_stuck(endpoint, owner, 60)


def test_audio_comes_where_we_said(owner, endpoint_at, tmp_path):
    """sipp's uac_pcap plays recorded G.711 and a key to the address of our answer."""
    samples = Path("/usr/share/sip-tester")
    if not (samples / "g711a.pcap").exists():
        pytest.skip("no pcap files of sipp here")
    shutil.copytree(samples, tmp_path / "pcap")
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ear.bind(("127.0.0.1", 0))
    ear.settimeout(10)
    owner.do = lambda call: call.answer(ear.getsockname())
    endpoint = endpoint_at(owner)
    caller = gevent.spawn(run_sipp, tmp_path, ["-sn", "uac_pcap", "-m", "1"], endpoint.address[1])
    try:
        packets = [ear.recv(2048) for _ in range(20)]
        assert {packet[1] & 127 for packet in packets} <= {8, 96, 101} and owner.calls[0].agreed.codec == "PCMA"
        owner.calls[0].hangup()
    finally:
        caller.kill()
        ear.close()


def test_hold_and_another_codec(owner, endpoint_at, tmp_path):
    """Re-INVITE to hold, back again with another codec: the owner is told both."""
    endpoint = endpoint_at(owner, QUICK)
    steps = [
        invite(), *answered(),
        invite(2, body=sdp(version=2, direction="sendonly")), *answered(2),
        invite(3, body=sdp(codec=8, version=3)), *answered(3),
        *ENDED,
    ]  # fmt: skip
    run(tmp_path, steps, endpoint, "-r", "100", calls=50)
    changes = [told for told in owner.told if not isinstance(told, str)]
    assert sum(change.direction == "recvonly" for change in changes) == 50
    assert sum(change.codec == "PCMA" and change.may_send for change in changes) == 50
    assert_none_stuck(endpoint, owner, 50)


def test_cancel_while_it_rings(owner, endpoint_at, tmp_path):
    """180, CANCEL, 200, 487, ACK."""
    owner.do = lambda call: call.ring()
    endpoint = endpoint_at(owner, QUICK)
    same = {"branch": FIRST, "uri": "sip:token@[remote_ip]:[remote_port]"}
    cancel = send("CANCEL", 1, to="To: <sip:token@[remote_ip]:[remote_port]>", **same)
    steps = [
        invite(branch=FIRST), recv(100, 1, optional=True), recv(180, 1), cancel, recv(200), recv(487, 1),
        send("ACK", 1, **same),
    ]  # fmt: skip
    run(tmp_path, steps, endpoint, "-r", "100", calls=50)
    assert_none_stuck(endpoint, owner, 50, ["cancelled"])


def test_bye_while_it_rings(owner, endpoint_at, tmp_path):
    """BYE in the early dialog: 200 to it, 487 to the INVITE."""
    owner.do = lambda call: call.ring()
    endpoint = endpoint_at(owner, QUICK)
    steps = [
        invite(branch=FIRST), recv(100, 1, optional=True), recv(180, 1), send("BYE", 2), recv(200, 2), recv(487, 1),
        send("ACK", 1, branch=FIRST),
    ]  # fmt: skip
    run(tmp_path, steps, endpoint, "-r", "100", calls=50)
    assert_none_stuck(endpoint, owner, 50, ["bye"])


def test_refusal_when_full(owner, endpoint_at, tmp_path):
    """503 with Retry-After, ACKed; OPTIONS says the same."""
    endpoint = endpoint_at(owner, QUICK)
    endpoint.drain()
    at = {"to": "To: <sip:token@[remote_ip]:[remote_port]>", "uri": "sip:[remote_ip]:[remote_port]"}
    refused = send("ACK", 1, branch=FIRST, **at)
    steps = [invite(branch=FIRST), recv(503, 1), refused, send("OPTIONS", 2, **at), recv(503, 2)]
    run(tmp_path, steps, endpoint, "-r", "100", calls=50)
    assert_none_stuck(endpoint, owner, 0)


def test_options_in_and_out_of_a_call(owner, endpoint_at, tmp_path):
    """200 both times."""
    endpoint = endpoint_at(owner, QUICK)
    at = {"to": "To: <sip:token@[remote_ip]:[remote_port]>", "uri": "sip:[remote_ip]:[remote_port]"}
    steps = [send("OPTIONS", 0, **at), recv(200, 0), invite(), *answered(), send("OPTIONS", 2), recv(200, 2), *ENDED]
    run(tmp_path, steps, endpoint, calls=5)
    assert_none_stuck(endpoint, owner, 5)


def test_caller_that_never_acknowledges(owner, endpoint_at, tmp_path):
    """Our 200 is repeated, then we hang up with BYE."""
    endpoint = endpoint_at(owner, SipOptions(clocks=Clocks(t1=0.02, t2=0.1, t4=0.2)))
    lines = ["SIP/2.0 200 OK", *[f"[last_{name}:]" for name in ("Via", "From", "To", "Call-ID", "CSeq")]]
    answer = "<send><![CDATA[\n" + "\n".join([*lines, "Content-Length: 0", "", ""]) + "\n]]></send>"
    steps = [invite(txn=False), recv(100, optional=True), recv(200), '<recv request="BYE"/>', answer]
    run(tmp_path, steps, endpoint, "-r", "50", calls=20)
    assert_none_stuck(endpoint, owner, 20, ["no_ack"])


def test_sipp_loses_packets(owner, endpoint_at, tmp_path):
    """A tenth of all packets is lost on sipp's side, both ways: repetitions of both sides make it good."""
    endpoint = endpoint_at(owner, QUICK)
    steps = [invite(), *answered(), pause(50), *ENDED]
    run(tmp_path, steps, endpoint, "-lost", "10", "-r", "100", "-max_retrans", "20", calls=150)
    assert_none_stuck(endpoint, owner, 150)


class BadLine:
    """A way between a caller and the endpoint that loses, doubles and delays datagrams, so that they overtake one
    another. The same faults in every run."""

    def __init__(self, endpoint, seed):
        self._random = random.Random(seed)
        self._near, self._far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        for one in (self._near, self._far):
            one.bind(("127.0.0.1", 0))
        self.port = self._near.getsockname()[1]
        self.lost = self.doubled = self.late = 0
        self._caller = None
        self._endpoint = endpoint.address
        self._pending = set()
        ways = [(self._near, self._far), (self._far, self._near)]
        self._greenlets = [gevent.spawn(self._carry, *way) for way in ways]

    def _carry(self, source, target):
        while True:
            data, address = source.recvfrom(65536)
            if source is self._near:
                self._caller = address
            to = self._endpoint if target is self._far else self._caller
            draw = self._random.random()
            if draw < 0.15:
                self.lost += 1
            elif draw < 0.30:
                self.late += 1
                self._pending.add(gevent.spawn_later(self._random.uniform(0.02, 0.15), target.sendto, data, to))
            else:
                target.sendto(data, to)
                if draw < 0.40:
                    self.doubled += 1
                    target.sendto(data, to)

    def close(self):
        gevent.killall([*self._greenlets, *self._pending])
        self._near.close()
        self._far.close()


def test_a_bad_line(owner, endpoint_at, tmp_path):
    """15 % lost, 15 % overtaken, 10 % doubled, both ways: each call with its re-INVITE comes through, once."""
    endpoint = endpoint_at(owner, QUICK)
    line = BadLine(endpoint, seed=1)
    steps = [
        invite(), *answered(), pause(50),
        invite(2, body=sdp(codec=8, version=2)), *answered(2), pause(50), *ENDED,
    ]  # fmt: skip
    try:
        run(tmp_path, steps, endpoint, "-r", "100", "-max_retrans", "30", calls=100, port=line.port)
        assert min(line.lost, line.doubled, line.late) > 20
        assert_none_stuck(endpoint, owner, 100)
    finally:
        line.close()
