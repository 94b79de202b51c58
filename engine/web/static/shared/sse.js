/**
 * Server-sent events with an API key: EventSource cannot send one, so this reads the stream itself. It resumes where it
 * was (Last-Event-ID) and comes back after a break, sooner at first and later and later.
 *
 *     const stream = listen("/api/console/live", {call: show, over: remove}, {onstate: (up) => ...});
 *     stream.close();
 */

import {ask} from "./api.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15000;
const SILENCE_MS = 45000; // three heartbeats

/** `handlers[name](data, id)` is called with the parsed JSON of each event; `onstate(true | false)` when it comes and
 *  goes. Ends by itself when the engine says that there will be no more (204 or an event `end`) or refuses for good. */
export function listen(path, handlers, {onstate = () => {}, onfault = () => {}} = {}) {
  const stopped = new AbortController();
  run(path, handlers, onstate, onfault, stopped);
  return {close: () => stopped.abort()};
}

async function run(path, handlers, onstate, onfault, stopped) {
  let last = "";
  let pause = FIRST_PAUSE_MS;
  while (!stopped.signal.aborted) {
    const connection = new AbortController();
    const stop = () => connection.abort();
    stopped.signal.addEventListener("abort", stop);
    let watchdog = null;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(stop, SILENCE_MS);
    };
    try {
      alive();
      const headers = {Accept: "text/event-stream", ...(last ? {"Last-Event-ID": last} : {})};
      const answer = await ask(path, {headers, signal: connection.signal, cache: "no-store"});
      if (answer.status === 204) return;
      onstate(true);
      let ended = false;
      for await (const event of events(answer.body, alive)) {
        pause = FIRST_PAUSE_MS;
        if (event.id) last = event.id;
        if (event.name === "end") ended = true;
        handlers[event.name]?.(JSON.parse(event.data), event.id);
      }
      if (ended) return;
    } catch (problem) {
      if (!stopped.signal.aborted && problem.name !== "AbortError") {
        onfault(problem);
        if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) return;
      }
    } finally {
      clearTimeout(watchdog);
      stopped.signal.removeEventListener("abort", stop);
    }
    if (stopped.signal.aborted) return;
    onstate(false);
    await new Promise((wake) => setTimeout(wake, pause * (0.75 + Math.random() / 2)));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** The events of a stream of bytes, by the rules of the HTML standard. */
export async function* events(body, alive = () => {}) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = {name: "message", data: [], id: ""};
  try {
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return;
      alive();
      const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (event.data.length) yield {...event, data: event.data.join("\n")};
          event = {name: "message", data: [], id: event.id};
          continue;
        }
        const [, field, text] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
        if (field === "data") event.data.push(text ?? "");
        else if (field === "event") event.name = text ?? "";
        else if (field === "id" && !text?.includes("\0")) event.id = text ?? "";
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
