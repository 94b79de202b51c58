/** The documents of a collection: found, added with progress, removed. */

import {get, send, upload} from "../../shared/api.js";
import {fill, h} from "../../shared/dom.js";
import {number, t} from "../../shared/i18n.js";
import {listen} from "../../shared/sse.js";
import {icon} from "../icons.js";
import {chip} from "./turns.js";
import {faultNotice, faultText, loading} from "../view.js";

const PAGE = 100;

/** `<knowledge-documents>` of one collection; `changed()` is called when something was added or removed. */
export class Documents extends HTMLElement {
  #collection;
  #changed;
  #rows = [];
  #next = null;
  #list = h("div");
  #jobs = h("div.stack", {"aria-live": "polite"});
  #filter = h("input", {type: "search", placeholder: t("kb.filter"), "aria-label": t("kb.filter")});
  #streams = new Set();

  constructor(collection, changed) {
    super();
    [this.#collection, this.#changed] = [collection, changed];
  }

  connectedCallback() {
    this.classList.add("stack");
    fill(this, this.#zone(), this.#jobs, this.#filter, this.#list);
    this.#filter.addEventListener("input", () => this.#show());
    if (this.#collection) this.#load();
  }

  disconnectedCallback() {
    for (const stream of this.#streams) stream.close();
  }

  #zone() {
    const field = h("input.visually-hidden", {type: "file", multiple: true, id: "kb-files", onchange: () => this.#send(field.files)});
    const zone = h("div.dropzone", {}, h("p", {}, t("kb.drop")), field, h("label.button", {for: "kb-files"}, icon("upload"), t("kb.choose")),
      h("p.soft.small", {}, t("kb.kinds")));
    const over = (event) => {
      event.preventDefault();
      zone.classList.toggle("over", event.type === "dragover");
    };
    zone.addEventListener("dragover", over);
    zone.addEventListener("dragleave", over);
    zone.addEventListener("drop", (event) => {
      over(event);
      this.#send(event.dataTransfer.files);
    });
    return zone;
  }

  async #load(after = "") {
    if (!after) fill(this.#list, loading());
    try {
      const page = await get("/api/kb/documents", {collection: this.#collection, limit: PAGE, after});
      this.#rows = after ? [...this.#rows, ...page.documents] : page.documents;
      this.#next = page.next;
      this.#show();
    } catch (fault) {
      fill(this.#list, faultNotice(fault));
    }
  }

  #show() {
    const words = this.#filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = this.#rows.filter((row) => words.every((word) => `${row.id} ${row.title} ${row.tags.join(" ")}`.toLowerCase().includes(word)));
    fill(this.#list, found.length ? h("ul.documents", {}, found.map((row) => h("li", {},
      h("span.grow", {}, h("b", {}, row.title), row.tags.map((tag) => [" ", chip("", tag)]), h("br"), h("span.soft.small", {}, row.id)),
      h("button.button.quiet", {type: "button", "aria-label": `${t("kb.remove")}: ${row.title}`, title: t("kb.remove"), onclick: () => this.#remove(row)}, icon("trash")))))
      : h("p.soft", {}, t("kb.nodocuments")),
    this.#next ? h("button.button", {type: "button", onclick: () => this.#load(this.#next)}, t("past.more")) : null);
  }

  /** Send files, then follow the job that reads them. */
  async #send(files) {
    if (!files.length) return;
    const form = new FormData();
    form.append("collection", this.#collection);
    for (const file of files) form.append("file", file);
    const names = [...files].map((file) => file.name).join(", ");
    const bar = h("progress", {max: 1, value: 0, "aria-label": t("kb.sending", {name: names})});
    const line = h("p.small", {}, t("kb.sending", {name: names}));
    const card = h("div", {}, line, bar);
    this.#jobs.prepend(card);
    try {
      const job = await upload("/api/kb/documents", form, (share) => { bar.value = share; });
      line.textContent = t("kb.reading");
      bar.removeAttribute("value");
      await this.#follow(job, bar, line);
    } catch (fault) {
      card.replaceChildren(faultNotice(fault));
    }
  }

  #follow(job, bar, line) {
    return new Promise((done, failed) => {
      const running = ({progress}) => {
        if (!progress) return;
        line.textContent = t("kb.readinghow", {files: progress.files, all: progress.of_files, rate: Math.round(progress.rate)});
        bar.value = progress.of_files ? progress.files / progress.of_files : 0;
      };
      const ended = (state) => {
        stream.close();
        this.#streams.delete(stream);
        this.#tell(line.parentElement, state);
        done();
      };
      const stream = listen(`/api/kb/jobs/${encodeURIComponent(job.id)}/events`, {waiting: running, running, done: ended, failed: ended}, {onfault: failed});
      this.#streams.add(stream);
    });
  }

  #tell(card, {state, report, error}) {
    const problems = [...(report?.failed ?? []), ...(report?.notes ?? []), report?.fault].filter(Boolean);
    const count = report ? report.added.length + report.changed.length : 0;
    card.replaceChildren(state === "failed" ? h("p.notice.bad", {role: "alert"}, error)
      : h("p.notice.good", {}, t("kb.done", {count, passages: number(report?.passages ?? 0)})),
    ...problems.map((text) => h("p.notice.warn", {}, text)));
    this.#load();
    this.#changed();
  }

  async #remove(row) {
    if (!confirm(t("kb.surely", {name: row.title}))) return;
    try {
      const path = row.id.split("/").map(encodeURIComponent).join("/");
      const gone = await send("DELETE", `/api/kb/documents/${path}?${new URLSearchParams({collection: this.#collection})}`);
      this.#jobs.replaceChildren(h("p.notice", {}, gone.file_left ? t("kb.left", {name: row.title, file: gone.file_left}) : t("kb.removed", {name: row.title})));
      this.#load();
      this.#changed();
    } catch (fault) {
      this.#jobs.replaceChildren(h("p.notice.bad", {role: "alert"}, faultText(fault)));
    }
  }
}

customElements.define("knowledge-documents", Documents);
