"""The pages in a browser: what an operator sees and can do, with mouse and with keyboard."""

import pytest
from call_providers import voice
from call_world import named

from engine.config import HttpOptions
from engine.web import parts
from engine.web.app import Web
from engine.web.traffic import Traffic

READY = "location.hash === '#/' + document.querySelector('main .view:not([aria-busy])')?.dataset.place"
VIEWS = ["live", "past", "knowledge/sample?q=late+fee", "agents/desk", "agents", "providers", "health",
         "settings?q=turns.endpoint"]


def test_a_call_comes_is_followed_and_goes(world, chromium):
    """The list changes by itself: the call, what is said, its end. A caller's text is text: it never becomes markup."""
    chromium.page(world.at("live"))
    chromium.wait_for_selector(".empty:visible")
    call = world.call("15550012", "<img src=x onerror=alert(1)> late fee")
    chromium.wait_for_selector(".call-row")
    assert "15550012" in chromium.text(".call-row") and "Hello there." in chromium.text(".call-row")
    call.say(voice(0.6, call.rate))
    chromium.until("document.querySelector('.call-words').textContent.includes('<img src=x')")
    chromium.until("document.querySelector('.call-delay').textContent.includes('ms')")
    call.hangup()
    chromium.wait_for_selector(".empty:visible")
    assert chromium.query_selector(".call-row") is None
    assert chromium.faults() == []
    world.over(call)


def test_a_live_call_is_opened_and_becomes_a_finished_one(world, chromium):
    """Its transcript and turns grow while it goes on; when it is over the recording is there."""
    call = world.call("15550013", "what is the late fee for paying late")
    chromium.page(world.at(f"call/{call.uuid}"))
    chromium.wait_for_selector("text=Hang up")
    assert "Hello there." in chromium.text("call-transcript")
    call.say(voice(0.6, call.rate))
    chromium.until("document.querySelectorAll('call-turns li.turn').length === 1")
    call.hears_silence(0.5)
    call.hangup()
    chromium.wait_for_selector("text=ended by: Caller")
    assert "six dollars" in chromium.text("call-transcript")
    assert not chromium.is_visible("text=Hang up")
    assert chromium.faults() == []
    world.over(call)


def test_a_turn_says_what_was_waited_for_and_why(world, chromium, call):
    """Opened by keyboard: the steps, the decision, the source, the reasons; the address opens one, too."""
    chromium.page(world.at(f"call/{call.uuid}"))
    chromium.wait_for_selector("call-turns li.turn")
    chromium.focus("call-turns li.turn:nth-child(1) .turn-head")
    chromium.press("Enter")
    detail = chromium.text(".turn-detail")
    for seen in ("wait for the end", "retrieval", "on the wire", "answer", "late-payment", "Decided, and why",
                 "silence"):
        assert seen in detail
    assert chromium.get_attribute("call-turns li.turn:nth-child(1) .turn-head", "aria-expanded") == "true"
    chromium.press("Enter")
    assert not chromium.is_visible(".turn-detail")
    chromium.page(world.at(f"call/{call.uuid}?turn=2"))
    assert "red light" in chromium.text("call-turns li.turn:nth-child(2)") and chromium.is_visible(".turn-detail")


def test_the_timeline_is_a_slider(world, chromium, call):
    """Arrows move 2 s, brackets from turn to turn; the transcript shows where one is, and the place is told."""
    chromium.page(world.at(f"call/{call.uuid}"))
    chromium.wait_for_selector("call-timeline")
    chromium.focus("call-timeline")
    chromium.press("]")
    first = float(chromium.get_attribute("call-timeline", "aria-valuenow"))
    assert "paying late" in chromium.text("call-transcript .now")
    chromium.press("ArrowRight")
    assert float(chromium.get_attribute("call-timeline", "aria-valuenow")) == pytest.approx(first + 2, abs=0.2)
    chromium.press("]")
    assert "red light" in chromium.text("call-transcript .now")
    chromium.press("Home")
    assert chromium.get_attribute("call-timeline", "aria-valuetext").startswith("0:00 / ")


