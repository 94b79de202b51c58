"""Run by itself: a program on the stock ``openai-agents``, as its own example for SIP calls is made.

    python sdk_sip.py ENGINE_URL CALL_ID       prints one JSON object: what it saw
"""

import asyncio
import json
import sys

from agents.realtime import RealtimeAgent, RealtimeRunner
from agents.realtime.model_inputs import RealtimeModelSendRawMessage
from agents.realtime.openai_realtime import OpenAIRealtimeSIPModel
from openai import AsyncOpenAI

from agents import function_tool

ran = []


@function_tool
def weather(city: str) -> str:
    """The weather in a city."""
    ran.append(city)
    return "sunny"


async def watch(session, seen):
    async for event in session:
        if event.type == "error":
            seen["errors"].append(str(event.error))
        elif event.type != "raw_model_event":
            seen["kinds"].append(event.type)
        else:
            kind = getattr(event.data, "type", "")
            if kind == "raw_server_event":
                seen["raw"].append(event.data.data["type"])
            if kind == "connection_status" and event.data.status == "disconnected":
                return


def spoken(session, role):
    return [part.transcript or getattr(part, "text", "") for item in session._history
            if item.type == "message" and item.role == role for part in item.content]


async def main(url, call_id):
    seen = {"kinds": [], "errors": [], "raw": []}
    agent = RealtimeAgent(name="Line", instructions="Be brief.", tools=[weather])
    client = AsyncOpenAI(api_key="k", base_url=url + "/v1")
    session = await OpenAIRealtimeSIPModel.build_initial_session_payload(agent)
    payload = session.model_dump(exclude_none=True)
    await client.realtime.calls.accept(call_id, **payload)
    runner = RealtimeRunner(agent, model=OpenAIRealtimeSIPModel())
    config = {"call_id": call_id, "api_key": "k",
              "url": f"{url.replace('http', 'ws', 1)}/v1/realtime?call_id={call_id}"}
    async with await runner.run(model_config=config) as session:
        await session.model.send_event(RealtimeModelSendRawMessage(message={"type": "response.create"}))
        async with asyncio.timeout(40):
            await watch(session, seen)
        seen["agent"], seen["user"] = spoken(session, "assistant"), spoken(session, "user")
    await client.close()
    seen["ran"] = ran
    print(json.dumps(seen))


asyncio.run(main(sys.argv[1], sys.argv[2]))
