"""CSV, JSON, HTML, mail, subtitles, calls: what becomes a passage, and which line is named when something is wrong."""

import json

import pytest

from engine.knowledge.errors import DocumentError
from engine.knowledge.reading.passages import Cut


def pairs(found):
    return [(passage.questions, passage.text) for passage in found.passages]


@pytest.mark.parametrize("text", [
    "Plan,Price,Note\nSmall,10,fine\nLarge,\"1,200\",\"two\nlines\"\n",
    "Plan;Price;Note\nSmall;10;fine\nLarge;1,200;\"two\nlines\"\n",
    "Plan\tPrice\tNote\r\nSmall\t10\tfine\r\nLarge\t1,200\t\"two\r\nlines\"\r\n",
    "Plan|Price|Note\nSmall|10|fine\nLarge|1,200|two lines\n",
    "sep=;\nPlan;Price;Note\nSmall;10;fine\nLarge;1,200;two lines\n",
    "Prices of the desk\n\nPlan,Price,Note\nSmall,10,fine\nLarge,\"1,200\",two lines\n",
])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_table_of_text_gives_rows_with_headers(document, text, encoding):
    """Exports differ in delimiter and encoding; nobody who calls should hear the difference."""
    found = document("prices.csv", text.encode(encoding)).passages[0].statements
    assert found[-2:] == ("Plan: Small, Price: 10, Note: fine.", "Plan: Large, Price: 1,200, Note: two lines.")


def test_old_encodings_are_read_with_a_note(document):
    found = document("cafe.csv", "Name,Price\nCafé,10\n".encode("cp1252"))
    assert found.passages[0].text == "Name: Café, Price: 10."
    assert "not UTF-8" in found.notes[0]


def test_a_table_without_a_header_is_read_as_it_is(document):
    assert document("numbers.csv", "1,Library\n2,Hall\n").passages[0].statements == ("1, Library.", "2, Hall.")


def test_columns_of_questions_and_answers_are_pairs(document):
    found = document("faq.csv", "Category,Question,Answer,Say\nBilling,How late?,Fourteen days.,Two weeks.\n"
                                "Network,How fast?,Fifty megabits.,\n")
    assert pairs(found) == [(("How late?",), "Fourteen days."), (("How fast?",), "Fifty megabits.")]
    assert [(one.heading, one.say) for one in found.passages] == [(("Billing",), "Two weeks."), (("Network",), "")]


def test_json_of_questions_titles_and_other_things(document):
    found = document("desk.json", json.dumps({
        "title": "The desk",
        "faqs": [{"question": "How late?", "answer": "Two weeks.", "say": "Soon."},
                 {"questions": ["How much?", "What does it cost?"], "answer": "Six dollars."}],
        "contact": {"phone": 123, "hours": ["nine", "ten"], "open": True, "fax": None},
    }))
    assert found.title == "The desk"
    assert pairs(found) == [(("How late?",), "Two weeks."), (("How much?", "What does it cost?"), "Six dollars."),
                            ((), "phone: 123, hours: nine, ten, open: yes.")]
    assert found.passages[0].say == "Soon."
    assert found.passages[2].heading == ("contact",)


def test_json_lines_of_texts_have_their_titles_as_headings(document):
    found = document("texts.jsonl", '{"title": "A", "text": "Text of A."}\n\n{"title": "B", "text": "Text of B."}\n')
    assert [(passage.heading, passage.text) for passage in found.passages] == [
        (("A",), "Text of A."), (("B",), "Text of B.")]


