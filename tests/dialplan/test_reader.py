"""Reading a configuration: what FreeSWITCH does to the text, and the way back to the file."""

from pathlib import Path

import pytest

from engine.dialplan.reader import Configuration, read
from engine.dialplan.source import DialplanError


def write(folder: Path, **files: str) -> Path:
    """Files of a configuration; ``__`` in a name is a ``/``, every name gets ``.xml``."""
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".xml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return folder


def whole(folder: Path, dialplan: str = "", variables: str = "", **files: str) -> Configuration:
    """A configuration with this text in its dialplan section."""
    main = (f'<document type="freeswitch/xml">\n{variables}\n<section name="dialplan">\n{dialplan}\n</section>\n'
            "</document>\n")
    return read(write(folder, freeswitch=main, **files))


INCLUDE = '<X-PRE-PROCESS cmd="include" data="{}"/>'
SET = '<X-PRE-PROCESS cmd="set" data="{}"/>'


def test_places_point_into_the_file_that_was_written(tmp_path):
    """Line and column are those of the fragment, through an include and past the value of a variable: an engineer
    opens what the message names."""
    fragment = ('<include>\n  <context name="public">\n    <extension name="did-$${long}">\n'
                '      <condition field="x$${long}y" expression="^1$"/>\n    </extension>\n  </context>\n</include>\n')
    found = whole(tmp_path, INCLUDE.format("dialplan/*.xml"), SET.format("long=a value of some length"),
                  dialplan__public=fragment)
    condition = found.contexts()[0].extensions[0].conditions[0]
    lines = fragment.split("\n")
    assert condition.place.file == tmp_path / "dialplan/public.xml"
    assert (condition.place.line, condition.place.column) == (4, lines[3].index("<condition") + 1)
    expression = condition.element.attributes["expression"]
    assert (expression.place.line, expression.place.column) == (4, lines[3].index("^1$") + 1)
    assert condition.field == "xa value of some lengthy"
    assert condition.element.attributes["field"].raw == "x$${long}y"
    assert condition.element.attributes["field"].name_place.column == lines[3].index("field") + 1


def test_includes_come_in_the_order_of_their_bytes_and_relative_to_the_file(tmp_path):
    """FreeSWITCH sorts a glob and starts from the folder of the file that includes; numbered names rely on it."""
    found = whole(tmp_path, INCLUDE.format("dialplan/*.xml"),
                  dialplan__public='<context name="public">\n' + INCLUDE.format("public/*.xml") + "\n</context>",
                  dialplan__public__10_b='<extension name="b"/>', dialplan__public__9_c='<extension name="c"/>',
                  dialplan__public__01_a='<extension name="a"/>')
    assert [extension.name for extension in found.contexts()[0].extensions] == ["a", "b", "c"]
    [first, second] = [one for one in found.directives if one.cmd == "include"]
    assert [path.name for path in second.files] == ["01_a.xml", "10_b.xml", "9_c.xml"]
    assert [source.included_by for source in found.files][1] == first.place


def test_a_directive_inside_a_comment_is_active(tmp_path):
    """Pre-processing knows no comments: the most frequent surprise of FreeSWITCH's configuration."""
    found = whole(tmp_path, '<!-- switched off?\n' + SET.format("a=1") + '\n-->\n<context name="$${a}"/>')
    assert found.contexts()[0].name == "1"
    assert found.directives[0].in_comment and found.directives[0].place.line == 5


@pytest.mark.parametrize(("text", "name"), [
    (SET.format("a=1") + "\n" + SET.format("a=2"), "2"),
    (SET.format("a = 1 "), "1 "),
    (SET.format("a=1") + "\n" + SET.format("b=$${a}$${a}") + "\n" + SET.format("a=$${b}"), "11"),
    (SET.format("A=1"), "1"),
    (SET.format("b=1"), ""),
    (SET.format("a=${uuid}"), "%{uuid}"),
    ('<X-PRE-PROCESS cmd="exec-set" data="a=rm -rf /"/>', ""),
    ('<x-pre-process CMD = "SET" data = "a=1"/>', "1"),
    ("<X-NO-PRE-PROCESS cmd=\"set\" data=\"a=1\"/>", ""),
    ("<XX-PRE-PROCESS cmd=\"set\" data=\"a=1\"/>", ""),
    ("<X-PRE-PROCESS cmd='set' data='a=1'/>", ""),
    ('<!--#set "a=1"-->', "1"),
    ('<!--#set "a=1"\n lost -->', "1"),
])
def test_variables_have_the_value_of_the_line_before(tmp_path, text, name):
    """Line by line, names not case sensitive, blanks around = as FreeSWITCH trims them, nothing executed."""
    found = whole(tmp_path, f'{text}\n<context name="$${{a}}"/>')
    assert found.contexts()[0].name == name


