"""``trunkline provider``: lists the providers of the configuration, or asks one, to see that it works and how fast."""

import argparse
import os
import sys
import time
import wave
from pathlib import Path
from typing import Any

HELP = """List the models and voices of the configuration, or ask one of them.

A model answers the text, word by word as it comes. A voice speaks it into a WAV file. An embedding model says how
long its vectors are. Afterwards the times are printed that a caller would wait. The connection is opened ahead, as it
is for calls. Services may take money for it.
"""

EPILOG = """examples:
  trunkline provider --config trunkline.yaml
  trunkline provider --config trunkline.yaml gpt "When does the library open?"
  trunkline provider --config trunkline.yaml nova "Good morning." --out build/nova.wav
  trunkline provider --config trunkline.yaml vectors "When does the library open?"

Exit code 0: it answered; 2: it did not, and the line says why.
"""

WARM_S = 1.0
"""How long the connection that is opened ahead gets."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("name", nargs="?", help="the provider's name under providers:, or a voice like flite:slt")
    parser.add_argument("text", nargs="?", default="Hello, how are you today?", help="what to ask or to speak")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration (YAML)")
    parser.add_argument("--out", type=Path, metavar="WAV", help="where a voice speaks to (default: NAME.wav)")


def run(args: argparse.Namespace) -> int:
    """List, or ask one. Raises ``TrunklineError``."""
    from engine import providers
    from engine.config import KnowledgeOptions
    from engine.config.providers import EmbeddingOptions
    from engine.configfile import load
    from engine.knowledge.embedding import choose

    config = load(args.config, os.environ)
    if not args.name:
        for name, options in config.providers.items():
            print(f"{name:20} {options.kind:16} {getattr(options, 'base_url', '')}")
        if not config.providers:
            print("none: docs/operator/providers.md says how to describe one")
        return 0
    if type(config.providers.get(args.name)) in providers.MODELS:
        return _ask(providers.make_model(args.name, config), args.text)
    if isinstance(config.providers.get(args.name), EmbeddingOptions):
        return _embed(choose.embedder(KnowledgeOptions(embedding=args.name), config.providers), args.text)
    out = args.out or Path(f"{args.name.replace(':', '-')}.wav")
    return _speak(providers.make_voice(args.name, config), args.text, out)


def _ask(model: Any, text: str) -> int:
    from engine.dialog.model import Message, Usage, Words

    _warm(model)
    started = time.monotonic()
    first_ms, usage = 0.0, ""
    try:
        for part in model.stream([Message("user", text)]):
            first_ms = first_ms or (time.monotonic() - started) * 1000
            if isinstance(part, Words):
                print(part.text, end="", flush=True)
            elif isinstance(part, Usage):
                usage = f"; {part.input_tokens} tokens in, {part.output_tokens} out"
    finally:
        model.close()
        print()
    _tell(f"first word after {first_ms:.0f} ms, the last after {(time.monotonic() - started) * 1000:.0f} ms{usage}")
    return 0


def _speak(voice: Any, text: str, out: Path) -> int:
    _warm(voice)
    started = time.monotonic()
    first_ms, chunks = 0.0, []
    try:
        for chunk in voice.render(text):
            first_ms = first_ms or (time.monotonic() - started) * 1000
            chunks.append(chunk)
    finally:
        voice.close()
    took_ms = (time.monotonic() - started) * 1000
    if not chunks:
        _tell("there is nothing to say in that text")
        return 0
    out.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(out), "wb") as file:
        file.setparams((1, 2, chunks[0].rate, 0, "NONE", ""))
        file.writeframes(b"".join(chunk.pcm.astype("<i2").tobytes() for chunk in chunks))
    seconds = sum(len(chunk.pcm) for chunk in chunks) / chunks[0].rate
    words = sum(len(chunk.words) for chunk in chunks)
    _tell(f"first sound after {first_ms:.0f} ms; {seconds:.1f} s at {chunks[0].rate} Hz in {took_ms:.0f} ms; "
          f"{f'times of {words} words' if words else 'no times of words'}; written: {out}")
    return 0


def _embed(endpoint: Any, text: str) -> int:
    _warm(endpoint)
    started = time.monotonic()
    try:
        vectors = endpoint.encode_now([text])
    finally:
        endpoint.close()
    _tell(f"{vectors.shape[1]} dimensions after {(time.monotonic() - started) * 1000:.0f} ms; name: {endpoint.name}")
    return 0


def _warm(provider: Any) -> None:
    """Calls find the connection open, so the times are those of calls."""
    import gevent

    if hasattr(provider, "warm"):
        provider.warm()
        gevent.sleep(WARM_S)


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
