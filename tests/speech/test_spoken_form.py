"""What the voice is given for what is written, and which written words were heard when so much of it was spoken."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.speech.spoken import Speaker, speakable
from engine.speech.spoken.rules import LANGUAGES

ENGLISH = [
    ("Hello, this is the desk. It's fine.", "Hello, this is the desk. It's fine."),
    ("It costs Rs. 1,200.", "It costs one thousand two hundred rupees."),
    ("₹1,20,000 or INR 1.5 crore", "one lakh twenty thousand rupees or one point five crore rupees"),
    ("$5.99, $1.01, €5, £1 and 5 €", "five dollars and ninety-nine cents, one dollar and one cent, five euros, "
     "one pound and five euros"),
    ("Rs. 500/- a year, ₹0.50 a day, $3 million",
     "five hundred rupees a year, fifty paise a day, three million dollars"),
    ("$5-10 or ₹500/month", "five to ten dollars or five hundred rupees per month"),
    ("1,234,567 and 12,34,567", "one million two hundred and thirty-four thousand five hundred and sixty-seven and "
     "twelve lakh thirty-four thousand five hundred and sixty-seven"),
    ("1005 and 3.14 and -5 and 007",
     "one thousand and five and three point one four and minus five and zero zero seven"),
    ("12.5% off, 5-10% more", "twelve point five percent off, five to ten percent more"),
    ("+91 98765 43210", "plus nine one, nine eight seven six five, four three two one zero"),
    ("Call 1800-425-1234 or 555-1234.", "Call one eight zero zero, four two five, one two three four or "
     "five five five, one two three four."),
    ("9876543210", "nine eight seven six five, four three two one zero"),
    ("Your OTP is 482913, order 12345.", "Your OTP is four eight two nine one three, order one two three four five."),
    ("code AB-1234 for COVID-19 on 5G", "code A B, one two three four for COVID nineteen on five G"),
    ("at 9 a.m., 5:30 pm or 17:45", "at nine a.m., five thirty p.m. or seventeen forty-five"),
    ("from 5.30 to 9:05", "from five thirty to nine oh five"),
    ("It grew from 5.30 km", "It grew from five point three zero kilometres"),
    ("Open 9:00-17:00 or 9-10.30 a.m.", "Open nine to seventeen hundred hours or nine to ten thirty a.m."),
    ("on 12/03/2024 or 2024-03-12", "on the twelfth of March twenty twenty-four or the twelfth of March "
     "twenty twenty-four"),
    ("the 3rd of May, March 5, 2005, in 1999, the 1990s", "the third of May, March fifth, two thousand and five, in "
     "nineteen ninety-nine, the nineteen nineties"),
    ("2024-25", "twenty twenty-four to twenty-five"),
    ("1 km, 2 km, 100 km/h, -5°C, 20 Mbps", "one kilometre, two kilometres, one hundred kilometres per hour, "
     "minus five degrees Celsius, twenty megabits per second"),
    ("1/2, 3/4, 7/12, 2½, 24/7", "one half, three quarters, seven slash twelve, two and a half, twenty-four seven"),
    ("Dr. Rao, room No. 5, e.g. today etc.", "Doctor Rao, room number five, for example today et cetera."),
    ("**Bold**, _it_, `code`, ~~gone~~ and [a link](https://x.org/a_b?c=1)", "Bold, it, code, gone and a link"),
    ("# Heading", "Heading"), ("- item", "item"), ("2. Wait.", "two. Wait."), ("> quoted", "quoted"),
    ("| Plan | Rs. 5 |", "Plan, five rupees,"), ("|---|:--:|", ""), ("---", ""), ("😀 👍🏽", ""),
    ("Thanks 😀!", "Thanks!"), ("1️⃣ first", "one first"),
    ("<b>Now</b><br/>&amp; then &lt;", "Now and then"), ("<!-- no -->yes", "yes"),
    ("<https://example.com/a/b>", "example dot com"),
    ("Go to www.my-site.co.in/help or mail a.b_c@x.com.", "Go to my dash site dot co dot in slash help or mail "
     "a dot b underscore c at x dot com."),
    ("He said “go” (at once) – then… well...", "He said go, at once, then, well."),
    ("R&D, 2 + 2 = 4, ~5, #7", "R and D, two plus two equals four, about five, number seven"),
    ("a 5-star hotel, 3rd-party, 24x7, v. 2.0.1 and .5", "a five star hotel, third party, twenty-four seven, "
     "v. two point zero point one and zero point five"),
    ("Mon–Fri, 9am–6pm, until 31st Dec. 2024", "Monday to Friday, nine a.m. to six p.m., until the thirty-first of "
     "December twenty twenty-four"),
    ("20k, $1.5M, ₹5 cr, 5GB, 10kg, 3:1 :)", "twenty thousand, one point five million dollars, five crore rupees, "
     "five gigabytes, ten kilograms, three to one"),
    ("See **our** [site](https://www.foo-bar.com/x?y).", "See our site."),
    ("Mail a.b@foo.com & pay 5% (at once)!", "Mail a dot b at foo dot com and pay five percent, at once!"),
    ("• One | two ☎ three", "One two three"),
    ("It is OK【4:0†source】 [1].", "It is OK."),
]  # fmt: skip

OTHERS = [
    ("fr", "Le 1er mai à 17h30.", "Le premier mai à dix-sept heures trente."),
    ("fr", "1 200,50 €, 12,5 %, 80 km, 81 livres, 1 h", "mille deux cents euros cinquante centimes, "
     "douze virgule cinq pour cent, quatre-vingts kilomètres, quatre-vingt-une livres, une heure"),
    ("fr", "Au 01 23 45 67 89, M. Dupont, 2e étage, n° 71", "Au zéro un, vingt-trois, quarante-cinq, soixante-sept, "
     "quatre-vingt-neuf, Monsieur Dupont, deuxième étage, numéro soixante et onze"),
    ("fr", "3 millions €, 3,14, 200 000", "trois millions d'euros, trois virgule quatorze, deux cent mille"),
    ("hi", "बिल ₹1,20,000 है, रु. 500.50 और 12% छूट।",
     "बिल एक लाख बीस हज़ार रुपये है, पाँच सौ रुपये पचास पैसे और बारह प्रतिशत छूट।"),
    ("hi", "5:30 बजे, शाम 17:45, 2:30, 9:20", "साढ़े पाँच बजे, शाम पौने छह बजे, ढाई बजे, नौ बजकर बीस मिनट"),
    ("hi", "१२/०३/१९९९, 5वीं, २५", "बारह मार्च उन्नीस सौ निन्यानवे, पाँचवीं, पच्चीस"),
    ("hi", "आपका OTP 4829 है", "आपका ओ टी पी चार आठ दो नौ है"),
    ("ml", "₹1,20,000, രൂ. 500, ₹1, 12%", "ഒരു ലക്ഷത്തി ഇരുപതിനായിരം രൂപ, അഞ്ഞൂറ് രൂപ, ഒരു രൂപ, പന്ത്രണ്ട് ശതമാനം"),
    ("ml", "5:30-ന് വരൂ, 5:30 മണിക്ക്, 10:20 ന്, 8 a.m.",
     "അഞ്ചര മണിക്ക് വരൂ, അഞ്ചര മണിക്ക്, പത്ത് മണി ഇരുപത് മിനിറ്റിന്, രാവിലെ എട്ട് മണി"),
    ("ml", "2024-ൽ 10-ാം നില", "രണ്ടായിരത്തി ഇരുപത്തിനാലിൽ പത്താം നില"),
    ("ml", "1 ദിവസം, 2-3 ദിവസം", "ഒരു ദിവസം, രണ്ട് മുതൽ മൂന്ന് ദിവസം വരെ"),
    ("ta", "1 நாள், 2-3 நாட்கள்", "ஒரு நாள், இரண்டு முதல் மூன்று நாட்கள் வரை"),
    ("fr", "+33 1 23 45 67 89", "plus trente-trois, un, vingt-trois, quarante-cinq, soixante-sept, quatre-vingt-neuf"),
    ("ml", "5-10 km", "അഞ്ച് മുതൽ പത്ത് കിലോമീറ്റർ വരെ"),
    ("ml", "Your OTP is 4829.", "Your OTP is four eight two nine."),
    ("ta", "₹1,20,000, ரூ. 500.50, 12%",
     "ஒரு லட்சத்து இருபதாயிரம் ரூபாய், ஐந்நூறு ரூபாய் ஐம்பது பைசா, பன்னிரண்டு சதவீதம்"),
    ("ta", "5:30 மணிக்கு, 2024-இல், 10-ஆம், 5வது",
     "ஐந்தரை மணிக்கு, இரண்டாயிரத்து இருபத்து நான்கில், பத்தாம், ஐந்தாவது"),
    ("en-IN", "150000 people", "one lakh fifty thousand people"),
    ("en", "നിങ്ങളുടെ ബിൽ ₹500", "നിങ്ങളുടെ ബിൽ അഞ്ഞൂറ് രൂപ"),
    ("te", "**బిల్** 1,200 😀", "బిల్ 1,200"),
    ("te", "Your code is 12", "Your code is twelve"),
    ("mr", "बिल 25 आहे", "बिल 25 आहे"),
    ("de", "Das kostet 25", "Das kostet 25"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "written", "said"), [("en", *case) for case in ENGLISH] + OTHERS)
def test_it_is_said_as_people_say_it(language, written, said):
    assert speakable(written, language).text == said


NUMBERS = {
    "en": {0: "zero", 15: "fifteen", 42: "forty-two", 999: "nine hundred and ninety-nine", 10**6: "one million"},
    "fr": {71: "soixante et onze", 80: "quatre-vingts", 91: "quatre-vingt-onze", 200: "deux cents", 201: "deux cent un",
           80_000: "quatre-vingt mille", 1_000: "mille", 2 * 10**6: "deux millions"},
    "hi": {19: "उन्नीस", 29: "उनतीस", 49: "उनचास", 79: "उनासी", 89: "नवासी", 99: "निन्यानवे",
           105: "एक सौ पाँच", 10**7: "एक करोड़"},
    "ml": {19: "പത്തൊമ്പത്", 21: "ഇരുപത്തിയൊന്ന്", 90: "തൊണ്ണൂറ്", 101: "നൂറ്റി ഒന്ന്", 900: "തൊള്ളായിരം", 901: "തൊള്ളായിരത്തി ഒന്ന്",
           3000: "മൂവായിരം", 5000: "അയ്യായിരം", 8000: "എണ്ണായിരം",
           9000: "ഒമ്പതിനായിരം", 2013: "രണ്ടായിരത്തി പതിമൂന്ന്", 10**5: "ഒരു ലക്ഷം"},
    "ta": {19: "பத்தொன்பது", 21: "இருபத்தொன்று", 24: "இருபத்து நான்கு", 90: "தொண்ணூறு", 300: "முந்நூறு", 900: "தொள்ளாயிரம்",
           950: "தொள்ளாயிரத்து ஐம்பது", 1001: "ஆயிரத்து ஒன்று", 10**5: "ஒரு லட்சம்",
           1998: "ஆயிரத்து தொள்ளாயிரத்து தொண்ணூற்றெட்டு"},
}  # fmt: skip


@pytest.mark.parametrize("language", NUMBERS)
def test_number_words(language):
    for n, words in NUMBERS[language].items():
        assert LANGUAGES[language].cardinal(n) == words


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_numbers_sound_the_same(language):
    """A table with one word twice would tell callers a wrong amount, and nobody would see it."""
    crores = [10**7 * n for n in range(1, 200)]
    numbers = [*range(1200), *range(2000, 100_000, 1000), *range(10**5, 10**7, 10**5), *crores]
    said = {LANGUAGES[language].cardinal(n) for n in numbers}
    assert len(said) == len(set(numbers))


def test_code_between_fences_is_left_out_across_clauses():
    """A model's code comes line by line; nobody wants to hear it."""
    speaker = Speaker("en")
    said = [speaker.say(line).text for line in ("Do this:", "```python", "print(1)", "```", "Done.")]
    assert said == ["Do this:", "", "", "", "Done."]


