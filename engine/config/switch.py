"""Options of the two event sockets."""

from pydantic import Field

from engine.config.base import Options


class EventSocketOptions(Options):
    """Where FreeSWITCH's ``socket`` application connects to, and how many calls are taken."""

    host: str = "127.0.0.1"
    """Listening address. Loopback, because whoever connects here can be given commands for the switch."""

    port: int = Field(8084, ge=0, le=65535)
    """Listening port; 8084 is the default of FreeSWITCH's ``socket`` application. 0 takes a free one."""

    max_calls: int = Field(400, ge=1)
    """Calls held at once. At this number the listening socket closes, so that the dialplan's next host or action
    takes the call at once; accepting and closing would leave it parked in silence."""

    connect_timeout_s: float = Field(5.0, gt=0)
    """How long a new connection may take to answer ``connect`` before it is dropped and its slot freed."""

    command_timeout_s: float = Field(10.0, gt=0)
    """How long any command may wait for its reply."""

    linger_s: int = Field(5, ge=1)
    """Seconds FreeSWITCH keeps the socket after hangup so that the last events arrive."""

    event_queue: int = Field(512, ge=16)
    """Events of one call that may wait for its handlers; beyond it reading stops, and TCP pushes back."""


class SwitchOptions(Options):
    """The inbound event socket of FreeSWITCH: health, originate, looking for orphans."""

    enabled: bool = False
    """Off by default: a call needs only the outbound socket."""

    host: str = "127.0.0.1"
    port: int = Field(8021, ge=1, le=65535)
    user: str = ""
    """A user of FreeSWITCH's directory, ``engine@event-socket`` in the configuration that comes with Trunkline: its
    login may ask for what the engine needs and for nothing else. Empty: the login of ``event_socket.conf.xml``, which
    may do anything."""

    password: str = ""
    """Of the user (``esl-password``), or without one from ``event_socket.conf.xml``. Give it by the environment:
    ``TRUNKLINE_SWITCH__PASSWORD``."""

    reconcile_every_s: float = Field(10.0, gt=0)
    """How often channels that this engine owns are compared with its calls, both ways."""
