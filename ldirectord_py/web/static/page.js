"use strict";
// Keeps the page up to date: the server renders every row, this changes texts. No text ever becomes HTML.

const STALE = 2.5;        // seconds without a sign of life from the daemon until the page greys itself
const POINTS = 60, HEIGHT = 16;
const MOMENTS = {         // the words of the cells that have a time of the reader
  until: when => `until ${when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}`,
  certificate: when => `certificate ${when <= Date.now() ? "ended" : "ends"} ${when.toLocaleDateString([], { dateStyle: "medium" })}`,
};
const form = document.getElementById("filter"), live = document.querySelector("[data-live]");
const age = document.getElementById("age"), shown = document.getElementById("shown");

let rows = new Map();     // key -> {element, clone, cells, latencies, text}
let order = [];           // rows by position
let source = null, last = "", heard = performance.now(), silence = Infinity, reading = false;

const visible = new IntersectionObserver(entries => {
  for (const entry of entries) {
    entry.target.seen = entry.isIntersecting;
    if (entry.isIntersecting && entry.target.row) drawLatencies(entry.target.row, entry.target);
  }
}, { rootMargin: "200px" });

function cellsOf(element) {
  const cells = {};
  for (const cell of element.querySelectorAll("[data-cell]")) if (!(cell.dataset.cell in cells)) cells[cell.dataset.cell] = cell;
  return cells;
}

function readPage() {
  rows = new Map();
  order = [];
  visible.disconnect();
  for (const element of document.querySelectorAll("#virtuals [data-key]")) {
    const row = { key: element.dataset.key, element, clone: null, text: "", isServer: element.tagName === "TR" };
    row.latencies = row.isServer && element.dataset.latencies ? element.dataset.latencies.split(" ").map(Number) : [];
    row.virtual = row.isServer ? element.closest("section") : element;
    rows.set(row.key, row);
    order.push(row);
    if (row.isServer) { element.row = row; visible.observe(element); }
  }
  for (const element of document.querySelectorAll("#troubles [data-key]")) adopt(rows.get(element.dataset.key), element);
  last = document.querySelector("main").dataset.stream;
  for (const time of document.querySelectorAll("#events time")) setClock(time);
  for (const name in MOMENTS) for (const time of document.querySelectorAll(`[data-cell=${name}]`)) setMoment(time);
  applyFilter();
}

function adopt(row, clone) {
  row.clone = clone;
  clone.row = row;
  visible.observe(clone);
}

function setText(row, name, text) {
  for (const element of [row.element, row.clone]) {
    if (!element) continue;
    element.parts ??= cellsOf(element);
    const cell = element.parts[name];
    if (cell && cell.textContent !== text) cell.textContent = text;
  }
}

function setData(row, name, text) {
  for (const element of [row.element, row.clone]) if (element) element.dataset[name] = text;
}

function setRow(row, texts) {
  for (const [name, text] of Object.entries(texts)) {
    if (name === "since") setSince(row, text);
    else if (name in MOMENTS) setMomentOf(row, name, text);
    else if (name === "meaning") setMeaning(row, text);
    else setText(row, name, text);
  }
  for (const name of ["state", "troubles", "rank"]) if (name in texts) setData(row, name, texts[name]);
  row.text = "";
  if (!row.isServer && ("name" in texts || "address" in texts)) nameServersOf(row);
}

function nameServersOf(virtual) {
  const { name, address } = virtual.element.parts ?? cellsOf(virtual.element);
  const title = [name.textContent, address.textContent].filter(Boolean).join(" ");
  for (const row of order) if (row.isServer && row.virtual === virtual.element) setText(row, "virtual", title);
}

function setSince(row, text) {
  for (const element of [row.element, row.clone]) {
    const time = element && element.querySelector(".since time");
    if (time) { time.dateTime = text; time.textContent = ago(text); }
  }
}

function setMeaning(row, text) {
  for (const element of [row.element, row.clone]) {
    const code = element && element.querySelector("[data-cell=code]");
    if (code) code.title = text;
  }
}

