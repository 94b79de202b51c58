"""What signalling costs: a call from INVITE to the 200 of BYE, and many calls at once, without a network."""

import gc
import time
import tracemalloc

from benchmarks.figure import Figure
from engine.sip.events import Incoming
from engine.sip.options import SipOptions
from engine.sip.transaction import Hop
from engine.sip.uas import UserAgent

COMMAND = "python -m benchmarks sip"
CALLS = 5000
HOP = Hop("UDP", "127.0.0.1", 5060)
OFFER = (
    "v=0\r\no=FreeSWITCH 1 1 IN IP4 127.0.0.1\r\ns=FreeSWITCH\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 30000 RTP/AVP 102 101\r\na=rtpmap:102 L16/16000\r\na=rtpmap:101 telephone-event/16000\r\na=ptime:20\r\n"
)


def figures() -> list[Figure]:
    """All rows; ten seconds."""
    agent = UserAgent(SipOptions(max_calls=CALLS, max_transactions=10 * CALLS), lambda ip: ("127.0.0.1", 5090))
    tags: list[str] = []
    began = time.process_time()
    for number in range(CALLS):
        tags.append(_set_up(agent, number))
    up = (time.process_time() - began) / CALLS * 1000
    calls = len(agent.calls)
    began = time.process_time()
    for number, tag in enumerate(tags):
        agent.receive(_request("BYE", number, tag, 2), HOP, 10.0)
        agent.outbox.clear()
        agent.events.clear()
    down = (time.process_time() - began) / CALLS * 1000
    agent.advance(100.0)
    return [
        Figure("SIP: a call set up (INVITE, 200, ACK), CPU", round(up, 3), "ms", "<= 2", up <= 2, COMMAND),
        Figure("SIP: a call ended (BYE, 200), CPU", round(down, 3), "ms", "<= 1", down <= 1, COMMAND),
        Figure("SIP: calls at once in one endpoint", calls, "", f"{CALLS}", calls == CALLS, COMMAND),
        Figure("SIP: left of them after their time", len(agent.table), "", "0", agent.idle, COMMAND),
        _memory(),
    ]


def _memory() -> Figure:
    agent = UserAgent(SipOptions(max_calls=CALLS, max_transactions=10 * CALLS), lambda ip: ("127.0.0.1", 5090))
    gc.collect()
    tracemalloc.start()
    for number in range(1000):
        _set_up(agent, number)
    agent.advance(100.0)  # their transactions are over
    gc.collect()
    each = tracemalloc.get_traced_memory()[0] / 1000 / 1024
    tracemalloc.stop()
    return Figure("SIP: memory of a call that is up", round(each, 1), "KB", "<= 30", each <= 30, COMMAND)


def _set_up(agent: UserAgent, number: int) -> str:
    """Our tag in the call."""
    agent.receive(_request("INVITE", number, "", 1, OFFER), HOP, 1.0)
    (event,) = agent.events
    assert isinstance(event, Incoming)
    agent.events.clear()
    event.call.answer(("127.0.0.1", 40000), 1.0)
    tag = event.call.dialog.local_tag
    agent.receive(_request("ACK", number, tag, 1), HOP, 1.1)
    agent.outbox.clear()
    agent.events.clear()
    return tag


def _request(method: str, number: int, tag: str, order: int, body: str = "") -> bytes:
    lines = [
        f"{method} sip:token@127.0.0.1:5090 SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK{method}{number}", "Max-Forwards: 70",
        f'From: "Asha" <sip:+911@127.0.0.1>;tag=a{number}', f"To: <sip:token@127.0.0.1>{';tag=' + tag if tag else ''}",
        f"Call-ID: c{number}@freeswitch", f"CSeq: {order} {method}", "Contact: <sip:mod_sofia@127.0.0.1:5060>",
        "User-Agent: FreeSWITCH", "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, NOTIFY",
        "Supported: timer, path, replaces", "Content-Type: application/sdp", f"Content-Length: {len(body)}", "", body,
    ]  # fmt: skip
    return "\r\n".join(lines).encode()
