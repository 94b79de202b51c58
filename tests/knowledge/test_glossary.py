"""Words that mean the same, within a language and across."""

import pytest

from engine.knowledge.errors import KnowledgeError
from engine.knowledge.words.glossary import MAX_EXPANSION, Glossary
from engine.knowledge.words.text import terms
from engine.language.sounds import key, keys


def reached(glossary, question, language=""):
    """Stems and sounds that a question's words are searched by beside their own, with their weights."""
    stems, sounds = {}, {}
    for ways in glossary.synonyms(question, language).values():
        for stem, sound, weight in ways:
            stems[stem] = max(weight, stems.get(stem, 0))
            sounds[sound] = max(weight, sounds.get(sound, 0))
    return stems, sounds


@pytest.fixture(scope="module")
def built_in():
    return Glossary.built_in()


@pytest.fixture
def own(tmp_path):
    def load(text):
        path = tmp_path / "glossary.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return Glossary.load(path)
    return load


@pytest.mark.parametrize(("question", "passage"), [
    ("how much is the birth certificate", "ജനന സർട്ടിഫിക്കറ്റിന്റെ ഫീസ്"),
    ("how much is the birth certificate", "जन्म प्रमाण पत्र का शुल्क"),
    ("ജനന സർട്ടിഫിക്കറ്റ് എവിടെ കിട്ടും", "birth certificates"),
    ("തെരുവുവിളക്ക് കത്തുന്നില്ല", "street light"), ("पानी का बिल", "water bill"),
    ("சொத்து வரி எவ்வளவு", "property tax"),
    ("vellam bill ethra aanu", "വെള്ളം ബിൽ"), ("bijli nahi aa rahi", "बिजली"), ("thanneer varala", "தண்ணீர்"),
    ("vellam bill ethra aanu", "water bill"), ("thozhil venam", "employment"), ("what is the penalty", "late fee"),
    ("power cut", "വൈദ്യുതി മുടക്കം"), ("quels sont les frais", "fees"), ("student housing", "résidence"),
    ("le mot de passe du routeur", "password of the router"), ("कचरा कब उठता है", "garbage"),
    ("last date", "अंतिम तिथि"),
])
def test_a_question_reaches_the_words_of_another_language(built_in, question, passage):
    """English question, Malayalam passage, and the reverse: what is missing of the passage's words is added."""
    stems, sounds = reached(built_in, question)
    assert {*terms(question), *stems} & set(terms(passage))
    assert {*keys(question), *sounds} & set(keys(passage))


def test_a_phrase_hides_the_words_within_it(built_in):
    """"Ration card" is no identity card, "birth certificate" both birth and certificate."""
    found = reached(built_in, "ration card")[0]
    assert "റേഷന" in found and not {"identit", "passport"} & set(found)


def test_sounds_alone_are_not_believed_of_other_words(built_in):
    """"Vellam" is water; Thursday (വ്യാഴം) has the same skeleton, "kathunnilla" (does not burn) nearly that of a loan."""
    for question in ("vellam bill ethra aanu", "theruvu vilakku kathunnilla"):
        found = reached(built_in, question)[0]
        assert not {"thursda", "വ്യാഴ", "loan", "വായ്പ"} & set(found)


def test_weights_are_below_that_of_the_question_itself(built_in):
    question = "how do I pay the fee for the water connection and the electricity bill of my house online"
    found = built_in.synonyms(question)
    assert {"fee", "water", "electricity"} <= set(found)
    for ways in found.values():
        assert 0 < min(weight for *_, weight in ways) <= max(weight for *_, weight in ways) < 1
        assert len(ways) <= MAX_EXPANSION


def test_an_article_before_a_word_hides_nothing(built_in):
    assert built_in.synonyms("comment payer l'inscription", "fr")["inscription"]


def test_words_that_are_in_no_concept_add_nothing(built_in):
    for question in ("zebra crossing quantum", "", "?!"):
        assert built_in.synonyms(question) == {}


def test_a_collection_has_its_own_words(own, built_in):
    glossary = built_in.with_own(own("late fee: [surcharge, അധിക ചാർജ്]\nzoning: {fr: [urbanisme], en: [land use]}\n"))
    assert "surcharg" in reached(glossary, "what is the late fee")[0]
    assert "urbanism" in reached(glossary, "zoning rules")[0]
    assert "zon" in reached(glossary, "règles d'urbanisme", "fr")[0]
    assert "वीड" not in reached(glossary, "zoning")[0] and "wat" in reached(glossary, "vellam varunnilla")[0]


def test_words_are_taken_as_they_are_written(own):
    """YAML makes "no" false and 0471 a number; here they are words."""
    glossary = own("no: [negative]\n0471: [trivandrum code]\n")
    assert reached(glossary, "negative")[0] and reached(glossary, "0471")[0]
    assert own("").concepts == own("# nothing yet\n").concepts == ()


@pytest.mark.parametrize(("text", "line", "says"), [
    ("fee: [charge\ncost", 2, "not YAML"), ("- fee\n- charge", 1, "must be lines like"),
    ("fee: [charge]\nfee: [cost]", 2, "given twice"), ("a: [b]\nfee: {de: [Gebühr]}", 2, "unknown language 'de'"),
    ("fee:\n  - charge\n  - {a: b}", 3, "expected a word"), ("fee:", 1, "expected a word"),
    ("fee: ['!']", 1, "expected a word"),
    ("fee: [" + "x, " * 70 + "y]", 1, "more than 60"),
])
def test_a_fault_names_file_and_line(own, text, line, says):
    with pytest.raises(KnowledgeError) as caught:
        own(text)
    assert f"glossary.yaml:{line}: " in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize(("content", "says"), [
    (b"fee: [\xff]", "UTF-8"), (b"#" * 1_100_000, "larger than"),
    ("\n".join(f"concept{n}: [word{n}]" for n in range(5001)).encode(), "more than 5000"),
])
def test_a_file_that_is_none_is_named(own, content, says):
    with pytest.raises(KnowledgeError, match=says):
        own(content)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(KnowledgeError, match="cannot be read"):
        Glossary.load(tmp_path / "glossary.yaml")


def test_the_built_in_words_are_there_in_every_language(built_in):
    """A gap in one language would be noticed by those callers only."""
    assert len(built_in.concepts) >= 150
    for word, wanted in (("certificate", "प्रमाणपत्र സർട്ടിഫിക്കറ്റ് சான்றிதழ் certificat"),
                         ("complaint", "शिकायत പരാതി புகார் plainte"),
    ("password", "पासवर्ड പാസ്‌വേർഡ് கடவுச்சொல்")):
        found = {key(word), *reached(built_in, word)[1]}
        assert {key(each, "fr" if each.isascii() else "") for each in wanted.split()} <= found
