"""Run by itself: the stock ``openai-agents`` holds a spoken turn, a tool call, an interruption and comes back.

    python sdk_agents.py WS_URL       prints one JSON object: what it saw
"""

import asyncio
import json
import sys

import numpy as np
from agents.realtime import RealtimeAgent, RealtimeRunner

from agents import function_tool

RATE = 24000
ran = []


@function_tool
def weather(city: str) -> str:
    """The weather in a city."""
    ran.append(city)
    return "sunny"


async def say(session, seconds=0.6, silence=0.6):
    tone = (6000 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)
    pcm = np.concatenate([tone, np.zeros(int(silence * RATE), np.int16)]).tobytes()
    for at in range(0, len(pcm), RATE // 10):
        await session.send_audio(pcm[at : at + RATE // 10])
        await asyncio.sleep(0.05)


async def until(events, kind, seen):
    async with asyncio.timeout(20):
        async for event in events:
            if event.type == "error":
                seen["errors"].append(str(event.error))
            if event.type != "raw_model_event":
                seen["kinds"].append(event.type)
            if event.type == kind:
                return event
    raise AssertionError(f"the session ended before {kind}")


def spoken(session):
    """What the agent has said, by the SDK's own history."""
    return [part.transcript for item in session._history if item.type == "message" and item.role == "assistant"
            for part in item.content if part.transcript]


async def main(url):
    seen = {"kinds": [], "errors": [], "said": []}
    agent = RealtimeAgent(name="Assistant", instructions="Be brief.", tools=[weather])
    config = {"model_config": {"api_key": "k", "url": f"{url}/ws/realtime?model=local",
                               "initial_model_settings": {"turn_detection": {"type": "server_vad"}}}}
    async with await RealtimeRunner(agent).run(**config) as session:
        events = session.__aiter__()
        await say(session)
        await until(events, "audio_end", seen)
        await asyncio.sleep(0.6)  # it is played out by then: who speaks earlier has not heard it all
        await say(session)
        await until(events, "tool_end", seen)
        await until(events, "audio_end", seen)
        await asyncio.sleep(0.6)
        await say(session)
        await until(events, "audio", seen)
        await say(session, seconds=0.8)
        await until(events, "audio_interrupted", seen)
        await until(events, "audio_end", seen)
        await asyncio.sleep(0.3)
        seen["said"] = spoken(session)
    async with await RealtimeRunner(agent).run(**config) as session:
        events = session.__aiter__()
        await say(session)
        await until(events, "audio_end", seen)
    seen["ran"] = ran
    print(json.dumps(seen))


asyncio.run(main(sys.argv[1]))
