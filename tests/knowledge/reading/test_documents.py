"""Reading documents: what becomes a passage, and what is said of files that are wrong."""

import pytest

from engine.knowledge.errors import DocumentError
from engine.knowledge.reading.onefile import read
from engine.knowledge.reading.passages import Cut
from engine.knowledge.words.text import sentence, sentences, stem, terms, words


@pytest.fixture
def document(tmp_path):
    def make(text, name="billing/late.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(path, tmp_path)

    return make


def test_front_matter_and_path_describe_the_document(document):
    found = document("---\ntitle: Paying late\ntags: [fees]\nutterances:\n  - how much is it\n"
                     "say: Six dollars.\n---\n\nText.\n")
    assert (found.id, found.title, found.tags) == ("billing/late", "Paying late", ("fees", "billing"))
    assert (found.utterances, found.say) == (("how much is it",), "Six dollars.")
    assert [passage.text for passage in found.passages] == ["Text."]


@pytest.mark.parametrize(("front", "line", "says"), [
    ("titel: x", 2, "unknown field 'titel'"),
    ("title: x\nsay: [a]", 3, "'say' must be a text"),
    ("title: a: b", 2, "not YAML"),
    ("title: x\nutterances:\n  - fine\n  - {a: b}", 5, "must be a list of texts"),
    ("title: x\nutterances: 5", 3, "must be a list of texts"),
    ("title: x\ntitle: y", 3, "given twice"),
    ("- a\n- b", 2, "must be fields"),
    ("id: ../x y", 2, "may have letters"),
    ("title:", 2, "'title' must be a text"),
    ("say: " + "word " * 200, 2, "spoken aloud and must be short"),
])
def test_a_fault_in_front_matter_names_file_and_line(document, front, line, says):
    with pytest.raises(DocumentError) as caught:
        document(f"---\n{front}\n---\nText.\n")
    assert f"late.md:{line}: " in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(("content", "says"), [
    (b"", "the file is empty"),
    (b" \n\n ", "the file is empty"),
    (b"\x7fELF\x00\x00text", "binary file"),
    (b"fine\nline\nna\xefve", "late.md:3: not UTF-8 text (byte 0xef)"),
    (b"---\ntitle: x\n---\n", "no text in it below the front matter"),
    (b"---\ntitle: x\ntext", "late.md:1: the front matter that begins here has no closing line"),
    (b"# Only a heading\n", "no text in it"),
])
def test_a_file_that_is_no_document_is_named(document, content, says):
    with pytest.raises(DocumentError) as caught:
        document(content)
    assert "late.md" in str(caught.value)
    assert says in str(caught.value)


def test_passages_keep_the_headings_above_them(document):
    found = document("# Router\n\nIntro.\n\n## Lights\n\n### Red\n\nBad.\n\n## Sound\n\nNone.\n")
    assert found.title == "Router"
    assert [(passage.heading, passage.text) for passage in found.passages] == [
        ((), "Intro."), (("Lights", "Red"), "Bad."), (("Sound",), "None.")]


def test_a_question_keeps_its_whole_answer(document):
    """Half an answer is a wrong answer: a pair is never cut, however long, in any of the three ways to write it."""
    long = "It goes on and on. " * 60
    for text in (f"Q: How long?\nA: {long}\n\nQ: How wide?\nA: A metre.\n",
                 f"**Q:** How long?\n\n**A:** {long}\n\n**Q:** How wide?\n\n**A:** A metre.\n",
                 f"## How long?\n\n{long}\n\n## How wide?\n\nA metre.\n"):
        found = document(text)
        assert [passage.questions for passage in found.passages] == [("How long?",), ("How wide?",)]
        assert len(found.passages[0].text.split()) == 300
        assert found.passages[1].text == "A metre."
    assert document("Q: Why?\nA: Because.\n", "faq.txt").passages[0].questions == ("Why?",)


def test_long_sections_are_cut_between_sentences(document):
    found = document("\n\n".join(f"Sentence number {n} of this long section says a little. " * 5 for n in range(12)))
    assert len(found.passages) > 1
    for passage in found.passages:
        assert len(passage.text.split()) <= Cut().words
        assert passage.text.startswith("Sentence number")
        assert passage.text.endswith("little.")


def test_one_endless_sentence_is_cut_all_the_same(document):
    found = document("word " * 1000, "long.txt")
    assert all(len(passage.text.split()) <= Cut().words for passage in found.passages)
    assert sum(len(passage.text.split()) for passage in found.passages) == 1000


def test_rows_of_a_table_keep_their_headers(document):
    found = document("| Plan | Price |\n|---|---:|\n| Small | ten dollars |\n| Large | |\n")
    assert found.passages[0].statements == ("Plan: Small, Price: ten dollars.", "Plan: Large.")


def test_layout_is_not_text(document):
    found = document("<!-- note -->\nSee **the** [site](http://x.y) and `code`.\n\n"
                     "```\n# no heading\n```\n\n- [x] One item\n")
    assert found.passages[0].text == "See the site and code. # no heading One item"


def test_windows_files_and_byte_order_marks_are_read(document):
    found = document("\ufeff---\r\ntitle: A\r\n---\r\nOne.\r\nTwo.\r\n".encode())
    assert (found.title, found.passages[0].statements) == ("A", ("One.", "Two."))


@pytest.mark.parametrize(("text", "expected"), [
    ("Dr. Who came at 3.5 p.m. today. So he did!", ["Dr. Who came at 3.5 p.m. today.", "So he did!"]),
    ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
    ("पहला वाक्य। दूसरा वाक्य।", ["पहला वाक्य।", "दूसरा वाक्य।"]),
    ("no end", ["no end"]),
    ("", []),
])
def test_sentences(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize(("text", "expected"), [
    ("See **our** [site](https://www.foo-bar.com/x?y).", "See our site."),
    ("Visit https://www.foo-bar.com/x?y now", "Visit https://www.foo-bar.com/x?y now."),
    ("पहला वाक्य।", "पहला वाक्य।"),
    ("", ""),
])
def test_a_sentence_is_closed_and_without_markup(text, expected):
    assert sentence(text) == expected


def test_terms_are_stems_without_stop_words():
    assert terms("How do I cancel my contracts?") == ["cancel", "contract"]
    assert stem("cancelling") == stem("cancelled") == stem("cancel")
    assert terms("is it on") == ["is", "it", "on"]


def test_indic_words_stay_whole():
    """Python's word characters lack the vowel signs; splitting there makes every keyword match by accident."""
    assert words("ऑर्डर कहाँ है, മലയാളം") == ["ऑर्डर", "कहाँ", "है", "മലയാളം"]
    assert terms("ऑर्डर कहाँ है") == ["ऑर्डर"]
