"""``trunkline test``: what it prints, what it writes for CI, how it ends."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile

from engine.cli.main import main

GOOD = """
tests:
  - name: the fee
    steps:
      - caller: how much is the late fee
        expect: {said: six dollars}
  - name: the "parking" & <more>
    steps:
      - caller: where can I park my car
        expect:
          said: in front of the house
"""


def test_a_failure_names_line_expectation_and_conversation(write, capsys, tmp_path):
    """Whoever reads CI's output needs nothing else."""
    file, report = write(GOOD), tmp_path / "out" / "agents.xml"
    assert main(["test", str(file), "--junit", str(report)]) == 1
    out = capsys.readouterr().out
    assert f"{file}:11:11: said: expected 'in front of the house'; happened: 'Park behind the house.'" in out
    assert re.search(r"\d\.\d\d  caller: where can I park my car", out)
    assert "six dollars" not in out
    assert re.search(r"1 passed, 1 failed in [\d.]+ s", out)
    suite = ET.parse(report).getroot()[0]
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("desk.tests.yaml", "2", "1")
    fee, parking = suite
    assert (fee.get("name"), len(fee)) == ("the fee", 0)
    assert (parking.get("name"), parking.get("line")) == ('the "parking" & <more>', "7")
    assert "in front of the house" in parking[0].get("message")
    assert "caller: where can I park my car" in parking[0].text


def test_the_scripts_of_shipped_agents_by_name(capsys):
    """Where Trunkline is installed, nobody knows their path."""
    assert main(["test", "kerala", "--only", "Malayalam"]) == 0
    assert "passed  income certificate in Malayalam" in capsys.readouterr().out
    assert main(["test", "nobody"]) == 2
    assert "nobody: cannot be read" in capsys.readouterr().err


def test_only_and_verbose(write, capsys):
    """One test, with its conversation, while it is being written."""
    file = write(GOOD)
    assert main(["test", str(file), "--only", "FEE", "--verbose"]) == 0
    out = capsys.readouterr().out
    assert "six dollars" in out
    assert "park" not in out
    assert main(["test", str(file), "--only", "nothing"]) == 2
    assert "no test has 'nothing' in its name" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tests: []\n", ":1:1: tests: .*at least 1"),
        ("tests:\n  - name: a\n    steps:\n      - calller: hi\n", ":4:9: .*no such field; did you mean caller?"),
        ("tests:\n  - name: a\n    steps:\n      - {caller: hi, digits: 1}\n", ":4:9: .*this has caller and digits"),
        ("tests:\n  - name: a\n    steps:\n      - caller: hi\n        expect: {sayd: x}\n", ":5:18: .*mean said"),
        ("tests:\n  - name: a\n    steps:\n      - caller: hi\n        expect: {said: /(/}\n", ":5:.*not a regular"),
        ("tests:\n  - name: a\n    steps:\n      - caller: hi\n        expect: {heard: x}\n", ":4:9: .*over_agent_ms"),
        ("tests:\n  - {name: a, steps: [{}]}\n  - {name: a, steps: [{}]}\n", ":3:6: there are two tests"),
        ("agent: nobody\ntests:\n  - {name: a, steps: [{}]}\n", "there is no agent 'nobody'"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line(write, capsys, text, said):
    """The same care as for agents."""
    assert main(["test", str(write(text))]) == 2
    assert re.search(said, capsys.readouterr().err)


def test_names_that_the_agent_does_not_know_fail_their_test(write, capsys):
    """A variant, a language, a target."""
    assert main(["test", str(write("""
tests:
  - {name: a, variant: x, steps: [{}]}
  - {name: b, language: de, steps: [{}]}
  - {name: c, transfers: {queen: busy}, steps: [{}]}
"""))]) == 1
    out = capsys.readouterr().out
    assert ":3:15: no variant is called 'x'" in out
    assert ":4:15: desk does not speak it" in out
    assert ":5:27: the agent has no such target" in out


def test_a_recording_that_cannot_be_heard_here(write, capsys):
    """``says`` stands for it; without that the test is skipped, and the reason is told."""
    script = """
tests:
  - name: heard
    language: fr
    steps:
      - {wav: a.wav%s, expect: {said: six dollars}}
"""
    file = write(script % ", says: how much is the late fee")
    soundfile.write(str(file.parent / "a.wav"), np.zeros(16000, np.int16), 8000)
    assert main(["test", str(file)]) == 0
    capsys.readouterr()
    assert main(["test", str(write(script % ""))]) == 0
    out = capsys.readouterr().out
    assert "skipped" in out
    assert "Give its words with says" in out
    assert main(["test", str(write((script % "").replace("a.wav", "b.wav")))]) == 0
    assert "b.wav" in capsys.readouterr().out
