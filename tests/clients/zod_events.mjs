// Run by itself: node zod_events.mjs FOLDER_OF_PACKAGES < events, one JSON object a line
// Which of them @openai/agents-realtime would not understand; it takes no notice of those and says nothing. Prints
// {"wrong": [[event, why], ...], "unknown": [types that it has no schema for]}.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const path = join(process.argv[2], "node_modules/@openai/agents-realtime/dist/openaiRealtimeEvents.js");
const { realtimeServerEventSchema } = createRequire(import.meta.url)(path);

const wrong = [];
const unknown = new Set();
for await (const line of createInterface({ input: process.stdin })) {
  const event = JSON.parse(line);
  const { success, error } = realtimeServerEventSchema.safeParse(event);
  if (success) continue;
  if (error.issues.some((issue) => issue.path.length === 1 && issue.path[0] === "type")) unknown.add(event.type);
  else wrong.push([event, error.issues]);
}
console.log(JSON.stringify({ wrong, unknown: [...unknown].sort() }));