@pytest.mark.parametrize(("name", "text", "says"), [
    ("a.json", '{"a": 1,\n "b": }', "a.json:2: not JSON: Expecting value"),
    ("a.json", "[" * 100_000, "a.json: nested too deep"),
    ("a.json", '{"a":' * 20 + "1" + "}" * 20, "nested more than 12 deep"),
    ("a.jsonl", '{"a": 1}\n{"b": \n', "a.jsonl:2: not JSON"),
    ("a.json", "{}", "there is no text in it"),
    ("a.csv", "question,answer,say\nHow?,So.," + "word " * 200 + "\n", "a.csv:2: what is to be spoken must be short"),
    ("a.md", "# A\n\nText.\nSay: " + "word " * 200 + "\n", "a.md:5: what is to be spoken must be short"),
    ("a.txt", "---\ntitle: x\n---\nText.\n\nSay: " + "word " * 200 + "\n", "a.txt:6: what is to be spoken must"),
    ("a.vtt", "WEBVTT\n\nno cues\n", "there is no line like '00:01.000"),
    ("a.eml", "hello\n\nworld\n", "this is no e-mail"),
    ("a.mbox", "hello\n", "this is no mbox"),
])
def test_faults_name_file_and_line(document, name, text, says):
    with pytest.raises(DocumentError) as caught:
        document(name, text)
    assert says in str(caught.value)
    assert name in str(caught.value)


def test_html_is_what_a_reader_sees(document):
    found = document("fees.html", """<!DOCTYPE html><html><head><title>Fees</title><style>p {}</style></head><body>
        <nav><a href="/">Home</a></nav><div role="navigation">Menu</div>
        <main><h1>Fees</h1><p>The fee is <b>six</b>&nbsp;dollars.<br>Always.</p><script>alert("<p>x</p>")</script>
        <h2>Plans</h2><table><tr><th>Plan</th><th>Price</th></tr><tr><td>Small</td><td>10</td></tr></table>
        <ul><li>One item<li>Two items</ul>
        <details><summary>Can I pay later?</summary><p>Yes, you can.</p></details>
        <dl><dt>How late?</dt><dd>Two weeks.</dd></dl></main>
        <footer>Imprint</footer></body></html>""")
    assert found.title == "Fees"
    assert [(one.heading, one.questions, one.statements) for one in found.passages] == [
        ((), (), ("The fee is six dollars.", "Always.")),
        (("Plans",), (), ("Plan: Small, Price: 10.", "One item", "Two items")),
        (("Plans",), ("Can I pay later?",), ("Yes, you can.",)),
        (("Plans",), ("How late?",), ("Two weeks.",))]


def test_html_tells_its_encoding(document):
    data = '<html><head><meta charset="iso-8859-1"></head><body><p>Une pièce.</p>'.encode("latin-1")
    assert document("a.html", data).passages[0].text == "Une pièce."
    assert document("a.html", data).notes == ()


MAIL = b"""From: Ann <ann@example.org>
To: desk@example.org
Subject: =?utf-8?q?Re=3A_Late_f=C3=A9e?=
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary=x

--x
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

The caf=E9 is open.

On Mon, 5 Jan 2026 at 10:00, Bob Miller
<bob@example.org> wrote:
> Is it open?
-- =20
Ann
--x
Content-Type: text/html

<p>The html form</p>
--x--
"""


def test_mail_is_its_own_words(document):
    """What is quoted was said by another, and a signature answers nothing."""
    found = document("late.eml", MAIL)
    assert (found.title, found.passages[0].text) == ("Late fée", "The café is open.")
    assert len(found.passages) == 1


def test_an_mbox_has_a_heading_a_message(document):
    found = document("desk.mbox", b"From ann Mon\n" + MAIL + b"\nFrom bob Tue\nFrom: b@example.org\nSubject: Two\n"
                                  b"Content-Type: text/html\n\n<p>Text <i>two</i>.</p><blockquote>old</blockquote>\n")
    assert [(passage.heading, passage.text) for passage in found.passages] == [
        (("Late fée",), "The café is open."), (("Two",), "Text two.")]


