// The page `/`: the element <trunkline-talk> with a name, a language and colours around it. `?agent=NAME` chooses one.

import {fill, h} from "../shared/dom.js";
import {LANGUAGES, choose, language, load, t} from "../shared/i18n.js";
import {THEMES, setTheme, theme} from "../shared/theme.js";
import "./widget.js";

await load((code) => import(`./texts/${code}.js`));
document.title = `${t("title")} – Trunkline`;
const asked = new URLSearchParams(location.search);
const talk = h("trunkline-talk", {agent: asked.get("agent"), language: asked.get("language"), lang: language()});
colour();

fill(document.body,
  h("header", {}, h("h1", {}, h("img", {src: "/static/shared/icon.svg", alt: "", width: 28, height: 28}), h("span", {}, "Trunkline")),
    h("select", {"aria-label": t("pageLanguage"), onchange: (event) => choose(event.target.value)},
      Object.entries(LANGUAGES).map(([code, name]) => h("option", {value: code, lang: code, selected: code === language()}, name))),
    h("select", {"aria-label": t("colours"), onchange: (event) => { setTheme(event.target.value); colour(); }},
      THEMES.map((name) => h("option", {value: name, selected: name === theme()}, t(`theme.${name}`))))),
  h("main", {}, talk));

function colour() {
  if (theme() === "system") talk.removeAttribute("theme");
  else talk.setAttribute("theme", theme());
}
