"""What reading documents costs: many small files, a long PDF, and what calls notice of it (the hub's longest wait)."""

import gc
import tempfile
import time
from pathlib import Path

import gevent

from benchmarks.figure import Figure
from engine.config import KnowledgeOptions
from engine.knowledge.document import Document
from engine.knowledge.reading.reader import Reader

COMMAND = "python -m benchmarks knowledge_reading"
FILES, PAGES = 1000, 500
SENTENCE = "The late fee is six dollars, and it is charged when a bill is more than fourteen days late. "


def figures() -> list[Figure]:
    """All figures of reading."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        files = [small_file(folder, number) for number in range(FILES)]
        long = folder / "long.pdf"
        long.write_bytes(pdf(PAGES))
        with Reader(KnowledgeOptions()) as reader:
            reader.read(files[0], folder)  # the first worker is there
            gc.collect()
            gc.freeze()  # as the engine does when it is ready
            waits: list[float] = []
            ticking = gevent.spawn(tick, waits)
            many_s = timed(reader, [(path, folder) for path in files])
            pdf_s = timed(reader, [(long, folder)])
            ticking.kill()
    longest_ms = 1000 * max(waits)
    return [
        Figure(f"{FILES} small Markdown files read, 2 workers", round(many_s, 2), "s", "≤ 3", many_s <= 3, COMMAND),
        Figure(f"a PDF of {PAGES} pages read", round(pdf_s, 2), "s", "≤ 15", pdf_s <= 15, COMMAND),
        Figure("hub kept from other greenlets at most while files are read", round(longest_ms, 1), "ms", "≤ 20",
               longest_ms <= 20, COMMAND),
    ]


def tick(waits: list[float]) -> None:
    """How long others keep the hub's thread computing between two turns of this greenlet. Computing time, so that a
    machine with other work does not count."""
    while True:
        before = time.thread_time()
        gevent.sleep(0.001)
        waits.append(time.thread_time() - before)


def timed(reader: Reader, files: list[tuple[Path, Path]]) -> float:
    start = time.perf_counter()
    for outcome in reader.read_all(files):
        assert isinstance(outcome, Document), outcome
    return time.perf_counter() - start


def small_file(folder: Path, number: int) -> Path:
    path = folder / f"part{number % 10}" / f"file{number}.md"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"# Title {number}\n\n{SENTENCE * 8}\n\n## More\n\n{SENTENCE * 4}\n", encoding="utf-8")
    return path


def pdf(pages: int) -> bytes:
    """45 lines a page."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for number in range(pages):
        lines = "\n".join(f"BT /F1 11 Tf 1 0 0 1 60 {780 - 16 * line} Tm ({number} {line} {SENTENCE[:-1]}) Tj ET"
                          for line in range(45)).encode()
        objects += [b"<< /Length %d >>\nstream\n%s\nendstream" % (len(lines), lines),
                    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R /Resources << /Font << "
                    b"/F1 3 0 R >> >> >>" % (len(objects) + 1)]
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, b" ".join(kids))
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)
