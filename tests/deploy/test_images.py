"""``docker/``: what a container engine, Kubernetes or systemd would refuse, or an operator regret, is found here.

No container engine is needed: the files are read, their scripts are run.
"""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from engine import configfile

ROOT = Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"
IMAGES = {"engine": DOCKER / "Dockerfile", "freeswitch": DOCKER / "freeswitch/Dockerfile"}
SCRIPTS = sorted(path for path in DOCKER.rglob("*.sh"))


def instructions(path):
    """(name, text) of each instruction, continued lines joined, comments left out."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [(line.split()[0], line.split(None, 1)[1]) for line in joined]


def last_stage(path):
    every = instructions(path)
    begin = max(at for at, (name, _) in enumerate(every) if name == "FROM")
    return every[begin:]


def seconds(text):
    """Compose's durations: 11m, 90s."""
    number, unit = re.fullmatch(r"(\d+)([smh])", text).groups()
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


# ---------------------------------------------------------------- images


@pytest.mark.parametrize("path", IMAGES.values(), ids=IMAGES)
def test_an_image_runs_as_nobody_in_particular_and_tells_how_it_is(path):
    """No root inside, a health check, one signal that drains, and an entry point that gets that signal itself."""
    stage = last_stage(path)
    given = dict(stage)
    assert re.fullmatch(r"[1-9]\d{4}:[1-9]\d{4}", [text for name, text in stage if name == "USER"][-1])
    assert given["STOPSIGNAL"] == "SIGTERM"
    assert given["HEALTHCHECK"].startswith("--interval=") and " CMD [" in given["HEALTHCHECK"]
    assert given["ENTRYPOINT"].startswith("[") and given["CMD"].startswith("["), "a shell would keep the signal"
    names = [name for name, _ in stage]
    assert names.index("VOLUME") > names.index("RUN"), "what is written into a volume's folder later is lost"


@pytest.mark.parametrize("path", IMAGES.values(), ids=IMAGES)
def test_what_an_image_is_made_of_is_pinned_and_tidied(path):
    """The same file makes the same image next month, and nothing that only the build needed is in it."""
    for name, text in instructions(path):
        assert name not in ("ADD", "MAINTAINER")
        if name == "FROM":
            assert ":latest" not in text
        if name == "RUN" and "apt-get install" in text:
            assert "--no-install-recommends" in text and "rm -rf /var/lib/apt/lists/*" in text
            assert text.startswith("apt-get update"), "lists of another layer are old ones"
        if name == "RUN" and "pip install" in text:
            assert "--no-cache-dir" in text and "-c constraints.txt" in text
        assert not (name in ("ENV", "ARG") and re.search(r"PASSWORD|TOKEN|SECRET|API_KEY", text)), "layers can be read"
    final = " ".join(text for name, text in last_stage(path) if name == "RUN")
    assert not re.search(r"\b(gcc|build-essential|-dev|git|curl)\b", final)


@pytest.mark.parametrize("path", IMAGES.values(), ids=IMAGES)
def test_everything_copied_is_there_and_not_ignored(path):
    """A path that ``.dockerignore`` leaves out, or a link that leads out of what is copied, breaks the build only
    where there is a container engine."""
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [word for name, text in instructions(path) if name == "COPY" and not text.startswith("--from")
              for word in text.split()[:-1]]
    for word in copied:
        assert (ROOT / word).exists(), word
        assert any(word == each or word.startswith(f"{each}/") for each in allowed), f"{word} is ignored"
        for link in (found for found in (ROOT / word).rglob("*") if found.is_symlink()):
            target = link.resolve().relative_to(ROOT)
            assert any(str(target).startswith(each) for each in copied), f"{link} leads to {target}"
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines(), "what is not named stays out"


