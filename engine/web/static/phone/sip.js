// SIP messages as text (RFC 3261, as far as one call over a WebSocket needs it). Pure: text in, objects out.

const COMPACT = { v: "via", f: "from", t: "to", i: "call-id", m: "contact", l: "content-length", c: "content-type" };

/** A message: `method` and `uri` of a request or `status` and `reason` of a response; `headers` maps lower-case names
 *  to lists of values; `body` is text. null where it is none. */
export function parse(text) {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const lines = text.slice(0, end).replace(/\r\n[ \t]+/g, " ").split("\r\n");
  const headers = new Map();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon < 1) return null;
    const short = line.slice(0, colon).trim().toLowerCase();
    const name = COMPACT[short] ?? short;
    headers.set(name, [...(headers.get(name) ?? []), line.slice(colon + 1).trim()]);
  }
  const body = text.slice(end + 4);
  const answer = /^SIP\/2\.0 (\d{3}) ?(.*)$/.exec(lines[0]);
  if (answer) return { status: Number(answer[1]), reason: answer[2], headers, body };
  const request = /^([A-Z]+) (\S+) SIP\/2\.0$/.exec(lines[0]);
  return request ? { method: request[1], uri: request[2], headers, body } : null;
}

/** The first value of a header, or "". */
export function header(message, name) {
  return message.headers.get(name)?.[0] ?? "";
}

/** The number and method of CSeq. */
export function sequence(message) {
  const [number, method] = header(message, "cseq").split(/\s+/);
  return { number: Number(number), method };
}

/** A request or response as text. `headers`: pairs; values may be lists, which become one line each. */
export function format(first, headers, body = "", type = "application/sdp") {
  const lines = [first];
  for (const [name, value] of headers) for (const one of [value].flat()) lines.push(`${name}: ${clean(one)}`);
  if (body) lines.push(`Content-Type: ${type}`);
  lines.push(`Content-Length: ${new TextEncoder().encode(body).length}`);
  return lines.join("\r\n") + "\r\n\r\n" + body;
}

/** The answer to a request of the other side. `tag` is ours. */
export function answer(request, status, reason, tag, extra = [], body = "") {
  const to = header(request, "to");
  return format(`SIP/2.0 ${status} ${reason}`, [
    ["Via", request.headers.get("via") ?? []],
    ["From", header(request, "from")],
    ["To", /;\s*tag=/.test(to) ? to : `${to};tag=${tag}`],
    ["Call-ID", header(request, "call-id")],
    ["CSeq", header(request, "cseq")],
    ...extra,
  ], body);
}

/** The URI in a Contact or Record-Route value. */
export function address(value) {
  return /<([^>]+)>/.exec(value)?.[1] ?? value.split(";")[0].trim();
}

/** A number as it may stand in a SIP URI, or "": nothing that a page was given goes into a header unseen. */
export function dialled(number) {
  const plain = String(number).replace(/[\s()./-]/g, "");
  return /^\+?[0-9*#]{1,32}$/.test(plain) ? plain.replace("#", "%23") : "";
}

function clean(value) {
  return String(value).replace(/[\r\n]+/g, " ");
}
