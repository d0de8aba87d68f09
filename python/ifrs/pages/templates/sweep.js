"use strict";
(() => {
  const VERDICTS = ["match", "inconclusive", "error", "not asked", "no match"];
  const TONES = ["match", "open", "bad", "open", "none"];
  const [VERDICT, SUSPECT, SET, P, LOG10_P, FSR, QUERIES, NOTE, REPORT] = Array(9).keys();
  const SORTED_BY = { verdict: VERDICT, suspect: SUSPECT, set: SET, p: LOG10_P, fsr: FSR, queries: QUERIES, note: NOTE };
  const AT_ONCE = 100;

  const rows = JSON.parse(document.getElementById("rows").textContent);
  const searched = rows.map((row) => [row[SUSPECT], row[SET], row[NOTE]].join("\n").toLowerCase());
  const body = document.getElementById("body");
  const end = document.getElementById("end");
  const shownCount = document.getElementById("shown");
  const filter = document.getElementById("filter");
  const setChoice = document.getElementById("set");
  const buttons = [...document.querySelectorAll("[data-verdict]")];
  const heads = [...document.querySelectorAll("[data-sort]")];
  const chosen = new Set();
  const order = { by: null, down: false };
  let found = [];
  let drawn = 0;

  // Where rows are shown as blocks, a cell has its column's name, and needs to be told a cell.
  const cell = (row, text, kind) => {
    const made = row.insertCell();
    made.dataset.label = heads[made.cellIndex].textContent;
    made.setAttribute("role", "cell");
    made.textContent = text;
    if (kind) made.className = kind;
    return made;
  };

  const draw = (count) => {
    const part = document.createDocumentFragment();
    for (const index of found.slice(drawn, drawn + count)) {
      const data = rows[index];
      const row = document.createElement("tr");
      row.setAttribute("role", "row");
      cell(row, VERDICTS[data[VERDICT]], "whole verdict " + TONES[data[VERDICT]]);
      const suspect = cell(row, "", "whole");
      if (data[REPORT] === null) suspect.textContent = data[SUSPECT];
      else {
        const link = suspect.appendChild(document.createElement("a"));
        link.href = encodeURI(data[REPORT]);
        link.textContent = data[SUSPECT];
      }
      cell(row, data[SET], "whole");
      cell(row, data[P], "number");
      cell(row, data[FSR] === null ? "–" : Math.round(100 * data[FSR]) + "%", "number");
      cell(row, data[QUERIES], "number");
      cell(row, data[NOTE], "whole note");
      part.append(row);
    }
    body.append(part);
    drawn = Math.min(drawn + count, found.length);
    end.hidden = drawn === found.length;
  };

  const before = (a, b) => {
    const x = rows[a][order.by], y = rows[b][order.by];
    if (x === null || y === null) return (x === null) - (y === null); // what is not known comes last
    const sign = typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
    return order.down ? -sign : sign;
  };

  const update = () => {
    const wanted = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    found = [];
    rows.forEach((row, index) => {
      if (chosen.size && !chosen.has(VERDICTS[row[VERDICT]])) return;
      if (setChoice && setChoice.value && row[SET] !== setChoice.value) return;
      if (wanted.every((word) => searched[index].includes(word))) found.push(index);
    });
    if (order.by !== null) found.sort(before);
    body.replaceChildren();
    drawn = 0;
    draw(AT_ONCE);
    const all = found.length === rows.length;
    shownCount.textContent = (all ? "" : found.length.toLocaleString("en") + " of ") +
      rows.length.toLocaleString("en") + (rows.length === 1 ? " row" : " rows");
  };

  for (const button of buttons) {
    button.addEventListener("click", () => {
      const name = button.dataset.verdict;
      if (!chosen.delete(name)) chosen.add(name);
      button.setAttribute("aria-pressed", chosen.has(name));
      update();
    });
  }
  for (const head of heads) {
    head.addEventListener("click", () => {
      const by = SORTED_BY[head.dataset.sort];
      order.down = order.by === by && !order.down;
      order.by = by;
      for (const other of heads) other.closest("th").removeAttribute("aria-sort");
      head.closest("th").setAttribute("aria-sort", order.down ? "descending" : "ascending");
      update();
    });
  }
  filter.addEventListener("input", update);
  if (setChoice) setChoice.addEventListener("change", update);
  end.addEventListener("click", () => draw(AT_ONCE));
  new IntersectionObserver((seen) => {
    if (seen.some((one) => one.isIntersecting) && drawn < found.length) draw(AT_ONCE);
  }, { rootMargin: "1000px" }).observe(end);
  addEventListener("beforeprint", () => draw(found.length));
  document.getElementById("tools").hidden = false;
  update();
})();