def test_the_recording_is_played_and_the_transcript_follows(world, chromium, call):
    """Space plays and stops; a click on a line goes there and plays; the marked line is the one that is heard."""
    chromium.page(world.at(f"call/{call.uuid}"))
    chromium.until("document.querySelector('call-player audio')?.readyState > 0")
    paused = "document.querySelector('call-player audio').paused"
    chromium.press("Space")
    chromium.until(f"!{paused} && document.querySelector('call-player audio').currentTime > 0.2")
    chromium.press("Space")
    chromium.until(paused)
    chromium.click("call-transcript li:nth-child(2) button")
    chromium.until(f"!{paused}")
    assert "paying late" in chromium.text("call-transcript .now")
    at = chromium.evaluate("document.querySelector('call-player audio').currentTime")
    assert float(chromium.get_attribute("call-timeline", "aria-valuenow")) == pytest.approx(at, abs=0.5)


def test_a_call_is_hung_up_from_its_page(world, chromium):
    """After a question; whoever pressed it stands in the log."""
    call = world.call("15550014")
    chromium.page(world.at(f"call/{call.uuid}"))
    chromium.click("text=Hang up")
    world.over(call)
    (told,) = named(world.events(call), "told_to_end")
    assert "local" in told["why"]
    chromium.wait_for_selector("text=ended by: Agent")


def test_past_calls_are_found_by_what_was_said(world, chromium, call):
    """The search is in the address, so that it can be shared; a row leads to its call."""
    chromium.page(world.at("past?q=red+light&caller=15550001"))
    chromium.wait_for_selector("tbody tr")
    assert chromium.evaluate("document.querySelectorAll('tbody tr').length") == 1
    chromium.click("tbody a")
    chromium.wait_for_selector("call-turns li.turn")
    assert chromium.evaluate("location.hash") == f"#/call/{call.uuid}"
    chromium.goto(world.at("past?q=submarine"))
    chromium.wait_for_selector("text=No call fits.")


def test_an_agent_is_tried_in_the_page(world, chromium):
    chromium.page(world.at("agents/desk"))
    chromium.fill("agent-try input", "what is the late fee for paying late")
    chromium.press("Enter")
    chromium.wait_for_selector("agent-try .sources")
    seen = chromium.text("agent-try")
    assert "six dollars" in seen and "late-payment" in seen and "answer" in seen
    assert chromium.faults() == []


def test_the_knowledge_base_is_asked_filled_and_emptied(world, chromium, tmp_path):
    """An answer with the passages and what their scores are made of; an upload is followed until it is read, found by
    the next question, and removed again."""
    chromium.page(world.at("knowledge/sample?q=what+is+the+late+fee+for+paying+late"))
    chromium.wait_for_selector(".passage.cited")
    seen = chromium.text("knowledge-ask")
    assert "six dollars" in seen and "late-payment" in seen and "by words" in seen
    (tmp_path / "zeppelins.md").write_text("# Zeppelin tours\n\nA zeppelin tour takes ninety minutes.\n")
    chromium.set_input_files("#kb-files", str(tmp_path / "zeppelins.md"))
    chromium.wait_for_selector("knowledge-documents .notice.good")
    chromium.fill("knowledge-ask input[name=question]", "how long is a zeppelin tour")
    chromium.press("Enter")
    chromium.wait_for_selector("knowledge-ask .reply-text:has-text('ninety minutes')")
    chromium.fill("knowledge-documents input[type=search]", "zeppelin")
    chromium.click("[aria-label='Remove: Zeppelin tours']")
    chromium.wait_for_selector("knowledge-documents >> text=was removed")
    assert chromium.faults() == []


def test_settings_are_searched(world, chromium):
    chromium.page(world.at("settings"))
    chromium.fill("input[type=search]", "turns.endpoint_min_ms")
    chromium.until("document.querySelectorAll('.setting').length === 1")
    assert "instead of" in chromium.text(".setting")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_serious_for_who_sees_or_hears_differently(world, chromium, call, dark):
    """axe-core over every view: names and roles once, contrast in both colour schemes."""
    found = {}
    chromium.page(world.at(VIEWS[0]), dark=dark, reduced_motion=True)
    for view in [*(VIEWS if not dark else VIEWS[:4]), f"call/{call.uuid}?turn=1"]:
        chromium.goto(world.at(view))
        chromium.until(READY)
        found[view] = chromium.axe(["color-contrast"] if dark else [])
    assert not any(found.values()), found


