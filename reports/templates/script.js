"use strict";

// Rows sort by `data-value` where a cell has one, else by text; what is not known stays last.
function key(row, column) {
  const cell = row.cells[column];
  if (column === 0) return row.dataset.text;
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const text = cell.textContent.trim();
  return text === "–" || text === "" ? null : text;
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

function sortBy(header) {
  const table = header.closest("table");
  const ascending = header.getAttribute("aria-sort") !== "ascending";
  for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", ascending ? "ascending" : "descending");
  const body = table.tBodies[0];
  const keyed = Array.from(body.rows, (row) => [key(row, header.cellIndex), row]);
  keyed.sort(([a], [b]) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return ascending ? compare(a, b) : compare(b, a);
  });
  body.append(...keyed.map(([, row]) => row));
}

for (const header of document.querySelectorAll("table.sortable thead th")) {
  header.querySelector("button").addEventListener("click", () => sortBy(header));
}

const textFilter = document.getElementById("text-filter");
const boardFilter = document.getElementById("board-filter");
const count = document.getElementById("filter-count");

// A row stays while it holds every word; a board, and what belongs to it, while it is the chosen one.
function filter() {
  const words = textFilter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const board = boardFilter ? boardFilter.value : "";
  for (const part of document.querySelectorAll("[data-board]")) {
    part.hidden = board !== "" && part.dataset.board !== board;
  }
  let shown = 0;
  let all = 0;
  for (const row of document.querySelectorAll("[data-text]")) {
    const text = row.dataset.text.toLowerCase();
    const fits = words.every((word) => text.includes(word));
    if (row.dataset.board === undefined) {
      row.hidden = !fits;
    } else {
      row.hidden = row.hidden || !fits;
      all += 1;
      shown += row.hidden ? 0 : 1;
    }
  }
  count.textContent = words.length || board ? `${shown} of ${all}` : "";
}

textFilter.addEventListener("input", filter);
if (boardFilter) boardFilter.addEventListener("change", filter);
filter(); // a browser keeps what was typed before a reload
