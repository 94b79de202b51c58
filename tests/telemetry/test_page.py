"""The call page: one file, complete, closed to the outside, and harmless whatever the caller said."""

import os
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
import sample_call

from engine.telemetry import page
from engine.telemetry.eventlog import read
from engine.telemetry.page import render

VOID = {"meta", "link", "br", "path"}


class Tree(HTMLParser):
    """Checks nesting, collects tags with attributes, and the text by element class."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)

    def having(self, tag: str, css: str = "") -> list[dict]:
        return [attrs for name, attrs in self.tags
                if name == tag and (not css or css in (attrs.get("class") or "").split())]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture
def html(folder):
    return render(read(folder / "events.jsonl").events, folder / "recording.wav")


def test_it_is_one_file_that_asks_for_nothing(html):
    """A page that loads anything would tell others about the call, and would be broken in an archive."""
    tree = Tree(html)
    for tag, attrs in tree.tags:
        for name in ("src", "href", "action", "poster", "srcset", "data"):
            assert (attrs.get(name) or "data:").startswith("data:"), (tag, name)
    assert "url(" not in html
    assert "@import" not in html
    policy = next(attrs["content"] for attrs in tree.having("meta") if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]+'", policy)


def test_it_shows_the_call(html):
    tree = Tree(html)
    words = tree.words
    for shown in ("+49 30 901820 → 1000", "NORMAL_CLEARING by caller", "when is the library open",
                  "To reset your password, open the", "Opening hours of the library", "library.md",
                  "240 ms of voice without words", "960 ms", "Visitors park in C."):
        assert shown in words, shown
    assert len(tree.having("svg", "wave")) == 2
    assert len(tree.having("i", "span")) == len(sample_call.CALLER) + len(sample_call.AGENT)
    assert len(tree.having("audio")) == 1
    assert [len(tree.having("button", f"{kind}")) for kind in ("turn", "cut", "resumed", "key")] == [3, 1, 1, 1]
    assert len(tree.having("dl", "waterfall")) == 3


def test_every_line_of_the_transcript_seeks_and_can_be_reached_by_keyboard(html):
    """Only buttons get the focus and the space bar without further script."""
    tree = Tree(html)
    times = [float(attrs["data-t"]) for attrs in tree.having("button") if "data-t" in attrs]
    assert {0.04, 4.02, 6.06, 12.4, 14.44, 16.62, 19.42, 24.48} <= set(times)
    assert all(tag == "button" for tag, attrs in tree.tags if "data-t" in attrs)


def test_the_page_and_the_report_tell_the_same(html, folder):
    from engine.telemetry.report import build

    report = build(read(folder / "events.jsonl").events).to_dict()
    words = Tree(html).words
    for turn in report["turns"]:
        assert f"{turn['total_ms']:.0f} ms" in words
        for stage in turn["stages"]:
            assert f"{stage['to_ms'] - stage['from_ms']:.0f} ms at {stage['to_ms']:.0f}" in words


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'><b>&amp;"


def test_no_text_of_the_call_becomes_markup(folder):
    """Names in SIP headers and words of callers are the caller's; so may be passages of documents and errors."""
    def poison(value):
        if isinstance(value, str):
            return value + EVIL
        if isinstance(value, dict):
            return {poison(key): poison(item) for key, item in value.items()}
        return [poison(item) for item in value] if isinstance(value, list) else value

    events = [{name: item if name in ("t", "event") else poison(item) for name, item in event.items()}
              for event in sample_call.lines()]
    events += [{"t": 26.0, "event": "error", "where": EVIL, "message": EVIL}, {"t": 26.0, "event": EVIL, "why": EVIL},
               {"t": 3.0, "event": "dtmf", "digit": "<b", "at": 3.0}]
    clean, evil = Tree(render(sample_call.lines(), None)), Tree(render(events, None))
    assert len(evil.having("script")) == 1
    assert evil.having("img") == []
    assert not any(name.startswith("on") for _, attrs in evil.tags for name in attrs)
    assert {tag for tag, _ in evil.tags} == {tag for tag, _ in clean.tags}
    assert "<script>alert(1)" in evil.words


def test_skills_are_shown_with_what_came_of_them():
    """And what a remote tool sends stays text."""
    for gen in (2, 99):  # one that was heard, and one that belongs to no turn
        asked = {"t": 5.52, "event": "tool_call", "gen": gen, "id": "a", "skill": "order", "arguments": {"item": EVIL}}
        came = {"t": 5.6, "event": "tool_result", "gen": gen, "id": "a", "skill": "order", "success": False,
                "error": "timeout", "ms": 80.0, "result": {"message": EVIL}}
        found = Tree(render([*sample_call.lines(), asked, came], None))
        assert "order timeout in 80 ms" in found.words and len(found.having("script")) == 1


def test_lone_surrogates_of_a_header_do_not_break_it():
    events = [{"t": 0.0, "event": "call_started", "caller": "bad \udcff", "called": "1"}]
    assert "bad ?" in render(events, None)


@pytest.mark.parametrize("kept", [0, 1, 3, 10, 25, 40, 60])
def test_a_log_may_end_anywhere(kept):
    words = Tree(render(sample_call.lines()[:kept], None, damaged_lines=1)).words
    assert "The log ends before the call did" in words
    assert "1 damaged line(s)" in words


def test_without_turns_and_recording_it_says_so():
    words = Tree(render([], None)).words
    for said in ("No turn was decided.", "Nothing was said.", "No audio: not recorded", "unknown caller"):
        assert said in words


def test_a_recording_that_is_none_is_said(tmp_path, caplog):
    path = tmp_path / "recording.wav"
    path.write_bytes(b"hello")
    html = render(sample_call.lines(), path)
    assert f"No audio: {path}: not a WAV file" in Tree(html).words
    assert Tree(html).having("audio") == []


def test_a_large_recording_is_linked_beside_the_page(folder, monkeypatch):
    monkeypatch.setattr(page, "EMBED_BYTES", 1000)
    (folder / "recording.wav").rename(folder / "a b.wav")
    (audio,) = Tree(render(sample_call.lines(), folder / "a b.wav")).having("audio")
    assert audio["src"] == "a%20b.wav"


def test_what_belongs_to_no_turn_is_shown_too(html):
    """The greeting, and speculation that was dropped."""
    words = Tree(html).words.partition("Besides the turns")[2]
    assert "Hello, this is the Trunkline help desk." in words
    assert "dropped, never heard" in words


CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_a_browser_runs_it_under_its_own_policy(folder, html):
    """The script is let in by its hash: a character changed after hashing would leave the page dead."""
    (folder / "call.html").write_text(html, "utf-8")
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr",
         f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=2000", "--dump-dom",
         f"file://{folder / 'call.html'}"],
        capture_output=True, text=True, timeout=60, check=True, env={**os.environ, "HOME": str(folder)})
    assert "CONSOLE" not in done.stderr
    assert 'data-ready="true"' in done.stdout
    assert "audio" in done.stdout
