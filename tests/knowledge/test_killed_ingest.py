"""kill -9 while a real process ingests: what is there afterwards is whole, and the next run completes it."""

from benchmarks import killed_ingest as bench
from benchmarks.made_up_documents import write
from engine.knowledge.collections import folder_of
from engine.knowledge.store import Store


def test_nothing_is_half_there_after_kill_9(tmp_path, home):
    """The disk fills, the machine loses power, somebody is impatient: calls must be answered from whole documents, and
    no one should have to know how to repair a database. ``make bench ARGS=knowledge_scale`` does it fifty times."""
    folder = tmp_path / "documents"
    write(folder, 60, 3)
    interrupted, done = 0, []
    for moment in (0.02, 0.15, 0.3, 0.45):
        interrupted += bench.killed(folder, "desk", moment, {"TRUNKLINE_HOME": str(home)})
        assert bench.faults_of("desk") == []
        done.append(bench.documents_in("desk"))
    assert interrupted >= 2
    assert done == sorted(done)
    report = bench.run(folder, "desk")
    assert (report.documents, report.passages, report.lacking, report.failed) == (60, 180, 0, [])
    assert len(report.added) + report.unchanged == 60
    assert bench.faults_of("desk") == []
    store = Store(folder_of("desk"))
    assert store.check() == []
    store.close()
