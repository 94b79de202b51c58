"""``trunkline demo``: a whole spoken call on this machine."""

import argparse
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import TrunklineError

if TYPE_CHECKING:
    from rich.console import Console

    from engine.standin.call import Call

HELP = """\
A whole spoken call on this machine, with no FreeSWITCH, no cloud and no key: reads the sample documents into the
knowledge base, starts the engine as `trunkline serve` does, and lets a stand-in for FreeSWITCH call it. The caller
asks three questions aloud and interrupts the second answer. Exit 0 only if all three were answered from the right
passage."""

EPILOG = """\
examples:
  trunkline demo
  trunkline demo --band telephone --out /tmp/demo"""


@dataclass(frozen=True)
class Question:
    """What the caller asks, and the document that answers it."""

    text: str
    document: str
    interrupted: bool = False


QUESTIONS = (
    Question("What does a red light on my router mean?", "support/router-lights"),
    Question("Why is the connection so slow at my house?", "support/slow-internet", interrupted=True),
    Question("How much is the travel pass for another country?", "support/travelling-abroad"),
)
FILES = {"page": "call.html", "recording": "recording.wav", "log": "events.jsonl", "report": "report.json"}
CALLER_VOICE = "flite:rms"
INTERRUPT_AFTER_S = 1.2
"""How long the caller listens to the second answer."""

QUIET_S = 0.8
"""Silence of the agent after which the caller goes on."""

PATIENCE_S = 15.0
"""Longest wait for the agent to begin, and to end, before the demo gives up."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``--out DIR``, ``--band``."""
    parser.add_argument("--out", type=Path, metavar="DIR", help="copy page, recording, log and report of the call here")
    parser.add_argument(
        "--band",
        choices=("wide", "telephone"),
        default="wide",
        help="the caller's line: 16 kHz as with G.722, or 8 kHz, 300-3400 Hz, G.711, 30 dB noise (default: wide)",
    )


class Transcript:
    """Follows a call's event log while it is being written and prints what is said."""

    def __init__(self, console: "Console", uuid: str) -> None:
        """``uuid`` of the call; the engine makes its folder when it takes it."""
        self.events: list[dict[str, Any]] = []
        self._console = console
        self._uuid = uuid
        self._read = 0

    @property
    def folder(self) -> Path | None:
        """The call's folder, once there is one."""
        from engine import paths

        return next(paths.calls().glob(f"*/*{self._uuid}"), None)

    def follow(self) -> None:
        """Print what has been added."""
        folder = self.folder
        if folder is None or not (folder / "events.jsonl").exists():
            return
        with (folder / "events.jsonl").open("rb") as file:
            file.seek(self._read)
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                self.events.append(json.loads(line))
                self._show(self.events[-1])

    def complete(self, call: "Call") -> bool:
        """Whether the log says that the call has ended."""
        self.follow()
        return any(row["event"] == "call_ended" for row in self.events)

    def answers(self) -> list[tuple[str, str, list[str]]]:
        """Of each reply that was heard: what was asked, the decision, the documents that it cites."""
        asked = {row["gen"]: row["text"] for row in self.events if row["event"] == "think"}
        grounds = {row["gen"]: row for row in self.events if row["event"] == "grounds"}
        heard = [row["gen"] for row in self.events if row["event"] == "agent_said" and row["gen"] in grounds]
        return [
            (asked[gen], grounds[gen]["decision"], [citation["document"] for citation in grounds[gen]["citations"]])
            for gen in heard
        ]

    def _show(self, row: dict[str, Any]) -> None:
        from rich.markup import escape

        t = f"[dim]{row['t']:7.2f}[/dim]  "
        match row["event"]:
            case "user_said":
                self._console.print(f"{t}[bold cyan]caller[/]  {escape(row['text'])}")
            case "agent_said":
                cut = " [yellow](interrupted)[/]" if row["interrupted"] else ""
                self._console.print(f"{t}[bold green]agent [/]  {escape(row['text'])}{cut}")
            case "on_wire" if row.get("after_voice_ms") is not None:
                # What was thought ahead of the caller and not said is of no interest here.
                own = (one for one in self.events if one["event"] == "grounds" and one["gen"] == row["gen"])
                grounds = next(own, None)
                if grounds is not None:
                    cited = ", ".join(citation["document"] for citation in grounds["citations"]) or "nothing"
                    how = f"{grounds['decision']} from {escape(cited)}, score {grounds['score']:.2f}"
                    self._console.print(f"{t}[dim]        {how}[/]")
                waited = row["after_voice_ms"]
                self._console.print(f"{t}[dim]        {waited} ms after the caller's last voiced frame[/]")
            case "error" | "reply_failed":
                self._console.print(f"{t}[red]{escape(json.dumps(row))}[/]")


