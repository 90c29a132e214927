"use strict";
// Tags sentences with the model in the element "data"; the formulas are those of numpy_rnn.py and numpy_lstm.py.

const MAX_DRAWN_WORDS = 200, MAX_DRAWN_UNITS = 100;
const data = JSON.parse(document.getElementById("data").textContent);
const { n_emb: E, n_hidd: H, n_tags: K } = data.sizes;
const W = Object.fromEntries(Object.entries(data.parameters).map(([name, text]) => [name, decoded(text)]));
const ids = new Map(data.words.map((word, id) => [word, id]));

function decoded(text) {
  const view = new DataView(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);
  return Float64Array.from({ length: view.byteLength / 4 }, (_, n) => view.getFloat32(4 * n, true));
}

// ---- words: as `tokenize` in tagger.py, whose \w, \b and \s are those of Unicode

const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;
const L = "\\p{L}\\p{N}_", END = `(?![${L}])`;
const TOKEN = new RegExp(
  [
    "https?://[^ ]+|www\\.[^ ]+", // addresses
    `[${L}.+\\-]{1,64}@[${L}\\-]+(?:\\.[${L}\\-]+)+`,
    "(?:Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|vs|etc)\\.", // titles and abbreviations
    "(?:[a-z\u0130\u0131]\\.){2,}", // U.S.; Python's [a-z] has these two more, if case is ignored
    `n't${END}|'(?:s|m|d|ll|re|ve)${END}`, // clitics
    `\\p{Nd}+(?:[.,:/]\\p{Nd}+)*(?:st|nd|rd|th|s)?${END}`, // numbers
    `[${L}]+?(?=n't${END})`, // do-n't
    `[${L}]+(?:[\\-.][${L}]+)*`, // words
    "\\.{2,}|-{2,}",
    "[^ ]\u0640*", // one sign, with the marks on it
  ].join("|"),
  "giu",
);

function tokenize(text) {
  text = text.normalize("NFC").replaceAll("\u2019", "'").split(SPACE).filter(Boolean).join(" ");
  // \w matches neither vowel signs nor other marks: a letter stands in for each, as long as the mark
  const letters = text.replace(/[\p{M}\u200c\u200d]/gu, mark => "\u0640".repeat(mark.length));
  return [...letters.matchAll(TOKEN)].map(found => text.slice(found.index, found.index + found[0].length));
}

function encode(words) {
  if (!words.length) throw new Error("There is no word to tag: type a sentence.");
  return words.map(word => {
    const id = ids.get(word) ?? ids.get(data.unknown_word);
    if (id === undefined) throw new Error(`The word “${word}” is not in the vocabulary, and this model was trained without ${data.unknown_word}.`);
    return id;
  });
}

// ---- the model: a vector is a typed array, a matrix its rows one after the other

const FUNCTIONS = { /* activations */ }; // filled by html.py

function product(matrix, vector) {
  const n = vector.length;
  return Float64Array.from({ length: matrix.length / n }, (_, i) => vector.reduce((sum, v, j) => sum + matrix[i * n + j] * v, 0));
}

function softmax(y) {
  const largest = Math.max(...y), e = y.map(v => Math.exp(v - largest)), sum = e.reduce((a, b) => a + b);
  return e.map(v => v / sum);
}

// Return the probabilities p and the quantities of the layer, a vector for each word.
function forward(x) {
  const seen = data.family === "LSTM" ? { p: [], h: [], c: [], i: [], f: [], g: [], o: [] } : { p: [], h: [] };
  let h = new Float64Array(H), c = new Float64Array(H);
  for (const word of x) {
    const a = product(W.W_x, W.W_e.subarray(word * E, (word + 1) * E)), a_h = product(W.W_h, h);
    a.forEach((_, j) => (a[j] += a_h[j]));
    if (data.family === "LSTM") {
      const b = W.W_c ? product(W.W_c, c) : new Float64Array(3 * H), { logistic } = FUNCTIONS;
      const i = h.map((_, j) => logistic(a[j] + b[j])), f = h.map((_, j) => logistic(a[H + j] + b[H + j]));
      const g = h.map((_, j) => Math.tanh(a[2 * H + j])), o = h.map((_, j) => logistic(a[3 * H + j] + b[2 * H + j]));
      c = c.map((last, j) => f[j] * last + i[j] * g[j]);
      h = o.map((gate, j) => gate * Math.tanh(c[j]));
      for (const [name, value] of Object.entries({ c, i, f, g, o })) seen[name].push(value);
    } else {
      h = a.map(FUNCTIONS[data.activation]);
    }
    seen.h.push(h);
    seen.p.push(softmax(product(W.W_y, h)));
  }
  return seen;
}

function tag(words) {
  const x = encode(words), seen = forward(x);
  const best = seen.p.map(p => Math.max(0, p.indexOf(Math.max(...p))));
  return { words, best, known: x.map(id => id < data.n_known_words), ...seen };
}

