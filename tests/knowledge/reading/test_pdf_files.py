"""PDF: lines become paragraphs again, headings are told by size, pages are kept; what has no text says so."""

import pytest
from document_makers import encrypted_pdf, pdf

from engine.knowledge.errors import DocumentError
from engine.knowledge.reading.passages import Cut

CHAPTERS = [[
    ("Handbook of the desk", 8), "", (f"Chapter {number}", 20), "",
    f"Rule {number} says that a fee of six dollars is charged for each bill that",
    f"comes fourteen days late in year {number}. A second remin-",
    f"der costs nothing for plan {number}.",
    "",
    f"{word} is where it begins and goes on", (f"Page {number} of 6", 8)]
    for number, word in enumerate(["One", "Two", "Three", "Four", "Five", "Six"], 1)]


def test_lines_become_paragraphs_under_headings_with_their_page(document):
    """A citation names the page; a sentence that was cut at the margin is whole again."""
    found = document("handbook.pdf", pdf(CHAPTERS, title="The handbook"))
    assert found.title == "The handbook"
    assert [(passage.heading, passage.page) for passage in found.passages] == [
        ((f"Chapter {number}",), number) for number in range(1, 7)]
    assert found.passages[2].statements == (
        "Rule 3 says that a fee of six dollars is charged for each bill that comes fourteen days late in year 3.",
        "A second reminder costs nothing for plan 3.", "Three is where it begins and goes on")


def test_running_lines_are_left_out(document):
    """"Page 3 of 6" in the middle of an answer would be read aloud."""
    found = document("handbook.pdf", pdf(CHAPTERS))
    text = " ".join(passage.text for passage in found.passages)
    assert "Handbook" not in text
    assert "of 6" not in text


def test_a_paragraph_goes_on_over_a_page(document):
    found = document("two.pdf", pdf([["The fee for paying late is charged when", "the bill is more than"],
                                     ["fourteen days late. Nothing is charged", "before that."]]))
    assert found.passages[0].statements == (
        "The fee for paying late is charged when the bill is more than fourteen days late.",
        "Nothing is charged before that.")


def test_questions_and_answers_in_a_pdf_are_pairs(document):
    found = document("faq.pdf", pdf([["Q: How late may I be?", "A: Fourteen days.", "Q: How much is it?", "A: Six."]]))
    assert [(passage.questions, passage.text) for passage in found.passages] == [
        (("How late may I be?",), "Fourteen days."), (("How much is it?",), "Six.")]


def test_five_hundred_pages_are_no_trouble(document):
    found = document("long.pdf", pdf([[f"Room {number} has the extension {4000 + number} in the house."]
                                      for number in range(500)]), Cut(words=20))
    assert found.passages[-1].page >= 499
    assert sum(len(passage.statements) for passage in found.passages) == 500


@pytest.mark.parametrize(("data", "says"), [
    (pdf([[], [], []]), "has 3 pages and no text: it is scanned.*OCR"),
    (encrypted_pdf(pdf(CHAPTERS), "secret"), "is encrypted and needs a password; save a copy without one"),
    (pdf(CHAPTERS)[:60], "is damaged, or is no real PDF file"),
    (b"%PDF-1.7\n" + bytes(range(256)) * 20, "is damaged, or is no real PDF file"),
])
def test_a_pdf_without_words_says_what_to_do(document, data, says):
    with pytest.raises(DocumentError, match=f"brochure.pdf: {says}"):
        document("brochure.pdf", data)


def test_pages_without_text_are_noted(document):
    found = document("mixed.pdf", pdf([["The office opens at nine in the morning, and closes at five."], [], []]))
    assert found.notes == ("pages 2, 3 have no text (pictures?)",)


def test_a_pdf_protected_against_change_only_is_read(document):
    assert "six dollars" in document("own.pdf", encrypted_pdf(pdf(CHAPTERS), "")).passages[0].text
