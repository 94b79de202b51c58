"""Word, PowerPoint and Excel: what becomes of headings, lists, tables, slides, notes, rows and cells."""

import datetime

import pytest
from document_makers import changed, sheets, slides, word
from openpyxl.styles import Font
from pptx.util import Inches

from engine.knowledge.errors import DocumentError
from engine.knowledge.reading.numberformat import shown


def fill_table(table, rows):
    for number, row in enumerate(rows):
        for column, text in enumerate(row):
            table.cell(number, column).text = text


def test_word_keeps_headings_lists_and_tables_with_their_headers(document):
    def fill(made):
        made.add_heading("Billing guide", 0)
        made.add_heading("Late fees", 1)
        made.add_paragraph("The fee is six dollars.")
        made.add_heading("When", 2)
        made.add_paragraph("After fourteen days.", style="List Bullet")
        made.add_paragraph("Never on Sunday.", style="List Number")
        fill_table(made.add_table(3, 2), [["Plan", "Price"], ["Small", "10"], ["Large", "20"]])
        made.add_heading("How do I pay?", 1)
        made.add_paragraph("By card.")
        made.add_paragraph("Say: You pay by card.")
        made.sections[0].header.paragraphs[0].text = "Confidential"

    found = document("guide.docx", word(fill))
    assert found.title == "Billing guide"
    assert [(passage.heading, passage.statements) for passage in found.passages] == [
        (("Late fees",), ("The fee is six dollars.",)),
        (("Late fees", "When"), ("After fourteen days.", "Never on Sunday.", "Plan: Small, Price: 10.",
                                 "Plan: Large, Price: 20.")),
        (("How do I pay?",), ("By card.",))]
    assert (found.passages[2].questions, found.passages[2].say) == (("How do I pay?",), "You pay by card.")


def test_a_line_in_bold_is_a_heading_in_word_and_an_emphasis_is_not(document):
    """Most people do not use styles."""
    def fill(made):
        made.add_paragraph().add_run("Opening hours").bold = True
        made.add_paragraph("From nine to five.")
        made.add_paragraph("Only ").add_run("on weekdays.").bold = True

    found = document("hours.docx", word(fill))
    assert [(passage.heading, passage.text) for passage in found.passages] == [
        (("Opening hours",), "From nine to five. Only on weekdays.")]


def test_a_faq_table_in_word_gives_pairs(document):
    found = document("faq.docx", word(lambda made: fill_table(made.add_table(2, 2), [
        ["Question", "Answer"], ["How late?", "Two weeks."]])))
    assert [(passage.questions, passage.text) for passage in found.passages] == [(("How late?",), "Two weeks.")]


def test_slides_have_their_number_title_tables_and_notes(document):
    def fill(made):
        first = made.slides.add_slide(made.slide_layouts[0])
        first.shapes.title.text = "Open day"
        first.placeholders[1].text = "Welcome"
        second = made.slides.add_slide(made.slide_layouts[1])
        second.shapes.title.text = "Fees"
        second.placeholders[1].text = "Tuition is 9,000 euros.\nIt is paid in two parts."
        second.notes_slide.notes_text_frame.text = "Scholarships cover half."
        third = made.slides.add_slide(made.slide_layouts[5])
        third.shapes.title.text = "Rooms"
        shape = third.shapes.add_table(2, 2, Inches(1), Inches(3), Inches(4), Inches(1))
        fill_table(shape.table, [["Room", "Floor"], ["Library", "2"]])
        fourth = made.slides.add_slide(made.slide_layouts[1])
        fourth.shapes.title.text = "Hidden"
        fourth._element.set("show", "0")

    found = document("day.pptx", slides(fill))
    assert found.title == "Open day"
    assert [(passage.page, passage.heading, passage.text) for passage in found.passages] == [
        (1, (), "Welcome"),
        (2, ("Fees",), "Tuition is 9,000 euros. It is paid in two parts. Scholarships cover half."),
        (3, ("Rooms",), "Room: Library, Floor: 2.")]
    assert found.notes == ("1 hidden slides are left out",)


def test_rows_of_a_sheet_are_sentences_as_the_sheet_shows_them(document):
    """What a caller hears must be what the operator sees: formats of numbers and dates, and merged cells."""
    def fill(book):
        sheet = book.active
        sheet.title = "Prices 2026"
        for row in (["Price list"], [], ["Group", "Plan", "Price", "From", "Discount"],
                    ["Home", "Small", 10, datetime.date(2026, 3, 1), 0.05],
                    [None, "Large", 1234.5, datetime.datetime(2026, 4, 1), 0.125]):
            sheet.append(row)
        sheet.merge_cells("A4:A5")
        for cell, form in (("C4", '"$"#,##0.00'), ("C5", '#,##0.00\\ "€"'), ("D4", "dd/mm/yyyy"),
                           ("D5", "d mmmm yyyy"), ("E4", "0%"), ("E5", "0.0%")):
            sheet[cell].number_format = form
        secret = book.create_sheet("Secret")
        secret.append(["a", "b"])
        secret.sheet_state = "hidden"

    found = document("prices.xlsx", sheets(fill))
    assert found.passages[0].heading == ("Prices 2026",)
    assert found.passages[0].statements == (
        "Price list.",
        "Group: Home, Plan: Small, Price: $10.00, From: 01/03/2026, Discount: 5%.",
        "Group: Home, Plan: Large, Price: 1,234.50 €, From: 1 April 2026, Discount: 12.5%.")
    assert found.notes == ("1 hidden sheets are left out",)


