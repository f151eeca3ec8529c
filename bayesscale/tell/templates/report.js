"use strict";
// Looks the best split of a budget up in a table of logs, interpolating between its rows.
(() => {
  const data = JSON.parse(document.getElementById("explorer-data").textContent);
  const element = (id) => document.getElementById(id);
  const slider = element("budget");
  const servedSlider = element("served");
  const axes = [data.logFlops, data.logServed].map((values) => ({
    first: values[0],
    last: values[values.length - 1],
    step: (values[values.length - 1] - values[0]) / (values.length - 1),
  }));

  // A parabola through the three rows around a place on an axis.
  function between(rows, axis, x) {
    const at = (x - axis.first) / axis.step;
    const i = Math.min(Math.max(Math.round(at), 1), rows.length - 2);
    const t = at - i;
    const [below, here, above] = [rows[i - 1], rows[i], rows[i + 1]];
    if ([below, here, above].includes(null)) return NaN;
    return here + t * (above - below) / 2 + t * t * (above - 2 * here + below) / 2;
  }

  function lookUp(name, logFlops, logServed) {
    if (logServed === null) return between(data.values[name], axes[0], logFlops);
    const byServed = data.moved[name].map((rows) => {
      const value = between(rows, axes[0], logFlops);
      return Number.isNaN(value) ? null : value;
    });
    return between(byServed, axes[1], logServed);
  }

  // N*, D* and L* of a budget, FLOP, that also pays for serving so many tokens.
  function best(flops, served = 0) {
    const found = {};
    for (const name of ["params", "tokens", "loss"]) {
      for (const end of ["", "_lower", "_upper"]) {
        const logServed = served > 0 ? Math.log(served) : null;
        found[name + end] = Math.exp(lookUp(name + end, Math.log(flops), logServed));
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
  const loss = (x) => (data.unit === "perplexity" ? `${+x.toPrecision(4)}` : x.toFixed(3));

  const known = (write) => (x) => (Number.isFinite(x) ? write(x) : "none");

  function place(input, axis) {
    return Math.exp(axis.first + (axis.last - axis.first) * input.value / input.max);
  }

  function say(input, output, text) {
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  }

  function show() {
    const flops = place(slider, axes[0]);
    const served = servedSlider.value > 0 ? place(servedSlider, axes[1]) : 0;
    const found = best(flops, served);
    for (const [name, write] of [["params", count], ["tokens", count], ["loss", loss]]) {
      const told = known(write);
      element(name).textContent = told(found[name]);
      element(`${name}-interval`).textContent =
        `${told(found[`${name}_lower`])}–${told(found[`${name}_upper`])}`;
    }
    say(slider, element("budget-said"), `${scientific(flops)} FLOP`);
    say(servedSlider, element("served-said"), served ? `${count(served)} tokens` : "none");
    const times = flops / data.largest;
    element("reach").textContent = times > 1
      ? `${+times.toPrecision(3)} times the compute of the largest run: extrapolated`
        + (times > 30 ? ", farther than intervals were checked on real hold-outs." : ".")
      : "Within the compute of the runs.";
  }

  slider.addEventListener("input", show);
  servedSlider.addEventListener("input", show);
  element("explorer").hidden = false;
  show();
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
  window.bayesscale = { best };
})();
