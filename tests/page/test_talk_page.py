"""The page `/` in a browser: what one does by mouse, keyboard and voice, and what it says when that cannot be."""

import json

import pytest
from call_world import wait
from talk_world import GREETING, TALK

GREETING_MS = len(GREETING) * 40
LINES = f"{TALK}.transcript.lines.map((line) => [line.who, line.text])"
QUESTION = "what is the late fee for paying late"
ANSWER = "six dollars"
KEY = "tl_the-key-of-the-desk-000"


def phase(name):
    return f"{TALK}?.phase === '{name}'"


def asks(chromium, text):
    chromium.fill("input[name=message]", text)
    chromium.press("Enter")


def answered(chromium, text=ANSWER, times=1):
    """Wait until the agent has said this so often, and has finished."""
    chromium.until(f"{TALK}?.transcript.lines.filter((line) => line.who === 'agent' && !line.partial && "
                   f"line.text.includes({json.dumps(text)})).length === {times}")


def refuses(name):
    """A script for a browser whose microphone is refused so."""
    return ("if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = () => "
            f"Promise.reject(new DOMException('', '{name}'));")


# ---------------------------------------------------------------- talking


def test_the_greeting_is_played_to_its_last_millisecond(page):
    """Keyboard only: Tab to the button, Enter. What was played is counted in the audio thread: all of it, once."""
    chromium = page()
    for _ in range(9):
        chromium.press("Tab")
        if chromium.evaluate("document.activeElement.shadowRoot?.activeElement?.classList.contains('orb') ?? false"):
            break
    chromium.press("Enter")
    chromium.until(phase("speaking"))
    chromium.until(phase("listening"))
    assert chromium.evaluate(LINES) == [["agent", GREETING]]
    assert chromium.evaluate(f"{TALK}.played.total") == pytest.approx(GREETING_MS, abs=25)
    assert chromium.evaluate(f"{TALK}.levels.agent") == 0


def test_an_interrupted_answer_is_cut_where_it_was_heard(page):
    """Escape stops the voice. The line keeps whole words that were heard: no fewer, and none that were not."""
    chromium = page()
    chromium.evaluate("document.querySelector('trunkline-talk').addEventListener('truncate', ({detail}) => "
                      "{ window.cut = detail; })")
    chromium.click(".orb")
    chromium.until(f"{TALK}.played.ms > 600")
    chromium.focus(".orb")
    chromium.press("Escape")
    chromium.until(f"{TALK}.transcript.lines[0].cut")
    ms = chromium.evaluate("window.cut.ms")
    text = chromium.evaluate(LINES)[0][1]
    assert GREETING.startswith(text) and text and text != GREETING
    assert len(text) * 40 <= ms + 80, "a word that was not heard"
    assert ms <= chromium.evaluate(f"{TALK}.played.total") + 3  # sound is counted in blocks of 128 samples
    assert chromium.is_visible("text=interrupted")
    played = chromium.evaluate(f"{TALK}.played.total")
    chromium.wait_for_timeout(200)
    assert chromium.evaluate(f"{TALK}.played.total") == played


def test_press_to_talk_is_a_tap_or_a_hold(page, place):
    """The reader says when a turn ends: nothing is sent before the press, and the answer comes after letting go."""
    place.recogniser.scripts.append([QUESTION, "what does the orange light mean"])
    chromium = page()
    chromium.click(".orb")
    chromium.until(phase("speaking"))
    chromium.click("text=Press to talk")
    chromium.focus(".orb")
    for text, down, up in ((ANSWER, "down", "up"), ("orange light", "press", "press")):
        keyboard = chromium.hold if down == "down" else chromium.press
        keyboard("Space")
        chromium.until(phase("hearing"))
        chromium.wait_for_timeout(400)
        (chromium.let_go if up == "up" else chromium.press)("Space")
        answered(chromium, text)
    assert [who for who, _ in chromium.evaluate(LINES)][-4:] == ["caller", "agent", "caller", "agent"]
    chromium.click("text=Press to talk")


def test_a_typed_question_needs_no_microphone(page):
    """It is answered in writing, with what it stands on; a screen reader is told the answer, for nothing is heard."""
    chromium = page(script=refuses("NotAllowedError"))
    asks(chromium, QUESTION)
    answered(chromium)
    chromium.click(".source summary")
    assert "fourteen days" in chromium.text(".source blockquote")
    assert ANSWER in chromium.text(".lines-place [role=status]")
    assert chromium.evaluate(f"{TALK}.voice") is False
    asks(chromium, "what does the orange light mean")
    answered(chromium, "orange light")
    chromium.click("text=End")
    chromium.until(phase("idle"))
    assert len(chromium.evaluate(LINES)) == 4, "what was said stays to be read"


def test_a_typed_question_stops_the_voice_and_is_answered_by_it(page):
    chromium = page()
    chromium.click(".orb")
    chromium.until(f"{TALK}.played.ms > 500")
    asks(chromium, QUESTION)
    chromium.until(f"{TALK}.transcript.lines.at(-1).text.includes('{ANSWER}')")
    chromium.until(phase("speaking"))
    (_, greeting), (who, question) = chromium.evaluate(LINES)[:2]
    assert GREETING.startswith(greeting) and greeting != GREETING
    assert (who, question) == ("caller", QUESTION)


