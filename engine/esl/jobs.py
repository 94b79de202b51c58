"""Background jobs: API commands that FreeSWITCH runs beside the connection."""

from collections.abc import Callable
from uuid import uuid4

from engine.esl import command
from engine.esl.command import Command
from engine.esl.connection import Connection, Expectation
from engine.esl.errors import CommandRefused
from engine.esl.wire import Message


class Job:
    """A ``bgapi`` under way. Its result was waited for before it was started, under a Job-UUID of ours, so that a
    quick result is not missed."""

    def __init__(self, name: str, uuid: str, expectation: Expectation) -> None:
        """``expectation`` waits for the BACKGROUND_JOB event."""
        self.name = name
        self.uuid = uuid
        self._expectation = expectation

    @classmethod
    def start(cls, connection: Connection, require: Callable[[Command], Message], name: str, args: str) -> "Job":
        """Send it with ``require``; BACKGROUND_JOB must have been subscribed to."""
        uuid = str(uuid4())
        message = command.bgapi(name, args, job_uuid=uuid)
        expectation = connection.expect("BACKGROUND_JOB", lambda event: event.get("Job-UUID") == uuid)
        try:
            require(message)
        except BaseException:
            expectation.cancel()
            raise
        return cls(name, uuid, expectation)

    def get(self, timeout: float) -> str:
        """The result's text. Raises ``CommandRefused`` on ``-ERR``; ``CommandTimeout``; ``ConnectionLost``."""
        text = self._expectation.get(timeout).body or ""
        if text.startswith(("-ERR", "-USAGE")):
            raise CommandRefused(self.name, text)
        return text

    def cancel(self) -> None:
        """Nobody wants the result any more; the command itself goes on in FreeSWITCH."""
        self._expectation.cancel()
