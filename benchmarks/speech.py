"""What hearing and speaking cost: VAD per call-second, onset, final transcripts, first audio.

    python -m benchmarks.speech [--json]

Callers are synthetic (flite); words at their real pace. Needs flite and, for its rows, the Silero weights.
"""

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import shutil  # noqa: E402
import statistics  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
import wave  # noqa: E402

import gevent  # noqa: E402
import numpy as np  # noqa: E402
from gevent.event import Event  # noqa: E402

from benchmarks.figure import Figure  # noqa: E402
from engine import modelstore  # noqa: E402
from engine.config import SpeechOptions, VadOptions  # noqa: E402
from engine.speech.ears import Ears  # noqa: E402
from engine.speech.stt.lm import build_language_model  # noqa: E402
from engine.speech.stt.pocketsphinx import PocketsphinxRecogniser  # noqa: E402
from engine.speech.vad import make_vad  # noqa: E402
from engine.speech.voices import open_voice  # noqa: E402

COMMAND = "python -m benchmarks.speech"
CALLS = 200
QUESTIONS = ["How do I reset my password?", "When does the library open?", "What does a new card cost?",
             "Can I pay the bill in two parts?", "Where can I park my car?"]
CLAUSE = "To reset your password, open the account page and choose forgot password."


def figures() -> list[Figure]:
    """Rows of hearing and speaking, measured in a fresh process with one thread for numpy."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "benchmarks.speech", "--json"], check=True, capture_output=True,
                          text=True, timeout=240, env=environment)
    found = json.loads(done.stdout)
    rows = []

    def row(name: str, key: str, unit: str, aim: str, limit: float) -> None:
        if key in found:
            rows.append(Figure(f"speech: {name}", found[key], unit, aim, found[key] <= limit, COMMAND))

    row(f"webrtcvad and ears, CPU per call-second, {CALLS} calls", "webrtc_cpu_ms", "ms", "≤ 0.6", 0.6)
    row(f"Silero and ears, CPU per call-second, {CALLS} calls", "silero_cpu_ms", "ms", "≤ 1.4", 1.4)
    row("Silero and ears, longest pass of 200 calls at once", "silero_pass_ms", "ms", "≤ 20", 20)
    row("onset known after sound began, Silero, clean 8 kHz line, p50", "silero_onset_ms", "ms", "≤ 80", 80)
    row("onset known after sound began, webrtcvad, clean 8 kHz line, p50", "webrtc_onset_ms", "ms", "≤ 60", 60)
    row("voice stopped to final transcript, 8 kHz, p50", "final_p50_ms", "ms", "≤ 40", 40)
    row("voice stopped to final transcript, 8 kHz, worst", "final_worst_ms", "ms", "≤ 150", 150)
    row("flite slt, text to first audio, p50", "slt_first_ms", "ms", "≤ 60", 60)
    row("flite kal16, text to first audio, p50", "kal16_first_ms", "ms", "≤ 20", 20)
    return rows


class Edges:
    """A listener that keeps when it was told, in samples heard so far."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.position = 0

    def voice_on(self, sample: int) -> None:
        self.starts.append(self.position)

    def voice_off(self, sample: int) -> None:
        pass


