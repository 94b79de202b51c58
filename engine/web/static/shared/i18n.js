/**
 * Texts in the reader's language. A page has its texts in files, one a language, all with the same keys:
 *
 *     // texts/en.js
 *     export default {title: "Calls", waiting: "{count} waiting", turns: {one: "{count} turn", other: "{count} turns"}};
 *
 *     await load((code) => import(`./texts/${code}.js`));
 *     t("waiting", {count: 3})
 *
 * What a language lacks is told in English. Numbers and times are written as the language writes them.
 */

export const LANGUAGES = {en: "English", fr: "Français", hi: "हिन्दी", ml: "മലയാളം", ta: "தமிழ்"};
const KEPT = "trunkline.language";

let chosen = "en";
let texts = {};
let english = {};
let plural = new Intl.PluralRules("en");

/** The language of the page, as a code. */
export function language() {
  return chosen;
}

/** Load the texts of the language that was chosen before, or that the browser asks for. `from(code)` imports a file.
 *  `wanted`: a language that comes before these; `page: false` where the page is not ours, and its language neither. */
export async function load(from, {wanted = "", page = true} = {}) {
  chosen = preferred(wanted);
  english = (await from("en")).default;
  texts = chosen === "en" ? english : (await from(chosen)).default;
  plural = new Intl.PluralRules(chosen);
  if (page) document.documentElement.lang = chosen;
}

/** Choose a language for this and later visits; the page is loaded again in it. */
export function choose(code) {
  keep(KEPT, code);
  location.reload();
}

/** The text of `key`, with `{name}` replaced by values. A text with `one` and `other` goes by `count`. */
export function t(key, values = {}) {
  let text = texts[key] ?? english[key] ?? key;
  if (typeof text === "object") text = text[plural.select(values.count ?? 0)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? number(value) : String(value);
  });
}

/** Whether there is a text of that key. */
export function has(key) {
  return key in texts || key in english;
}

/** A number as the language writes it. */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(chosen, {maximumFractionDigits: digits, minimumFractionDigits: digits}).format(value);
}

/** Milliseconds: "840 ms", or "1.9 s" from 10 seconds on; a dash for what is not known. */
export function ms(value) {
  if (value === null || value === undefined) return "–";
  return value < 10000 ? `${number(Math.round(value))} ms` : `${number(value / 1000, 1)} s`;
}

/** Seconds as 0:04, or 1:02:03 from an hour on. */
export function clock(seconds) {
  const whole = Math.floor(Math.abs(seconds) + 1e-6);
  const pad = (part) => String(part).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const text = hours ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
  return seconds < 0 && whole ? `-${text}` : text;
}

/** A moment (ISO 8601 or milliseconds) as day and time. */
export function moment(value) {
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? "" : new Intl.DateTimeFormat(chosen, {dateStyle: "medium", timeStyle: "short"})
    .format(date);
}

/** The name of a language in the reader's own: "ml" is "Malayalam" in English. */
export function languageName(code) {
  if (!code) return "";
  try {
    return new Intl.DisplayNames([chosen], {type: "language"}).of(code) ?? code;
  } catch {
    return code;
  }
}

function preferred(first) {
  const wanted = [first, recall(KEPT), ...navigator.languages].filter(Boolean)
    .map((code) => code.toLowerCase().split("-")[0]);
  return wanted.find((code) => code in LANGUAGES) ?? "en";
}

/** Keep a small text for later visits; a browser that keeps nothing is no fault. */
export function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // private windows may refuse
  }
}

/** What `keep` kept, or null. */
export function recall(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}
