"""What a question asks for, and follow-ups that get back their topic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.words.question import analyse, resolve

BIRTH = "How do I get a birth certificate?"
LEANING = [
    # English
    (BIRTH, "how much is it?", ["how much", "birth certificate"]),
    (BIRTH, "and how long does it take?", ["how long", "birth certificate"]),
    (BIRTH, "where do I get that", ["where", "birth certificate"]),
    (BIRTH, "is it free?", ["free", "birth certificate"]),
    (BIRTH, "what is the fee?", ["fee", "birth certificate"]),
    (BIRTH, "what about the income certificate?", ["income certificate"]),
    ("How much is the bus pass?", "and for children?", ["How much", "bus pass", "children"]),
    ("How much is the bus pass?", "for students", ["How much", "bus pass", "students"]),
    ("Is the office open on Saturday?", "what about Sunday", ["office", "open", "Sunday"]),
    ("Is the office open on Saturday?", "and on Mondays?", ["office", "open", "Mondays"]),
    ("When is the library open?", "and at the weekend?", ["library", "open", "weekend"]),
    ("Can I pay the water bill online?", "and the property tax?", ["pay", "online", "property tax"]),
    # French
    ("Quels sont les frais d'inscription ?", "et pour les étudiants ?", ["frais d'inscription", "étudiants"]),
    ("Quels sont les frais d'inscription ?", "et pour les étrangers ?", ["frais d'inscription", "étrangers"]),
    ("Comment obtenir une bourse ?", "combien ça coûte ?", ["combien", "bourse"]),
    ("Où se trouve la résidence ?", "elle coûte combien ?", ["combien", "résidence"]),
    ("La bibliothèque est-elle ouverte le samedi ?", "et le dimanche ?", ["bibliothèque", "ouverte", "dimanche"]),
    ("Quand est la journée portes ouvertes ?", "où est-ce ?", ["où", "journée portes"]),
    # Hindi, also typed
    ("बस पास की फीस कितनी है?", "और बच्चों के लिए?", ["बस पास", "फीस", "बच्चों के लिए"]),
    ("बस पास की फीस कितनी है?", "बच्चों के लिए?", ["बस पास", "बच्चों के लिए"]),
    ("जन्म प्रमाण पत्र कैसे मिलेगा?", "इसका शुल्क कितना है?", ["जन्म प्रमाण पत्र", "शुल्क"]),
    ("जन्म प्रमाण पत्र कैसे मिलेगा?", "कितने दिन लगेंगे?", ["जन्म प्रमाण पत्र", "कितने दिन"]),
    ("janam praman patra kaise banega", "kitna paisa lagega", ["janam praman patra", "kitna"]),
    ("bus pass kitne ka hai", "aur bachchon ke liye", ["bus pass", "bachchon"]),
    # Malayalam, also typed
    ("ജനന സർട്ടിഫിക്കറ്റ് എവിടെ കിട്ടും?", "അതിന് എത്ര രൂപയാണ്?", ["ജനന സർട്ടിഫിക്കറ്റ്", "എത്ര രൂപ"]),
    ("ജനന സർട്ടിഫിക്കറ്റ് എവിടെ കിട്ടും?", "എത്ര ദിവസം എടുക്കും?", ["ജനന സർട്ടിഫിക്കറ്റ്", "എത്ര ദിവസം"]),
    ("ബസ് പാസ് എത്രയാണ്?", "കുട്ടികൾക്കോ?", ["ബസ് പാസ്", "കുട്ടികൾക്ക്"]),
    ("ഓഫീസ് ശനിയാഴ്ച തുറക്കുമോ?", "ഞായറാഴ്ചയോ?", ["ഓഫീസ്", "ഞായറാഴ്ച"]),
    ("birth certificate evide kittum", "athinu ethra roopayanu", ["birth certificate", "ethra"]),
    ("bus pass ethra aanu", "kuttikalkko", ["bus pass", "kuttikalkk"]),
    # Tamil, also typed
    ("பிறப்பு சான்றிதழ் எங்கே கிடைக்கும்?", "அதற்கு எவ்வளவு கட்டணம்?", ["பிறப்பு சான்றிதழ்", "எவ்வளவு"]),
    ("பிறப்பு சான்றிதழ் எங்கே கிடைக்கும்?", "எத்தனை நாள் ஆகும்?", ["பிறப்பு சான்றிதழ்", "எத்தனை நாள்"]),
    ("பஸ் பாஸ் எவ்வளவு?", "குழந்தைகளுக்கு?", ["பஸ் பாஸ்", "குழந்தைகளுக்கு"]),
    ("birth certificate enga kidaikkum", "evlo naal aagum", ["birth certificate", "evlo naal"]),
]


@pytest.mark.parametrize(("before", "asked", "holds"), LEANING)
def test_a_question_that_leans_gets_its_topic(before, asked, holds):
    """The search sees one question: without its topic "how much is it?" finds whatever has a price."""
    made = resolve(asked, (("user", before), ("agent", "An answer."), ("user", asked)))
    assert made != asked
    assert [part for part in holds if part not in made] == []


@pytest.mark.parametrize("asked", [
    "When are you open?", "How much is a passport photo?", "where is the village office",
    "and where do I pay my land tax",
    "Is it possible to cancel my contract?", "what about it", "yes please", "no thanks", "thank you",
    "and thank you",
    "How do I reset the password of my router?", "hello", "Can I pay that bill at the post office?",
    "on which day does the office in the town hall close", "I want to speak to a human",
    "Combien coûte une chambre en résidence ?", "et merci", "Où se trouve la bibliothèque ?",
    "Est-ce que le parking est gratuit ?",
    "et comment puis-je payer la facture d'eau ?", "राशन कार्ड कैसे बनता है?",
    "और पानी का बिल कहाँ जमा करना है?", "धन्यवाद",
    "bijli ka bill kahan jama kare", "റേഷൻ കാർഡിൽ പേര് എങ്ങനെ ചേർക്കാം?", "പെൻഷൻ കിട്ടുമോ?", "നന്ദി",
    "ration card evide kittum",
    "மின் கட்டணம் எங்கே கட்டலாம்?", "நன்றி", "thanneer bill eppadi kattuvadhu",
])
def test_a_question_that_stands_by_itself_is_never_changed(asked):
    """A wrong topic is worse than none: in doubt the caller's words stay."""
    context = [("user", BIRTH), ("agent", "The birth certificate is issued by the panchayat."), ("user", asked)]
    assert resolve(asked, context) == asked


