"""The workers: limits of memory, time and rights; what is left of a run when one of them is lost."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import gevent
import pytest
from document_makers import packed, pdf, word

import engine
from engine.config import KnowledgeOptions
from engine.knowledge.document import Document
from engine.knowledge.errors import DocumentError, KnowledgeError
from engine.knowledge.reading.onefile import read
from engine.knowledge.reading.reader import Reader
from engine.offhub import off_hub

ROOT = str(Path(engine.__file__).parents[1])


@pytest.fixture(scope="module")
def reader():
    with Reader(KnowledgeOptions(read_memory_mb=300)) as shared:
        yield shared


def test_a_worker_gives_what_this_process_would(reader, write, folder):
    """Every field crosses the pipe."""
    write("a/full.md", "---\ntitle: T\ntags: [x]\nutterances: [how, why not]\nsay: Six.\nvalid_from: 2026-01-01\n"
                       "valid_until: 2026-02-01\n---\n# A\n\nThe fee is six dollars.\nSay: Six.\n\n"
                       "Q: ഫീസ് എത്ര?\nA: ആറ്.\n")
    write("b.pdf", pdf([["The office opens at nine in the morning."], []]))
    for name in ("a/full.md", "b.pdf"):
        assert reader.read(folder / name, folder) == read(folder / name, folder)
        assert reader.read(folder / name, folder / name) == read(folder / name, folder / name)


def test_the_engine_stays_free_of_parsers_and_the_worker_of_gevent():
    """A parser's faults are the worker's; and none of its memory is the engine's."""
    program = ("import sys; import engine.knowledge.reading.reader, engine.knowledge.filling.ingest; "
               "print([name for name in ('pypdf', 'docx', 'pptx', 'openpyxl', 'lxml') if name in sys.modules]); "
               "import subprocess; print(subprocess.run([sys.executable, '-c', "
               "'import sys, engine.knowledge.reading.worker; print(\"gevent\" in sys.modules)'], "
               "capture_output=True, text=True).stdout)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PYTHONPATH": ROOT})
    assert done.stdout.split("\n")[:2] == ["[]", "False"]


def test_a_file_that_takes_too_much_memory_is_named_and_the_next_is_read(reader, write, folder):
    hog = write("hog.json", b"[" + b"[]," * 4_000_000 + b"[]]")
    fine = write("fine.md", "Text.")
    with pytest.raises(DocumentError, match="hog.json: needs more than 300 MB of memory.*read_memory_mb"):
        reader.read(hog, folder)
    assert reader.read(fine, folder).passages[0].text == "Text."


def test_a_file_that_takes_too_long_is_named_and_the_next_is_read(write, folder):
    slow = write("slow.html", b"<html>" + b"<a " * 400_000)
    fine = write("fine.md", "Text.")
    with Reader(KnowledgeOptions(read_seconds=1)) as reader:
        with pytest.raises(DocumentError, match="slow.html: takes more than .* to read; split it, or raise"):
            reader.read(slow, folder)
        assert reader.read(fine, folder).passages[0].text == "Text."


def test_hostile_archives_are_refused_before_they_are_opened(reader, write, folder):
    bomb = write("bomb.docx", packed({"word/document.xml": b" " * 310_000_000}))
    with pytest.raises(DocumentError, match="bomb.docx: would unpack to 310 MB from .* MB, like a zip bomb"):
        reader.read(bomb, folder)
    many = write("many.docx", packed({f"word/{number}": b"" for number in range(10_001)} | {"word/document.xml": b""}))
    with pytest.raises(DocumentError, match="many.docx: has 10002 parts"):
        reader.read(many, folder)


def test_workers_that_are_killed_are_replaced(write, folder):
    """A machine short of memory kills what it likes: that costs nothing. A file over which two die is named."""
    fine = write("fine.md", "Text.")
    long = write("long.txt", b"word " * 700_000)
    with Reader(KnowledgeOptions(read_workers=1)) as reader:
        assert reader.read(fine, folder)
        os.kill(reader.pids[0], signal.SIGKILL)
        assert reader.read(fine, folder)
        for kills, says in ((1, ""), (2, "long.txt: the process that reads it was ended by signal 9")):
            reading = gevent.spawn(lambda: next(reader.read_all([(long, folder)])))
            killed = set()
            while len(killed) < kills:
                gevent.sleep(0.05)
                for pid in set(reader.pids) - killed:
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
            outcome = reading.get(timeout=30)
            assert says in str(outcome) if says else isinstance(outcome, Document)
        assert reader.read(fine, folder)


def test_many_files_are_read_in_order_and_faults_do_not_stop_the_run(reader, write, folder):
    files = [(write(f"{number:02}.md", f"Text {number}." if number % 10 else b"\0"), folder) for number in range(40)]
    outcomes = list(reader.read_all(files))
    assert [isinstance(outcome, DocumentError) for outcome in outcomes] == [number % 10 == 0 for number in range(40)]
    assert [one.passages[0].text for one in outcomes if isinstance(one, Document)] == [
        f"Text {number}." for number in range(40) if number % 10]
    assert len(reader.pids) <= reader.workers