def test_a_use_says_whether_the_variable_was_set_before(tmp_path):
    """An undefined variable becomes nothing without a word; set later is too late."""
    found = whole(tmp_path, '<context name="a$${late}b"/>\n' + SET.format("late=x") + "\n<!-- $${never} $${late} -->")
    assert [(use.name, use.defined, use.in_comment) for use in found.uses] == [
        ("late", False, False), ("never", False, True), ("late", True, True)]
    assert found.contexts()[0].name == "ab"


def test_the_environment_reaches_the_configuration_by_env_set_only(tmp_path):
    """Secrets come this way; without the variable the earlier value stays."""
    text = SET.format("a=old") + '\n<X-PRE-PROCESS cmd="env-set" data="a=$SECRET"/>\n<context name="$${a}"/>'
    folder = write(tmp_path, freeswitch=f'<document>\n<section name="dialplan">\n{text}\n</section></document>')
    assert read(folder).contexts()[0].name == "old"
    assert read(folder, {"SECRET": "new"}).contexts()[0].name == "new"


def test_what_shares_a_line_with_a_directive_is_said_to_be_lost(tmp_path):
    """FreeSWITCH drops the whole line, silently."""
    found = whole(tmp_path, '<context name="a"> ' + SET.format("b=1") + "\n</context>")
    assert [fault.code for fault in found.faults] == ["lost-text", "unexpected-close"]
    assert found.faults[0].place.line == 4


@pytest.mark.parametrize(("tag", "values", "code"), [
    ('<a data="x & y"/>', {"data": "x & y"}, "ampersand"),
    ('<a data="x &amp; &#65;&#x42; &unknown;"/>', {"data": "x & AB &unknown;"}, "ampersand"),
    ('<a data="1" data="2"/>', {"data": "1"}, "duplicate"),
    ('<a data="1 < 2"/>', {"data": "1 < 2"}, "less-than"),
    ('<a data="1"other="2"/>', {"data": "1", "other": "2"}, "no-space"),
    ("<a data=1 />", {"data": "", "1": ""}, "no-value"),
    ("<a data='say \"x\"'/>", {"data": 'say "x"'}, ""),
    ('<a data="one\n two"/>', {"data": "one  two"}, ""),
    ('<a data = "1" />', {"data": "1"}, ""),
])
def test_what_freeswitch_takes_and_other_readers_do_not_is_a_warning(tmp_path, tag, values, code):
    """FreeSWITCH's parser is laxer than XML; a tool that refuses what it loads would be turned off."""
    found = whole(tmp_path, tag)
    section = found.section("dialplan")
    assert {name: one.value for name, one in section.children[0].attributes.items()} == values
    assert all(fault.kind == "warning" for fault in found.faults)
    assert (code in {fault.code for fault in found.faults}) == bool(code)


@pytest.mark.parametrize(("broken", "code", "line"), [
    ('<context name="b">\n<extension name="c">\n</context>', "unclosed", 2),
    ('<context name="b">\n</extension>\n</context>', "unexpected-close", 2),
    ('<context name="b">\n<!-- a -- b -->\n</context>', "comment-dashes", 2),
    ('<context name="b">\n<!-- never closed\n</context>', "malformed", 2),
    ('<context name="b>\n<extension/>\n</context>', "unclosed-quote", 1),
    ('<context name="b">\n<extension name="x"\n', "malformed", 2),
    ('<context name="b">\na < b\n</context>', "malformed", 2),
])
def test_a_broken_file_is_named_and_the_others_are_read(tmp_path, broken, code, line):
    """FreeSWITCH loads nothing at all then; one run of a tool should say all there is to mend."""
    found = whole(tmp_path, INCLUDE.format("dialplan/*.xml"), dialplan__1='<context name="a"/>', dialplan__2=broken,
                  dialplan__3='<context name="d"/>')
    fault = next(fault for fault in found.faults if fault.kind == "error")
    assert (fault.place.file.name, fault.place.line, fault.code) == ("2.xml", line, code)
    assert {"a", "d"} <= {context.name for context in found.contexts()}


