/** One WebSocket of the Realtime protocol: opened with an ephemeral secret, which a page can show without a key in it. */

import {ApiFault, ask, search, send} from "../shared/api.js";

const PATH = "/v1/realtime";
const SUBPROTOCOL = "realtime";
const SECRET = "openai-insecure-api-key.";
const OPENING_MS = 15000;

/** Why there is no session. `kind`: a text `fault.KIND` of the page; `again`: whether trying again may help. */
export class NoSession extends Error {
  constructor(kind, message = "", again = false) {
    super(message || kind);
    this.kind = kind;
    this.told = message;
    this.again = again;
  }
}

/** Agents that can be talked to. Raises `NoSession`. */
export async function agents(server) {
  return heeding(async () => (await (await ask(`${server}/api/agents`)).json()).agents);
}

/**
 * Open a session. `onevent(event)`: what the server sends; `onclose(NoSession)`: it is over, told once, and not where
 * we close it. Raises `NoSession`.
 *
 * `secretUrl`: where the site's own server makes secrets; else the engine is asked for one.
 */
export async function connect({server, secretUrl, agent, language, greet}, {onevent, onclose}) {
  const secret = await heeding(() => secretUrl ? fetched(secretUrl) : asked(server, agent, language));
  const url = server.replace(/^http/, "ws") + PATH + search({agent, language, greet: greet ? "1" : "0", extensions: "1"});
  const socket = new WebSocket(url, [SUBPROTOCOL, SECRET + secret]);
  return new Promise((opened, failed) => {
    let session = null;
    const late = setTimeout(() => socket.close(), OPENING_MS);
    socket.addEventListener("message", ({data}) => {
      const event = JSON.parse(data);
      if (!session && event.type === "session.created") {
        clearTimeout(late);
        session = new Connection(socket, event.session);
        opened(session);
      }
      session?.note(event);
      if (session && !session.left) onevent(event);
    });
    socket.addEventListener("close", ({code, reason}) => {
      clearTimeout(late);
      if (!session) failed(refusal(code, reason));
      else if (!session.left) onclose(ending(code, reason, session));
    });
  });
}

class Connection {
  constructor(socket, session) {
    this.socket = socket;
    this.session = session;
    this.left = false;
    this.expired = false;
    this.fault = "";
  }

  send(type, fields = {}) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({type, ...fields}));
  }

  close() {
    this.left = true;
    this.socket.close(1000);
  }

  note(event) {
    if (event.type !== "error") return;
    this.expired ||= event.error.code === "session_expired";
    if (event.error.type === "server_error") this.fault = event.error.message;
  }
}

async function asked(server, agent, language) {
  return (await send("POST", `${server}/api/talk`, {agent, language})).secret;
}

/** The body may be the engine's own answer, OpenAI's, or `{"secret": ...}`. */
async function fetched(url) {
  const answer = await fetch(url, {method: "POST", credentials: "same-origin"});
  if (!answer.ok) throw new ApiFault(answer.status, "", "");
  const body = await answer.json();
  return body.secret ?? body.value ?? body.client_secret?.value;
}

async function heeding(work) {
  try {
    return await work();
  } catch (fault) {
    if (fault instanceof ApiFault) throw ofHttp(fault);
    throw fault instanceof TypeError ? new NoSession("unreachable", "", true) : fault;
  }
}

function ofHttp(fault) {
  if (fault.status === 0) return new NoSession("unreachable", "", true);
  if (fault.status === 401) return new NoSession("key", fault.message);
  if (fault.status === 403) return new NoSession("forbidden", fault.message);
  if (fault.status === 429) return new NoSession("often", "", true);
  if (fault.status === 503) return new NoSession("full", "", true);
  return new NoSession("engine", fault.message);
}

/** The server closes before there is a session: it is full, going away, or has no such agent. */
function refusal(code, reason) {
  if (code === 1008) return new NoSession("engine", reason);
  if (code === 1013) return new NoSession("full", "", true);
  if (code === 1001) return new NoSession("draining", "", true);
  return new NoSession("unreachable", "", true);
}

function ending(code, reason, session) {
  if (session.expired) return new NoSession("expired");
  if (code === 1000) return new NoSession("goodbye");
  if (code === 1011) return new NoSession("engine", session.fault || reason);
  return new NoSession("lost", reason, true);
}
