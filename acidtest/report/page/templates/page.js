"use strict";
(() => {
  const film = JSON.parse(document.getElementById("film").textContent);
  const byId = (id) => document.getElementById(id);
  const slider = byId("slider"), where = byId("where"), details = byId("details"), title = byId("title"), unfold = byId("unfold");
  const last = film.steps.length - 1;
  let now = last;

  // All text comes into the page as text: nothing of the film is ever read as HTML.
  const make = (name, text, kind) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const list = (texts, kind) => {
    const element = make("ul", undefined, kind);
    for (const text of texts) element.append(make("li", text));
    return element;
  };
  const section = (heading, ...content) => details.append(make("h4", heading), ...content);

  const row = (cells, kind) => {
    const element = make("tr", undefined, kind);
    for (const cell of cells) element.append(make("td", cell));
    return element;
  };
  const table = (value) => {
    const element = make("table", undefined, "data"), body = make("tbody");
    element.append(make("caption", value.name));
    if (value.columns.length) {
      const head = make("tr");
      for (const column of value.columns) {
        const cell = make("th", column);
        cell.scope = "col";
        head.append(cell);
      }
      const group = make("thead");
      group.append(head);
      element.append(group);
    }
    value.rows.forEach((place, number) => {
      const changed = value.changed.includes(number), line = row(film.rows[place], changed ? "changed" : "");
      const other = value.cells.filter(([at]) => at === number).map(([, column]) => column);
      line.classList.toggle("new", changed && !other.length);
      for (const column of other) line.children[column].classList.add("other");
      if (changed) line.firstChild.prepend(make("span", other.length ? "changed: " : "new: ", "unseen"));
      body.append(line);
    });
    for (const place of value.gone) {
      const line = row(film.rows[place], "gone");
      line.firstChild.prepend(make("span", "gone: ", "unseen"));
      body.append(line);
    }
    if (!value.rows.length && !value.gone.length) body.append(row(["empty"]));
    if (value.more) body.append(row([`${value.more} rows more`]));
    element.append(body);
    const scroll = make("div", undefined, "scroll");
    scroll.append(element);
    return scroll;
  };

  const properties = (broken, rests) => {
    const element = make("ul", undefined, "properties"), key = ([id, name]) => `${id}\n${name}`;
    const gone = new Set(broken.map(key)), known = new Set(film.properties.map(key));
    const all = [...broken.filter((pair) => !known.has(key(pair))), ...film.properties];
    for (const one of all.sort((a, b) => gone.has(key(b)) - gone.has(key(a)))) {
      const [id, name, source, kind] = one, violated = gone.has(key(one)), open = kind === "at_rest" && !rests && !violated;
      const item = make("li", undefined, violated ? "broken" : open ? "open" : "");
      item.append(make("b", `${violated ? "✗" : open ? "○" : "✓"} ${id}`), ` ${name}${open ? " (judged at rest)" : ""}`);
      if (source) item.title = source;
      element.append(item);
    }
    return element;
  };

  const show = () => {
    const step = film.steps[now];
    details.textContent = "";
    title.textContent = now ? `Step ${now}: ${step.title}` : step.title;
    if (step.fault) details.append(make("p", `✗ ${step.fault}`, "fault"));
    const statement = film.texts[step.statement], parameters = film.texts[step.parameters];
    if (statement) section("Statement", make("pre", statement));
    if (parameters) section("Parameters", make("pre", parameters));
    if (now) section("Became durable", step.changes.length ? list(step.changes) : make("p", "nothing"));
    if (now && step.events.length) section("What was told", list(step.events));
    section("What an outsider sees", ...step.tables.map((number) => table(film.tables[number])));
    if (step.knows.length) section("What clients know", table({name: "", columns: ["operation", "its client knows"], rows: step.knows, changed: [], gone: [], cells: []}));
    if (step.waiting.length) section("Waiting for a lock", list(step.waiting));
    const states = make("p", !step.states ? "no state of the model is consistent with what was observed" : step.states === 1 ? "one state of the model is consistent with all that was observed" : `${step.states} states of the model are consistent with all that was observed`);
    section("The model", states, list(step.shown.map((number) => film.texts[number])));
    section("What holds so far", properties(step.broken, film.atRest && now === last));
    details.append(make("p", `Virtual time ${step.time}${step.incarnation ? `; incarnation ${step.incarnation} of its process` : ""}`));
  };

  const rows = new Map([...document.querySelectorAll("tr.step")].map((element) => [Number(element.dataset.step), element]));
  const folds = [...document.querySelectorAll("button.fold")];
  const bodyOf = (button) => byId(button.getAttribute("aria-controls"));
  const open = (button, opened) => {
    button.setAttribute("aria-expanded", String(opened));
    bodyOf(button).hidden = !opened;
  };
  const isHidden = (number) => rows.get(number)?.parentElement.hidden;
  const reveal = (number) => {
    if (isHidden(number)) open(folds.find((button) => bodyOf(button) === rows.get(number).parentElement), true);
  };

  const go = (number, scroll) => {
    rows.get(now)?.classList.remove("chosen");
    rows.get(now)?.removeAttribute("aria-current");
    now = Math.max(0, Math.min(last, number));
    reveal(now);
    rows.get(now)?.classList.add("chosen");
    rows.get(now)?.setAttribute("aria-current", "step");
    slider.value = String(now);
    where.textContent = now ? `step ${now} of ${last}` : "before the first step";
    slider.setAttribute("aria-valuetext", where.textContent);
    byId("back").disabled = now === 0;
    byId("on").disabled = now === last;
    show();
    byId("panel").scrollTop = 0;
    if (scroll) (rows.get(now) || document.querySelector("thead")).scrollIntoView({block: "nearest"});
  };
  // Arrow keys pass over what is folded; the slider opens it.
  const move = (by) => {
    let next = now + by;
    while (next > 0 && next < last && isHidden(next)) next += by;
    go(next, true);
  };

  byId("back").addEventListener("click", () => move(-1));
  byId("on").addEventListener("click", () => move(1));
  slider.addEventListener("input", () => go(Number(slider.value), true));
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.target === slider || event.target.closest?.("pre")) return;
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (by) { event.preventDefault(); move(by); }
  });
  for (const [number, element] of rows) {
    element.addEventListener("click", () => { if (!String(getSelection())) go(number, false); });
  }
  for (const button of folds) {
    button.addEventListener("click", () => open(button, button.getAttribute("aria-expanded") !== "true"));
    open(button, false);
  }
  unfold.hidden = !folds.length;
  unfold.addEventListener("click", () => {
    const opened = unfold.getAttribute("aria-pressed") !== "true";
    unfold.setAttribute("aria-pressed", String(opened));
    for (const button of folds) open(button, opened);
  });
  for (const button of document.querySelectorAll("button.copy")) {
    button.addEventListener("click", async () => {
      const element = byId(button.dataset.of);
      try {
        await navigator.clipboard.writeText(element.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(element);
        button.textContent = "Selected";
      }
    });
  }
  const wanted = /^#step-(\d+)$/.exec(location.hash);
  // Begin where it is violated; or where that is folded, as nothing happens there any more, where it was too late.
  const candidates = [...document.querySelectorAll("tr.violation"), ...document.querySelectorAll("tr.pivot"), ...[...rows.values()].reverse()];
  const first = candidates.find((element) => !element.parentElement.hidden);
  go(wanted ? Number(wanted[1]) : Number(first?.dataset.step ?? last), Boolean(wanted));
})();
