"""What FreeSWITCH is told to play and to stop: the order of commands is all that matters."""

import gevent
import pytest
from call_world import wait
from leftovers import nothing_left

from engine.backends.playing import Playing
from engine.media.playedfiles import PlayedFiles


class Told:
    """A FreeSWITCH that takes ``slow_s`` for an answer."""

    def __init__(self, slow_s=0.0):
        self.slow_s, self.commands = slow_s, []
        self.files = PlayedFiles(0.02)
        self.playing = Playing(self.send, "uuid-1", self.files)

    def send(self, command):
        gevent.sleep(self.slow_s)
        self.commands.append(command)

    def sent(self, number):
        """So many pieces that the module has written to files."""
        for _ in range(number):
            self.files.sent(20, 0.0)
            name = self.files.mark()
            self.playing.play(name, f"/tmp/{name.replace(':', '_')}.r8")

    def cut(self):
        """As a leg does."""
        self.files.clear(0.0)
        self.playing.stop()

    @property
    def short(self):
        """``play`` with the file, ``break``."""
        found = []
        for command in self.commands:
            if command.line.startswith("api uuid_break"):
                found.append(command.line.removeprefix("api ").replace(" uuid-1", ""))
            else:
                found.append(header(command, "execute-app-arg"))
        return found


def header(command, name):
    return dict(command.headers)[name]


@pytest.fixture
def told():
    with nothing_left(2.0):
        made = Told()
        yield made
        made.playing.close()


def test_files_are_played_in_their_order_and_behind_each_other(told):
    """With event-lock; without it FreeSWITCH would play the last one first."""
    told.sent(3)
    gevent.sleep(0.01)
    assert told.short == ["/tmp/0_1.r8", "/tmp/0_2.r8", "/tmp/0_3.r8"]
    assert all(header(command, "event-lock") == "true" for command in told.commands)


def test_a_stop_comes_after_what_it_stops_and_nothing_that_was_stopped_after_it(told):
    """Also while FreeSWITCH is slow to answer: else the caller would hear what was taken back."""
    told.slow_s = 0.02
    told.sent(3)
    gevent.sleep(0.03)
    told.cut()
    told.sent(1)
    wait(lambda: len(told.commands) == 4, "not everything was told")
    assert told.short == ["/tmp/0_1.r8", "/tmp/0_2.r8", "uuid_break all", "/tmp/1_4.r8"]


def test_nothing_is_stopped_where_nothing_plays(told):
    """``uuid_break`` would stop what others play."""
    told.cut()
    gevent.sleep(0.01)
    assert told.short == []


def test_a_file_whose_news_come_after_the_cut_is_not_played(told):
    """The module tells of it some ms after it was sent."""
    told.files.sent(20, 0.0)
    late = told.files.mark()
    told.cut()
    told.playing.play(late, "/tmp/late.r8")
    gevent.sleep(0.01)
    assert told.short == []


def test_a_file_that_begins_after_its_stop_is_stopped_again(told):
    """FreeSWITCH forgets a break that comes while it begins an application. Only that one is: new files wait behind."""
    told.sent(1)
    gevent.sleep(0.01)
    told.cut()
    gevent.sleep(0.01)
    told.playing.began(header(told.commands[0], "Event-UUID"), 0.1)
    told.playing.began("somebody-elses", 0.1)
    gevent.sleep(0.01)
    assert told.short == ["/tmp/0_1.r8", "uuid_break all", "uuid_break"]
