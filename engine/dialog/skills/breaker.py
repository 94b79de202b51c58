"""The circuit breaker of a skill: a back-end that is down is left alone for a while, not waited for. Pure."""

from dataclasses import dataclass


@dataclass(slots=True)
class Breaker:
    """Opens after ``after`` faults in a row, for ``rest_s``; then one attempt decides. Times are the caller's."""

    after: int
    rest_s: float
    _faults: int = 0
    _until: float | None = None
    _probing: bool = False

    def allows(self, now: float) -> bool:
        """Whether an attempt may be made; ``note`` or ``forget`` must follow if it may."""
        if self._until is None:
            return True
        if now < self._until or self._probing:
            return False
        self._probing = True
        return True

    def note(self, fault: bool, now: float) -> bool:
        """What came of an attempt; True when this one opened the breaker."""
        self._probing = False
        if not fault:
            self._faults, self._until = 0, None
            return False
        self._faults += 1
        if self._faults < self.after and self._until is None:
            return False
        self._until = now + self.rest_s
        return True

    def forget(self) -> None:
        """The attempt came to nothing that would tell anything."""
        self._probing = False