def caller(text: str, voice: str = "rms") -> tuple[np.ndarray, int]:
    """A question on a clean 8 kHz line, a second of quiet before and after it; the sample at which its sound begins."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", file.name], check=True)
        with wave.open(file.name) as spoken:
            wide = np.frombuffer(spoken.readframes(spoken.getnframes()), "<i2")
    pcm = np.fft.irfft(np.fft.rfft(wide)[:len(wide) // 4 + 1], len(wide) // 2) / 2
    whole = np.concatenate([np.zeros(8000), pcm, np.zeros(8000)])
    blocks = np.sqrt((whole[:len(whole) // 160 * 160].reshape(-1, 160) ** 2).mean(axis=1))
    begins = int(np.flatnonzero(blocks > 32768 * 10 ** (-45 / 20))[0]) * 160
    return (whole + np.random.default_rng(1).standard_normal(len(whole)) * 8).astype("<i2"), begins


def frames_of(pcm: np.ndarray) -> list[bytes]:
    """20 ms frames of 8 kHz audio."""
    data = pcm.tobytes()
    return [data[at:at + 320] for at in range(0, len(data) - 319, 320)]


def vad_cost(engine: str, seconds: float = 4.0) -> dict[str, float]:
    """CPU of hearing 200 talking calls as the frame clock gives them, a quarter at a time; and all at once."""
    frames = frames_of(caller(" ".join(QUESTIONS))[0])
    ears = Ears(make_vad(VadOptions(engine=engine)), VadOptions())
    rows = [ears.open(8000, Edges()) for _ in range(CALLS)]
    ticks = int(seconds * 50)
    batches = [[(row, frames[(tick + 37 * n) % len(frames)], False) for n, row in enumerate(rows)]
               for tick in range(ticks)]
    for batch in batches[:10]:
        ears.hear(batch)
    began = time.process_time()
    for batch in batches:
        for phase in range(4):
            ears.hear(batch[phase::4])
    cpu = time.process_time() - began
    passes = []
    for batch in batches[:50]:
        began = time.perf_counter()
        ears.hear(batch)
        passes.append((time.perf_counter() - began) * 1000)
    return {f"{engine}_cpu_ms": round(cpu * 1000 / (CALLS * seconds), 2), f"{engine}_pass_ms": round(max(passes), 1)}


def onset(engine: str) -> dict[str, float]:
    """Time from the first frame with sound to the edge being told."""
    late = []
    for voice in ("rms", "slt", "awb", "kal16"):
        for text in QUESTIONS:
            pcm, begins = caller(text, voice)
            edges = Edges()
            ears = Ears(make_vad(VadOptions(engine=engine)), VadOptions())
            row = ears.open(8000, edges)
            for frame in frames_of(pcm):
                edges.position += 160
                ears.hear([(row, frame, False)])
            late.append((edges.starts[0] - begins) / 8 if edges.starts else 9999)
    return {f"{engine}_onset_ms": round(statistics.median(late), 1)}


def finals() -> dict[str, float]:
    """voice_off to the final, a caller at the real pace."""
    model = build_language_model(["To reset your password, open the account page."], QUESTIONS)
    recogniser = PocketsphinxRecogniser(SpeechOptions(recogniser_workers=1), VadOptions(), model)
    waits = []
    try:
        recogniser.wait_ready(30)
        for text in QUESTIONS:
            pcm, begins = caller(text)
            final = Event()
            stream = recogniser.open(8000, lambda heard, final=final: final.set() if heard.final else None)
            due = time.monotonic()
            for n, frame in enumerate(frames_of(pcm[:-8000 + 160 * 8])):
                stream.feed(frame)
                if n == begins // 160 + 3:
                    stream.voice_on(begins)
                due += 0.02
                gevent.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            stream.voice_off(len(pcm) - 8000)
            final.wait(10)
            waits.append((time.monotonic() - began) * 1000)
            stream.close()
    finally:
        recogniser.close()
    return {"final_p50_ms": round(statistics.median(waits), 1), "final_worst_ms": round(max(waits), 1)}


def first_audio(voice: str) -> dict[str, float]:
    """Text to the first chunk, over clauses of 5 to 12 words."""
    speaker = open_voice(f"flite:{voice}")
    waits = []
    try:
        list(speaker.render("Ready."))
        for text in [*QUESTIONS, CLAUSE] * 2:
            began = time.monotonic()
            clause = speaker.render(text)
            next(clause)
            waits.append((time.monotonic() - began) * 1000)
            list(clause)
    finally:
        speaker.close()
    return {f"{voice}_first_ms": round(statistics.median(waits), 1)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if shutil.which("flite") is None:
        sys.exit("flite is not installed: its voices are the callers of this bench (sudo apt-get install -y flite)")
    found: dict[str, float] = {}
    for engine in ["webrtc", *(["silero"] if modelstore.installed("silero") else [])]:
        found |= vad_cost(engine) | onset(engine)
    found |= finals()
    for voice in ("slt", "kal16"):
        found |= first_audio(voice)
    if args.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
