/**
 * Asks the engine. The API key, where one is needed, is asked for once and kept for this tab only (sessionStorage).
 *
 *     const calls = await get("/sessions", {limit: 20});
 *     await send("DELETE", `/sessions/${id}`);
 */

const KEPT = "trunkline.key";

let asking = null;
let askForKey = async () => "";

/** An answer that is no success. `status` 0: the engine could not be reached. `code` and `param` are the engine's. */
export class ApiFault extends Error {
  constructor(status, code, message, param = "") {
    super(message);
    this.name = "ApiFault";
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

/** Tell how to ask for a key: `ask(why)` resolves to a key, or to "" where the reader gives none. */
export function onKeyNeeded(ask) {
  askForKey = ask;
}

/** The key of this tab, or "". */
export function key() {
  try {
    return sessionStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

/** Forget the key, or keep another one. */
export function setKey(value) {
  try {
    if (value) sessionStorage.setItem(KEPT, value);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // a browser that keeps nothing asks again at the next page
  }
}

/** JSON of a GET. `query` leaves out what is null, undefined or "". */
export async function get(path, query = {}, options = {}) {
  return (await ask(path + search(query), options)).json();
}

/** JSON of another method; null where there is no body. `body` is sent as JSON. */
export async function send(method, path, body = undefined, options = {}) {
  const headers = body === undefined ? {} : {"Content-Type": "application/json"};
  const answer = await ask(path, {method, headers, body: body === undefined ? undefined : JSON.stringify(body), ...options});
  return answer.status === 204 ? null : answer.json();
}

/** The answer itself, with the key in its request. A 401 asks for a key and tries once more. Raises `ApiFault`. */
export async function ask(path, options = {}) {
  const sent = key();
  let answer = await attempt(path, options);
  if (answer.status === 401) {
    const why = await fault(answer);
    if (!(await newKey(why.message, sent))) throw why;
    answer = await attempt(path, options);
  }
  if (!answer.ok) throw await fault(answer);
  return answer;
}

/** `?name=value` for what is given. */
export function search(query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** Send a form with files; `progress(share)` is told 0 to 1. Resolves to the JSON of the answer. */
export function upload(path, form, progress) {
  return new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    if (key()) request.setRequestHeader("Authorization", `Bearer ${key()}`);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && progress(event.loaded / event.total));
    request.addEventListener("error", () => failed(new ApiFault(0, "unreachable", "")));
    request.addEventListener("load", () => {
      const body = parsed(request.responseText);
      if (request.status >= 200 && request.status < 300) done(body);
      else failed(faultOf(request.status, body));
    });
    request.send(form);
  });
}

async function attempt(path, options) {
  const headers = {...options.headers, ...(key() ? {Authorization: `Bearer ${key()}`} : {})};
  try {
    return await fetch(path, {...options, headers});
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new ApiFault(0, "unreachable", "");
  }
}

/** One question to the reader, however many requests wait for it, and none where a key came after this one was `sent`. */
async function newKey(why, sent) {
  if (!asking && key() && key() !== sent) return key();
  asking ??= asked(why);
  return asking;
}

async function asked(why) {
  try {
    const given = await askForKey(why);
    setKey(given);
    return given;
  } finally {
    asking = null;
  }
}

async function fault(answer) {
  return faultOf(answer.status, parsed(await answer.text()));
}

function faultOf(status, body) {
  const error = body?.error ?? {};
  return new ApiFault(status, error.code ?? "", error.message ?? "", error.param ?? "");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
