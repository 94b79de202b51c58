/** What stands around every view: navigation, the state of the engine, language and colours, the question for a key. */

import {key, onKeyNeeded, setKey} from "../shared/api.js";
import {announce, fill, h} from "../shared/dom.js";
import {LANGUAGES, choose, language, t} from "../shared/i18n.js";
import {listen} from "../shared/sse.js";
import {THEMES, setTheme, theme} from "../shared/theme.js";
import {icon} from "./icons.js";
import {status} from "./view.js";

const PLACES = ["live", "past", "knowledge", "agents", "providers", "health", "settings"];
const TONES = {ok: "good", degraded: "warn", draining: "warn", down: "bad"};

/** `<console-shell>`: `show` puts a view in its middle. */
export class Shell extends HTMLElement {
  #links = new Map();
  #list = "past";
  #main = h("main", {id: "main", tabindex: "-1"});
  #state = h("a.engine-state", {href: "#/health"}, status("idle", t("state.connecting")));

  connectedCallback() {
    onKeyNeeded(askForKey);
    for (const name of PLACES) {
      this.#links.set(name, h("a", {href: `#/${name}`}, icon(name), h("span", {}, t(`nav.${name}`))));
    }
    const skip = h("a.skip", {href: "#main", onclick: (event) => {
      event.preventDefault();
      this.#main.focus();
    }}, t("nav.skip"));
    fill(this, skip,
      h("div.rail", {},
        h("a.brand", {href: "#/live", "aria-label": "Trunkline"}, mark(), h("span", {}, "Trunkline")),
        h("nav", {"aria-label": t("nav.label")}, [...this.#links.values()]),
        h("div.rail-foot", {}, this.#state, this.#choices())),
      this.#main);
    listen("/api/console/health", {health: (now) => this.#tell(now)}, {onstate: (up) => up || this.#tell(null)});
  }

  /** Show `view`, which is told its `id` and `query`. */
  show(name, view, {id, query}) {
    view.id_ = id;
    view.query = query;
    view.dataset.place = location.hash.replace(/^#\/?/, "");
    const place = name === "call" ? this.#list : name; // a call belongs to the list that it was chosen from
    if (name === "live" || name === "past") this.#list = name;
    for (const [other, link] of this.#links) {
      if (other === place) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const first = !this.#main.firstChild;
    this.#main.replaceChildren(view);
    scrollTo(0, 0);
    if (!first) {
      view.querySelector("h1")?.focus({preventScroll: true});
      announce(document.title);
    }
  }

  #tell(now) {
    const [tone, text] = now ? [TONES[now.status] ?? "idle", t(`state.${now.status}`)] : ["bad", t("state.unreachable")];
    fill(this.#state, status(tone, text), now ? h("span.soft", {}, t("state.calls", {count: now.calls_active})) : null);
    dispatchEvent(new CustomEvent("engine-health", {detail: now}));
  }

  #choices() {
    const colours = h("select", {"aria-label": t("nav.theme"), onchange: (event) => setTheme(event.target.value)},
      THEMES.map((name) => h("option", {value: name, selected: name === theme()}, t(`theme.${name}`))));
    const tongue = h("select", {"aria-label": t("nav.language"), onchange: (event) => choose(event.target.value)},
      Object.entries(LANGUAGES).map(([code, name]) => h("option", {value: code, lang: code, selected: code === language()}, name)));
    return h("div.choices", {}, tongue, colours);
  }
}

customElements.define("console-shell", Shell);

/** Ask the reader for an API key; "" where none is given. */
function askForKey(why) {
  return new Promise((done) => {
    const field = h("input", {type: "password", autocomplete: "off", required: true, name: "key", spellcheck: "false"});
    const dialog = h("dialog", {"aria-labelledby": "key-title", onclose: () => {
      done(dialog.returnValue === "use" ? field.value.trim() : "");
      dialog.remove();
    }},
      h("form.stack", {method: "dialog"},
        h("h2", {id: "key-title"}, t("key.title")),
        h("p.soft.small", {}, t("key.about")),
        key() && why ? h("p.notice.bad", {}, why) : null,
        h("label", {}, t("key.field"), field),
        h("div.row", {}, h("button.button.primary", {value: "use"}, t("key.use")),
          h("button.button.quiet", {value: "", formnovalidate: true}, t("key.cancel")))));
    setKey("");
    document.body.append(dialog);
    dialog.showModal();
  });
}

function mark() {
  return h("img", {src: "/static/shared/icon.svg", alt: "", width: 26, height: 26});
}
