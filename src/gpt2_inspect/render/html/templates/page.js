"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  // A piece of the text opens its panel. Without this file all panels are open, and pieces are links to them.
  for (const text of document.querySelectorAll("[data-panels]")) {
    const pieces = [...text.querySelectorAll("a")];
    const panel = (piece) => document.getElementById(piece.hash.slice(1));
    const open = (chosen) => {
      for (const piece of pieces) {
        piece.setAttribute("aria-current", String(piece === chosen));
        panel(piece).classList.toggle("closed", piece !== chosen);
      }
    };
    for (const piece of pieces) {
      piece.addEventListener("click", (event) => { event.preventDefault(); open(piece); });
      piece.addEventListener("focus", () => open(piece));
      piece.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const next = step && pieces[pieces.indexOf(piece) + step];
        if (next) { event.preventDefault(); next.focus(); }
      });
    }
    const first = pieces.find((piece) => piece.hash === `#${text.dataset.panels}-${text.dataset.open}`);
    if (first) open(first);
  }

  // The weights of attention: bytes from 0 to 255 in base64, [layer][head][from][to], of each row only what it can see.
  for (const figure of document.querySelectorAll("[data-weights]")) {
    const tokens = JSON.parse(figure.dataset.tokens);
    const [layers, heads] = JSON.parse(figure.dataset.shape);
    const count = tokens.length;
    const bytes = fromBase64(figure.dataset.weights);
    const size = (count * (count + 1)) / 2;
    const weight = (layer, head, from, to) =>
      to > from ? 0 : bytes[(layer * heads + head) * size + (from * (from + 1)) / 2 + to] / 255;
    const shade = (part) => Math.sqrt(part).toFixed(3);
    const find = (name) => figure.querySelector(`[data-is="${name}"]`);
    const chosen = (name) => Number(figure.querySelector(`input[data-choice="${name}"]:checked`).value);
    let query = Number(figure.dataset.position);
    const make = (tag, attributes, text) => {
      const svg = ["svg", "line", "text"].includes(tag);
      const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      if (text !== undefined) element.textContent = text;
      return element;
    };

    const pieces = tokens.map((token, index) => {
      const piece = make("button", { type: "button" }, token);
      piece.append(make("small", {}));
      piece.addEventListener("click", () => { query = index; draw(); });
      return piece;
    });
    find("text").append(...pieces);

    const drawText = (layer, head) => pieces.forEach((piece, index) => {
      const part = weight(layer, head, query, index);
      piece.style.setProperty("--p", shade(part));
      piece.lastChild.textContent = index <= query ? `${Math.round(100 * part)}%` : "–";
      piece.setAttribute("aria-pressed", String(index === query));
    });

    const drawLinks = (layer, head) => {
      const line = 22, gap = 150, short = (text) => (text.length > 16 ? `${text.slice(0, 15)}…` : text);
      const places = (text) => [...text].reduce((sum, letter) => sum + (letter > "\u2e7f" ? 2 : 1), 0);
      const names = 8 * Math.max(...tokens.map((token) => places(short(token)))) + 4;
      const width = 2 * names + gap;
      const svg = make("svg", { viewBox: `0 0 ${width} ${count * line}`, width, role: "img", "aria-label": find("links").dataset.label });
      tokens.forEach((token, index) => {
        const y = index * line + line / 2;
        const from = make("text", { x: names, y: y + 4, "text-anchor": "end", "font-weight": index === query ? 700 : 400 }, short(token));
        svg.append(from, make("text", { x: names + gap, y: y + 4 }, short(token)));
        if (index <= query) {
          svg.append(make("line", { x1: names + 8, x2: names + gap - 8, y1: query * line + line / 2, y2: y, class: "edge", "stroke-opacity": shade(weight(layer, head, query, index)) }));
        }
      });
      find("links").replaceChildren(svg);
    };

    const drawMatrix = (layer, head) => {
      const head_row = make("tr", {});
      head_row.append(make("td", {}), ...tokens.map((token) => make("th", { scope: "col" }, token)));
      const top = make("thead", {});
      top.append(head_row);
      const body = make("tbody", {});
      tokens.forEach((token, from) => {
        const row = make("tr", from === query ? { class: "chosen" } : {});
        row.append(make("th", { scope: "row" }, token));
        tokens.forEach((_, to) => {
          const part = weight(layer, head, from, to);
          row.append(to > from ? make("td", {}) : make("td", { style: `--p:${shade(part)}` }, String(Math.round(100 * part))));
        });
        body.append(row);
      });
      const table = find("matrix");
      table.replaceChildren(table.caption, top, body);
    };

    const drawMultiples = (layer, head) => {
      const hue = getComputedStyle(root).getPropertyValue("--hue").trim().split(" ").map(Number);
      [...find("multiples").children].forEach((button, number) => {
        button.setAttribute("aria-pressed", String(number === head));
        const canvas = button.querySelector("canvas");
        canvas.width = canvas.height = count;
        const image = new ImageData(count, count);
        for (let from = 0; from < count; from++) {
          for (let to = 0; to < count; to++) {
            image.data.set([...hue, 255 * shade(weight(layer, number, from, to))], 4 * (from * count + to));
          }
        }
        canvas.getContext("2d").putImageData(image, 0, 0);
      });
    };

    const draw = () => {
      const layer = chosen("layer"), head = chosen("head");
      drawText(layer, head);
      drawLinks(layer, head);
      drawMatrix(layer, head);
      drawMultiples(layer, head);
    };
    figure.addEventListener("change", draw);
    [...find("multiples").children].forEach((button, number) => button.addEventListener("click", () => {
      figure.querySelectorAll('input[data-choice="head"]')[number].checked = true;
      draw();
    }));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
  }

  // The records that the page was made from, as a file; they may be compressed (gzip) in base64.
  const records = document.getElementById("records");
  const readRecords = () => {
    if (!records.type.startsWith("application/gzip")) return records.textContent;
    const packed = new Blob([fromBase64(records.textContent)]);
    return new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  for (const button of document.querySelectorAll("button.save")) {
    button.addEventListener("click", async () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([await readRecords()], { type: "application/json" }));
      link.download = records.dataset.name;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  }
})();