function setMomentOf(row, name, text) {
  for (const element of [row.element, row.clone]) {
    const time = element && element.querySelector(`[data-cell=${name}]`);
    if (time) { time.dateTime = text; setMoment(time); }
  }
}

function setMoment(time) {
  const when = new Date(time.dateTime);
  time.textContent = isNaN(when) ? "" : MOMENTS[time.dataset.cell](when);
}

function short(ms) {
  return ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
}

function setNumbers(row, numbers) {
  for (const [latency, active, inactive] of numbers) {
    if (latency !== null) {
      row.latencies.push(latency);
      if (row.latencies.length > POINTS) row.latencies.shift();
      setText(row, "latency", `${short(latency)} ms`);
    }
    setText(row, "active", active === null ? "–" : String(active));
    setText(row, "inactive", inactive === null ? "–" : String(inactive));
  }
  for (const element of [row.element, row.clone]) if (element && element.seen) drawLatencies(row, element);
}

function drawLatencies(row, element) {
  const path = element.querySelector("path"), count = row.latencies.length;
  if (!path || count < 2) return;
  const most = Math.max(1, ...row.latencies), left = POINTS - count;
  path.setAttribute("d", "M" + row.latencies.map((ms, i) => `${left + i} ${HEIGHT - 1 - Math.round((HEIGHT - 2) * ms / most)}`).join("L"));
}

function listTroubles() {
  const body = document.getElementById("troubles");
  const hurting = order.filter(row => row.isServer && row.element.dataset.troubles);
  hurting.sort((one, other) => Number(one.element.dataset.rank) - Number(other.element.dataset.rank));
  const listed = new Set(hurting.slice(0, Number(body.dataset.most)));
  for (const row of order) {
    if (row.clone && !listed.has(row)) { visible.unobserve(row.clone); row.clone.remove(); row.clone = null; }
  }
  for (const row of listed) if (!row.clone) adopt(row, row.element.cloneNode(true));
  let next = body.firstElementChild;  // rows that stay in their places are not laid out again
  for (const row of listed) {
    if (row.clone === next) next = next.nextElementSibling;
    else body.insertBefore(row.clone, next);
  }
  body.closest("table").hidden = !listed.size;
  document.getElementById("more").hidden = listed.size === hurting.length;
  document.getElementById("well").hidden = listed.size > 0;
  document.getElementById("well").textContent = "Nothing.";
}

function matches(row, words, show) {
  const data = row.element.dataset;
  if (show === "trouble" && !data.troubles) return false;
  if (show === "down" && data.state !== "down" && !data.troubles.split(" ").includes("down")) return false;
  if (words.length && !row.text) row.text = `${row.element.textContent} ${row.virtual.querySelector("h3").textContent} ${row.key}`.toLowerCase();
  return words.every(word => row.text.includes(word));
}

function applyFilter() {
  const words = form.elements.q.value.toLowerCase().split(/\s+/).filter(Boolean), show = form.elements.show.value;
  const all = !words.length && !show, open = new Map();
  let count = 0, total = 0;
  for (const row of order) {
    if (!row.isServer) { open.set(row.virtual, open.get(row.virtual) || (all || matches(row, words, show))); continue; }
    const fits = all || matches(row, words, show);
    total += 1;
    count += fits;
    for (const element of [row.element, row.clone]) if (element && element.hidden === fits) element.hidden = !fits;
    if (fits) open.set(row.virtual, true);
  }
  for (const [section, fits] of open) if (section.hidden === fits) section.hidden = !fits;
  shown.textContent = all ? "" : `${count} of ${total} servers`;
}

function readAddress() {
  const wanted = new URLSearchParams(location.search);
  form.elements.q.value = wanted.get("q") || "";
  form.elements.show.value = ["trouble", "down"].includes(wanted.get("show")) ? wanted.get("show") : "";
}

function writeAddress() {
  const wanted = new URLSearchParams();
  if (form.elements.q.value) wanted.set("q", form.elements.q.value);
  if (form.elements.show.value) wanted.set("show", form.elements.show.value);
  const query = wanted.toString();
  history.replaceState(null, "", query ? `?${query}` : location.pathname);
}

