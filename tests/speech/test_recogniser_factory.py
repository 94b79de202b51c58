"""Recognisers by name, and the vocabulary that they are given."""

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.configfile import load
from engine.modelstore import ModelMissing
from engine.speech.errors import SpeechError
from engine.speech.stt.recognisers import KINDS, make_recogniser
from engine.speech.stt.vocabulary import PROMPT_CHARACTERS, keyterms, openai_hints, within_tokens


def test_every_kind_can_be_made_or_says_what_is_missing(home):
    """No kind is a name alone."""
    for kind in KINDS:
        if kind == "pocketsphinx":
            with pytest.raises(SpeechError, match="required"):
                make_recogniser(kind)
        elif kind in ("whisper", "vosk", "sherpa"):
            with pytest.raises(ModelMissing):
                make_recogniser(kind)
        else:
            make_recogniser(kind, api_key="k", base_url="http://127.0.0.1:9/v1").close()


def test_a_kind_that_there_is_not():
    with pytest.raises(SpeechError, match="no recogniser 'siri'; known are: openai_batch"):
        make_recogniser("siri")


def test_an_option_that_there_is_not():
    """The kind and the option are named."""
    with pytest.raises(SpeechError, match="'deepgram'.*langage"):
        make_recogniser("deepgram", langage="en")


def test_names_and_codes_are_the_vocabulary():
    """What cannot be guessed: names within sentences and codes, the most frequent first; not the first words."""
    texts = ["The library of Okti Campus opens at eight. Ask Madame Lefèvre about the B12 form.",
             "Madame Lefèvre is there on Mondays. Please call."]
    found = keyterms(texts)
    assert found[0] == "Madame Lefèvre" or found[0] == "B12"
    assert {"Okti Campus", "Madame Lefèvre", "B12", "Mondays"} <= set(found)
    assert not {"The", "Ask", "Please"} & set(found)


@given(st.lists(st.text(min_size=1, max_size=60), max_size=200))
def test_hints_keep_the_vendors_limits(terms):
    """Whatever the documents hold: a prompt that is too long would be cut at its beginning, keyterms beyond the limit
    would stop transcription."""
    assert len(str(openai_hints("whisper-1", terms).get("prompt", ""))) <= PROMPT_CHARACTERS
    assert sum(len(term.split()) for term in within_tokens(terms)) <= 500


def test_each_model_gets_its_own_kind_of_hint():
    assert openai_hints("gpt-transcribe", ["a"]) == {"keywords": ["a"]}
    assert openai_hints("gpt-realtime-whisper", ["a"]) == {}
    assert openai_hints("whisper-large-v3", ["a", "b"]) == {"prompt": "a, b"}
    assert openai_hints("whisper-1", ["a"], "none") == {}


def test_the_example_of_the_documentation_is_accepted(tmp_path):
    """What operators copy must be right: every kind and option of it is one that there is."""
    page = (Path(__file__).parents[2] / "docs/operator/recognisers.md").read_text("utf-8")
    example = page[page.index("    providers:"):page.index("The language is the call's")]
    (tmp_path / "c.yaml").write_text(textwrap.dedent(example))
    kinds = {provider.kind for provider in load(tmp_path / "c.yaml", {}).providers.values()}
    assert kinds == {"deepgram", "openai_realtime", "openai_batch", "vosk"}