@pytest.mark.parametrize(("name", "text"), [
    ("a.vtt", "WEBVTT\n\n00:01.000 --> 00:04.000\n<v Caller>When does the\noffice open?\n\n"
              "00:04.000 --> 00:06.000\n<v Agent>It opens at nine. <i>Anything else?</i>\n"),
    ("a.srt", "1\n00:00:01,000 --> 00:00:04,000\nCaller: When does the office open?\n\n"
              "2\n00:00:04,000 --> 00:00:06,000\nAgent: It opens at nine.\nAnything else?\n"),
    ("a.txt", "Agent: Good morning, how can I help?\nCaller: When does the office open?\n"
              "Agent: It opens at nine.\nAnything else?\nCaller: no thanks\nAgent: Have a nice day then, goodbye.\n"),
    ("a.txt", "[00:00:01] Customer: When does the office open?\n[00:00:04] Agent Smith: It opens at nine. "
              "Anything else?\n"),
    ("a.jsonl", '{"t": 0, "event": "call_started", "id": "x", "started": "2026-01-02T03:04:05Z"}\n'
                '{"t": 1, "event": "user_said", "text": "When does the office open?", "start": 0, "end": 1}\n'
                '{"t": 2, "event": "grounds", "gen": 1, "decision": "answer"}\n'
                '{"t": 3, "event": "agent_said", "gen": 1, "text": "It opens at nine. Anything else?"}\n'),
])
def test_a_written_call_gives_what_was_asked_and_answered(document, name, text):
    """Courtesies and questions back answer nothing."""
    assert pairs(document(name, text)) == [(("When does the office open?",), "It opens at nine.")]


def test_what_our_agent_did_not_know_is_not_learnt(document):
    """Else "I do not know" would be the best answer to the question that was asked before."""
    lines = [{"t": 1, "event": "user_said", "text": "and what is the meaning of life"},
             {"t": 2, "event": "grounds", "gen": 2, "decision": "unknown"},
             {"t": 3, "event": "agent_said", "gen": 2, "text": "I am sorry, I do not know that."},
             {"t": 4, "event": "user_said", "text": "and my card number is"},
             {"t": 5, "event": "agent_said", "gen": 3, "text": "***"}]
    with pytest.raises(DocumentError, match="no text in it"):
        document("events.jsonl", "\n".join(map(json.dumps, lines)))


def test_subtitles_without_caller_and_agent_are_text(document):
    found = document("film.srt", "1\n00:00:01,000 --> 00:00:04,000\nWelcome.\n\n2\n00:00:05,000 --> 00:00:06,000\n"
                                 "It is about fees.\n")
    assert found.passages[0].statements == ("Welcome.", "It is about fees.")


def test_say_in_markdown_belongs_to_its_section_or_pair(document):
    found = document("a.md", "# A\n\nLong text.\n\nSay: Short text.\n\n## B\n\nQ: Why?\nA: Because.\nSay: So.\n\n"
                             "Q: When?\nA: Now.\n\n| Question | Answer | Say |\n|---|---|---|\n"
                             "| Who? | Ann. | Ann is. |\n")
    assert [(one.text, one.say) for one in found.passages] == [
        ("Long text.", "Short text."), ("Because.", "So."), ("Now.", ""), ("Ann.", "Ann is.")]


def test_passages_have_their_language(document):
    found = document("a.md", "# A\n\nThe office opens at nine in the morning.\n\n# B\n\nऑफिस सुबह नौ बजे खुलता है।\n\n"
                             "# C\n\nLe bureau ouvre à neuf heures du matin.\n\n# D\n\nഓഫീസ് രാവിലെ ഒൻപതിന് തുറക്കും.\n")
    assert [passage.language for passage in found.passages] == ["en", "hi", "fr", "ml"]
    assert document("b.md", "---\nlanguage: de\n---\nKurz.\n").passages[0].language == "de"


def test_long_words_are_bounded_by_characters(document):
    found = document("a.md", "വൈദ്യുതിനിയന്ത്രണത്തെക്കുറിച്ചുള്ളഅറിയിപ്പുകൾ " * 100).passages
    assert len(found) > 3
    assert all(len(passage.text) <= Cut().chars for passage in found)


def test_overlap_repeats_whole_sentences(document):
    """For models that read passages of 2000 characters with 500 of overlap."""
    text = " ".join(f"Sentence number {number} of the long text says a little." for number in range(200))
    found = document("a.md", text, Cut(words=1000, chars=2000, overlap_chars=500)).passages
    for one, following in zip(found, found[1:], strict=False):
        shared = [sentence for sentence in following.statements if sentence in one.statements]
        assert 400 < len(" ".join(shared)) <= 500
        assert list(one.statements[-len(shared):]) == shared
    assert len({sentence for passage in found for sentence in passage.statements}) == 200
    assert all(len(passage.text) <= 2000 for passage in found)
