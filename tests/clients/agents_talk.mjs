// The stock @openai/agents-realtime holds a spoken turn, a tool call, an interruption, and comes back: in Node and in a
// browser. `sdk` is the package; `speak(send, seconds)` says something.

import { Events, sleep } from "./speaking.mjs";

const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };

/** What a client still has to play when a response is complete; who speaks before that interrupts it. */
const PLAYED_MS = 500;

export async function talk(sdk, transport, apiKey, url, speak) {
  const events = new Events();
  const seen = { errors: [], ran: [], sent: [] };
  const weather = sdk.tool({
    name: "weather", description: "The weather in a city.", parameters: CITY,
    execute: async ({ city }) => (seen.ran.push(city), "sunny"),
  });
  const send = transport.sendEvent.bind(transport);
  transport.sendEvent = (event) => (seen.sent.push(event.type), send(event));
  const agent = new sdk.RealtimeAgent({ name: "Assistant", instructions: "Be brief.", tools: [weather] });
  const session = new sdk.RealtimeSession(agent, { transport, config: { audio: { input: {
    turnDetection: { type: "server_vad" }, transcription: { model: "whisper-1" } } } } });
  session.on("error", (fault) => seen.errors.push(String(fault?.error?.error?.error?.message ?? JSON.stringify(fault))));
  session.on("agent_tool_end", () => events.add({ type: "agent_tool_end" }));
  session.on("transport_event", (event) => events.add(event));
  const say = (seconds) => speak((pcm) => session.sendAudio(pcm.buffer), seconds);
  const answered = async () => {
    await events.until("response.done", ({ response }) => response.status === "completed");
    await sleep(PLAYED_MS);
  };
  const spoken = () => session.history.filter((item) => item.type === "message" && item.role === "assistant")
    .map((item) => item.content.map((part) => part.transcript ?? part.text ?? "").join(""));

  await session.connect({ apiKey, url });
  await say(0.6);
  await answered();
  await say(0.6);
  await events.until("agent_tool_end");
  await events.until("response.output_audio.delta");
  await answered();
  await say(0.6);
  const { item_id: item } = await events.until("response.output_audio.delta");
  await sleep(600);
  await say(0.8);
  await events.until("conversation.item.truncated", (event) => event.item_id === item);
  await events.until("conversation.item.retrieved", (event) => event.item.id === item);
  await answered();
  seen.said = spoken();
  seen.heard = session.history.filter((part) => part.role === "user").map((part) => part.content[0].transcript);
  session.close();

  await session.connect({ apiKey, url });
  await say(0.6);
  await answered();
  seen.again = spoken();
  session.close();
  return seen;
}