function ago(text) {
  if (!text) return "";
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(text)) / 1000));
  for (const [size, unit] of [[86400, "d"], [3600, "h"], [60, "min"]]) {
    if (seconds >= 2 * size || (unit === "min" && seconds >= size)) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return `${seconds} s`;
}

function setClock(time) {
  const when = new Date(time.dateTime);
  if (!isNaN(when)) { time.textContent = when.toLocaleTimeString(); time.title = when.toLocaleString(); }
}

function setSummary(summary) {
  const parts = [`${summary.up} of ${summary.servers} servers up`];
  if (summary.hurting) parts.push(`${summary.hurting} with trouble`);
  if (summary.outages) parts.push(`${summary.outages} ${summary.outages === 1 ? "virtual" : "virtuals"} without a server`);
  if (summary.kernel) parts.push(`the kernel's table cannot be read: ${summary.kernel}`);
  const element = document.getElementById("summary"), text = parts.join(", ");
  if (element.textContent !== text) element.textContent = text;
}

function addEvents(events) {
  const list = document.getElementById("events");
  for (const event of events) {
    const item = document.createElement("li"), time = document.createElement("time");
    const name = document.createElement("b"), message = document.createElement("span");
    time.dateTime = event.time;
    setClock(time);
    name.textContent = event.event;
    message.textContent = event.message;
    item.append(time, " ", name, " ", message);
    if (event.who && event.who !== "ldirectord") {
      const who = document.createElement("small");
      who.textContent = event.who;
      item.append(" ", who);
    }
    list.prepend(item);
  }
  while (list.children.length > Number(list.dataset.most)) list.lastElementChild.remove();
}

async function readAgain() {
  if (reading) return;
  reading = true;
  source.close();
  try {
    const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(20000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const name of ["main", "#summary", "h1", "footer"]) document.querySelector(name).replaceWith(page.querySelector(name));
    document.title = page.title;
    readPage();
    connect();
  } catch {
    setTimeout(readAgain, 2000);
  } finally {
    reading = false;
  }
}

function sign(event) {
  heard = performance.now();
  if (event.lastEventId) last = event.lastEventId;
}

function connect() {
  source = new EventSource(`api/stream?last=${encodeURIComponent(last)}`);
  source.addEventListener("beat", event => { sign(event); silence = JSON.parse(event.data).silence; tick(); });
  source.addEventListener("again", readAgain);
  source.addEventListener("numbers", event => {
    sign(event);
    for (const [position, numbers] of Object.entries(JSON.parse(event.data))) if (order[position]) setNumbers(order[position], numbers);
  });
  source.addEventListener("rows", event => {
    sign(event);
    const changed = JSON.parse(event.data);
    for (const [key, texts] of Object.entries(changed.rows)) if (rows.has(key)) setRow(rows.get(key), texts);
    setSummary(changed.summary);
    listTroubles();
    applyFilter();
  });
  source.addEventListener("journal", event => { sign(event); addEvents(JSON.parse(event.data)); });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED && !reading) setTimeout(connect, 2000);
  });
}

function tick() {
  const seconds = silence + (performance.now() - heard) / 1000, stale = seconds > STALE;
  const text = stale ? "not live" : "live";
  if (live.textContent !== text) live.textContent = text;
  document.body.classList.toggle("stale", stale);
  age.textContent = stale && isFinite(seconds) ? `for ${Math.floor(seconds)} s` : "";
}

readAddress();
readPage();
connect();
form.addEventListener("input", () => { writeAddress(); applyFilter(); });
form.addEventListener("submit", event => event.preventDefault());
addEventListener("popstate", () => { readAddress(); applyFilter(); });
addEventListener("keydown", event => {
  if (event.key === "/" && !event.target.closest("input, select, textarea") && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    form.elements.q.focus();
  }
});
setInterval(tick, 250);
setInterval(() => { for (const time of document.querySelectorAll(".since time")) { const text = ago(time.dateTime); if (time.textContent !== text) time.textContent = text; } }, 5000);
