"""The French lexicon is sound: what searches with it may trust its form."""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

import engine.language

LEXICON = Path(engine.language.__file__).with_name("lexicon") / "fr.tsv"
FRENCH = re.compile(r"[a-zàâäéèêëîïôöùûüçœæ]+(?:[ '-][a-zàâäéèêëîïôöùûüçœæ]+)*")
ENGLISH = re.compile(r"[a-z]+(?:[ -][a-z]+)*")

EVERYDAY = {
    "payer": "pay", "facture": "bill", "eau": "water", "électricité": "electricity", "coupure": "outage",
    "fuite": "leak", "compteur": "meter", "téléphone": "phone", "carte": "card", "banque": "bank", "prix": "price",
    "gratuit": "free", "rembourser": "refund", "remboursement": "refund", "impôt": "tax", "demande": "application",
    "inscrit": "register", "école": "school", "bourse": "scholarship", "étudiant": "student", "logement": "housing",
    "stage": "internship", "visite": "visit", "mariage": "marriage", "naissance": "birth", "permis": "licence",
    "médecin": "doctor", "ordonnance": "prescription", "retraite": "pension", "chômage": "unemployment",
    "demain": "tomorrow", "samedi": "saturday", "mars": "march", "trente": "thirty", "ouvert": "open",
    "ferme": "close", "perdu": "lost", "volé": "stolen", "attendre": "wait", "envoyez": "send", "reçois": "receive",
    "viennent": "come", "va": "go", "combien": "how much", "pas": "not", "avant": "before", "après": "after",
    "jusqu'à": "until", "sans": "without", "seulement": "only", "plus": "more", "moins": "less", "chaque": "every",
    "mot de passe": "password", "rendez-vous": "appointment", "gauche": "left", "rouge": "red",
}  # fmt: skip


@pytest.fixture(scope="module")
def entries() -> list[tuple[list[str], str]]:
    """Each entry: the native forms, the English."""
    lines = [line for line in LEXICON.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all(line.count("\t") == 1 for line in lines), [line for line in lines if line.count("\t") != 1]
    return [(native.split("|"), english) for native, english in (line.split("\t") for line in lines)]


def test_the_lexicon_covers_everyday_dealings(entries):
    """Fewer entries leave the common words of a question untranslated."""
    assert len(entries) >= 1500


def test_no_form_stands_twice(entries):
    """A form with two translations would have whichever comes last."""
    times = Counter(form for native, _ in entries for form in native)
    assert [form for form, count in times.items() if count > 1] == []


def test_forms_are_french_in_lower_case_and_composed(entries):
    """They are looked up as they are: a capital, a decomposed accent or a stray blank would never be found."""
    odd = [form for native, _ in entries for form in native
           if not FRENCH.fullmatch(form) or unicodedata.normalize("NFC", form) != form]
    assert odd == []


def test_english_is_plain_words_of_the_model(entries):
    """The embedding model reads lower-case English; a phrase of more than three words is no word for word."""
    odd = [english for _, english in entries if not ENGLISH.fullmatch(english) or len(english.split()) > 3]
    assert odd == []


def test_everyday_words_have_their_everyday_sense(entries):
    """Both sides of a search meet in the commonest English word."""
    found = {form: english for native, english in entries for form in native}
    assert {form: found.get(form) for form in EVERYDAY} == EVERYDAY
