"""``trunkline call``: one call by the stand-in FreeSWITCH, with WAV files as the caller's voice."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HELP = """Place one call and speak to the agent with WAV files.

The stand-in FreeSWITCH connects to the engine's event socket as FreeSWITCH's `socket` application does, and carries the
audio over UDP as unicast does; no FreeSWITCH, no phone and no network are needed. Each WAV (any rate, any number of
channels) is said when the agent has been silent for a while, one after the other; with --barge-in the next one starts
while the agent is still speaking. Afterwards the call is hung up.

Without --to an engine is started for this one call.
"""

EPILOG = """examples:
  trunkline call question.wav
  trunkline call first.wav second.wav --to 127.0.0.1:8084 --out build/call
  trunkline call question.wav stop.wav --barge-in 1.5 --json
  trunkline call hello.wav --dtmf 1,2 --telephone --noise 20

It writes call.wav (caller left, agent right) and call.json with the times.
Exit code 0: the call was answered and every WAV got an answer; 1: not so; 2: wrong input.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("wavs", nargs="*", type=Path, metavar="WAV", help="what the caller says, turn by turn")
    parser.add_argument("--to", metavar="HOST:PORT", help="the engine's event socket; without it one is started")
    parser.add_argument("--dtmf", default="", metavar="1,2", help="keys pressed after the greeting")
    parser.add_argument("--barge-in", type=float, metavar="SECONDS", help="start the next WAV this long after the "
                        "agent began to answer")  # fmt: skip
    parser.add_argument("--quiet", type=float, default=1.0, metavar="SECONDS",
                        help="silence of the agent after which the caller goes on (default 1)")  # fmt: skip
    parser.add_argument("--rate", type=int, choices=(8000, 16000), default=8000, help="8000: PCMU, 16000: G722")
    parser.add_argument("--telephone", action="store_true",
                        help="send the caller's voice over a telephone line: 300 to 3400 Hz, mu-law")  # fmt: skip
    parser.add_argument("--noise", type=float, metavar="DB", help="white noise this far below the voice (implies "
                        "--telephone)")  # fmt: skip
    parser.add_argument("--caller", default="15550100", help="the caller's number")
    parser.add_argument("--called", default="1000", help="the number called")
    parser.add_argument("--out", type=Path, default=Path("call"), metavar="DIR", help="where to write (default ./call)")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Place the call; see the module's EPILOG for the exit codes."""
    from rich.console import Console

    from engine.standin.dialogue import Manner, converse
    from engine.standin.standin import StandIn

    console = Console(stderr=args.json)
    manner = Manner(quiet_s=args.quiet, barge_in_s=args.barge_in, dtmf=args.dtmf.replace(",", ""))
    wavs = _prepare(args)
    with _engine(args.to) as target, StandIn() as standin:
        call = standin.place(target, rate=args.rate, caller=args.caller, called=args.called)
        report = converse(call, wavs, manner, lambda text: console.print(f"[dim]{call.seconds:7.2f}[/] {text}"))
        args.out.mkdir(parents=True, exist_ok=True)
        recording = call.write_wav(args.out / "call.wav")
    result = report.as_dict() | {"recording": str(recording)}
    (args.out / "call.json").write_text(json.dumps(result, indent=2) + "\n")
    if args.json:
        print(json.dumps(result))
    else:
        _print(console, result, args.out)
    answered = all(turn.answered_s is not None for turn in report.turns)
    return 0 if report.answered_s is not None and len(report.turns) == len(wavs) and answered else 1


def _prepare(args: argparse.Namespace) -> list[Path]:
    """The WAVs, checked; over a telephone line if asked for."""
    import soundfile

    from engine.standin.line import telephone
    from engine.standin.prompts import read_wav

    speeches = [(path, read_wav(path, 16000)) for path in args.wavs]
    if not args.telephone and args.noise is None:
        return list(args.wavs)
    folder = args.out / "telephone"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for number, (path, pcm) in enumerate(speeches):
        written.append(folder / f"{number + 1}-{path.stem}.wav")
        soundfile.write(str(written[-1]), telephone(pcm, 16000, snr_db=args.noise), 8000, subtype="PCM_16")
    return written


@contextmanager
def _engine(target: str | None) -> Iterator[str]:
    """The address of the engine: the given one, or one that runs as long as the call."""
    if target:
        yield target
        return
    from engine.config import Config, EventSocketOptions, HttpOptions
    from engine.service import Engine

    engine = Engine(Config(event_socket=EventSocketOptions(port=0), http=HttpOptions(port=0)))
    engine.start()
    try:
        yield engine.event_socket_address
    finally:
        engine.stop()


def _print(console: object, result: dict[str, object], folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    assert isinstance(console, Console)
    table = Table("", "ms", title="times", title_justify="left")
    table.add_row("greeting after answer", _ms(result["greeting_ms"]))
    turns = result["turns"]
    assert isinstance(turns, list)
    for number, turn in enumerate(turns, 1):
        if turn["interrupts"]:
            table.add_row(f"{number}. onset to agent silent", _ms(turn["onset_to_silence_ms"]))
        table.add_row(f"{number}. last voiced frame to answer", _ms(turn["answer_ms"]))
    console.print(table)
    console.print(f"hangup cause {result['cause']}; recording and times in {folder}")


def _ms(value: object) -> str:
    return "none" if value is None else f"{value:.0f}" if isinstance(value, float) else str(value)
