// Fills the page from the JSON in it. Text from outside is only ever written as text.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { report, seconds, percentiles, marks, lag } = data;
  const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
  const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

  const make = (name, text, parent, css) => {
    const element = document.createElement(name);
    if (text !== null) element.textContent = text;
    if (css) element.className = css;
    if (parent) parent.append(element);
    return element;
  };
  const by = (id) => document.getElementById(id);
  const ms = (value) => {
    if (value === null || value === undefined) return "–";
    if (value >= 10000) return one.format(value / 1000) + " s";
    return (value >= 100 ? whole : value >= 1 ? one : new Intl.NumberFormat("en", { maximumFractionDigits: 2 }))
      .format(value) + " ms";
  };
  // For an axis: as few signs as possible.
  const shortMs = (value) => (value >= 1000 ? `${one.format(value / 1000)} s` : ms(value));
  const count = (value) => (value === null || value === undefined ? "–" : whole.format(value));
  const clock = (s) => (s < 120 ? `${one.format(s)} s` : `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`);
  const share = (part, all) => {
    if (!all) return "";
    const percent = (100 * part) / all;
    if (part && percent < 0.01) return "< 0.01 %";
    if (part < all && percent > 99.99) return "> 99.99 %";
    return `${new Intl.NumberFormat("en", { maximumFractionDigits: 2 }).format(percent)} %`;
  };

  // Heading, outcomes, latency.
  const all = report.sent + report.failed;
  by("title").textContent = `${count(all)} requests in ${clock(report.duration_s)}`;
  by("subtitle").textContent = `${data.scenario} · ${data.pace} · ${data.url} · ${data.started}`;
  document.title = `Load report ${report.run}`;
  const tile = (parent, name, value, unit, below, css) => {
    const box = make("div", null, by(parent), `tile ${css || ""}`);
    make("div", name, box, "name");
    const line = make("div", value, box, "value");
    if (unit) make("small", ` ${unit}`, line);
    make("div", below, box, "share");
  };
  const outcome = (name, css) => {
    const part = report[name];
    tile("verdict", name, count(part), "", share(part, all), part ? css : "");
  };
  tile("verdict", "rate", (report.rate < 100 ? one : whole).format(report.rate), "/s", "sent, on average");
  outcome("accepted", "good");
  outcome("refused", "unsure");
  outcome("ambiguous", "unsure");
  outcome("failed", "bad");
  for (const [name, text] of [["p50", "half are faster"], ["p90", "9 in 10"], ["p99", "99 in 100"], ["p999", "999 in 1,000"], ["max", "the slowest"]]) {
    const [value, unit] = ms(report.latency_ms[name]).split(" ");
    tile("figures", name === "p999" ? "p99.9" : name, value, unit, text);
  }

  // Charts.
  const charts = [];
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const resolve = (name) => {
    // A custom property keeps `light-dark()`; a real property is resolved.
    const probe = make("i", null, document.body);
    probe.style.color = `var(--${name})`;
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value || colour(name);
  };
  const faint = (rgb) => rgb.replace("rgb(", "rgba(").replace(")", ", .14)");

  // Marks lie over the charts of time: a dashed line each, numbered as in the list below.
  const drawMarks = (plot) => {
    const { ctx } = plot;
    const ratio = devicePixelRatio;
    const { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = resolve("red");
    ctx.lineWidth = ratio;
    ctx.font = `${11 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    marks.forEach((mark, index) => {
      const x = plot.valToPos(mark.at_s, "x", true);
      if (x < left || x > left + width) return;
      ctx.setLineDash([4 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.fillText(String(index + 1), x, top - 4 * ratio);
    });
    ctx.restore();
  };

  const table = (card, headings, rows) => {
    const details = make("details", null, card);
    make("summary", `The same as a table (${count(rows.length)} rows)`, details);
    details.addEventListener("toggle", () => {
      if (!details.open || details.querySelector("table")) return;
      const scroll = make("div", null, details, "scroll");
      scroll.tabIndex = 0;
      const table = make("table", null, scroll);
      const head = make("tr", null, make("thead", null, table));
      headings.forEach((heading) => { make("th", heading, head).scope = "col"; });
      const body = make("tbody", null, table);
      rows.forEach((row) => {
        const line = make("tr", null, body);
        row.forEach((cell, index) => {
          const element = make(index ? "td" : "th", cell, line);
          if (!index) element.scope = "row";
        });
      });
    });
  };

  const chart = ({ id, title, text, series, xs, unit, value, log, stepped, percentile, rows, headings }) => {
    const card = make("section", null, by("charts"), "card");
    card.id = id;
    make("h2", title, card);
    make("p", text, card);
    const box = make("div", null, card, "chart");
    box.setAttribute("role", "img");
    box.setAttribute("aria-label", `${title}: ${text}`);
    const ys = series.map(({ values }) => values);
    const options = () => {
      const [soft, line] = [resolve("soft"), resolve("line")];
      const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui, sans-serif" };
      const top = Math.max(1e-3, ...ys.flat().filter((y) => y !== null));
      const least = Math.min(top, ...ys.flat().filter((y) => y !== null && y > 0));
      return {
        width: box.clientWidth || 320,
        height: innerWidth < 560 ? 220 : 260,
        padding: [marks.length && !percentile ? 18 : 8, 14, 0, 0],
        cursor: { drag: { x: true, y: false }, points: { size: 6 } },
        scales: {
          x: { time: false },
          y: log
            ? { distr: 3, log: 10, range: () => [10 ** Math.floor(Math.log10(least)), 10 ** Math.ceil(Math.log10(top * 1.0001))] }
            : { range: () => [0, top * 1.08] },
        },
        axes: [
          percentile
            ? { ...axis, splits: () => percentile.at, values: () => percentile.names, grid: { stroke: line, width: 1 } }
            : { ...axis, values: (_, splits) => splits.map((s) => (Number.isInteger(s) ? clock(s) : "")) },
          {
            ...axis, size: 62, values: (_, splits) => splits.map((v) => (v === null ? null : value(v))),
            // One line for each power of ten.
            ...(log && { splits: (_plot, _axis, min, max) => {
              const decades = [];
              for (let power = Math.round(Math.log10(min)); 10 ** power <= max * 1.001; power += 1) decades.push(10 ** power);
              return decades;
            } }),
          },
        ],
        series: [
          { label: percentile ? "share" : "at", value: (_, x) => (x === null ? "–" : percentile ? percentile.label(x) : clock(x)) },
          ...series.map(({ name, tint, dash, fill }) => {
            const stroke = resolve(tint);
            return {
              label: name, stroke, dash, width: 1.75, spanGaps: false,
              fill: fill ? faint(stroke) : undefined,
              paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
              points: { show: xs.length < 40, size: 5, stroke, fill: stroke },
              value: (_, y) => (y === null ? "–" : unit(y)),
            };
          }),
        ],
        hooks: { draw: percentile ? [] : [drawMarks] },
      };
    };
    const state = { box, make: () => {
      if (state.plot) state.plot.destroy();
      state.plot = new uPlot(options(), [xs, ...ys], box);
    } };
    state.make();
    charts.push(state);
    // For whoever checks pages without looking at them: what the canvas shows in colour. Drawing
    // comes a microtask later.
    queueMicrotask(() => {
      const canvas = box.querySelector("canvas");
      const { data: pixels } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let drawn = 0;
      for (let i = 0; i < pixels.length; i += 4) {
        const [r, g, b, a] = pixels.subarray(i, i + 4);
        if (a > 20 && Math.max(r, g, b) - Math.min(r, g, b) > 40) drawn += 1;
      }
      box.dataset.drawn = String(drawn);
    });
    box.dataset.points = String(ys.flat().filter((y) => y !== null && y !== undefined).length);
    if (marks.length && charts.length === 1) {
      const list = make("ol", null, card, "marks");
      marks.forEach((mark, index) => {
        const item = make("li", null, list);
        make("b", String(index + 1), item);
        item.append(`${clock(mark.at_s)} ${mark.label}`);
      });
    }
    table(card, headings, rows);
  };

  const xs = seconds.map(({ second }) => second);
  // The last second is cut short; as a rate it counts for what it lasted.
  const lasted = (second) => Math.min(1, Math.max(report.duration_s - second, 0.2));
  const rate = (value, second) => (value === null || value === undefined ? null : value / lasted(second));
  const errorsOf = (second) => Object.values(second.errors).reduce((sum, n) => sum + n, 0);
  const perSecond = (v) => `${(v < 10 ? one : whole).format(v)}/s`;
  const scheduled = seconds.some(({ due }) => due !== null);
  const throughput = [
    { name: "accepted", tint: "green", fill: true, values: seconds.map((s) => rate(s.accepted, s.second)) },
    { name: "not accepted", tint: "red", values: seconds.map((s) => rate(errorsOf(s), s.second)) },
  ];
  if (scheduled) {
    throughput.push({ name: "due", tint: "soft", dash: [5, 4], values: seconds.map((s) => rate(s.due, s.second)) });
  }
  chart({
    id: "throughput", title: "Throughput", xs, series: throughput, unit: perSecond, value: (v) => compact.format(v),
    text: scheduled ? "Requests a second, by when they ended; what was due is dashed." : "Requests a second, by when they ended.",
    headings: ["second", "accepted", "not accepted", ...(scheduled ? ["due"] : [])],
    rows: seconds.map((s) => [count(s.second), count(s.accepted), count(errorsOf(s)), ...(scheduled ? [count(s.due)] : [])]),
  });

  const latency = (name) => seconds.map((s) => (s.latency_ms ? Math.max(s.latency_ms[name], 0.001) : null));
  chart({
    id: "latency", title: "Latency over time", xs, unit: ms, value: shortMs, log: true,
    text: "Of the requests that ended in each second; logarithmic.",
    series: [
      { name: "p50", tint: "blue", values: latency("p50") },
      { name: "p99", tint: "violet", values: latency("p99") },
      { name: "max", tint: "amber", values: latency("max") },
    ],
    headings: ["second", "p50", "p90", "p99", "max"],
    rows: seconds.map((s) => [count(s.second), ...["p50", "p90", "p99", "max"].map((name) => ms(s.latency_ms && s.latency_ms[name]))]),
  });

  // Each step to the right is ten times rarer: 90 %, 99 %, 99.9 %.
  const steps = percentiles.filter(([share]) => share < 1);
  const rarity = (share) => -Math.log10(1 - share);
  const names = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %", "99.99999 %"];
  const last = steps.length ? Math.ceil(rarity(steps[steps.length - 1][0])) : 1;
  const at = names.map((_, index) => index).filter((index) => index <= last);
  const curve = new Map();
  steps.forEach(([share, latency]) => curve.set(rarity(share), Math.max(latency, 0.001)));
  if (!curve.size && percentiles.length) curve.set(0, percentiles[0][1]);
  chart({
    id: "percentiles", title: "Latency by percentile", unit: ms, value: shortMs, log: true,
    text: "The latency that a share of all requests kept to; each step to the right is ten times rarer.",
    xs: [...curve.keys()],
    series: [{ name: "latency", tint: "blue", fill: false, values: [...curve.values()] }],
    percentile: { at, names: at.map((index) => names[index]), label: (x) => `${(100 * (1 - 10 ** -x)).toFixed(Math.max(1, Math.ceil(x) - 1))} %` },
    headings: ["share of requests", "latency"],
    rows: percentiles.map(([share, latency]) => [`${+(100 * share).toFixed(6)} %`, ms(latency)]),
  });

  const kinds = Object.keys(report.errors);
  const tints = ["red", "amber", "violet", "teal", "blue", "soft"];
  chart({
    id: "errors", title: "Errors by kind", xs, unit: count, value: (v) => compact.format(v), stepped: true,
    text: kinds.length ? "Requests not accepted in each second, by reason." : "Every request was accepted.",
    series: kinds.length
      ? kinds.map((kind, index) => ({ name: `${kind} (${count(report.errors[kind])})`, tint: tints[index % tints.length], dash: index >= tints.length ? [5, 3] : undefined, values: seconds.map((s) => s.errors[kind] || 0) }))
      : [{ name: "errors", tint: "soft", values: seconds.map(() => 0) }],
    headings: ["second", ...kinds],
    rows: kinds.length ? seconds.filter((s) => errorsOf(s)).map((s) => [count(s.second), ...kinds.map((kind) => count(s.errors[kind] || 0))]) : [],
  });

  if (lag.length) {
    const moments = [...new Set(lag.flatMap(({ samples }) => samples.map(([at]) => at)))].sort((a, b) => a - b);
    const series = lag.map(({ mapping, samples }, index) => {
      const known = new Map(samples);
      return { name: mapping, tint: ["teal", "violet", "blue", "amber", "green"][index % 5], fill: lag.length === 1, values: moments.map((at) => known.get(at) ?? null) };
    });
    chart({
      id: "lag", title: "Lag per mapping", xs: moments, series, unit: count, value: (v) => compact.format(v),
      text: "Records that wait in Kafka, asked once a second.",
      headings: ["second", ...lag.map(({ mapping }) => mapping)],
      rows: moments.map((at, row) => [count(at), ...series.map(({ values }) => count(values[row]))]),
    });
  }

  // How it was run.
  const fact = (name, value, code) => {
    make("dt", name, by("facts"));
    const cell = make("dd", code ? null : value, by("facts"));
    if (code) make("code", value, cell);
  };
  fact("command", data.command, true);
  fact("run", report.run, true);
  fact("target", data.url);
  fact("scenario", data.scenario);
  fact("pace", data.pace);
  fact("started", data.started);
  if (scheduled) fact("wait for a connection", `p50 ${ms(report.wait_ms.p50)}, p99 ${ms(report.wait_ms.p99)}, max ${ms(report.wait_ms.max)} (part of the latency)`);
  fact("machine", `${data.machine.cores} cores${data.machine.cpu ? `, ${data.machine.cpu}` : ""}`);
  fact("system", data.machine.system);

  // Charts follow the page's width and its light or dark.
  let width = innerWidth;
  const again = () => charts.forEach((state) => state.make());
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    again();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
})();
