"""A crowd of clients and whoever must be served in time."""

import time

import gevent

from engine.net.websocket import Limits
from engine.web.route import Asked, Route, WebSocketRoute
from engine.web.socket import ServerSocket
from engine.web.turnstile import Turnstile

PIECE_S = 0.003


def work() -> None:
    until = time.perf_counter() + PIECE_S
    while time.perf_counter() < until:
        pass


def test_others_are_served_between_pieces_of_a_crowd_in_the_order_of_coming():
    """A hundred pieces of 3 ms are ready at once: a timer of 5 ms is not held up until all are done."""
    turnstile, order, ticks = Turnstile(), [], []

    def piece(n: int) -> None:
        turnstile.enter()
        order.append(n)
        work()

    def tick() -> None:
        while len(order) < 100:
            gevent.sleep(0.005)
            ticks.append(len(order))

    gevent.joinall([gevent.spawn(tick), *(gevent.spawn(piece, n) for n in range(100))], raise_error=True)
    assert order == sorted(order)
    assert len(ticks) > 10
    steps = [after - before for before, after in zip([0, *ticks], ticks, strict=False)]
    assert max(steps) <= 20, steps


def test_who_is_ended_while_waiting_leaves_the_line():
    turnstile = Turnstile()
    work(), work()
    waiting = [gevent.spawn(turnstile.enter) for _ in range(3)]
    work(), work()
    gevent.sleep(0)
    waiting[1].kill()
    gevent.joinall([waiting[0], waiting[2]], timeout=5)
    assert (len(turnstile), waiting[2].ready()) == (0, True)


def test_a_deadline_while_others_have_their_turn_loses_nothing(served):
    """``receive`` may give up between a read and the parsing of what was read."""
    got = []

    def count(socket: ServerSocket, asked: Asked) -> None:
        while len(got) < 3000:
            message = socket.receive(0.0005)
            if message is not None:
                got.append(message)

    server = served([Route("GET", "/hello", lambda asked: {}, "Greets.")],
                    [WebSocketRoute("/ws", count, limits=Limits(queued_bytes=1 << 24))])
    client = server.open("/ws")
    crowd = [gevent.spawn(lambda: [server.ask("GET", "/hello") for _ in range(10)]) for _ in range(5)]
    for n in range(3000):
        client.send(f"{n}")
    gevent.joinall(crowd, timeout=10, raise_error=True)
    with gevent.Timeout(10):
        while len(got) < 3000:
            gevent.sleep(0.01)
    assert got == [f"{n}" for n in range(3000)]
    client.close()
