"use strict";
(() => {
  const walks = JSON.parse(document.getElementById("walks").textContent);
  let active;

  const make = (name, text, kind) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };

  const study = (section) => {
    const own = walks[Number(section.dataset.study)], find = (selector) => section.querySelector(selector);
    const choice = find("select.walk");
    if (!choice) return;
    const slider = find("input.slider"), where = find("output.where"), list = find("ol.strides");
    let walk, now = 0;

    const mark = (selector, kind) => section.querySelector(selector)?.classList.add(kind);
    const show = () => {
      for (const kind of ["here", "taken", "passed"]) for (const element of section.querySelectorAll(`.graph .${kind}`)) element.classList.remove(kind);
      for (let n = 0; n <= now; n++) {
        const node = walk[n].node, before = n ? walk[n - 1].node : null;
        if (node === null) continue;
        mark(`[data-node="${node}"]`, n === now ? "here" : "passed");
        if (before !== null && before !== node) mark(`[data-edge="${before}-${node}"]`, n === now ? "taken" : "passed");
      }
      [...list.children].forEach((item, n) => {
        item.classList.toggle("chosen", n === now);
        if (n === now) item.setAttribute("aria-current", "step"); else item.removeAttribute("aria-current");
      });
      slider.value = String(now);
      where.textContent = now ? `step ${now} of ${walk.length - 1}` : "the start";
      slider.setAttribute("aria-valuetext", where.textContent);
      find("button.back").disabled = now === 0;
      find("button.on").disabled = now === walk.length - 1;
    };
    const go = (number) => {
      now = Math.max(0, Math.min(walk.length - 1, number));
      show();
      const chosen = list.children[now];
      list.scrollTop = chosen.offsetTop - list.offsetTop - list.clientHeight / 2;
    };
    const choose = () => {
      walk = own[Number(choice.value)];
      list.textContent = "";
      walk.forEach((stride, n) => {
        const item = make("li");
        item.append(make("code", n ? stride.action : "it starts"));
        if (stride.actor) item.append(make("span", ` ${stride.actor}`, "client"));
        if (stride.again) item.append(make("span", " (from here on for ever)", "fault"));
        if (stride.changes.length) {
          const changes = make("ul", undefined, "changes");
          for (const change of stride.changes) changes.append(make("li", change));
          item.append(changes);
        }
        item.addEventListener("click", () => go(n));
        list.append(item);
      });
      slider.max = String(walk.length - 1);
      go(0);
    };
    const use = () => { active = go_by; };
    const go_by = (by) => go(now + by);
    choice.addEventListener("change", choose);
    slider.addEventListener("input", () => go(Number(slider.value)));
    find("button.back").addEventListener("click", () => go_by(-1));
    find("button.on").addEventListener("click", () => go_by(1));
    section.addEventListener("pointerdown", use);
    section.addEventListener("focusin", use);
    active = active || go_by;
    choose();
  };

  for (const section of document.querySelectorAll("section.study")) study(section);
  // Arrow keys step through the model that was last touched; a list and a slider have their own.
  document.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || ["SELECT", "INPUT"].includes(event.target.tagName)) return;
    const by = {ArrowLeft: -1, ArrowRight: 1}[event.key];
    if (by && active) { event.preventDefault(); active(by); }
  });
})();
