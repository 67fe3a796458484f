"use strict";
// Without this script everything is listed; it sorts and filters what is there. The filter is kept in the part of the
// address after #, so that a filtered report can be bookmarked and passed on. A browser takes a second to lay out some
// thousand rows, so only the first ones are put on the screen; on paper goes whatever the filter lets through.
const FIRST = 200;
const MORE = 1000;

const table = document.getElementById("anomalies");
if (table) {
  const DIMENSIONS = ["severity", "code", "tenant", "team", "age"];
  const form = document.getElementById("filter");
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows].map(element => ({
    element,
    of: DIMENSIONS.map(dimension => element.dataset[dimension]),
    text: element.textContent.toLowerCase(),
    standing: Number(element.querySelector("td.for").dataset.sort),
  }));
  const number = new Intl.NumberFormat("en");
  const collator = new Intl.Collator(undefined, { numeric: true });
  const more = document.getElementById("more");
  let limit = FIRST;
  let matching = rows;
  const chosen = { text: "", sort: "row", down: false };
  for (const dimension of DIMENSIONS) chosen[dimension] = "";

  const ages = [...document.querySelectorAll("table[data-by=age] tbody th")].map(cell => cell.textContent);
  const selects = DIMENSIONS.map((dimension, d) => {
    const values = [...new Set(rows.map(row => row.of[d]))];
    values.sort(dimension === "age" ? (a, b) => ages.indexOf(a) - ages.indexOf(b) : collator.compare);
    const select = form.elements[dimension];
    select.append(...["", ...values].map(value => new Option(value, value)));
    return select;
  });
  const groups = [...document.querySelectorAll("table[data-by]")].map(group => {
    const d = DIMENSIONS.indexOf(group.dataset.by);
    return [...group.tBodies[0].rows].map(element => {
      const value = element.cells[0].textContent;
      const button = madeButton(element.cells[0], () => {
        chosen[DIMENSIONS[d]] = chosen[DIMENSIONS[d]] === value ? "" : value;
        changed();
      });
      return { d, value, element, button };
    });
  }).flat();

  const CODE = DIMENSIONS.indexOf("code");
  const advice = [...document.querySelectorAll("#administrators tbody tr")].map(element => (
    { element, code: element.cells[0].textContent }
  ));

  function madeButton(cell, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = cell.textContent;
    button.addEventListener("click", act);
    cell.replaceChildren(button);
    return button;
  }

  // What the filter lets through, with counts by value: in the groups of what is shown, in the choices of what each
  // would show beside the other choices made.
  function filter() {
    const words = chosen.text.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = DIMENSIONS.map(() => new Map());
    const choices = DIMENSIONS.map(() => new Map());
    matching = rows.filter(row => {
      if (!words.every(word => row.text.includes(word))) return false;
      const misses = DIMENSIONS.filter((dimension, d) => chosen[dimension] && chosen[dimension] !== row.of[d]);
      row.of.forEach((value, d) => {
        if (misses.length === 0 || (misses.length === 1 && misses[0] === DIMENSIONS[d])) add(choices[d], value, row);
        if (misses.length === 0) add(shown[d], value, row);
      });
      return misses.length === 0;
    });
    return { shown, choices };
  }

  function add(counts, value, row) {
    const found = counts.get(value) ?? { count: 0, oldest: row };
    found.count += 1;
    if (row.standing > found.oldest.standing) found.oldest = row;
    counts.set(value, found);
  }

  function show() {
    const { shown, choices } = filter();
    list();
    selects.forEach((select, d) => {
      const wanted = chosen[DIMENSIONS[d]];
      if (![...select.options].some(option => option.value === wanted)) select.append(new Option(wanted, wanted));
      for (const option of select.options) {
        const counted = option.value ? [choices[d].get(option.value)] : [...choices[d].values()];
        const count = counted.reduce((sum, each) => sum + (each?.count ?? 0), 0);
        option.textContent = `${option.value || "all"} (${number.format(count)})`;
      }
      select.value = wanted;
    });
    for (const { d, value, element, button } of groups) {
      const found = shown[d].get(value);
      element.cells[1].textContent = number.format(found?.count ?? 0);
      element.cells[2].textContent = found ? found.oldest.element.querySelector("td.for").textContent : "";
      element.classList.toggle("none", !found);
      button.setAttribute("aria-pressed", chosen[DIMENSIONS[d]] === value);
    }
    for (const { element, code } of advice) element.classList.toggle("none", !shown[CODE].has(code));
    form.elements.text.value = chosen.text;
    const by = DIMENSIONS.filter(each => chosen[each]).map(each => `${each} ${chosen[each]}`);
    if (chosen.text) by.push(`“${chosen.text}”`);
    document.getElementById("count").textContent =
      by.length ? `${number.format(matching.length)} of ${number.format(rows.length)} shown: ${by.join(", ")}` : "";
  }

  function list() {
    const left = matching.length - limit;
    body.replaceChildren(...matching.slice(0, limit).map(row => row.element));
    more.hidden = left <= 0;
    more.textContent = `Show ${number.format(Math.min(MORE, left))} more of ${number.format(left)}`;
  }

  function sort() {
    const index = Math.max(0, heads.findIndex(head => head.dataset.key === chosen.sort));
    heads.forEach((head, i) => {
      if (i === index) head.setAttribute("aria-sort", chosen.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    for (const row of rows) {
      const cell = row.element.cells[index];
      row.key = cell.dataset.sort === undefined ? cell.textContent.trim() : Number(cell.dataset.sort);
    }
    const way = chosen.down ? -1 : 1;
    rows.sort((a, b) => way * (typeof a.key === "number" ? a.key - b.key : collator.compare(a.key, b.key)));
  }

  function read() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    for (const name of ["text", ...DIMENSIONS]) chosen[name] = wanted.get(name) ?? "";
    const before = `${chosen.sort} ${chosen.down}`;
    chosen.sort = heads.some(head => head.dataset.key === wanted.get("sort")) ? wanted.get("sort") : "row";
    chosen.down = wanted.has("down");
    if (before !== `${chosen.sort} ${chosen.down}`) sort();
    limit = FIRST;
    show();
  }

  function write() {
    const wanted = new URLSearchParams();
    for (const name of ["text", ...DIMENSIONS]) if (chosen[name]) wanted.set(name, chosen[name]);
    if (chosen.sort !== "row" || chosen.down) wanted.set("sort", chosen.sort);
    if (chosen.down) wanted.set("down", "1");
    history.replaceState(null, "", `#${wanted}`);
  }

  function changed() {
    limit = FIRST;
    show();
    write();
  }

  heads.forEach(head => madeButton(head, () => {
    chosen.down = chosen.sort === head.dataset.key && !chosen.down;
    chosen.sort = head.dataset.key;
    sort();
    changed();
  }));
  form.addEventListener("input", () => {
    for (const name of ["text", ...DIMENSIONS]) chosen[name] = form.elements[name].value;
    changed();
  });
  form.addEventListener("reset", event => {
    event.preventDefault();
    for (const name of ["text", ...DIMENSIONS]) chosen[name] = "";
    changed();
  });
  form.addEventListener("submit", event => event.preventDefault());
  addEventListener("hashchange", read);
  more.addEventListener("click", () => {
    limit += MORE;
    list();
  });
  addEventListener("beforeprint", () => {
    document.getElementById("administrators").open = true;
    limit += rows.length;
    list();
  });
  addEventListener("afterprint", () => {
    limit -= rows.length;
    list();
  });
  form.hidden = false;
  read();
}
