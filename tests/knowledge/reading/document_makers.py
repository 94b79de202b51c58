"""Real files for tests: small PDFs written by hand, office files by the libraries that write them."""

import io
import zipfile

import docx
import openpyxl
import pptx
import pypdf


def pdf(pages, *, title=""):
    """A PDF; a page is a list of ``(text, size)`` or texts, from above. Latin letters only."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"",
               b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    kids = []
    for lines in pages:
        drawn, at = [], 780
        for line in lines:
            text, size = line if isinstance(line, tuple) else (line, 11)
            at -= size + 4
            if text:
                shown = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
                drawn.append(f"BT /F1 {size} Tf 1 0 0 1 60 {at} Tm ({shown}) Tj ET")
        content = "\n".join(drawn).encode("cp1252")
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
                       b"/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects))
        kids.append(len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (
        len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    info = b""
    if title:
        objects.append(b"<< /Title (%s) >>" % title.encode("cp1252"))
        info = b" /Info %d 0 R" % len(objects)
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, info, start)
    return bytes(out)


def encrypted_pdf(data, user, owner="owner", algorithm="RC4-128"):
    writer = pypdf.PdfWriter(clone_from=pypdf.PdfReader(io.BytesIO(data)))
    writer.encrypt(user, owner, algorithm=algorithm)
    return saved(writer.write)


def saved(save):
    file = io.BytesIO()
    save(file)
    return file.getvalue()


def word(fill):
    document = docx.Document()
    fill(document)
    return saved(document.save)


def slides(fill):
    presentation = pptx.Presentation()
    fill(presentation)
    return saved(presentation.save)


def sheets(fill):
    book = openpyxl.Workbook()
    fill(book)
    return saved(book.save)


def packed(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as container:
        for name, data in members.items():
            container.writestr(name, data)
    return file.getvalue()


def changed(data, change):
    """A ZIP container with ``change(name, data) -> data`` applied to its members."""
    with zipfile.ZipFile(io.BytesIO(data)) as container:
        return packed({name: change(name, container.read(name)) for name in container.namelist()})
