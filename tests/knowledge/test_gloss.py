"""Texts of other languages in English words, and the lexicons that are prepared for it."""

import fcntl
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.knowledge.words import lexicon
from engine.knowledge.words.gloss import gloss
from engine.knowledge.words.lexicon import LANGUAGES, lexicon_of
from tests.knowledge import gloss_cases

TABLES = {"fr": [gloss_cases.FRENCH], "hi": [gloss_cases.HINDI, gloss_cases.HINDI_TYPED],
          "ml": [gloss_cases.MALAYALAM, gloss_cases.MALAYALAM_TYPED],
          "ta": [gloss_cases.TAMIL, gloss_cases.TAMIL_TYPED]}
CASES = [(language, *line.split(" | ")) for language, tables in TABLES.items() for table in tables
         for line in table.strip().splitlines()]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """A home of its own: nothing is left in the developer's."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("home")
        patch.setenv("TRUNKLINE_HOME", str(folder))
        yield folder


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A folder of lexicons of a few words and a fresh home, so that making takes no time."""
    folder = tmp_path / "lexicon"
    folder.mkdir()
    (folder / "hi.tsv").write_text("# words\nपानी\twater\nबिल\tbill\n", encoding="utf-8")
    monkeypatch.setattr(lexicon, "FOLDER", folder)
    monkeypatch.setattr(lexicon, "LANGUAGES", frozenset({"hi"}))
    monkeypatch.setenv("TRUNKLINE_HOME", str(tmp_path / "home"))
    lexicon_of.cache_clear()
    yield tmp_path
    lexicon_of.cache_clear()


@pytest.mark.parametrize(("language", "text", "wanted"), CASES, ids=[text for _, text, _ in CASES])
def test_what_callers_say_keeps_its_sense(language, text, wanted):
    """The words that carry the sense are there in English, from native script and from Latin letters alike."""
    assert set(wanted.split()) <= set(gloss(text, language).split())


@pytest.mark.parametrize("text", ["How much is the water bill?", "bus pass", "I don't speak Hindi", "", "42", "...!"])
def test_english_comes_back_as_it_is(text):
    """The model knows English with its grammar: nothing is taken from it."""
    assert gloss(text) == text


@pytest.mark.parametrize(("language", "typed", "native"), [
    ("ml", "ethra eppol evide engane aaru ethu", "എത്ര എപ്പോൾ എവിടെ എങ്ങനെ ആര് ഏത്"),
    ("hi", "kitna kab kahan kaise kaun", "कितना कब कहाँ कैसे कौन"),
    ("ta", "evvalavu eppo enge eppadi yaar endha", "எவ்வளவு எப்போ எங்கே எப்படி யார் எந்த"),
])
def test_words_that_ask_come_out_as_english_ones(language, typed, native):
    """A question and its typed form must meet in one vector: what is asked for is half of it."""
    found = gloss(native, language)
    assert gloss(typed, language) == found
    assert {"how", "when", "where", "who"} <= set(found.split())


@pytest.mark.parametrize(("typed", "right", "wrong"), [
    ("office khula hai kya", "open", "total"), ("dukan khuli rehti hai", "open", "heart"),
    ("ghar ka tax kitna hai", "house", "11"), ("gyarah baje kya hai", "11", "house"),
])
def test_a_word_of_like_sound_does_not_take_the_place_of_a_known_one(typed, right, wrong):
    """Skeletons bring much together; how a word is typed decides."""
    found = gloss(typed, "hi").split()
    assert right in found and wrong not in found


def test_a_day_and_four_are_two_words_of_tamil():
    """naal and naalu sound alike; only one of them is a number."""
    assert gloss("ethana naal venum", "ta") == "how many day need"
    assert gloss("naalu naal venum", "ta") == "4 day need"


@pytest.mark.parametrize(("text", "language", "figures"), [
    ("दो सौ पचास रुपये", "hi", "250"), ("₹1,20,000 കൊടുക്കണം", "ml", "120000"), ("இருநூறு ரூபாய்", "ta", "200"),
    ("deux cents euros", "fr", "200"), ("आधार १२३४", "hi", "1234"), ("1 200 euros par an", "fr", "1200"),
])
def test_numbers_are_figures(text, language, figures):
    """Prices are what is asked for most; both sides have them in one form."""
    assert figures in gloss(text, language).split()