def test_a_sheet_of_questions_gives_pairs_with_what_to_say(document):
    def fill(book):
        book.active.append(["Question", "Answer", "Say", "Category"])
        book.active.append(["How late?", "Fourteen days.", "In two weeks.", "Billing"])
        book.active.append(["How much?", "Six dollars.", None, None])

    found = document("faq.xlsx", sheets(fill)).passages
    assert [(one.questions, one.text, one.say) for one in found] == [
        (("How late?",), "Fourteen days.", "In two weeks."), (("How much?",), "Six dollars.", "")]
    assert found[0].heading[-1] == "Billing"


def test_many_rows_make_many_passages_each_row_with_its_headers(document):
    def fill(book):
        book.active.append(["Room", "Phone extension"])
        for number in range(200):
            book.active.append([f"Room {number}", 4000 + number])

    found = document("rooms.xlsx", sheets(fill)).passages
    assert len(found) > 5
    sentences = [sentence for passage in found for sentence in passage.statements]
    assert sentences == [f"Room: Room {number}, Phone extension: {4000 + number}." for number in range(200)]


def test_a_sheet_may_be_long_and_have_a_lost_cell_far_out(document):
    """Cells that are not there cost nothing."""
    def fill(book):
        book.active.append(["Room", "Extension"])
        for number in range(4000):
            book.active.append([f"Room {number}", number])
        book.active["XFD9000"] = "lost"

    found = document("long.xlsx", sheets(fill)).passages
    assert sum(len(passage.statements) for passage in found) == 4000


def test_a_second_table_in_a_sheet_has_its_own_header(document):
    def fill(book):
        sheet = book.active
        for row in (["Plan", "Price"], ["Small", 10], [], ["Room", "Floor"], ["Library", 2]):
            sheet.append(row)
        for row in (1, 4):
            for cell in sheet[row]:
                cell.font = Font(bold=True)

    assert document("two.xlsx", sheets(fill)).passages[0].statements[0] == "Plan: Small, Price: 10."
    assert [one for passage in document("two.xlsx", sheets(fill)).passages for one in passage.statements][1] == \
        "Room: Library, Floor: 2."


@pytest.mark.parametrize(("value", "form", "text"), [
    (1234567.0, "General", "1234567"),
    (0.1 + 0.2, "General", "0.3"),
    (2.5, "0", "3"),
    (-1234.5, "#,##0.00;(#,##0.00)", "(1,234.50)"),
    (-5, "0.00", "-5.00"),
    (7, "000", "007"),
    (12.5, "0.0#", "12.5"),
    (3, '0 "kg"', "3 kg"),
    (99, "[$₹-4009] #,##0", "₹ 99"),
    (1.5, "[Red]0.00", "1.50"),
    (True, "General", "yes"),
    (datetime.datetime(2026, 3, 1, 14, 5), "d/m/yy h:mm AM/PM", "1/3/26 2:05 PM"),
    (datetime.datetime(2026, 3, 1), "mm-dd-yy", "2026-03-01"),
    (datetime.datetime(2026, 3, 1), "dddd d mmm", "Sunday 1 Mar"),
    (datetime.time(9, 30), "h:mm", "9:30"),
    (datetime.timedelta(hours=30), "[h]:mm", "30:00"),
    ("text", "0.00", "text"),
])
def test_number_formats(value, form, text):
    assert shown(value, form) == text


def bomb_of_entities(encoding):
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol"}">' for n in range(10))
    return f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE d [{entities}]><d>&e9;</d>'.encode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_not_unfolded(document, encoding):
    """A billion laughs: ten lines of XML that would be ten gigabytes."""
    data = changed(word(lambda made: made.add_paragraph("Hello.")), lambda name, inner: (
        bomb_of_entities(encoding) if name == "word/document.xml" else inner))
    with pytest.raises(DocumentError, match="laughs.docx: .*(document type|entity)"):
        document("laughs.docx", data)


@pytest.mark.parametrize(("name", "data"), [
    ("a.docx", word(lambda made: made.add_paragraph("Hello."))),
    ("a.pptx", slides(lambda made: made.slides.add_slide(made.slide_layouts[0]))),
    ("a.xlsx", sheets(lambda book: book.active.append(["a", "b"]))),
])
def test_damaged_office_files_are_named(document, name, data):
    part = {"a.docx": "word/document.xml", "a.pptx": "ppt/presentation.xml", "a.xlsx": "xl/workbook.xml"}[name]
    for broken in (data[:len(data) // 2], changed(data, lambda inner, old: b"<a>" * 5000 if inner == part else old),
                   changed(data, lambda inner, old: b"" if inner == part else old)):
        with pytest.raises(DocumentError, match=f"{name}: is damaged.*save it anew"):
            document(name, broken)
