"""The reader on any text: it ends, it does not raise, and where XML is XML it agrees with expat."""

import xml.etree.ElementTree as ElementTree

from hypothesis import given
from hypothesis import strategies as st

from engine.dialplan.preprocess import Preprocessor
from engine.dialplan.reader import read
from engine.dialplan.source import Compiled, SourceFile
from engine.dialplan.xmltree import Element, parse

PIECES = st.sampled_from([
    "<include>\n", "</include>\n", "<context name='a'>", "</context>", '<extension name="', '"/>', "<", ">", "/", "&",
    "&amp;", "&#65;", "&#xfffffffff;", "<!--", "-->", "--", "<![CDATA[", "]]>", "<!DOCTYPE x [", "<?xml?>\n", "$${a}",
    "$${", "}", "${b}", '<X-PRE-PROCESS cmd="set" data="a=$${a}$${a}x"/>\n', "<X-PRE-PROCESS", ' cmd="include"',
    ' data="*.xml"', "<!--#set \"a=1\"-->", "<!--#include", "\n", "\r", "\r\n", "\0", " ", "=", "'", "é", "\ufeff", "x",
    '<X-PRE-PROCESS cmd="include" data="[a-"/>\n', '<X-PRE-PROCESS cmd="exec" data="reboot"/>\n',
])
TEXTS = st.lists(PIECES, max_size=40).map("".join)


@given(TEXTS, TEXTS, st.booleans())
def test_no_text_stops_the_reader(tmp_path_factory, first, second, whole):
    """A broken file is the very reason to run a checker. Every place that comes out is one that can be opened."""
    folder = tmp_path_factory.getbasetemp() / ("whole" if whole else "parts")
    folder.mkdir(exist_ok=True)
    (folder / ("freeswitch.xml" if whole else "0.xml")).write_text(first, encoding="utf-8", newline="")
    (folder / "1.xml").write_text(second, encoding="utf-8", newline="")
    found = read(folder)
    texts = {source.path: source for source in found.files}
    places = [fault.place for fault in found.faults] + [use.place for use in found.uses]
    for element in found.elements.walk():
        if element.tag:
            places += [element.place, element.end_place]
            for attribute in element.attributes.values():
                assert isinstance(attribute.raw, str)
                places += [attribute.place, attribute.name_place]
    for place in places:
        assert 1 <= place.column <= len(texts[place.file].line(place.line)) + 2
    found.contexts(), found.profiles(), found.gateways()


@given(st.binary(max_size=200))
def test_no_bytes_stop_the_reader(tmp_path_factory, data):
    """A file may be anything: UTF-16, an image, half a file."""
    path = tmp_path_factory.getbasetemp() / "bytes.xml"
    path.write_bytes(data)
    read(path)


NAMES = st.sampled_from(["a", "b", "context", "x-y", "_z"])
VALUES = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\0", exclude_categories=("Cc", "Cs")),
                 max_size=10)


def grown(children):
    return st.builds(lambda tag, attributes, text, inner: (tag, attributes, text, inner),
                     NAMES, st.dictionaries(NAMES, VALUES, max_size=3), VALUES, st.lists(children, max_size=3))


TREES = st.recursive(st.builds(lambda tag: (tag, {}, "", []), NAMES), grown, max_leaves=8)


def built(tree) -> ElementTree.Element:
    tag, attributes, text, children = tree
    element = ElementTree.Element(tag, attributes)
    element.text = text
    element.extend(built(child) for child in children)
    return element


def parsed(text: str) -> Element:
    source = SourceFile("x", text)
    compiled = Compiled()
    compiled.add(text, source, 0)
    tree = parse(compiled, True)
    assert tree.faults == []
    return tree.root.children[0]


def same(ours: Element, theirs: ElementTree.Element) -> None:
    assert ours.tag == theirs.tag
    assert {name: one.value for name, one in ours.attributes.items()} == theirs.attrib
    assert ours.text == (theirs.text or "") + "".join(child.tail or "" for child in theirs)
    assert len(ours.children) == len(theirs)
    for mine, other in zip(ours.children, theirs, strict=True):
        same(mine, other)


@given(TREES, st.sampled_from(["", "<!-- a < b & c -->", "<![CDATA[<x>]]>", "\n"]))
def test_where_xml_is_xml_expat_says_the_same(tree, between):
    """FreeSWITCH's parser is laxer, not different: on a document without faults both give one tree."""
    text = ElementTree.tostring(built(tree), encoding="unicode", short_empty_elements=False)
    text = text.replace("></", f">{between}</")
    same(parsed(text), ElementTree.fromstring(text))


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.text(alphabet="xy${}abc= ", max_size=8)), max_size=8))
def test_the_text_maps_back(tmp_path_factory, sets):
    """Every character that was copied stands in the file where the map says."""
    lines = [f'<X-PRE-PROCESS cmd="set" data="{name}={value}"/>\n' for name, value in sets]
    path = tmp_path_factory.getbasetemp() / "mapped.xml"
    path.write_text("".join(line + "u$${a}v$${b}w $${c}\n" for line in lines), encoding="utf-8")
    work = Preprocessor({})
    work.file(path, path.parent)
    for at, character in enumerate(work.compiled.text):
        source, offset = work.compiled.origin(at)
        assert source.text[offset] in (character, "$")
