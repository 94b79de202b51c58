"""The endpoint on real sockets."""

import gevent
from sip_peer import UdpParty, sdp

LONGEST_S = 1800 * 2


def call(endpoint, party):
    party.send(party.request("INVITE", sdp()))
    answer = party.receive(200)
    party.send(party.ack(200))
    return answer


def until(condition):
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.005)


def test_a_call_is_answered_talks_and_ends(owner, endpoint_at):
    """INVITE, 200 with our description, ACK, BYE, 200: what FreeSWITCH's bridge does; and nothing is remembered after
    the 32 s of the last transaction."""
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    answer = call(endpoint, party)
    assert b"m=audio 40000 RTP/AVP 0 101" in answer.body
    until(lambda: owner.told == ["confirmed"])
    taken = owner.calls[0]
    assert (taken.token, taken.state, taken.agreed.codec) == ("token", "up", "PCMU")
    party.send(party.request("BYE"))
    party.receive(200)
    until(lambda: owner.told == ["confirmed", "bye"])
    assert endpoint.calls == 0
    endpoint.forward(LONGEST_S)
    assert endpoint.agent.idle
    party.close()


def test_we_hang_up(owner, endpoint_at):
    """Our BYE goes out, is repeated until it is answered, and then forgotten."""
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    call(endpoint, party)
    until(lambda: owner.told == ["confirmed"])
    owner.calls[0].hangup()
    bye = party.receive()
    assert bye.method == "BYE" and owner.told == ["confirmed", "hangup"]
    party.send(party.ok_to(bye))
    until(lambda: all(client.done for client in endpoint.agent.table.clients.values()))
    endpoint.forward(LONGEST_S)
    assert endpoint.agent.idle
    party.close()


def test_options_tells_whether_there_is_room(owner, endpoint_at):
    """200 while calls are taken, 503 with Retry-After while draining: what a dispatcher looks at."""
    endpoint = endpoint_at(owner)
    party = UdpParty(endpoint)
    party.send(party.request("OPTIONS"))
    assert "INVITE" in party.receive(200).headers.get("allow")
    endpoint.drain()
    party.send(party.request("OPTIONS"))
    assert party.receive(503).headers.get("retry-after") == "5"
    party.close()