// ---- the page: data are shown as text only

const $ = id => document.getElementById(id);

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function shade(value, largest) { // as in palette.py
  const { positive, negative, no_number } = data.palette, strength = largest ? Math.min(1, Math.abs(value) / largest) : 0;
  const colour = Number.isFinite(value) ? (value >= 0 ? positive : negative).map(v => Math.round(255 + (v - 255) * strength)) : no_number;
  return `rgb(${colour.join(", ")})`;
}

// Return a table with a row for each name and a column for each word; columns[t][row] is a value.
function heatMap(names, words, columns, largest, digits, caption) {
  const table = element("table"), head = table.createTHead().insertRow(), body = table.createTBody();
  largest ??= columns.flatMap(column => [...column].map(Math.abs)).filter(Number.isFinite).reduce((a, b) => Math.max(a, b), 0);
  table.createCaption().textContent = caption;
  head.append(element("td"));
  for (const word of words) head.append(element("th", "", { scope: "col", title: word })), head.lastChild.append(element("bdi", word));
  names.forEach((name, row) => {
    const line = body.insertRow();
    line.append(element("th", name, { scope: "row" }));
    columns.forEach((column, t) => {
      const cell = element("td", digits ? column[row].toFixed(digits) : "", { title: `${name}, \u2068${words[t]}\u2069: ${column[row].toPrecision(4)}` });
      cell.style.backgroundColor = shade(column[row], largest);
      cell.style.color = largest && column[row] > 0.97 * largest ? "#fff" : "#000"; // a contrast of 4.5 on every shade
      line.append(cell);
    });
  });
  const box = element("div", "", { class: "scroll", tabindex: 0, role: "region", "aria-label": caption });
  box.append(table);
  return box;
}

let seen;

function drawLayer() {
  const name = $("quantity").value, caption = `${$("quantity").selectedOptions[0].text}: a row for each unit, a column for each word`;
  const largest = name === "h" ? data.largest : name === "c" ? null : 1, columns = seen[name].slice(0, MAX_DRAWN_WORDS);
  const units = Array.from({ length: Math.min(H, MAX_DRAWN_UNITS) }, (_, unit) => `${unit + 1}`);
  const some = H > MAX_DRAWN_UNITS ? `, the first ${MAX_DRAWN_UNITS} of ${H}` : "";
  $("hidden").replaceChildren(heatMap(units, seen.words, columns, largest, 2, caption + some));
}

function draw() {
  const words = seen.words.slice(0, MAX_DRAWN_WORDS);
  $("tagged").dir = getComputedStyle($("sentence")).direction; // dir="auto" on the list would skip the words, in <bdi>
  $("tagged").replaceChildren(...words.map((word, t) => {
    const k = seen.best[t], item = element("li", "", { class: seen.known[t] ? "" : "unknown" });
    item.append(element("bdi", word), element("small", `${data.tags[k]} ${Math.round(100 * seen.p[t][k])}%${seen.known[t] ? "" : ", unknown"}`));
    item.style.backgroundColor = data.palette.tags[k];
    return item;
  }));
  const caption = "Probability of each tag for each word";
  $("probabilities").replaceChildren(heatMap(data.tags, words, seen.p.slice(0, MAX_DRAWN_WORDS), 1, words.length <= 20 ? 2 : 0, caption));
  drawLayer();
}

function tagSentence() {
  $("result").hidden = true;
  try {
    seen = tag(tokenize($("sentence").value));
    const more = seen.words.length - MAX_DRAWN_WORDS;
    $("message").textContent = more > 0 ? `The first ${MAX_DRAWN_WORDS} of ${seen.words.length} words are shown.` : "";
    draw();
    $("result").hidden = false;
  } catch (error) {
    $("message").textContent = error.message;
  }
}

const LAYER = { h: "h, hidden state", c: "c, cell", i: "i, input gate", f: "f, forget gate", g: "g, candidate content", o: "o, output gate" };
const shown = data.family === "LSTM" ? LAYER : { h: LAYER.h };
$("quantity").append(...Object.entries(shown).map(([value, text]) => element("option", text, { value })));
$("name").textContent = data.name;
document.title = `${data.name}: tag sentences`;
$("about").textContent = `${data.family}${data.family === "LSTM" ? (W.W_c ? " with peepholes" : " without peepholes") : `, ${data.activation}`}, ${H} hidden units, ${data.words.length} words, ${K} tags. This page computes in your browser and needs no network.`;
$("source").textContent = data.source;
const asked = new URLSearchParams(location.search).get("sentence"); // page.html?sentence=The+dog+runs+.
$("sentence").value = asked ?? data.sentence;
$("quantity").addEventListener("change", drawLayer);
$("form").addEventListener("submit", event => { event.preventDefault(); tagSentence(); });
tagSentence();
