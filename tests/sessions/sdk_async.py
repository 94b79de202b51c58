"""Run by itself: the stock ``AsyncOpenAI`` holds a spoken turn, a tool call, an interruption and comes back.

    python sdk_async.py BASE_URL       prints one JSON object: what it saw
"""

import asyncio
import base64
import json
import sys

import numpy as np
from openai import AsyncOpenAI

RATE = 24000
TOOL = {"type": "function", "name": "weather", "description": "The weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


async def say(connection, seconds=0.6, silence=0.6):
    tone = (6000 * np.sin(2 * np.pi * 220 * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)
    pcm = np.concatenate([tone, np.zeros(int(silence * RATE), np.int16)]).tobytes()
    for at in range(0, len(pcm), RATE // 10):
        await connection.input_audio_buffer.append(audio=base64.b64encode(pcm[at : at + RATE // 10]).decode())
        await asyncio.sleep(0.05)


async def until(connection, kind, seen):
    async with asyncio.timeout(20):
        async for event in connection:
            seen["kinds"].append(event.type)
            if event.type == "error":
                seen["errors"].append(event.error.message)
            if event.type == kind:
                return event
    raise AssertionError(f"the connection ended before {kind}")


async def main(url):
    client = AsyncOpenAI(api_key="k", base_url=f"{url}/v1")
    seen = {"kinds": [], "errors": [], "said": []}
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await connection.session.update(session={"type": "realtime", "tools": [TOOL]})
        await say(connection)
        done = await until(connection, "response.done", seen)
        seen["said"].append(done.response.output[0].content[0].transcript)

        await say(connection)
        call = await until(connection, "response.function_call_arguments.done", seen)
        seen["call"] = [call.name, call.arguments]
        await until(connection, "response.done", seen)
        await connection.conversation.item.create(
            item={"type": "function_call_output", "call_id": call.call_id, "output": "sunny"})
        await connection.response.create()
        done = await until(connection, "response.done", seen)
        seen["said"].append(done.response.output[0].content[0].transcript)

        await say(connection)
        await until(connection, "response.output_audio.delta", seen)
        await say(connection, seconds=0.8)
        cut = await until(connection, "response.done", seen)
        seen["cut"] = cut.response.status_details.reason
        done = await until(connection, "response.done", seen)
        seen["said"].append(done.response.output[0].content[0].transcript)
    async with client.realtime.connect(model="gpt-realtime") as connection:
        await say(connection)
        done = await until(connection, "response.done", seen)
        seen["said"].append(done.response.output[0].content[0].transcript)
    print(json.dumps(seen))


asyncio.run(main(sys.argv[1]))
