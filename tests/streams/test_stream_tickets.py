"""Tickets of carriers' streams: good once, for a while, and never without bound."""

from engine.web import streamtickets
from engine.web.streamtickets import MOST, TICKET_S, StreamTickets, Ticket


def test_a_ticket_is_good_once():
    """Rule: what stands in TwiML may be read by others later; it must open nothing then."""
    tickets = StreamTickets(lambda: 0.0)
    token = tickets.make("CA1", "support")
    assert tickets.redeem(token) == Ticket("CA1", "support")
    assert tickets.redeem(token) is None
    assert tickets.redeem("") is None


def test_a_ticket_grows_old():
    """Rule: a ticket that no stream has come for is no key for ever."""
    now = [0.0]
    tickets = StreamTickets(lambda: now[0])
    old, token = tickets.make("CA1"), tickets.make("CA2")
    now[0] = TICKET_S - 0.001
    assert tickets.redeem(token) is not None
    now[0] = TICKET_S
    assert tickets.redeem(old) is None


def test_tickets_are_bounded(monkeypatch):
    """Rule: webhooks that nobody follows up cost bounded memory; the newest tickets are those that count."""
    monkeypatch.setattr(streamtickets, "MOST", 3)
    assert MOST >= 1000
    tickets = StreamTickets(lambda: 0.0)
    tokens = [tickets.make(f"CA{n}") for n in range(5)]
    assert [tickets.redeem(token) is not None for token in tokens] == [False, False, True, True, True]
