"""Whatever the bytes: a ``Document`` or a ``DocumentError`` that names the file, and nothing else."""

import pytest
from document_makers import changed, encrypted_pdf, pdf, sheets, slides, word
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.knowledge.document import Document
from engine.knowledge.errors import DocumentError
from engine.knowledge.reading.formats import SUFFIXES
from engine.knowledge.reading.onefile import read
from engine.knowledge.reading.passages import MAX_ANSWER_CHARS, Cut

PAGES = pdf([[("Fees", 20), "The fee is six dollars."], ["It is due in March."]], title="Fees")
REAL = {
    ".pdf": PAGES,
    ".docx": word(lambda made: (made.add_heading("Fees", 1), made.add_paragraph("The fee is six dollars."))),
    ".pptx": slides(lambda made: made.slides.add_slide(made.slide_layouts[0])),
    ".xlsx": sheets(lambda book: (book.active.append(["Plan", "Price"]), book.active.append(["Small", 10]))),
    ".html": b"<html><head><title>Fees</title></head><body><table><tr><th>A<th>B<tr><td>1<td>2</table><p>Text</p>",
    ".csv": b"Question,Answer,Say\nHow late?,Two weeks.,Soon.\n",
    ".json": b'{"title": "x", "faqs": [{"question": "How?", "answer": "So."}], "more": {"a": [1, 2]}}',
    ".jsonl": b'{"t": 1, "event": "user_said", "text": "when do you open"}\n'
              b'{"t": 2, "event": "agent_said", "gen": 1}\n',
    ".eml": b"From: a\nSubject: b\nContent-Type: multipart/mixed; boundary=x\n\n--x\n"
            b"Content-Type: text/plain\n\nHi\n--x--",
    ".mbox": b"From a\nSubject: b\n\nText\nFrom b\nSubject: c\n\nText\n",
    ".vtt": b"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Caller>Hello there\n",
    ".md": b"---\ntitle: x\n---\n# A\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nQ: Why?\nA: So.\n"
           b"Say: So.\n\n- item\n```\ncode\n```\n",
}
quick = settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check(folder, suffix, data):
    path = folder / f"file{suffix}"
    path.write_bytes(data)
    try:
        found = read(path, folder)
    except DocumentError as fault:
        assert f"file{suffix}" in str(fault)
        return
    assert isinstance(found, Document)
    assert found.passages
    cut = Cut()
    for passage in found.passages:
        assert passage.text.strip()
        assert passage.questions or (len(passage.text) <= cut.chars and len(passage.text.split()) <= cut.words)
        assert len(passage.text) <= MAX_ANSWER_CHARS
        "".join([passage.text, *passage.heading, *passage.questions, found.title, passage.say]).encode()


@quick
@given(st.sampled_from(SUFFIXES), st.binary(max_size=600))
def test_random_bytes(folder, suffix, data):
    check(folder, suffix, data)


@quick
@given(st.sampled_from(SUFFIXES), st.text(st.sampled_from("ab1 \n\t:;,.?|-#>*`[](){}<>/\"'=&!_QA\u0d2b\u094d\ud800"),
                                          max_size=300))
def test_random_text_of_the_characters_that_mean_something(folder, suffix, text):
    check(folder, suffix, text.encode("utf-8", "surrogatepass"))


@quick
@given(st.sampled_from(sorted(REAL)), st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=4)), max_size=5),
       st.integers(0, 10**6))
def test_damaged_real_files(folder, suffix, changes, length):
    data = bytearray(REAL[suffix])
    for place, piece in changes:
        at = place % len(data)
        data[at:at + len(piece)] = piece
    check(folder, suffix, bytes(data[:max(1, length % (2 * len(data)))]))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([".docx", ".xlsx", ".pptx"]), st.integers(0, 100), st.integers(0, 10**6), st.binary(max_size=6))
def test_damage_inside_of_office_files(folder, suffix, member, place, piece):
    """Past the checksums of the container."""
    seen = []

    def damage(name, data):
        seen.append(name)
        if len(seen) - 1 != member % 12 or not data:
            return data
        at = place % len(data)
        return data[:at] + piece + data[at + len(piece):]

    check(folder, suffix, changed(REAL[suffix], damage))


@pytest.mark.parametrize("suffix", sorted(REAL))
def test_the_real_files_are_read_or_refused_for_a_reason(folder, suffix):
    """Else damage would be done to nothing. (The log has no answer, and the slide no words.)"""
    path = folder / f"file{suffix}"
    path.write_bytes(REAL[suffix])
    if suffix in (".jsonl", ".pptx"):
        with pytest.raises(DocumentError, match="no text in it"):
            read(path, folder)
    else:
        assert read(path, folder).passages


def test_an_encrypted_real_file_is_refused(folder):
    path = folder / "a.pdf"
    path.write_bytes(encrypted_pdf(PAGES, "x", algorithm="RC4-40"))
    with pytest.raises(DocumentError, match="needs a password"):
        read(path, folder)
