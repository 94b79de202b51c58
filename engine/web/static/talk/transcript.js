/**
 * What was said, made of Realtime events. Pure: knows no socket and no page.
 *
 * A line: `{id, who: "caller" | "agent", text, partial, cut, sources: [{title, heading, snippet, ...}]}`.
 * `partial`: more of it comes, or it may be mended; `cut`: the agent was interrupted, and `text` is what was heard.
 */
export class Transcript {
  constructor() {
    this.lines = [];
    this.early = null; // sources that came before their line
  }

  /** Take one event of the server's; whether a line has changed. */
  take(event) {
    const handle = HANDLERS[event.type];
    return handle ? handle(this, event) !== false : false;
  }

  /** What the reader has typed. */
  typed(id, text) {
    this.lines.push(line(id, "caller", text));
  }

  /** So much of an item of the agent's was heard. Nothing: the line is no more, nor what parted the caller's words. */
  heard(id, text) {
    const found = this.find(id);
    if (!found) return;
    if (text) Object.assign(found, {text, cut: true, partial: false});
    else this.drop(id);
  }

  find(id) {
    return this.lines.find((one) => one.id === id);
  }

  /** Take a line out. What the caller said before and after it may be one: "how", then "how much is it". */
  drop(id) {
    const at = this.lines.findIndex((one) => one.id === id);
    if (at < 0) return;
    this.lines.splice(at, 1);
    const [before, after] = [this.lines[at - 1], this.lines[at]];
    if (before?.who === "caller" && after?.who === "caller" && before.text && after.text.startsWith(before.text)) {
      this.lines.splice(at - 1, 1);
    }
  }

  /** The lines as items for a new session, so that the agent knows what was said. */
  items() {
    return this.lines.filter((one) => one.text).map((one) => ({
      id: one.id, type: "message", role: one.who === "caller" ? "user" : "assistant",
      content: [{type: one.who === "caller" ? "input_text" : "output_text", text: one.text}],
    }));
  }

  /** The connection is gone: nothing that was under way comes any more. */
  settle() {
    this.lines = this.lines.filter((one) => one.text);
    for (const one of this.lines) one.partial = false;
  }
}

function line(id, who, text = "", more = {}) {
  return {id, who, text, partial: false, cut: false, sources: [], ...more};
}

function textOf(item) {
  return (item.content ?? []).map((part) => part.transcript ?? part.text ?? "").join(" ").trim();
}

/** A line for an item that is not there yet. Items of our own (typed, or told anew) are there already. */
function added(transcript, {item}) {
  if (item.type !== "message" || item.role === "system" || transcript.find(item.id)) return false;
  const who = item.role === "user" ? "caller" : "agent";
  transcript.lines.push(line(item.id, who, textOf(item), {partial: true}));
  return true;
}

function itemDone(transcript, {item}) {
  const found = transcript.find(item.id);
  if (!found) return false;
  if (found.who === "caller") {
    found.text = textOf(item) || found.text;
    return true;
  }
  const cited = (item.content ?? []).flatMap((part) => part.annotations ?? []);
  if (cited.length) found.sources = once(cited);
  found.partial = false;
  return true;
}

function more(transcript, {item_id: id, delta}) {
  const found = transcript.find(id);
  if (!found) return false;
  found.text += delta;
  return true;
}

function whole(transcript, {item_id: id, transcript: spoken, text}) {
  const found = transcript.find(id);
  if (!found) return false;
  found.text = (spoken ?? text ?? found.text).trim();
  if (found.who === "caller") {
    found.partial = false;
    if (!found.text) transcript.drop(id);
  }
  return true;
}

function speechStarted(transcript, {item_id: id}) {
  if (transcript.find(id)) return false;
  transcript.lines.push(line(id, "caller", "", {partial: true}));
  return true;
}

/** No words came of it: no line. */
function failed(transcript, {item_id: id}) {
  if (!transcript.find(id)?.text) transcript.drop(id);
}

/** A voice that was no turn leaves an empty line: it goes when the next thing happens. */
function begun(transcript) {
  const empty = transcript.lines.filter((one) => one.who === "caller" && !one.text && one.partial).slice(0, -1);
  for (const one of empty) transcript.drop(one.id);
  return empty.length > 0;
}

/** Sources that the server shows on their own (`extension.*`), before or after the words that stand on them. */
function grounds(transcript, {tool_name: name, tool_result: result}) {
  if (name !== "report_grounding") return false;
  let told;
  try {
    told = JSON.parse(result).sources ?? [];
  } catch {
    return false;
  }
  transcript.early = once(told.map((one) => ({...one, snippet: one.snippet ?? one.chunk})));
  const last = transcript.lines.at(-1);
  if (last?.who === "agent" && last.partial) attach(transcript, last);
  return true;
}

function outputAdded(transcript, event) {
  const changed = added(transcript, event);
  const found = transcript.find(event.item.id);
  if (found?.who === "agent") attach(transcript, found);
  return changed;
}

function attach(transcript, found) {
  if (transcript.early) found.sources = transcript.early;
  transcript.early = null;
}

function once(sources) {
  const known = new Map(sources.map((one) => [one.chunk_id ?? `${one.title} ${one.snippet}`, one]));
  return [...known.values()];
}

const HANDLERS = {
  "conversation.item.added": added,
  "response.output_item.added": outputAdded,
  "conversation.item.done": itemDone,
  "response.output_item.done": itemDone,
  "conversation.item.deleted": (transcript, event) => transcript.drop(event.item_id),
  "conversation.item.retrieved": (transcript, {item}) => transcript.heard(item.id, textOf(item)),
  "conversation.item.input_audio_transcription.delta": more,
  "conversation.item.input_audio_transcription.completed": whole,
  "conversation.item.input_audio_transcription.failed": failed,
  "input_audio_buffer.speech_started": speechStarted,
  "response.created": begun,
  "response.output_audio_transcript.delta": more,
  "response.output_audio_transcript.done": whole,
  "response.output_text.delta": more,
  "response.output_text.done": whole,
  "extension.middle_tier_tool_response": grounds,
};