def test_fragments_are_read_by_themselves(tmp_path):
    """A drop-in file has no context of its own; a folder of them is read from the top."""
    write(tmp_path, drop='<include>\n<extension name="x"/>\n</include>', public__one='<extension name="y"/>',
          public='<context name="public">\n' + INCLUDE.format("public/*.xml") + "\n</context>")
    alone = read(tmp_path / "drop.xml")
    assert not alone.whole and alone.contexts()[0].loose
    assert alone.files[0].wrapped_in_include and not read(tmp_path / "public.xml").files[0].wrapped_in_include
    both = read(tmp_path)
    assert [(one.name, [extension.name for extension in one.extensions]) for one in both.contexts()] == [
        ("public", ["y"]), ("", ["x"])]


def test_nothing_to_read_is_said(tmp_path):
    """The one thing that raises: there is no configuration there."""
    with pytest.raises(DialplanError, match="no such file"):
        read(tmp_path / "missing")
    with pytest.raises(DialplanError, match=r"no other \.xml"):
        read(tmp_path)


def test_the_first_context_and_the_first_section_win(tmp_path):
    """FreeSWITCH searches by name, case apart, and stops at the first."""
    found = whole(tmp_path, '<context name="Public"/>\n<context name="public"/>')
    assert [context.dead for context in found.contexts()] == [False, True]
    assert found.context("PUBLIC") is found.contexts()[0]


def test_files_that_nothing_includes_are_found(tmp_path):
    """A file beside the others that no glob matches is the second most frequent surprise."""
    found = whole(tmp_path, INCLUDE.format("dialplan/*.xml"), dialplan__a="<context/>", dialplan__sub__b="<context/>")
    assert found.dead_files == [tmp_path / "dialplan/sub/b.xml"]


def test_a_file_that_includes_itself_ends(tmp_path):
    """FreeSWITCH goes a hundred times round, a reader need not."""
    found = whole(tmp_path, INCLUDE.format("a.xml"), a='<context name="x"/>\n' + INCLUDE.format("*.xml"))
    assert {fault.code for fault in found.faults} == {"include"}
    assert len(found.contexts()) == 1


def test_profiles_and_gateways(tmp_path):
    """What the rules about trunks start from."""
    sofia = ('<document>\n<section name="configuration">\n<configuration name="sofia.conf"><profiles>'
             '<profile name="external"><gateways><gateway name="twilio"/></gateways></profile></profiles>'
             "</configuration>\n</section></document>")
    found = read(write(tmp_path, freeswitch=sofia))
    assert [profile.get("name") for profile in found.profiles()] == ["external"]
    [gateway] = found.gateways()
    assert gateway.get("name") == "twilio" and gateway.parent.parent is found.profiles()[0]


def test_variables_that_double_end(tmp_path):
    """Forty lines of it would be a terabyte; FreeSWITCH would try."""
    lines = [SET.format("a=0123456789")] + [SET.format("a=$${a}$${a}")] * 60
    found = whole(tmp_path, "\n".join(lines))
    assert found.faults[0].code == "size" and found.compiled.length < 64_000_000


def test_a_long_list_of_errors_ends(tmp_path):
    """What is no configuration at all must not keep a checker for hours."""
    found = whole(tmp_path, "<![CDATA[\n" * 20_000)
    assert len(found.faults) <= 2_000


def test_a_file_that_is_not_utf8_is_read_and_named(tmp_path):
    """FreeSWITCH takes the bytes; an editor on another machine shows something else."""
    write(tmp_path, freeswitch='<document>\n<section name="dialplan">\n' + INCLUDE.format("a.xml")
          + "\n</section></document>")
    (tmp_path / "a.xml").write_bytes(b'<context name="x">\n<extension name="\xe9"/>\n</context>')
    found = read(tmp_path)
    [fault] = found.faults
    assert (fault.kind, fault.code, fault.place.line, fault.place.column) == ("warning", "encoding", 2, 18)
    assert found.contexts()[0].extensions[0].name == "é"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """Said at the include, and the rest goes on."""
    (tmp_path / "dialplan").mkdir()
    (tmp_path / "dialplan/a.xml").symlink_to(tmp_path / "nowhere")
    found = whole(tmp_path, INCLUDE.format("dialplan/*.xml"), dialplan__b='<context name="b"/>')
    assert [context.name for context in found.contexts()] == ["b"]
    assert [fault.code for fault in found.faults] == ["unreadable"]
