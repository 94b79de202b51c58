"""The engines of the tests begin without a look at the whole heap, which takes half a second with all tests' modules in
it, hundreds of times. ``LOOK`` is the real one."""

from engine.heap import Heap

LOOK = Heap.look_at_everything


def leave_out():
    """From now on, in this process."""
    Heap.look_at_everything = lambda self: None