def test_a_narrow_page_is_not_wider_than_the_screen(world, chromium, call):
    """360 px, as on a small telephone: nothing has to be pushed sideways."""
    chromium.page(world.at("live"), size=(360, 740))
    for view in [*VIEWS, f"call/{call.uuid}?turn=1"]:
        chromium.goto(world.at(view))
        chromium.until(READY)
        assert chromium.evaluate("document.documentElement.scrollWidth") <= 360, view


def test_languages_have_the_same_texts(world, chromium):
    """A text that a language lacks would be English; one that English lacks is never seen."""
    chromium.page(world.at("live"))
    lacking = chromium.evaluate("""async () => {
        const texts = Object.fromEntries(await Promise.all(['en', 'fr', 'hi', 'ml', 'ta'].map(async (code) =>
            [code, (await import(`/static/console/texts/${code}.js`)).default])));
        const keys = Object.keys(texts.en);
        const holes = (text) => JSON.stringify([...JSON.stringify(text).matchAll(/\\{\\w+\\}/g)].map(String)
            .filter((hole, place, all) => all.indexOf(hole) === place).sort());
        return Object.entries(texts).flatMap(([code, own]) => [
            ...keys.filter((key) => !(key in own)), ...Object.keys(own).filter((key) => !keys.includes(key)),
            ...keys.filter((key) => key in own && holes(own[key]) !== holes(texts.en[key])),
        ].map((key) => `${code}: ${key}`));
    }""")
    assert lacking == []


def test_the_page_speaks_the_readers_language(world, chromium):
    chromium.page(world.at("live"), language="fr-FR")
    chromium.wait_for_selector("main h1")
    assert chromium.get_attribute("html", "lang") == "fr"
    chromium.select_option(".choices select", "ml")
    chromium.wait_for_selector("html[lang=ml] main h1")


def test_colours_are_chosen_and_kept(world, chromium):
    chromium.page(world.at("live"), dark=False)
    chromium.wait_for_selector("main h1")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = chromium.evaluate(ground)
    chromium.select_option(".choices select:nth-child(2)", "dark")
    assert chromium.evaluate(ground) != light
    chromium.reload()
    chromium.wait_for_selector("main h1")
    assert chromium.evaluate(ground) != light


def test_an_engine_that_cannot_be_reached_is_said(world, chromium):
    """What is shown may be old then; the page tries again by itself."""
    chromium.page(world.at("live"))
    chromium.wait_for_selector(".engine-state .soft")
    chromium.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
    chromium.goto(world.at("settings"))
    chromium.wait_for_selector("text=The engine cannot be reached")


def test_a_key_is_asked_for_once_and_kept_for_the_tab(world, chromium, call):
    """With keys, the page asks; a wrong one is asked for again; recordings play though an audio element sends none.
    The key is not left where another tab or visit finds it."""
    options = HttpOptions(port=0, keys={"desk": {"key": "tl_right-key-of-the-desk", "scopes": ["read"]}})
    web = Web(options, parts.routes(world.engine, Traffic()))
    web.start()
    try:
        chromium.page(f"{web.url}/console#/call/{call.uuid}")
        for key in ("wrong", "tl_right-key-of-the-desk"):
            chromium.wait_for_selector("dialog input")
            chromium.fill("dialog input", key)
            chromium.press("Enter")
            chromium.until("!document.querySelector('dialog')")
            if key == "wrong":
                chromium.wait_for_selector("main .notice.bad")
                chromium.reload()
        chromium.until("document.querySelector('call-player audio')?.readyState > 0")
        assert chromium.evaluate("document.querySelector('call-player audio').src").startswith("blob:")
        left = chromium.evaluate("JSON.stringify({...localStorage}) + document.cookie + location.href")
        assert "right-key" not in left
        chromium.goto(f"{web.url}/console#/settings")
        chromium.wait_for_selector("text=This key may not do that")
    finally:
        web.stop()