def test_mute_is_silence(page):
    """The button says what it will do next; the microphone's track is off, as the browser's own sign shows."""
    chromium = page()
    chromium.click(".orb")
    chromium.until(phase("speaking"))
    chromium.until(phase("listening"))  # the greeting is over
    chromium.click(".controls >> text=Mute")
    chromium.wait_for_selector(".controls >> text=Unmute")
    assert chromium.text(".state") == "Your microphone is muted"
    chromium.click(".orb")
    assert chromium.text(".state") == "Listening"


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(("script", "told"), [
    (refuses("NotAllowedError"), "may not use the microphone"), (refuses("NotFoundError"), "No microphone was found"),
    (refuses("NotReadableError"), "Another program"),
    ("Object.defineProperty(window, 'isSecureContext', {value: false});", "HTTPS"),
], ids=["refused", "none", "busy", "insecure"])
def test_no_microphone_says_why_and_offers_to_type(page, script, told):
    chromium = page(script=script)
    chromium.click(".orb")
    chromium.until(phase("failed"))
    assert told in chromium.text("[role=alert]") and "type your question" in chromium.text("[role=alert]")
    asks(chromium, QUESTION)
    answered(chromium)
    assert chromium.text("[role=alert]") == ""


@pytest.mark.parametrize(("attribute", "value", "told"), [
    ("_draining", True, "being restarted"), ("sessions", dict.fromkeys(range(5000)), "lines are busy"),
], ids=["draining", "full"])
def test_an_engine_that_takes_nobody_says_so(page, place, monkeypatch, attribute, value, told):
    chromium = page()
    monkeypatch.setattr(place.engine, attribute, value)
    chromium.click(".orb")
    chromium.until(phase("failed"))
    assert told in chromium.text("[role=alert]")
    monkeypatch.undo()
    chromium.click(".orb")
    chromium.until(phase("speaking"))


def test_the_server_goes_and_comes_back(page, place):
    """What was said is kept on the page, and told to the agent again: "say that again" is answered from it."""
    web = place.another()
    web.start()
    port = web.address[1]
    chromium = page(url=web.url)
    asks(chromium, QUESTION)
    answered(chromium)
    web.stop()
    chromium.until(phase("waiting"))
    assert "Trying again" in chromium.text(".state")
    web = place.another(port=port)
    web.start()
    try:
        chromium.until(phase("listening"))
        asks(chromium, "say that again")
        answered(chromium, times=2)
        chromium.goto("about:blank")
        assert all("ERR_CONNECTION_REFUSED" in fault or "WebSocket" in fault for fault in chromium.faults())
        chromium.forget_faults()
    finally:
        web.stop()


def test_a_key_is_asked_for_where_one_is_needed(page, place, browser):
    """Nobody talks without; with it, one does, and the key itself is never sent over the WebSocket."""
    web = place.another(keys={"desk": {"key": KEY, "scopes": ["talk"]}})
    web.start()
    try:
        browser.page(web.url + "/")
        browser.wait_for_selector("dialog input")
        browser.fill("dialog input", KEY)
        browser.press("Enter")
        browser.wait_for_selector("[data-offered]")
        browser.click(".orb")
        browser.until(phase("speaking"))
        assert all("401" in fault for fault in browser.faults())
        browser.goto("about:blank")
        browser.forget_faults()
        wait(lambda: not place.engine.sessions, "the session is still held")
    finally:
        web.stop()


# ---------------------------------------------------------------- for everybody


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_serious_for_who_sees_or_hears_differently(page, dark):
    """axe-core before, while and after one talks, and where it fails."""
    chromium = page(dark=dark, reduced_motion=True)
    rules = ["color-contrast"] if dark else []
    found = {"idle": chromium.axe(rules)}
    asks(chromium, QUESTION)
    answered(chromium)
    chromium.click(".source summary")
    found["written"] = chromium.axe(rules)
    chromium.click(".orb")
    chromium.until(f"{TALK}.voice")
    found["spoken"] = chromium.axe(rules)
    chromium.click("text=End")
    chromium.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', "
                      "'NotAllowedError')); }")
    chromium.click(".orb")
    chromium.until(phase("failed"))
    found["failed"] = chromium.axe(rules)
    assert not any(found.values()), found


