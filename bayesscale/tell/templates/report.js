"use strict";
// Looks the best split of a budget up in a table of logs, interpolating between its rows.
(() => {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const element = (id) => document.getElementById(id);
  const slider = element("budget");
  const first = data.log_flops[0];
  const last = data.log_flops[data.log_flops.length - 1];
  const step = (last - first) / (data.log_flops.length - 1);

  // A parabola through the three rows around a budget: exact to a few parts in a hundred thousand.
  function lookUp(name, logFlops) {
    const rows = data[name];
    const at = (logFlops - first) / step;
    const i = Math.min(Math.max(Math.round(at), 1), rows.length - 2);
    const t = at - i;
    const bend = (rows[i + 1] - 2 * rows[i] + rows[i - 1]) / 2;
    return Math.exp(rows[i] + t * (rows[i + 1] - rows[i - 1]) / 2 + t * t * bend);
  }

  function best(flops) {
    const found = {};
    for (const name of ["params", "tokens", "loss"]) {
      for (const end of ["", "_lower", "_upper"]) {
        found[name + end] = lookUp(name + end, Math.log(flops));
      }
    }
    return found;
  }

  function count(x) {
    for (const [size, unit] of [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "k"]]) {
      if (x >= size * 0.9995 && x < 1e15) return `${+(x / size).toPrecision(3)}${unit}`;
    }
    return x < 1e15 ? `${+x.toPrecision(3)}` : scientific(x);
  }
  const scientific = (x) => x.toExponential(1).replace("e+", "e");
  const loss = (x) => x.toFixed(3);

  function show() {
    const flops = Math.exp(first + (last - first) * slider.value / 1000);
    const found = best(flops);
    for (const [name, write] of [["params", count], ["tokens", count], ["loss", loss]]) {
      element(name).textContent = write(found[name]);
      element(`${name}-interval`).textContent =
        `${write(found[`${name}_lower`])}–${write(found[`${name}_upper`])}`;
    }
    const said = `${scientific(flops)} FLOP`;
    element("budget-said").textContent = said;
    slider.setAttribute("aria-valuetext", said);
    const times = flops / data.largest;
    element("reach").textContent = times > 1
      ? `${+times.toPrecision(3)} times the compute of the largest run: extrapolated`
        + (times > 30 ? ", farther than intervals were checked on real hold-outs." : ".")
      : "Within the compute of the runs.";
  }

  slider.addEventListener("input", show);
  element("explorer").hidden = false;
  show();
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  window.bayesscale = { best };
})();
