"""What the adapters of models and voices cost by themselves, and how fast a request ends that nobody wants any more.

    python -m benchmarks.providers

The services are the tests' fakes. For the cost they run in a process of their own; each token and each piece of audio
comes in a packet of its own, a millisecond or more apart, as from a real one. The cost is all CPU time of this process
meanwhile: sockets, timers, hub, package, adapter, and the reading of the parts.
"""

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()

import json  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from pathlib import Path  # noqa: E402

import gevent  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks.figure import Figure  # noqa: E402
from engine.config.providers import (  # noqa: E402
    AnthropicOptions,
    ElevenLabsOptions,
    OpenAiChatOptions,
    OpenAiSpeechOptions,
)
from engine.dialog.model import Message  # noqa: E402
from engine.dialog.models.anthropic import AnthropicModel  # noqa: E402
from engine.dialog.models.openai_chat import OpenAiChat  # noqa: E402
from engine.net.credentials import Key  # noqa: E402
from engine.speech.tts.elevenlabs import ElevenLabs  # noqa: E402
from engine.speech.tts.openai_speech import OpenAiSpeech  # noqa: E402
from tests.providers import fake_anthropic, fake_elevenlabs, fake_openai  # noqa: E402
from tests.providers.fake_http import FakeHttp  # noqa: E402

COMMAND = "make bench ARGS=providers"
ROOT = Path(__file__).resolve().parent.parent
TOKENS = 1000
CHUNKS = 200
GAP_S = 0.001
TEXT = "The library opens at nine and closes at six on working days. "
ASK = [Message("user", "Hello?")]
CANCELS = 40


def figures() -> list[Figure]:
    """Rows of models and voices."""
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.providers", "--serve"], cwd=ROOT, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        urls = json.loads(server.stdout.readline())
        gpt, claude, nova, rachel = _providers(urls)
        found = [
            _cost("OpenAI-compatible chat, CPU per streamed token", lambda: gpt.stream(ASK), TOKENS, 100),
            _cost("Anthropic, CPU per streamed token", lambda: claude.stream(ASK), TOKENS, 100),
            _cost("OpenAI-compatible speech, CPU per piece of 100 ms", lambda: nova.render(TEXT), CHUNKS, 200),
            _cost("ElevenLabs with word times, CPU per piece of 250 ms", lambda: rachel.render(TEXT * 17), CHUNKS, 200),
        ]
        for provider in (gpt, claude, nova, rachel):
            provider.close()
        return [*found, *_at_once()]
    finally:
        server.kill()
        server.wait()


def _providers(urls: dict[str, str]) -> tuple[OpenAiChat, AnthropicModel, OpenAiSpeech, ElevenLabs]:
    bearer = Key("Authorization", f"Bearer {fake_openai.KEY}")
    return (
        OpenAiChat("gpt", OpenAiChatOptions(base_url=urls["openai"] + "/v1", model="gpt-test"), bearer),
        AnthropicModel("claude", AnthropicOptions(base_url=urls["anthropic"], model="claude-test"),
                       Key("x-api-key", fake_anthropic.KEY)),
        OpenAiSpeech("nova", OpenAiSpeechOptions(base_url=urls["openai"] + "/v1"), bearer),
        ElevenLabs("rachel", ElevenLabsOptions(base_url=urls["elevenlabs"], voice="voice1"),
                   Key("xi-api-key", fake_elevenlabs.KEY)),
    )


def _cost(name: str, ask: Callable[[], Iterator], parts: int, aim_us: float) -> Figure:
    """CPU time of this process a part, over an answer of ``parts``; the best of three, since others use the machine."""
    times = []
    for _ in range(3):
        started = time.process_time()
        came = sum(1 for _ in ask())
        times.append((time.process_time() - started) / parts * 1e6)
        assert came >= parts, f"{name}: {came} parts of {parts}"
    value = round(min(times), 1)
    return Figure(f"providers: {name}", value, "us", f"<= {aim_us}", value <= aim_us, COMMAND)


def _at_once() -> list[Figure]:
    """Rows of waiting, with the fakes in this process."""
    openai, anthropic = fake_openai.FakeOpenAi(), fake_anthropic.FakeAnthropic()
    elevenlabs = fake_elevenlabs.FakeElevenLabs()
    openai.audio = _tone(1)
    made = _providers({"openai": openai.url, "anthropic": anthropic.url, "elevenlabs": elevenlabs.url})
    rows = []
    for name, fake, ask in (
            ("OpenAI-compatible chat", openai, lambda: made[0].stream(ASK)),
            ("Anthropic", anthropic, lambda: made[1].stream(ASK)),
            ("OpenAI-compatible speech", openai, lambda: made[2].render(TEXT)),
            ("ElevenLabs", elevenlabs, lambda: made[3].render(TEXT))):
        rows.append(_first(name, ask))
        rows.append(_cancel(name, fake, ask))
    for thing in (*made, openai, anthropic, elevenlabs):
        thing.close()
    return rows


def _first(name: str, ask: Callable[[], Iterator]) -> Figure:
    """From the request to its first part, over a connection that is open, when the service answers at once."""
    times = []
    for _ in range(40):
        started = time.perf_counter()
        parts = ask()
        next(parts)
        times.append((time.perf_counter() - started) * 1000)
        for _ in parts:
            pass
    value = round(sorted(times)[len(times) // 2], 2)
    return Figure(f"providers: {name}, request to first part, p50", value, "ms", "<= 5", value <= 5, COMMAND)


def _cancel(name: str, fake: FakeHttp, ask: Callable[[], Iterator]) -> Figure:
    """From killing the greenlet that reads an answer to the service seeing its client go."""
    times = []
    for number in range(CANCELS):
        fake.stall_after = number % 3
        fake.gone.clear()
        greenlet = gevent.spawn(lambda: [None for _ in ask()])
        with gevent.Timeout(5):
            while not fake.running:
                gevent.sleep(0.005)
        gevent.sleep(0.02)
        started = time.perf_counter()
        greenlet.kill()
        assert fake.gone.wait(5), f"{name}: the request went on"
        times.append((time.perf_counter() - started) * 1000)
    fake.stall_after = -1
    value = round(max(times), 1)
    what = f"providers: {name}, cancel to the end of the request, worst of {CANCELS}"
    return Figure(what, value, "ms", "<= 50", value <= 50, COMMAND)


def _tone(seconds: float) -> np.ndarray:
    return (np.arange(round(24000 * seconds)) % 24 * 700 - 8400).astype(np.int16)


def serve() -> None:
    """The fakes, until standard input ends; their addresses go to standard output."""
    openai, anthropic = fake_openai.FakeOpenAi(), fake_anthropic.FakeAnthropic()
    elevenlabs = fake_elevenlabs.FakeElevenLabs()
    words = [f" word{number}" for number in range(TOKENS)]
    openai.script = list(words)
    # One block of text, as the service sends it: its start and end are two events, not two a token.
    anthropic.script = [{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}}
                          for word in words), {"type": "content_block_stop", "index": 0}]
    openai.audio = _tone(CHUNKS / 10)
    elevenlabs.letters_a_line = 5
    for fake in (openai, anthropic, elevenlabs):
        fake.each_s = GAP_S
    print(json.dumps({"openai": openai.url, "anthropic": anthropic.url, "elevenlabs": elevenlabs.url}), flush=True)
    gevent.get_hub().threadpool.apply(sys.stdin.read)


if __name__ == "__main__":
    if "--serve" in sys.argv:
        serve()
    else:
        for figure in figures():
            print(("ok  " if figure.ok else "MISS"), figure.figure, figure.value, figure.unit, f"(aim {figure.aim})")
