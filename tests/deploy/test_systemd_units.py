"""``docker/systemd/``: units that systemd takes, that drain, and that give little away."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.config import Config

FOLDER = Path(__file__).resolve().parents[2] / "docker/systemd"
EXPOSURE = 3.0
"""systemd's own measure: 0 is locked up, 10 is everything open; services come at 9.6 by themselves."""


def unit(path):
    parser = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read(path)
    return parser


def test_the_engine_has_time_to_drain():
    """systemd kills after TimeoutStopSec, whoever still talks; and only the main process gets the first signal."""
    service = unit(FOLDER / "trunkline.service")["Service"]
    assert int(service["TimeoutStopSec"]) >= max(600, Config().drain_s) + 60
    assert service["KillSignal"] == "SIGTERM" and service["KillMode"] == "mixed"


def test_freeswitch_drains_before_the_engine_stops():
    """Started after means stopped before; and the stop of its own unit is taken away first."""
    parts = unit(FOLDER / "freeswitch.service.d/trunkline.conf")
    assert parts["Unit"]["After"] == "trunkline.service"
    text = (FOLDER / "freeswitch.service.d/trunkline.conf").read_text()
    assert re.search(r"^ExecStop=\nExecStop=-/opt/trunkline/docker/freeswitch/switch.sh drain$", text, re.MULTILINE)
    assert int(parts["Service"]["TimeoutStopSec"]) >= 660


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze on this machine")
def test_systemd_takes_the_unit(tmp_path):
    """Its own checker, with a program and a user that are here; it knows every option and value."""
    copy = tmp_path / "trunkline.service"
    text = (FOLDER / "trunkline.service").read_text().replace("/opt/trunkline/.venv/bin/trunkline", "/bin/true")
    copy.write_text(re.sub(r"^(User|Group)=trunkline", r"\1=root", text, flags=re.MULTILINE))
    verified = subprocess.run(["systemd-analyze", "verify", "--man=no", copy], capture_output=True, text=True,
                              timeout=60, check=False)
    assert "trunkline.service" not in verified.stderr, verified.stderr
    judged = subprocess.run(["systemd-analyze", "security", "--offline=true", copy], capture_output=True, text=True,
                            timeout=60, check=False)
    level = re.search(r"Overall exposure level for trunkline.service: ([\d.]+)", judged.stdout)
    if level is None:
        pytest.skip("this systemd cannot judge a unit by itself")
    assert float(level[1]) <= EXPOSURE
