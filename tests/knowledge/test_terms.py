"""What keyword search compares, in five languages and in Latin letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.words.text import sentences, terms


@pytest.mark.parametrize(("one", "other"), [
    ("വെള്ളത്തിന്റെ", "വെള്ളം"), ("വീട്ടിൽ", "വീട്"), ("പെൻഷന്റെ", "പെൻഷൻ"), ("പരാതികൾ", "പരാതി"),
    ("സർട്ടിഫിക്കറ്റിന്", "സർട്ടിഫിക്കറ്റ്"),
    ("ഓഫീസിലോ", "ഓഫീസ്"), ("കാർഡും", "കാർഡ്"), ("കുട്ടിക്ക്", "കുട്ടി"), ("സമയത്ത്", "സമയം"), ("ഡോക്ടറുടെ", "ഡോക്ടർ"),
    ("மின்சாரத்தில்", "மின்சாரம்"), ("வீட்டில்", "வீடு"), ("சான்றிதழை", "சான்றிதழ்"), ("குழந்தைகளுக்கு", "குழந்தை"), ("கார்டுக்கு", "கார்டு"),
    ("बच्चों", "बच्चे"), ("लड़कियों", "लड़की"), ("दस्तावेज़ों", "दस्तावेज"), ("गाँव", "गांव"), ("महीने", "महीना"),
    ("contracts", "contract"), ("cancelling", "cancelled"),
])
def test_forms_of_a_word_are_one_term(one, other):
    assert terms(one) == terms(other)


@pytest.mark.parametrize(("one", "other"), [
    ("étudiante", "étudiants"), ("l'inscription", "inscriptions"), ("annuelle", "annuel"), ("national", "nationaux"),
    ("débouchés", "debouche"), ("d'étudiant", "etudiant"), ("inscrit", "inscrite"), ("logement", "logements")])
def test_forms_of_a_french_word_are_one_term(one, other):
    assert terms(one, "fr") == terms(other, "fr")


@pytest.mark.parametrize(("one", "other"), [
    ("കൗൺസിൽ", "കൗൺസ്"), ("വിളക്ക്", "വിള"), ("വില", "വെള്ളം"), ("विधवा", "विधि"), ("விளக்கு", "விள"), ("வரி", "வருமானம்")])
def test_different_words_are_different_terms(one, other):
    """An ending taken off where there is none makes another word."""
    assert terms(one) != terms(other)


@pytest.mark.parametrize(("text", "language", "expected"), [
    ("birth certificate nte fee ethra aanu", "", ["birth", "certificat", "fee"]),
    ("ration card kaise banta hai", "", ["ration", "card"]),
    ("bill eppadi kattanum unga office la", "", ["bil", "kattan", "offic"]),
    ("बिजली का बिल कितना है", "", ["बिजली", "बिल"]),
    ("വൈദ്യുതി ബിൽ എവിടെ അടയ്ക്കാം", "", ["വൈദ്യുതി", "ബില"]),
    ("மின் கட்டணம் எவ்வளவு", "", ["மின", "கட்டணம"]),
    ("Quels sont les frais ?", "", ["fra"]),
    ("Quels sont les frais ?", "fr", ["fra"]),
    ("what about it", "", ["what", "about", "it"]),
    ("main road", "en", ["main", "road"]),
])
def test_small_words_are_no_terms_in_any_language(text, language, expected):
    assert terms(text, language)[:len(expected)] == expected


@pytest.mark.parametrize(("text", "language", "figures"), [
    ("two hundred and fifty rupees", "", "250"), ("one lakh twenty thousand", "", "120000"),
    ("twenty-one days", "", "21"), ("three thousand five hundred", "", "3500"),
    ("दो सौ पचास रुपये", "", "250"), ("इक्कीस दिन", "", "21"), ("एक हज़ार पाँच सौ", "", "1500"), ("२५०", "", "250"),
    ("do sau pachaas rupaye dena hai", "", "250"), ("ഇരുന്നൂറ്റി അമ്പത് രൂപ", "", "250"), ("ഇരുപത്തിയൊന്ന് ദിവസം", "", "21"),
    ("രണ്ടായിരത്തി ഇരുപത്തിയഞ്ച്", "", "2025"), ("ആയിരത്തി അഞ്ഞൂറ്", "", "1500"), ("இருநூற்று ஐம்பது ரூபாய்", "", "250"),
    ("இரண்டாயிரத்து ஐந்நூறு", "", "2500"), ("deux cent cinquante euros", "fr", "250"), ("soixante et onze", "fr", "71"),
    ("quatre-vingt-dix-sept", "fr", "97"), ("1 200 euros", "fr", "1200"),
    ("Rs. 1,20,000", "", "120000"), ("$2,500", "", "2500"),
    ("on the 21st", "", "21"),
])
def test_numbers_have_one_form(text, language, figures):
    """A caller says "two hundred and fifty", the document has 250."""
    assert [term for term in terms(text, language) if term.isdigit()] == [figures]


@pytest.mark.parametrize(("text", "figures"), [
    ("five five one two", ["5", "5", "1", "2"]), ("twenty twenty four", ["20", "24"]), ("one of the days", []),
    ("do you have thanneer bill eppadi", []), ("2000", ["2000"]), ("100 and 200", ["100", "200"]),
    ("nineteen ninety nine", ["19", "99"]), ("kaise karna hai, do din", []),
])
def test_numbers_are_not_made_where_none_are_said(text, figures):
    """Rows of digits stay apart; "one", and Hindi "do" among English words, are no numbers. (A lone "one" would be read
    as a digit by the recogniser's model too.)"""
    found = [term for term in terms(text) if term.isdigit()]
    assert [figure for figure in found if figure != "1" or figure in figures] == figures


@pytest.mark.parametrize("number", [*range(2, 100), 101, 199, 340, 999, 1001, 1500, 2025, 12_345, 99_999, 350_000])
@pytest.mark.parametrize("language", ["en", "fr", "hi", "ml", "ta"])
def test_what_the_voice_says_is_read_back(number, language):
    """Numbers are spoken by the same package that they are read with; both ways have to agree."""
    from engine.speech.spoken.rules import LANGUAGES

    assert terms(LANGUAGES[language].cardinal(number), language) == [str(number)]


@pytest.mark.parametrize(("text", "expected"), [
    ("M. Petit est là. Le prix est fixe.", ["M. Petit est là.", "Le prix est fixe."]),
    ("Mme. Roux et Dr. Blanc arrivent. Merci.", ["Mme. Roux et Dr. Blanc arrivent.", "Merci."]),
    ("डॉ. शर्मा आएंगे। शुल्क रु. 50 है।", ["डॉ. शर्मा आएंगे।", "शुल्क रु. 50 है।"]),
    ("ഫീസ് രൂ. 50 ആണ്. ഡോ. നായർ വരും.", ["ഫീസ് രൂ. 50 ആണ്.", "ഡോ. നായർ വരും."]),
    ("கட்டணம் ரூ. 50 ஆகும். திரு. குமார் வருவார்.", ["கட்டணம் ரூ. 50 ஆகும்.", "திரு. குமார் வருவார்."]),
    ("Pay Rs. 250 only. Thanks.", ["Pay Rs. 250 only.", "Thanks."]),
])
def test_abbreviations_end_no_sentence(text, expected):
    assert sentences(text) == expected


@given(st.text(max_size=60), st.sampled_from(["", "en", "fr", "hi", "ml", "ta", "ta-IN"]))
def test_any_text_has_terms_that_are_words(text, language):
    """Terms are quoted into a full-text query: nothing of a caller's text may be anything but letters and digits."""
    for term in terms(text, language):
        assert term and not any(char.isspace() or char in "\"*^()" for char in term)