@pytest.mark.parametrize("asked", ["how much is it?", "and for children?", "what about Sunday",
    "कितने दिन लगेंगे?"])
def test_there_is_nothing_to_lean_on_at_the_beginning(asked):
    assert resolve(asked, ()) == asked
    assert resolve(asked, (("agent", "Hello, how can I help?"), ("user", asked))) == asked


def test_a_topic_is_carried_over_several_questions():
    context = [("user", BIRTH), ("agent", "At the panchayat."), ("user", "how much is it?"),
    ("agent", "Five rupees.")]
    assert "birth certificate" in resolve("and how long does it take?", context)


def test_the_subject_of_the_answer_serves_where_the_question_had_none():
    context = [("user", "what can you do for me"), ("agent", "Income certificates are issued here. Bring a photo.")]
    assert "income certificates" in resolve("how much is it?", context)


@pytest.mark.parametrize(("text", "wants"), [
    ("How much is the fee?", "how_much"), ("what does the permit cost", "how_much"),
    ("what is the fee for a permit", "how_much"),
    ("how many days does it take", "how_long"), ("how long is it valid", "how_long"),
    ("how many papers are needed", "how_many"),
    ("what time does the office open", "when"), ("when is the bill due", "when"),
    ("where is counter four", "where"),
    ("who signs the form", "who"), ("is the office open on sunday", "yes_no"),
    ("can you tell me where the office is", "where"),
    ("how do I apply", "how"), ("which documents do I need", "which"), ("why is my bill so high", "why"),
    ("my bill", ""),
    ("Combien coûte le logement ?", "how_much"), ("Combien de places y a-t-il ?", "how_many"),
    ("Combien de temps dure le stage ?", "how_long"),
    ("Quand commence la rentrée ?", "when"), ("À quelle heure ouvre le campus ?", "when"),
    ("Où est la gare ?", "where"),
    ("Qui peut s'inscrire ?", "who"), ("Est-ce que le parking est gratuit ?", "yes_no"),
    ("Peut-on visiter le campus ?", "yes_no"),
    ("Comment s'inscrire ?", "how"), ("Quels sont les frais ?", "how_much"),
    ("Pourquoi choisir cette école ?", "why"),
    ("फीस कितनी है?", "how_much"), ("कितने दिन लगेंगे?", "how_long"), ("दफ्तर कब खुलता है?", "when"),
    ("कहाँ जमा करना है?", "where"),
    ("कौन आवेदन कर सकता है?", "who"), ("कैसे आवेदन करें?", "how"), ("क्या रविवार को खुला है?", "yes_no"),
    ("कौन से कागज लगते हैं?", "which"),
    ("shulk kitna hai", "how_much"), ("office kab khulta hai", "when"), ("kitne din lagenge", "how_long"),
    ("kahan milega", "where"),
    ("ഫീസ് എത്രയാണ്?", "how_much"), ("എത്ര ദിവസം എടുക്കും?", "how_long"), ("ഓഫീസ് എപ്പോൾ തുറക്കും?", "when"),
    ("എവിടെ കിട്ടും?", "where"),
    ("ആരാണ് ഒപ്പിടേണ്ടത്?", "who"), ("എങ്ങനെ അപേക്ഷിക്കാം?", "how"), ("ഞായറാഴ്ച തുറക്കുമോ?", "yes_no"),
    ("എന്തൊക്കെ രേഖകൾ വേണം?", "which"),
    ("fee ethra aanu", "how_much"), ("ethra divasam edukkum", "how_long"), ("evide kittum", "where"),
    ("eppol thurakkum", "when"),
    ("கட்டணம் எவ்வளவு?", "how_much"), ("எத்தனை நாள் ஆகும்?", "how_long"), ("எப்போது திறக்கும்?", "when"),
    ("எங்கே கிடைக்கும்?", "where"),
    ("யார் விண்ணப்பிக்கலாம்?", "who"), ("எப்படி விண்ணப்பிப்பது?", "how"), ("ஞாயிறு திறந்திருக்குமா?", "yes_no"),
    ("kattanam evvalavu", "how_much"), ("evlo naal aagum", "how_long"), ("enga kidaikkum", "where"),
    ("eppo thirakkum", "when"),
])
def test_the_kind_of_answer(text, wants):
    assert analyse(text).wants == wants