# ---------------------------------------------------------------- scripts


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_shell_that_stops_at_faults(path):
    text = path.read_text()
    assert text.startswith("#!/bin/sh\n") and re.search(r"^set -e?u$|^set -eu$", text, re.MULTILINE)
    assert subprocess.run(["sh", "-n", path], check=False).returncode == 0
    if shutil.which("shellcheck"):
        done = subprocess.run(["shellcheck", path], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


@pytest.fixture
def switch(tmp_path):
    """``switch(answers, *arguments)``: runs switch.sh with a fs_cli that answers so, a line of the answer a call."""
    def run(answers, *arguments, **environment):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (tmp_path / "answers").write_text("\n".join(answers) + "\n")
        cli = folder / "fs_cli"
        cli.write_text(f"""#!/bin/sh
cat "$HOME/.fs_cli_conf" >> {tmp_path}/conf
echo "$@" >> {tmp_path}/asked
head -1 {tmp_path}/answers; sed -i 1d {tmp_path}/answers
""")
        cli.chmod(0o755)
        sleep = folder / "sleep"
        sleep.write_text("#!/bin/sh\nexit 0\n")
        sleep.chmod(0o755)
        given = {"PATH": f"{folder}:/usr/bin:/bin", "FREESWITCH_ESL_PASSWORD": "secret-of-the-test", **environment}
        done = subprocess.run([DOCKER / "freeswitch/switch.sh", *arguments], capture_output=True, text=True, env=given,
                              timeout=60, check=False)
        asked = (tmp_path / "asked").read_text().splitlines() if (tmp_path / "asked").exists() else []
        return done, asked

    return run


def sessions(*counts):
    """Lines of FreeSWITCH's status."""
    return [f"{count} session(s) - peak 9, last 5min 9" for count in counts]


def test_draining_waits_for_the_last_call(switch):
    """"fsctl pause inbound", and nothing stronger, until no channel is left: a call is never cut off."""
    done, asked = switch(["+OK", *sessions(2, 1, 0)], "drain")
    assert done.returncode == 0
    assert [line.partition("-x ")[2] for line in asked] == ["fsctl pause inbound", *["status"] * 3]
    assert "draining: 2 calls" in done.stderr


def test_draining_ends_some_time(switch):
    """A call that never ends must not keep a machine for ever; that it was left is told, and is the exit code."""
    done, asked = switch(["+OK", *sessions(*[1] * 9)], "drain", FREESWITCH_DRAIN_S="5")
    assert done.returncode == 1 and "not drained" in done.stderr and len(asked) == 6


def test_the_password_is_not_on_a_command_line(switch, tmp_path):
    """Every user of the host may read command lines; and nothing is left of the file that holds it."""
    done, asked = switch(["UP 0 years"], "health")
    assert done.returncode == 0 and "secret" not in " ".join(asked)
    assert "password => secret-of-the-test" in (tmp_path / "conf").read_text()
    assert switch(["[ERROR] refused"], "health")[0].returncode != 0


@pytest.mark.parametrize("script", ["freeswitch/switch.sh", "deploy-production.sh"])
def test_an_unknown_word_is_told_what_there_is(script):
    done = subprocess.run([DOCKER / script, "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "start" in done.stderr


# ---------------------------------------------------------------- compose


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DOCKER / "compose.yaml").read_text())


def test_a_node_shares_its_loopback(compose):
    """FreeSWITCH's audio reaches the engine over 127.0.0.0/8, and RTP has more ports than can be published."""
    for name in ("freeswitch", "engine"):
        assert compose["services"][name]["network_mode"] == "host"


def test_services_stop_slower_than_calls_end(compose):
    """SIGKILL before the end of draining is what draining is there to prevent."""
    services = compose["services"]
    engine = services["engine"]
    assert seconds(engine["stop_grace_period"]) > int(engine["environment"]["TRUNKLINE_DRAIN_S"])
    assert seconds(services["freeswitch"]["stop_grace_period"]) > 600
    assert "engine" in services["freeswitch"]["depends_on"], "the switch stops first"


def test_services_are_locked_down(compose):
    """What was broken into can write nothing but its own volume, and gain nothing."""
    for name in ("freeswitch", "engine"):
        service = compose["services"][name]
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
    assert all(port.startswith("127.0.0.1:") for port in compose["services"]["postgres"]["ports"])


def test_volumes_and_networks_are_declared_and_nothing_is_secret(compose):
    used = {volume.partition(":")[0] for service in compose["services"].values() for volume in service["volumes"]}
    assert used == set(compose["volumes"])
    assert set(compose["services"]["postgres"]["networks"]) == set(compose["networks"])
    for service in compose["services"].values():
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or value.startswith("${"), f"{key} stands in the file"


@pytest.mark.parametrize("name", ["freeswitch", "engine"])
def test_options_are_ones_that_the_programs_have(compose, name):
    """A name that does not exist is silently nothing for FreeSWITCH and a refused start for the engine."""
    given = {str(key): str(value) for key, value in compose["services"][name]["environment"].items()}
    configfile.load(None, {key: value for key, value in given.items() if key.startswith("TRUNKLINE_")})
    known = (ROOT / "freeswitch-conf/vars.xml").read_text() + (DOCKER / "freeswitch/switch.sh").read_text()
    assert all(key in known for key in given if key.startswith("FREESWITCH_"))


def test_the_example_of_secrets_names_what_there_is():
    """And has no password that somebody could leave in."""
    given = dict(line.split("=", 1) for line in (DOCKER / "trunkline.env.example").read_text().splitlines()
                 if "=" in line and not line.startswith("#"))
    known = (ROOT / "freeswitch-conf/vars.xml").read_text()
    for key, value in given.items():
        assert key in known or key.startswith("TRUNKLINE_") or key == "PGPASSWORD", key
        assert "PASSWORD" not in key or not value
    configfile.load(None, {key: "x" for key in given if key.startswith("TRUNKLINE_")})
    assert "docker/trunkline.env" in (ROOT / ".gitignore").read_text().split()


def test_executables():
    """Images and units call them by name."""
    for path in (DOCKER / "start-engine.sh", DOCKER / "freeswitch/switch.sh", DOCKER / "deploy-production.sh"):
        assert path.stat().st_mode & stat.S_IXUSR and os.access(path, os.X_OK), path
