"""From a folder of all sorts of files to answers."""

from document_makers import pdf, word

from engine.knowledge.base import KnowledgeBase
from engine.knowledge.filling.ingest import ingest


def test_a_folder_of_many_formats_is_ingested_and_what_is_broken_is_named(folder, write):
    """The run goes on, and a question is answered from a PDF with its page."""
    write("guides/fees.pdf", pdf([["This page is about other things of the house."],
                                  ["The late fee is six dollars and it is due in March."]]))
    write("guides/fees.pdf.yaml", "title: Paying late\nvalid_until: 2026-12-31\n")
    write("hours.docx", word(lambda made: made.add_paragraph("The library opens at nine in the morning.")))
    write("broken.docx", b"PK\x03\x04")
    write("faq.csv", "Question,Answer,Say\nMay I bring my dog?,Dogs stay outside.,\n")
    report = ingest([folder], "all", None)
    assert sorted(report.added) == ["faq", "guides/fees", "hours"]
    assert len(report.failed) == 1
    assert "broken.docx: is damaged" in report.failed[0]
    base = KnowledgeBase.open("all")
    hit = base.search("how high is the late fee")[0]
    assert "six dollars" in hit.text
    assert "Dogs stay outside." in base.search("may I bring my dog")[0].text


def test_a_changed_side_car_is_noticed(folder, write):
    write("fees.pdf", pdf([["The late fee is six dollars and it is due in March."]]))
    assert ingest([folder], "side", None).added == ["fees"]
    assert ingest([folder], "side", None).unchanged == 1
    write("fees.pdf.yaml", "title: Paying late\n")
    assert ingest([folder], "side", None).changed == ["fees"]
    assert ingest([folder], "side", None).unchanged == 1