@pytest.mark.parametrize(("text", "told", "language", "romanised"), [
    ("how much is it", "ml", "en", False), ("birth certificate nte fee ethra aanu", "", "ml", True),
    ("ration card kaise banega", "", "hi", True), ("thanneer bill eppadi kattuvadhu", "", "ta", True),
    ("റേഷൻ കാർഡ്", "en", "ml", False), ("राशन कार्ड", "", "hi", False), ("Quels sont les frais ?", "", "fr", False),
    ("vellam varunnilla", "ml", "ml", True), ("where is the office", "fr", "en", False), ("", "ta", "ta", True),
])
def test_the_language_is_that_of_the_text_not_of_the_call(text, told, language, romanised):
    found = analyse(text, told)
    assert found.language == language
    assert found.romanised == (romanised and bool(text))


@given(st.text(max_size=80), st.lists(st.tuples(st.sampled_from(["user",
    "agent"]), st.text(max_size=40)), max_size=5),
       st.sampled_from(["", "en", "fr", "hi", "ml", "ta", "xx-YY"]))
def test_nothing_said_breaks_it(text, context, language):
    analyse(text, language)
    assert isinstance(resolve(text, context), str)


def test_a_very_long_question_is_read_in_time():
    """Ten thousand characters of anything are a question too; patterns must not go back and forth over them."""
    for text in ("a" * 10_000, "what is " * 1200, "ക്ക" * 3000, "' OR 1=1 -- " * 800, "ഞായറാഴ്ചയോ " * 900):
        analyse(text)
        assert resolve(text, (("user", BIRTH), ("agent", "x"))) == text
