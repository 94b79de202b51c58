"""Run as a program: a peer sends half a body and closes. Prints ``alive`` if the process still turns afterwards.

``python esl_midbody.py stock|ours``. A process of its own, because stock greenswitch freezes in it.
"""

from gevent import monkey

monkey.patch_all()

import sys  # noqa: E402

import gevent  # noqa: E402
import greenswitch.esl  # noqa: E402
from gevent import socket  # noqa: E402

from engine.esl.session import OutboundSession  # noqa: E402


def main(which):
    ours, theirs = socket.socketpair()
    session = (greenswitch.esl.OutboundSession if which == "stock" else OutboundSession)("peer", ours)
    theirs.sendall(b"Content-Length: 100\nContent-Type: text/event-plain\n\nEvent-Name: X\n")
    theirs.close()
    gevent.sleep(0.2)
    print("alive", flush=True)
    assert session.connected is False
    session.stop()


main(sys.argv[1])