def test_heard_words_are_those_that_were_written():
    """"five dollars" is "$5": the caller has heard it when both words were spoken, not after the first."""
    spoken = speakable("Pay **$5** 😀 now, Dr. Rao.")
    assert spoken.text == "Pay five dollars now, Doctor Rao."
    prefixes = ("", "Pa", "Pay", "Pay five", "Pay five dollars", "Pay five dollars now,",
                "Pay five dollars now, Doctor", spoken.text)  # fmt: skip
    heard = [spoken.written[: spoken.written_end(len(prefix))] for prefix in prefixes]
    assert heard == ["", "", "Pay", "Pay", "Pay **$5** 😀",
                     "Pay **$5** 😀 now,", "Pay **$5** 😀 now, Dr.", spoken.written]


def test_an_amount_of_two_written_words_is_heard_whole():
    spoken = speakable("It is Rs. 1,200 only")
    assert spoken.written_end(len("It is one thousand two hundred")) == len("It is")
    assert spoken.written_end(len("It is one thousand two hundred rupees")) == len("It is Rs. 1,200")


PIECES = st.sampled_from(
    ["word", "no", " ", " ", " ", "\n", "$5.99", "Rs. 1,200", "12/03/2024", "5:30 pm", "5-10%", "(", ")", "**", "_",
     "`",
     "😀", "…", "...", ".", ",", "–", "-", "|", "#", "<b>", "&amp;", "[a](http://b.c)", "98765 43210", "AB-12", "1st",
     "e.g.", "Dr.", "\u200d", "है", "₹500", "കോഡ്", "10-ാം", "ரூ", "'", "1/2", "½", "+", "~", "\\",
     "9"]
)  # fmt: skip


@given(st.one_of(st.lists(PIECES, max_size=20).map("".join), st.text(max_size=60)), st.sampled_from(sorted(LANGUAGES)))
@example("😀 hi", "en")
@example("(", "en")
@example("1" * 5000, "ml")
def test_the_account_of_heard_words(text, language):
    """Whatever is written: what is heard grows with what is spoken, in whole written words, and is all of it in the
    end; before the first spoken word nothing is heard."""
    spoken = speakable(text, language)
    assert spoken.written == text.strip()
    assert not set(spoken.text) & set("*_`|#<>[]{}\\~\n") and "  " not in spoken.text
    ends = [spoken.written_end(chars) for chars in range(len(spoken.text) + 1)]
    assert ends == sorted(ends) and ends[0] == 0
    whole = {len(spoken.written)} | {
        at for at, char in enumerate(spoken.written) if char.isspace() and not spoken.written[at - 1].isspace()
    }
    assert set(ends) - {0} <= whole
    assert not spoken.text or ends[-1] == len(spoken.written)
    said = spoken.text
    inside = {at for at in range(1, len(said)) if not said[at - 1].isspace() and not said[at].isspace()}
    assert all(ends[at] == ends[at - 1] for at in inside), "credited in the middle of a spoken word"
