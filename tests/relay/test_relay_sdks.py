"""Clients that no one here wrote, on a relayed session: a turn with a skill in it, without one protocol error."""

import subprocess
import sys

import gevent
from openai import OpenAI

from tests.fakes.speech_server import calls

AGENTS = """
import asyncio, sys
from agents.realtime import RealtimeAgent, RealtimeRunner

async def main(url):
    runner = RealtimeRunner(RealtimeAgent(name="desk", instructions="Be short."))
    session = await runner.run(model_config={"api_key": "k", "url": url})
    async with session:
        await session.send_message("When do you open?")
        turns = 0
        async for event in session:
            if event.type == "error":
                print("ERROR", event.error)
                return
            raw = getattr(getattr(event, "data", None), "data", None) if event.type == "raw_model_event" else None
            if isinstance(raw, dict) and raw.get("type") == "response.done":
                turns += 1
                if turns == 2:
                    print("DONE")
                    return

asyncio.run(asyncio.wait_for(main(sys.argv[1]), 30))
"""


def test_the_stock_sdk(server, world):
    """``openai``'s own client, its types validated by the world's client elsewhere."""
    server.answers += [calls("search", query="hours"), "We open at nine."]
    client = OpenAI(api_key="k", base_url=world().web.url)
    with client.realtime.connect(model="whatever") as connection:
        connection.session.update(session={"type": "realtime", "instructions": "Tell me all."})
        connection.conversation.item.create(item={
            "type": "message", "role": "user", "content": [{"type": "input_text", "text": "When do you open?"}]})
        connection.response.create()
        said, done = "", 0
        with gevent.Timeout(10):
            for event in connection:
                assert event.type != "error", event
                if event.type == "response.output_audio_transcript.delta":
                    said += event.delta
                done += event.type == "response.done"
                if done == 2:
                    break
    assert said == "We open at nine."


def test_the_agents_sdk(server, world, tmp_path):
    """It validates every event, and reports what it does not know as an error."""
    server.answers += [calls("search", query="hours"), "We open at nine."]
    url = world().web.url.replace("http", "ws") + "/realtime"
    done = subprocess.run([sys.executable, "-c", AGENTS, url], capture_output=True, text=True, timeout=40, cwd=tmp_path)
    assert done.stdout.strip() == "DONE", done.stdout + done.stderr[-2000:]