@pytest.mark.parametrize("language", ["en", "fr", "hi", "ml", "ta"])
def test_a_small_telephone(page, language):
    """320 px: nothing has to be pushed sideways, and what is pressed is at least 44 px high and wide."""
    chromium = page(size=(320, 600), language=language)
    asks(chromium, QUESTION)
    answered(chromium)
    chromium.click(".orb")
    chromium.until(f"{TALK}.voice")
    assert chromium.evaluate("document.documentElement.scrollWidth") <= 320
    assert chromium.get_attribute("html", "lang") == language
    small = chromium.evaluate("""() =>
        [...document.querySelector('trunkline-talk').shadowRoot.querySelectorAll('button')]
        .map((one) => [one.title, one.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.width < 44 || box.height < 44)).map(([title]) => title)""")
    assert small == []
    below = chromium.evaluate("document.querySelector('trunkline-talk').shadowRoot.querySelector('.composer')"
                              ".getBoundingClientRect().bottom")
    assert below <= 600, "the field is out of sight"


def test_languages_have_the_same_texts(page):
    """A text that a language lacks would be English; one that English lacks is never seen."""
    lacking = page().evaluate("""async () => {
        const texts = Object.fromEntries(await Promise.all(['en', 'fr', 'hi', 'ml', 'ta'].map(async (code) =>
            [code, (await import(`/static/talk/texts/${code}.js`)).default])));
        const keys = Object.keys(texts.en);
        return Object.entries(texts).flatMap(([code, own]) => [
            ...keys.filter((key) => !(key in own)), ...Object.keys(own).filter((key) => !keys.includes(key)),
            ...keys.filter((key) => /{\\w+}/.exec(own[key])?.[0] !== /{\\w+}/.exec(texts.en[key])?.[0]),
        ].map((key) => `${code}: ${key}`));
    }""")
    assert lacking == []


def test_an_agent_and_a_language_are_chosen(page):
    """With arrows, as radio buttons are. The language that the reader reads is chosen where the agent speaks it."""
    chromium = page(language="fr-FR")
    chromium.focus("input[value=desk]")
    chromium.press("ArrowDown")
    assert chromium.input_value(".tongues select") == "fr"
    chromium.select_option(".tongues select", "en")
    chromium.click(".orb")
    chromium.until(phase("speaking"))
    assert chromium.evaluate(LINES) == [["agent", "Hello."]]
    assert chromium.text(".who b") == "Hours"


# ---------------------------------------------------------------- sound


def test_other_sample_rates_sound_the_same(page):
    """A tone of 1 kHz stays one, as loud as before, in whatever pieces it comes; what the lower rate cannot hold is
    gone instead of being heard as another tone."""
    heard = page().evaluate("""async () => {
        const {Resampler} = await import('/static/talk/audio/resampler.js');
        const through = (from, to, hz) => {
            const resampler = new Resampler(from, to);
            const made = [];
            for (let at = 0; at < from; at += 128) {
                const tone = (_, n) => Math.sin(2 * Math.PI * hz * (at + n) / from);
                made.push(...resampler.push(Float32Array.from({length: 128}, tone)));
            }
            const middle = made.slice(to / 4, to / 2);
            const part = (wave) => middle.reduce((sum, value, n) => sum + value * wave(2 * Math.PI * hz * n / to), 0);
            return {count: made.length, level: 2 * Math.hypot(part(Math.sin), part(Math.cos)) / middle.length,
                power: Math.sqrt(middle.reduce((sum, value) => sum + value * value, 0) / middle.length)};
        };
        return {down: through(48000, 24000, 1000), cd: through(44100, 24000, 1000), up: through(24000, 44100, 1000),
            folded: through(48000, 24000, 15000)};
    }""")
    for name, rate in (("down", 24000), ("cd", 24000), ("up", 44100)):
        assert heard[name]["level"] == pytest.approx(1, abs=0.01), name
        assert heard[name]["count"] == pytest.approx(rate, rel=0.004), name  # whole pieces of 128
    assert heard["folded"]["power"] < 0.001


def test_what_was_never_heard_is_no_line(page):
    """A reply that is cut before its first word is gone; what the caller said around it is one line if it is one. A
    voice that was no turn leaves none either."""
    lines = page().evaluate("""async () => {
        const {Transcript} = await import('/static/talk/transcript.js');
        const transcript = new Transcript();
        const said = (id, text) => ['input_audio_buffer.speech_started',
            'conversation.item.input_audio_transcription.completed'].forEach((type) =>
            transcript.take({type, item_id: id, transcript: text}));
        const reply = (id, text) => {
            transcript.take({type: 'response.created', response: {id: `of_${id}`}});
            const item = {id, type: 'message', role: 'assistant', content: []};
            transcript.take({type: 'response.output_item.added', item});
            transcript.take({type: 'response.output_audio_transcript.delta', item_id: id, delta: text});
        };
        said('a', 'how');
        reply('b', 'Pardon?');
        said('c', 'how much is it');
        const heard = (id, words) => transcript.take({type: 'conversation.item.retrieved',
            item: {id, role: 'assistant', content: [{transcript: words}]}});
        heard('b', '');
        transcript.take({type: 'input_audio_buffer.speech_started', item_id: 'd'});
        reply('e', 'Six dollars. It is late.');
        heard('e', 'Six dollars.');
        transcript.settle();
        return transcript.lines.map((line) => [line.id, line.text, line.cut]);
    }""")
    assert lines == [["c", "how much is it", False], ["e", "Six dollars.", True]]
