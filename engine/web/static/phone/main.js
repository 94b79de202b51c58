// The page `/phone`: dials, shows how the call is, sends keys.

import { announce, fill, h } from "../shared/dom.js";
import { clock, has, load, t } from "../shared/i18n.js";
import { Call } from "./call.js";
import { dialled } from "./sip.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

const speaker = new Audio();
let settings;
let call = null;
let stream = null;
let began = 0;
let muted = false;

const state = h("p.state", { role: "status", "aria-live": "polite" });
const time = h("p.clock", { "aria-hidden": "true" });
const level = h("i");
const number = h("input", { type: "tel", autocomplete: "off", inputmode: "tel", oninput: refresh });
const dial = h("button.dial", { type: "button", onclick: toggle });
const mute = h("button.button", { type: "button", onclick: toggleMute, "aria-pressed": "false" });
const keys = h("div.keys");

await load((code) => import(`./texts/${code}.js`));
document.title = t("title");
await begin();

async function begin() {
  const response = await fetch("/api/phone");
  const told = await response.json();
  if (!response.ok) {
    fill(document.body, h("main", {}, h("p.notice.bad", { role: "alert" }, told.error.message)));
    return;
  }
  settings = told;
  fill(keys, KEYS.map((key) => h("button", { type: "button", onclick: () => press(key) }, key)));
  keys.setAttribute("role", "group");
  keys.setAttribute("aria-label", t("keys"));
  const field = settings.number ? h("p.soft", {}, settings.number) : h("label", {}, t("number"), number);
  fill(document.body, h("main", {}, h("h1", {}, t("title")), field, state, time,
    h("div.meter", { "aria-hidden": "true" }, level), keys, dial, mute));
  show("idle");
  document.addEventListener("keydown", (event) => {
    if (call && KEYS.includes(event.key) && event.target !== number) press(event.key);
  });
}

async function toggle() {
  if (call) { call.hangUp(); return; }
  const wanted = settings.number || number.value;
  if (!dialled(wanted)) { show("ended", t("noNumber")); number.focus(); return; }
  if (!navigator.mediaDevices) { show("ended", t("insecure")); return; }
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
  } catch (fault) {
    show("ended", t(fault.name === "NotFoundError" ? "noMicrophone" : "refused"));
    return;
  }
  call = new Call({ url: settings.url, number: wanted, ice: settings.ice.map((urls) => ({ urls })) });
  call.addEventListener("state", ({ detail }) => show(detail.state, has(`why${detail.code}`) ? t(`why${detail.code}`) : detail.reason));
  speaker.srcObject = call.remote;
  speaker.play().catch(() => announce(t("noSound")));
  await call.start(stream).catch(() => {}); // "ended" has told why
}

function show(name, reason = "") {
  if (name === "talking") { began = performance.now(); tick(); }
  if (name === "ended") {
    for (const track of stream?.getTracks() ?? []) track.stop();
    call = stream = null;
    muted = false;
  }
  state.textContent = name === "ended" ? reason : t(name);
  state.classList.toggle("bad", name === "ended");
  refresh();
}

function refresh() {
  dial.textContent = t(call ? "hangUp" : "call");
  dial.classList.toggle("end", Boolean(call));
  mute.hidden = !call;
  mute.textContent = t(muted ? "unmute" : "mute");
  mute.setAttribute("aria-pressed", String(muted));
  if (!call) { time.textContent = ""; level.style.transform = "scaleX(0)"; }
}

function press(key) {
  if (call?.state === "talking") call.digit(key);
  else if (!settings.number) number.value += key;
}

function toggleMute() {
  muted = !muted;
  for (const track of stream?.getAudioTracks() ?? []) track.enabled = !muted;
  refresh();
}

/** Four times a second: the time, and how loud the agent is. */
async function tick() {
  const current = call;
  while (current && current === call && current.state === "talking") {
    time.textContent = clock((performance.now() - began) / 1000);
    for (const one of (await current.peer.getStats()).values())
      if (one.type === "inbound-rtp") level.style.transform = `scaleX(${Math.min(1, (one.audioLevel ?? 0) * 3)})`;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
