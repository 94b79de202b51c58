"""FreeSWITCH's session thread inside the stand-in: runs applications one after the other, and unwinds them. Pure."""

from collections import deque
from typing import TYPE_CHECKING

from engine.standin.activities import Activity, Connecting, Park
from engine.standin.headers import EXECUTE, HANGUP, PARK, REPORTING, ROUTING
from engine.standin.setup import Execution, PlanAction
from engine.standin.variables import call_record
from engine.standin.wire import Command

if TYPE_CHECKING:
    from engine.standin.channel import Channel


class SessionThread:
    """What runs on one channel. It changes the channel's state; the channel calls ``settle`` after every input."""

    def __init__(self, channel: "Channel") -> None:
        """Of this channel."""
        self._channel = channel

    def _parse(self, message: Command) -> None:
        channel = self._channel
        call_command = message.headers.get("call-command", "").lower()
        if call_command == "execute" and message.headers.get("execute-app-name"):
            headers = message.headers
            uuid = headers.get("event-uuid") or channel.switch.new_uuid()
            run = Execution(headers["execute-app-name"], headers.get("execute-app-arg", ""), uuid,
                            headers.get("event-uuid-name", ""), message=True)  # fmt: skip
            self._execute(run, locks=headers.get("event-lock", "").lower() == "true")
        elif call_command == "hangup":
            channel.hangup(message.headers.get("hangup-cause", "NORMAL_CLEARING"))
        elif call_command == "unicast":
            unicast = channel.switch.unicast(message, channel.codec)
            if unicast is None:
                channel.note("[CRIT] Failure creating unicast connection: bad address")
            else:
                channel.activate_unicast(unicast)
        elif call_command:
            channel.note(f"sendmsg: call-command {call_command} is not known")

    def _execute(self, run: Execution, locks: bool = False) -> None:
        from engine.standin.applications import APPLICATIONS  # they know channels

        channel = self._channel
        if run.message:
            channel.variables.put_all({"current_loop": 1, "total_loops": 1})
        application = APPLICATIONS.get(run.app)
        if application is None:
            channel.note(f"[ERR] Invalid Application {run.app}")
            channel.hangup("DESTINATION_OUT_OF_ORDER")
            self._forget_loops(run)
            return
        channel.last_app = (run.app, run.data)
        channel.broken = False
        channel.variables.put("current_application", run.app)
        channel.variables.put("current_application_data", run.data)
        channel.variables.pop("current_application_response", None)
        channel.emit("CHANNEL_EXECUTE", after=[*run.headers(), *run.identity()])
        channel.variables.put("current_application", run.app)
        outcome = application(channel, run.data)
        if isinstance(outcome, Activity):
            outcome.execution, outcome.locks = run, locks
            channel.stack.append(outcome)
        else:
            self._complete(run, outcome)

    def _complete(self, run: Execution, response: str | None) -> None:
        channel = self._channel
        if response:
            channel.variables.put("current_application_response", response)
        said = channel.variables.get("current_application_response", "_none_")
        after = [*run.headers(), ("Application-Response", said), *run.identity()]
        channel.emit("CHANNEL_EXECUTE_COMPLETE", after=after)
        self._forget_loops(run)

    def _forget_loops(self, run: Execution) -> None:
        if run.message:
            self._channel.variables.pop("current_loop", None)
            self._channel.variables.pop("total_loops", None)

    def settle(self) -> None:
        """Go on until the thread waits for its next frame: take messages, unwind, complete, run the next action."""
        channel = self._channel
        while not channel.ended:
            leaving = channel.leaving
            if channel.stack:
                top = channel.stack[-1]
                if channel.messages and not leaving and not isinstance(top, Connecting) and not self._locked():
                    self._parse(channel.messages.popleft())
                    continue
                if not (leaving or top.cut or top.done(channel)):
                    return
                channel.stack.pop()
                response = top.leave(channel, leaving)
                if top.execution is not None:
                    self._complete(top.execution, response)
            elif channel.state == HANGUP:
                self._report()
            elif channel.state == ROUTING:
                self._route()
            elif channel.state == PARK:
                self._enter(PARK)
                channel.stack.append(Park(by_socket=False))
                channel.emit("CHANNEL_PARK")
            elif channel.plan:
                self._run_action(channel.plan.popleft())
            else:
                channel.hangup("NORMAL_CLEARING")

    def _locked(self) -> bool:
        """Whether an application with ``event-lock`` runs: messages wait, ``hangup`` too."""
        return any(entry.locks for entry in self._channel.stack)

    def _run_action(self, action: PlanAction) -> None:
        channel = self._channel
        channel.done_actions.append((channel.now, action))
        self._execute(Execution(*action, uuid=channel.switch.new_uuid()))

    def _enter(self, state: int) -> None:
        channel = self._channel
        channel.state = channel.running_state = state
        channel.emit("CHANNEL_STATE")

    def _route(self) -> None:
        channel = self._channel
        call_state, channel.call_state = channel.call_state, "RINGING"
        self._enter(ROUTING)
        channel.call_state = call_state
        channel.variables.put("call_uuid", channel.uuid)
        destination = channel.profile.destination
        channel.plan = deque(channel.setup.extensions.get(destination, []))
        if channel.plan:
            self._enter(EXECUTE)
        else:
            channel.note(f"no extension {destination} in the dialplan")
            channel.hangup("NO_ROUTE_DESTINATION")

    def _report(self) -> None:
        """Everything has been unwound: the last events, then the connections end (or linger)."""
        channel = self._channel
        channel.running_state = HANGUP
        channel.emit("CHANNEL_STATE")
        stamp = channel.switch.stamp(channel.now)
        channel.profile = channel.profile.at(hangup=stamp)
        channel.state = channel.running_state = REPORTING
        channel.call_state = "HANGUP"
        channel.emit("CHANNEL_STATE")
        frames = (channel.frames_heard, channel.frames_sent)
        record = call_record(
            channel.profile, channel.cause, stamp, channel.last_app, channel.digits, channel.by_caller, frames
        )
        channel.variables.put_all(record)
        channel.emit("CHANNEL_HANGUP_COMPLETE", before=[("Hangup-Cause", channel.cause)])
        channel.ended = True
        channel.stop_unicast()
        for session in list(channel.sessions):
            session.call_ended()
