"""What a run of ingest tells: while it goes on, and at its end."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    """What a run did: document ids, and for files that were skipped why. ``model`` is ``None`` for keywords only;
    ``notes``: what the operator should know of files that were read, and of the run. ``lacking`` passages have no
    vector, ``fault`` says why if a provider failed. ``stopped``: it was asked to end."""

    collection: str
    model: str | None
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    embedded: int = 0
    passages: int = 0
    documents: int = 0
    lacking: int = 0
    fault: str = ""
    stopped: bool = False
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: ``files`` of ``of_files`` are in place, ``chunks`` passages were done in ``seconds``.
    ``left_s``: seconds still to go, by the bytes that were read so far; ``None`` before anything was done."""

    files: int
    of_files: int
    chunks: int
    seconds: float
    left_s: float | None

    @property
    def rate(self) -> float:
        """Passages a second."""
        return self.chunks / self.seconds if self.seconds > 0 else 0.0
