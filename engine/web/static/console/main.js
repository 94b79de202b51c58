/** The console: what is where, and what is shown at which address (`#/live`, `#/call/ID?t=12`, ...). */

import {load} from "../shared/i18n.js";

const VIEWS = {
  live: "live-view", call: "call-view", past: "past-view", knowledge: "knowledge-view", agents: "agents-view",
  providers: "providers-view", health: "health-view", settings: "settings-view",
};

const bring = (view) => import(`./views/${named(view)}.js`);
await Promise.all([load((code) => import(`./texts/${code}.js`)), import("./shell.js"), bring(address().view)]);
const shell = document.createElement("console-shell");
document.body.replaceChildren(shell);

async function show() {
  const {view, id, query} = address();
  const name = named(view);
  await bring(view);
  if (address().view !== view || address().id !== id) return; // somebody was faster
  shell.show(name, document.createElement(VIEWS[name]), {id, query});
}

/** The view of that name, or the first one. */
function named(view) {
  return view in VIEWS ? view : "live";
}

/** `#/call/ID?t=12` as {view: "call", id: "ID", query: {t: "12"}}. */
function address() {
  const [path, search] = location.hash.replace(/^#\/?/, "").split("?");
  const [view, id = ""] = path.split("/").map(decodeURIComponent);
  return {view, id, query: Object.fromEntries(new URLSearchParams(search ?? ""))};
}

addEventListener("hashchange", show);
await show();
