"""``OutboundSession``: greenswitch's class on top of our connection, so that an application written for greenswitch
runs unmodified.

Behaviour that applications rely on is kept: the same arguments and return values, no event-lock, ``${…}`` expanded,
``*`` handlers only where no named one exists. What hung, leaked or mixed up answers in greenswitch 0.0.19 does not
(``tests/esl/test_greenswitch_faults.py``).
"""

from typing import Any

import greenswitch.esl
from gevent.event import AsyncResult

from engine.esl import command, handlers
from engine.esl.connection import ConnectionLost, Expectation, Stage
from engine.esl.control import CallControl
from engine.esl.event import Event
from engine.esl.handlers import Handler
from engine.esl.wire import Headers

SILENCE = "silence_stream://250"


class OutboundSession(CallControl, greenswitch.esl.OutboundSession):
    """A call under control: the engine's methods (``CallControl``) and greenswitch's. Of greenswitch's own code only
    ``while_connected`` is run."""

    # ------------------------------------------------------------ state

    @property
    def session_data(self) -> Headers | None:
        """Headers of the ``connect`` reply, None before it."""
        return self.channel.headers if self.channel else None

    @property
    def call_uuid(self) -> str | None:
        """The variable ``call_uuid``, None before ``connect``."""
        return self.channel.headers.get("variable_call_uuid") if self.channel else None

    @property
    def caller_id_number(self) -> str | None:
        """The caller's number, None before ``connect``."""
        return self.channel.headers.get("Caller-Caller-ID-Number") if self.channel else None

    # ------------------------------------------------------------ handlers

    @property
    def event_handlers(self) -> dict[str, list[Handler]]:
        """Handlers by event name."""
        return self._handlers.by_name

    def register_handle(self, name: str, handler: Handler) -> None:
        """Call ``handler(event)`` for each event ``name``."""
        self._handlers.add(name, handler)

    def unregister_handle(self, name: str, handler: Handler) -> None:
        """Take it back; ``ValueError`` for one that is not there."""
        self._handlers.remove(name, handler)

    def _handle(self, event: Event) -> None:
        """The handlers of one event, ``before_handle`` and ``after_handle`` around them where there are such."""
        wanted = self._handlers.of(event)
        if not wanted:
            return
        before, after = getattr(self, "before_handle", None), getattr(self, "after_handle", None)
        for handler in (*([before] if before else ()), *wanted, *([after] if after else ())):
            handlers.run(handler, event)

    def register_expected_event(self, expected_event: str, expected_variable: str, expected_value: str,
                                async_response: AsyncResult) -> None:
        """Set ``async_response`` to the next event of that name whose channel variable has that value."""
        expectation = Expectation(
            self.connection, expected_event, lambda event: event.variable(expected_variable) == expected_value
        )
        expectation.result.rawlink(lambda result: _pass_on(result, async_response))
        if self.connection.lost is not None:
            expectation.fail(ConnectionLost(self.connection.lost.reason, Stage.ACCEPTED))

    # ------------------------------------------------------------ commands

    def call_command(self, app_name: str, app_args: str | None = None, block: bool = False,
                     response_timeout: float | None = None) -> Any:
        """Run an application. Returns the reply, or its CHANNEL_EXECUTE_COMPLETE with ``block``."""
        self.raise_if_disconnected()
        if block:
            return self.execute(app_name, app_args or "", lock=False, timeout=response_timeout, expand=True)
        return self.send(command.execute(app_name, app_args or "", lock=False, expand=True))

    def answer(self) -> str:
        """Answer; returns the reply's text at once. Await the answer with ``execute("answer")``."""
        return self.call_command("answer").data

    def park(self) -> None:
        """Park the channel."""
        self.call_command("park")

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """Hang up by the application, in the order of the queue. At once: ``kill``."""
        self.call_command("hangup", cause)

    def playback(self, path: str, block: bool = True) -> Event | None:
        """Play a file; with ``block`` until its end, which is returned."""
        event = self.call_command("playback", path, block=block)
        return event if block else None

    def bridge(self, args: str, block: bool = True, response_timeout: float | None = None) -> Any:
        """Connect the caller with somebody; with ``block`` until that has ended."""
        return self.call_command("bridge", args, block=block, response_timeout=response_timeout)

    def say(self, module_name: str = "en", lang: str | None = None, say_type: str = "NUMBER",
            say_method: str = "pronounced", gender: str = "FEMININE", text: str | None = None, block: bool = True,
            response_timeout: float | None = 30) -> Event | None:
        """Speak a number, date and the like from recorded phrases."""
        module = f"{module_name}:{lang}" if lang else module_name
        args = f"{module} {say_type} {say_method} {gender} {'' if text is None else text}"
        event = self.call_command("say", args, block=block, response_timeout=response_timeout)
        return event if block else None

    def play_and_get_digits(self, min_digits: int | None = None, max_digits: int | None = None,
                            max_attempts: int | None = None, timeout: int | None = None,
                            terminators: str | None = None, prompt_file: str | None = None,
                            error_file: str | None = None, variable: str | None = None,
                            digits_regex: str | None = None, digit_timeout: int | None = None,
                            transfer_on_fail: str | None = None, block: bool = True,
                            response_timeout: float | None = 30) -> str | None:
        """Play ``prompt_file`` and collect digits; returns them (None where there were none) with ``block``."""
        variable = variable or "trunkline_digits"
        # Arguments of the application in order; what was not given takes a default, at the end it is left out.
        given = [min_digits, max_digits, max_attempts, timeout, terminators, prompt_file, error_file, variable,
                 digits_regex, digit_timeout, transfer_on_fail]
        defaults = [1, 1, 1, 5000, "#", SILENCE, SILENCE, variable, "\\d+", 3000, ""]
        while given[-1] is None:
            given.pop()
        args = [default if value is None else value for value, default in zip(given, defaults, strict=False)]
        text = " ".join(map(str, args))
        event = self.call_command("play_and_get_digits", text, block=block, response_timeout=response_timeout)
        return event.variable(variable) if block else None

    def uuid_break(self) -> None:
        """Stop the running application; what is queued goes on."""
        self.raise_if_disconnected()
        self.send(command.api("uuid_break", str(self.uuid)))

    def stop(self) -> None:
        """Leave the call."""
        self.close()


def _pass_on(result: AsyncResult, to: AsyncResult) -> None:
    if result.exception is not None:
        to.set_exception(result.exception)
    else:
        to.set(result.value)
