"""``trunkline key new``: what it prints works in the configuration."""

import json

from engine import configfile
from engine.cli.main import main
from engine.web.keys import Keys


def test_the_printed_yaml_lets_the_printed_key_in(capsys, tmp_path):
    assert main(["key", "new", "desk", "--scopes", "read,admin"]) == 0
    head, _, text = capsys.readouterr().out.partition("http:")
    key = head.split()[1]
    file = tmp_path / "trunkline.yaml"
    file.write_text("http:" + text)
    assert key not in text
    found = Keys(configfile.load(file, {}).http.keys).find(key)
    assert found is not None
    assert (found.name, found.scopes) == ("desk", {"read", "admin"})


def test_for_programs(capsys):
    assert main(["key", "new", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["name"], made["scopes"], len(made["sha256"])) == ("app", ["read", "talk", "ai"], 64)


def test_unknown_scopes_and_names_are_refused(capsys):
    assert main(["key", "new", "--scopes", "read,fly"]) == 2
    assert "fly is no scope" in capsys.readouterr().err
    assert main(["key", "new", "My Desk"]) == 2
    assert "a name is" in capsys.readouterr().err