def run(args: argparse.Namespace) -> int:
    """Hold the call; 0 when the three questions were answered from the right passages."""
    import tempfile

    from rich.console import Console

    from engine.cli.child import EngineProcess
    from engine.knowledge.embedding import local as embedder
    from engine.knowledge.filling.ingest import SAMPLE, ingest

    console = Console(highlight=False)
    console.print("[bold]1[/]  reading the sample documents")
    ingest([SAMPLE], "sample", embedder.local())
    with tempfile.TemporaryDirectory(prefix="trunkline-demo-") as scratch:
        console.print("[bold]2[/]  starting the engine")
        with EngineProcess(log=Path(scratch) / "engine.log") as engine:
            line = "16 kHz, as with G.722" if args.band == "wide" else "telephone band, G.711, 30 dB noise"
            console.print(f"[bold]3[/]  calling it at {engine.address} ({line})\n")
            try:
                transcript = _hold_call(console, engine.address, args.band)
            except TrunklineError as fault:
                raise TrunklineError(f"{fault}. The end of the engine's log:\n{engine.log_end()}".rstrip()) from fault
        # The engine has stopped: log, page and report are complete.
        transcript.follow()
    return _verdict(console, transcript, args.out)


def _spoken(band: str) -> "list[tuple[Question, Any]]":
    """The questions as audio at the line's rate (int16)."""
    import numpy as np

    from engine.speech.voices import open_voice
    from engine.standin.line import telephone, to_rate

    voice = open_voice(CALLER_VOICE)
    try:
        spoken = []
        for question in QUESTIONS:
            chunks = list(voice.render(question.text))
            pcm, rate = np.concatenate([chunk.pcm for chunk in chunks]), chunks[0].rate
            spoken.append(
                (question, to_rate(pcm, rate, 16000) if band == "wide" else telephone(pcm, rate, snr_db=30.0))
            )
        return spoken
    finally:
        voice.close()


def _hold_call(console: "Console", address: str, band: str) -> Transcript:
    from engine.standin.dialogue import AgentEar
    from engine.standin.standin import StandIn

    spoken = _spoken(band)
    with StandIn() as standin:
        call = standin.place(address, rate=16000 if band == "wide" else 8000, caller_name="Demo Caller")
        transcript, ear = Transcript(console, call.uuid), AgentEar(call)

        def wait(what: str, condition: "Callable[[Call], bool]") -> None:
            def look(call: "Call") -> bool:
                if call.frames % 10 == 0:
                    transcript.follow()
                return not call.up or condition(call)

            if not call.wait(look, PATIENCE_S) or not call.up:
                transcript.follow()
                cause = call.outcome.cause or "the call is still up"
                raise TrunklineError(f"{what} did not happen within {PATIENCE_S:g} s; {cause}")

        def quiet(call: "Call") -> bool:
            return call.seconds - ear.last_end() >= QUIET_S

        wait("the greeting", lambda call: ear.first_after(0) is not None)
        wait("the end of the greeting", quiet)
        for question, pcm in spoken:
            asked = call.say(pcm)
            wait("the answer", lambda call, asked=asked: ear.first_after(asked) is not None)  # type: ignore[misc]
            if question.interrupted:
                begun = call.seconds
                due = begun + INTERRUPT_AFTER_S
                wait("the moment to interrupt", lambda call, due=due: call.seconds >= due)  # type: ignore[misc]
            else:
                wait("the end of the answer", quiet)
        call.hangup()
        call.wait(transcript.complete, 5.0)
    return transcript


def _verdict(console: "Console", transcript: Transcript, out: Path | None) -> int:
    """Say how it went, and where everything is; the exit code."""
    answers = transcript.answers()
    right = 0
    console.print()
    for number, question in enumerate(QUESTIONS):
        heard = answers[number] if number < len(answers) else None
        ok = heard is not None and heard[1] == "answer" and question.document in heard[2][:1]
        right += ok
        mark = "[green]right[/]" if ok else "[red]wrong[/]"
        found = f"{heard[1]} from {', '.join(heard[2]) or 'nothing'}" if heard else "no answer"
        console.print(f"{mark}  {question.text}  [dim]{found}[/]")
    interrupted = any(row["event"] == "agent_said" and row["interrupted"] for row in transcript.events)
    if not interrupted:
        console.print("[red]the second answer was not interrupted[/]")
    complete = _files(console, transcript.folder, out)
    return 0 if right == len(QUESTIONS) and interrupted and complete else 1


def _files(console: "Console", folder: Path | None, out: Path | None) -> bool:
    """Say where what the call left is, copied to ``out`` if given; whether all of it is there."""
    complete = True
    console.print()
    for what, name in FILES.items():
        source = folder / name if folder is not None else None
        if source is None or not source.exists():
            console.print(f"{what:<10} [red]is missing[/]")
            complete = False
            continue
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            source = Path(shutil.copyfile(source, out / name))
        console.print(f"{what:<10} {source}", soft_wrap=True)
    return complete
