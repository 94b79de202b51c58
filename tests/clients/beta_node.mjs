// Run by itself: node beta_node.mjs WS_URL FOLDER_OF_PACKAGES KEY
// The community's openai-realtime-api, a client of the Realtime API's beta, holds a spoken turn, a tool call, an
// interruption, and comes back; then again with turns that its user commits. Prints one JSON object: what it saw.

import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Events, RATE, say, sleep, voice } from "./speaking.mjs";

const [url, packages, apiKey] = process.argv.slice(2);
const find = createRequire(join(packages, "package.json"));
const { RealtimeClient } = await import(pathToFileURL(find.resolve("openai-realtime-api")));

const seen = { errors: [], ran: [] };
const print = console.log;
console.log = () => {};
// It catches its own exceptions and only tells the console.
console.error = console.warn = (...words) => seen.errors.push(words.join(" "));

/** A client that plays what it gets, in real time, and stops when it is interrupted: as its authors' example does. */
class Player {
  events = new Events();

  constructor(turn_detection) {
    this.client = new RealtimeClient({ url: `${url}/v1/realtime`, apiKey, debug: true, model: "local",
      sessionConfig: { turn_detection } });
    this.client.realtime.on("server.*", (event) => {
      this.events.add(event);
      if (event.type === "error") seen.errors.push(event.error.message);
      if (event.type === "response.audio.delta" && this.playing?.id !== event.item_id)
        this.playing = { id: event.item_id, since: Date.now() };
    });
    this.client.on("conversation.interrupted", () => this.stop());
    this.client.addTool({ name: "weather", description: "The weather.",
      parameters: { type: "object", properties: { city: { type: "string" } } } },
      ({ city }) => (seen.ran.push(city), "sunny"));
  }

  stop() {
    if (!this.playing) return;
    const { id, since } = this.playing;
    const had = this.client.conversation.getItem(id).formatted.audio.length;
    const played = Math.min(had, ((Date.now() - since) * RATE) / 1000);
    this.playing = undefined;
    if (played < had || this.client.conversation.getItem(id).status === "in_progress")
      this.client.cancelResponse(id, played);
  }

  disconnect() {
    this.playing = undefined;
    this.client.disconnect();
  }

  say(seconds = 0.6, silence = 0.6) {
    return say((pcm) => this.client.appendInputAudio(pcm), voice(seconds, silence));
  }

  async answered() {
    await this.events.until("response.done", ({ response }) => response.status === "completed");
    await sleep(500);
  }

  get spoken() {
    return this.client.conversation.getItems().filter((item) => item.role === "assistant")
      .map((item) => item.formatted.transcript);
  }
}

/** The server finds out when the user's turns begin and end. */
async function hands_free() {
  const player = new Player({ type: "server_vad" });
  await player.client.connect();
  await player.say();
  await player.answered();
  await player.say();
  await player.answered(); // the tool's call is a response of its own
  await player.answered();
  await player.say();
  const { item_id: cut } = await player.events.until("response.audio.delta");
  await sleep(600);
  await player.say(0.8);
  await player.events.until("conversation.item.truncated", (event) => event.item_id === cut);
  await player.answered();
  const said = player.spoken;
  player.disconnect();
  await player.client.connect();
  await player.say();
  await player.answered();
  seen.again = player.spoken;
  player.disconnect();
  return said;
}

/** The user holds a key while talking. */
async function by_hand() {
  const player = new Player(null);
  const speak = async () => {
    await player.say();
    player.client.createResponse();
  };
  await player.client.connect();
  await speak();
  await player.answered();
  await speak();
  await player.answered();
  await player.answered();
  await speak();
  const { item_id: cut } = await player.events.until("response.audio.delta");
  await sleep(600);
  player.stop();
  await player.events.until("conversation.item.truncated", (event) => event.item_id === cut);
  await speak();
  await player.answered();
  const said = player.spoken;
  player.disconnect();
  return said;
}

[seen.hands_free, seen.by_hand] = await Promise.all([hands_free(), by_hand()]);
print(JSON.stringify(seen));
process.exit(0);
