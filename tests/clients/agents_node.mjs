// Run by itself: node agents_node.mjs WS_URL FOLDER_OF_PACKAGES KEY
// The stock @openai/agents-realtime in Node; prints one JSON object: what it saw.

import { createRequire } from "node:module";
import { join } from "node:path";
import { talk } from "./agents_talk.mjs";
import { say, voice } from "./speaking.mjs";

const [url, packages, key] = process.argv.slice(2);
const sdk = createRequire(join(packages, "package.json"))("@openai/agents-realtime");
const transport = new sdk.OpenAIRealtimeWebSocket({ useInsecureApiKey: true });
const seen = await talk(sdk, transport, key, `${url}/v1/realtime?model=local`, (send, seconds) => say(send, voice(seconds)));
console.log(JSON.stringify(seen));