def test_it_serves_threads_of_the_pool_too(reader, write, folder):
    """Ingest does its work there."""
    path = write("a.md", "Text.")
    assert off_hub(reader.read, path, folder).passages[0].text == "Text."
    with pytest.raises(DocumentError, match="gone.md: cannot be read"):
        off_hub(reader.read, folder / "gone.md", folder)


def test_the_hub_runs_while_a_large_answer_comes(write, folder):
    """Calls must not hear that somebody ingests. (Ticks are counted, not timed: the machine may be busy.)"""
    path = write("large.txt", "\n\n".join(f"Paragraph {number} of many says a little. " * 20 for number in range(1500)))
    ticks = []

    def tick():
        while True:
            ticks.append(1)
            gevent.sleep(0)

    with Reader() as reader:
        reader.read(write("a.md", "Text."), folder)
        ticking = gevent.spawn(tick)
        try:
            assert len(reader.read(path, folder).passages) > 1200
        finally:
            ticking.kill()
    assert len(ticks) > 20


def test_closing_ends_the_processes(write, folder):
    reader = Reader()
    reader.read(write("a.md", "Text."), folder)
    pids = reader.pids
    reader.close()
    reader.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    with pytest.raises(KnowledgeError, match="closed"):
        reader.read(folder / "a.md", folder)


def test_a_greenlet_that_is_killed_over_a_file_leaves_no_answer_behind(write, folder):
    """The next file must not get the answer of the one before."""
    long = write("long.txt", b"word " * 200_000)
    fine = write("fine.md", "Text.")
    with Reader(KnowledgeOptions(read_workers=1)) as reader:
        reader.read(fine, folder)
        reading = gevent.spawn(reader.read, long, folder)
        gevent.sleep(0.02)
        reading.kill()
        assert reader.read(fine, folder).id == "fine"


def test_secrets_of_the_engine_are_not_told_to_the_worker(reader, write, folder, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret-value")
    with Reader() as fresh:
        fresh.read(write("a.md", "Text."), folder)
        with open(f"/proc/{fresh.pids[0]}/environ", "rb") as file:  # noqa: PTH123
            assert b"secret-value" not in file.read()


FORBIDDEN = {
    "socket": "import socket; socket.socket()",
    "socket, past Python": "import ctypes; r = ctypes.CDLL(None, use_errno=True).socket(2, 1, 0); "
                           "e = ctypes.get_errno(); sys.exit(0) if r >= 0 else None; raise OSError(e, os.strerror(e))",
    "program": "import subprocess; subprocess.run(['true'])",
    "program, past Python": "import ctypes; ctypes.CDLL(None, use_errno=True).execve(b'/bin/true', None, None); "
                            "e = ctypes.get_errno(); raise OSError(e, os.strerror(e))",
    "file": "f = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT); os.write(f, b'x' * 10)",
    "delete": "os.unlink(sys.argv[2])",
    "memory": "x = bytearray(600 << 20)",
}


@pytest.mark.parametrize("what", FORBIDDEN)
def test_a_worker_may_not(what, folder, write):
    """What a hostile file might make a parser do: each is refused by the system, or by Python where it comes first."""
    if what.endswith("past Python") and not sys.platform.startswith("linux"):
        pytest.skip("the system calls are filtered on Linux only")
    program = f"""
import os, sys
from engine.knowledge.reading.confine import confine
confine(512)
try:
    {FORBIDDEN[what].replace('; ', chr(10) + '    ')}
except (OSError, MemoryError) as fault:
    print(type(fault).__name__)
"""
    there = write("there.md", "Text.")
    done = subprocess.run([sys.executable, "-c", program, str(folder / "new"), str(there)], capture_output=True,
                          text=True, timeout=60, env={**os.environ, "PYTHONPATH": ROOT})
    expected = {"file": "OSError", "memory": "MemoryError"}.get(what, "PermissionError")
    assert done.stdout.strip() == expected, done.stderr
    assert there.read_text() == "Text."


def test_a_worker_that_cannot_start_says_why(write, folder, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Reader() as reader:
        with pytest.raises(KnowledgeError, match="does not start"):
            reader.read(write("a.md", "Text."), folder)


def test_a_docx_is_read_by_the_confined_worker(reader, write, folder):
    """Parsers are imported when they are needed, after the door was locked."""
    path = write("a.docx", word(lambda made: made.add_paragraph("The fee is six dollars.")))
    assert reader.read(path, folder).passages[0].text == "The fee is six dollars."


def test_requests_survive_names_of_any_bytes(reader, folder):
    path = folder / os.fsdecode(b"caf\xe9\n.md")
    path.write_text("Text.", encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        reader.read(path, folder)
    assert "its name is not UTF-8" in json.dumps(str(caught.value))