@pytest.mark.parametrize(("text", "language", "word"), [
    ("Vaubrac travaille ici", "fr", "vaubrac"), ("പുന്നത്തറ എവിടെ", "ml", "punnatthara"),
    ("mujhe Zylofix chahiye", "hi", "zylofix"), ("KSEB bill adachu", "ml", "kseb"),
])
def test_unknown_words_and_names_are_kept(text, language, word):
    """A name may be all that the passage and the question have in common."""
    assert word in gloss(text, language).split()


@pytest.mark.parametrize(("text", "words"), [
    ("എന്റെ broadband bill എത്ര", "broadband bill how much"), ("मेरा wifi router खराब है", "wifi router"),
    ("என் broadband bill எவ்வளவு", "broadband bill how much"), ("officeil form kittum ente", "office form get"),
])
def test_english_words_in_other_texts_stay(text, words):
    """Every Indian sentence has some; endings typed behind them go."""
    assert set(words.split()) <= set(gloss(text).split())


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d"])
def test_joiners_change_nothing(joiner):
    """Keyboards put invisible joiners between letters, recognisers do not."""
    assert gloss(f"കറന്{joiner}റ് ബില്{joiner} എത്ര") == gloss("കറന്റ് ബില് എത്ര")


def test_case_endings_and_words_written_together_are_taken_apart():
    """Malayalam and Tamil write a noun with its ending, with "is", and with the next verb as one word."""
    for text, wanted in (("വീടിനാണ്", "house"), ("ദിവസമെടുക്കും", "day take"), ("ചായക്കടയിലേക്ക്", "tea shop"),
                         ("ആധാർകാർഡില്ലാതെ", "card without"), ("நர்சிடமிருந்து", "nurse"), ("நிலத்துக்கான", "land")):
        assert set(wanted.split()) <= set(gloss(text).split()), text


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("aehiknorstuzzh 'é’വീടിനാണ്कितनाபணம்\u200d19,.?"), max_size=40),
       language=st.sampled_from(["", "en", *sorted(LANGUAGES), "ml-IN", "xx"]))
def test_any_text_has_a_gloss(text, language):
    """What a recogniser makes of noise must not end a call."""
    assert isinstance(gloss(text, language), str)


def test_a_lexicon_is_prepared_once(small):
    """The second process reads what the first one has made."""
    assert lexicon_of("hi").forms == {"पानी": "water", "बिल": "bill"}
    [file] = (small / "home" / "cache" / "lexicons").glob("*.tables")
    made = file.stat().st_mtime_ns
    lexicon_of.cache_clear()
    assert lexicon_of("hi").typed["pani"] == "water"
    assert file.stat().st_mtime_ns == made


def test_a_changed_lexicon_is_prepared_again(small):
    """An operator who adds a word finds it; the old file does not stay behind."""
    lexicon_of("hi")
    with (small / "lexicon" / "hi.tsv").open("a", encoding="utf-8") as file:
        file.write("मीटर\tmeter\n")
    lexicon_of.cache_clear()
    assert lexicon_of("hi").forms["मीटर"] == "meter"
    assert len(list((small / "home" / "cache" / "lexicons").glob("*.tables"))) == 1


def test_without_a_folder_that_can_be_written_the_lexicon_is_there_all_the_same(small):
    """Images are often read-only."""
    (small / "home").write_text("a file, no folder")
    assert lexicon_of("hi").forms["पानी"] == "water"


@pytest.mark.parametrize("left", ["", "water", "water\tbill\nx"])
def test_a_file_that_was_cut_short_is_made_again(small, left):
    """A full disk leaves such files; they must not be believed."""
    lexicon_of("hi")
    [file] = (small / "home" / "cache" / "lexicons").glob("*.tables")
    whole = file.read_text(encoding="utf-8")
    file.write_text(left, encoding="utf-8")
    lexicon_of.cache_clear()
    assert lexicon_of("hi").forms["पानी"] == "water"
    assert file.read_text(encoding="utf-8") == whole


def test_several_that_need_it_at_once_all_get_it(small):
    """Greenlets of one process ask from several threads of the pool."""
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: lexicon_of("hi").forms, range(4)))
    assert found == [{"पानी": "water", "बिल": "bill"}] * 4
    assert [path.suffix for path in sorted((small / "home" / "cache" / "lexicons").iterdir())] == [".tables", ".lock"]


def test_another_process_that_is_stuck_holds_nobody_for_ever(small, monkeypatch):
    """A lock that never comes free costs the wait, not the call."""
    monkeypatch.setattr(lexicon, "WAIT_S", 0.1)
    folder = small / "home" / "cache" / "lexicons"
    folder.mkdir(parents=True)
    with (folder / "hi.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert lexicon_of("hi").forms["पानी"] == "water"
