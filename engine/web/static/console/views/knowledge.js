/** The knowledge base: collections, their documents, and what would be answered to a question, from which passage, why. */
import {fill, h} from "../../shared/dom.js";
import {t} from "../../shared/i18n.js";
import {View, head} from "../view.js";
class KnowledgeView extends View {
  async open() {
    fill(this, head(t("nav.knowledge")), h("p.soft", {}, t("kb.empty")));
  }
}
customElements.define("knowledge-view", KnowledgeView);
