"""What a file is, whatever its name says; front matter and side-cars; files that cannot be read at all."""

import os

import pytest
from document_makers import packed, pdf, word

from engine.knowledge.errors import DocumentError
from engine.knowledge.reading import sidecar
from engine.knowledge.reading.onefile import read

PAGE = pdf([["The office opens at nine in the morning."]])


@pytest.mark.parametrize(("name", "data", "note"), [
    ("a.txt", PAGE, "is named .txt but is PDF; read as that"),
    ("a.docx", PAGE, "is named .docx but is PDF; read as that"),
    ("a.pdf", word(lambda made: made.add_paragraph("The office opens at nine in the morning.")),
     "is named .pdf but is Word; read as that"),
    ("a.pdf", b"The office opens at nine in the morning.", "is named .pdf but is plain text; read as that"),
    ("a.md", b"<!DOCTYPE html><p>The office opens at nine in the morning.</p>",
     "is named .md but is HTML; read as that"),
    ("a.xlsx", b"Hours\tDays\n9\tall\n", "is named .xlsx but is CSV; read as that"),
    ("a.docx", b'[{"text": "The office opens at nine."}]', "is named .docx but is JSON; read as that"),
])
def test_the_content_decides_and_a_lying_name_is_noted(document, name, data, note):
    found = document(name, data)
    assert found.notes == (note,)
    assert found.passages


@pytest.mark.parametrize(("data", "says"), [
    (b"\x89PNG\r\n\x1a\n" + bytes(100), "a binary file, a picture"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Office before 2007; save it as .docx"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "encrypted and needs a password"),
    (packed({"a.md": b"# A"}), "is a ZIP archive; unpack it"),
    (packed({"content.xml": b"<a/>", "mimetype": b"x"}), "is an OpenDocument file; save it as .docx"),
    (b"{\\rtf1\\ansi hello}", "rich text (RTF)"),
    (b"\x1f\x8b\x08" + bytes(50), "packed (gzip)"),
    (bytes(range(256)), "binary file"),
    (b"PK\x03\x04 and nothing more", "is damaged or cut off"),
])
@pytest.mark.parametrize("name", ["a.md", "a.docx"])
def test_what_is_no_document_says_what_it_is(document, name, data, says):
    with pytest.raises(DocumentError) as caught:
        document(name, data)
    assert says in str(caught.value)


def test_front_matter_has_days_and_a_language(document):
    found = document("a.md", "---\nvalid_from: 2026-01-01\nvalid_until: 2026-12-31\nlanguage: fr\n---\nTexte.\n")
    assert (found.valid_from, found.valid_until, found.passages[0].language) == ("2026-01-01", "2026-12-31", "fr")


@pytest.mark.parametrize(("front", "line", "says"), [
    ("valid_from: tomorrow", 2, "must be a day as YYYY-MM-DD"),
    ("valid_from: 2026-13-01", 2, "must be a day as YYYY-MM-DD"),
    ("valid_from: 2026-02-01\nvalid_until: 2026-01-01", 3, "'valid_until' is before 'valid_from'"),
    ("language: Malayalam", 2, "must be a code such as en, fr or ml"),
    ("title: " + "[" * 700, 2, ""),
])
def test_faults_of_the_new_fields(document, front, line, says):
    with pytest.raises(DocumentError) as caught:
        document("a.md", f"---\n{front}\n---\nText.\n")
    assert f"a.md:{line}: " in str(caught.value)
    assert says in str(caught.value)


def test_a_side_car_describes_a_file_that_has_no_front_matter(document, write):
    write("guides/fees.pdf.yaml", "title: Paying fees\ntags: [fees]\nutterances:\n  - what must I pay\n"
                                  "say: At nine.\nvalid_until: 2026-12-31\nid: fees\n")
    found = document("guides/fees.pdf", PAGE)
    assert (found.id, found.title, found.tags, found.utterances, found.say, found.valid_until) == (
        "fees", "Paying fees", ("fees", "guides"), ("what must I pay",), "At nine.", "2026-12-31")


def test_a_changed_side_car_is_a_changed_document(document, folder, write):
    """Else ingest would not notice it."""
    plain = document("fees.pdf", PAGE).digest
    assert sidecar.digest(folder / "fees.pdf") == plain
    write("fees.pdf.yaml", "title: Fees\n")
    first = document("fees.pdf", PAGE).digest
    write("fees.pdf.yaml", "title: The fees\n")
    second = document("fees.pdf", PAGE).digest
    assert len({plain, first, second}) == 3
    assert sidecar.digest(folder / "fees.pdf") == second


@pytest.mark.parametrize(("side", "says"), [
    ("titel: x", "fees.pdf.yaml:1: unknown field 'titel'"),
    ("title: x\nsay: [a]", "fees.pdf.yaml:2: 'say' must be a text"),
    ("title: a: b", "fees.pdf.yaml:1: the front matter is not YAML"),
])
def test_a_fault_in_a_side_car_names_it(document, write, side, says):
    write("fees.pdf.yaml", side)
    with pytest.raises(DocumentError) as caught:
        document("fees.pdf", PAGE)
    assert says in str(caught.value)


def test_two_places_for_the_same_are_refused(document, write):
    write("a.md.yaml", "title: x")
    with pytest.raises(DocumentError, match="say it in one place"):
        document("a.md", "---\ntitle: y\n---\nText.\n")


def test_files_that_are_none(folder):
    """Each is named with the reason, and none of them waits for ever."""
    (folder / "loop.md").symlink_to(folder / "loop.md")
    (folder / "folder.md").mkdir()
    os.mkfifo(folder / "pipe.md")
    for name, says in (("loop.md", "symbolic links"), ("folder.md", "irectory"), ("pipe.md", "a pipe"),
                       ("gone.md", "No such file")):
        with pytest.raises(DocumentError, match=f"{name}: .*{says}"):
            read(folder / name, folder)


def test_a_name_that_is_not_utf8_is_refused_and_shown(folder):
    path = folder / os.fsdecode(b"caf\xe9.md")
    path.write_text("Text.", encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        read(path, folder)
    assert r"caf\xe9.md: its name is not UTF-8; rename it" in str(caught.value)
    str(caught.value).encode()


def test_what_no_database_takes_is_left_out(document):
    r"""Half of a surrogate pair, which JSON may write, and controls."""
    found = document("a.json", '{"question": "How\\ud800 late?", "answer": "Two\\u0000 weeks."}')
    assert (found.passages[0].questions, found.passages[0].text) == (("How late?",), "Two weeks.")
