/** Asks the reader for an API key, inside the element. */

import {key, setKey} from "../shared/api.js";
import {h} from "../shared/dom.js";
import {t} from "../shared/i18n.js";

/** Resolves to the key, or "" where none is given. `why`: what the engine said. */
export function askForKey(root, why) {
  return new Promise((done) => {
    const field = h("input", {type: "password", autocomplete: "off", required: true, name: "key", spellcheck: "false"});
    const dialog = h("dialog", {"aria-labelledby": "key-title", onclose: () => {
      done(dialog.returnValue === "use" ? field.value.trim() : "");
      dialog.remove();
    }}, h("form.stack", {method: "dialog"}, h("h2", {id: "key-title"}, t("key.title")), h("p.soft.small", {}, t("key.about")),
      key() && why ? h("p.notice.bad", {}, why) : null, h("label", {}, t("key.field"), field),
      h("div.row", {}, h("button.button.primary", {value: "use"}, t("key.use")),
        h("button.button.quiet", {value: "", formnovalidate: true}, t("key.cancel")))));
    setKey("");
    root.append(dialog);
    dialog.showModal();
  });
}
