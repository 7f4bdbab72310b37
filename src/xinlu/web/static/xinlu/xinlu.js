// What pages gain where JavaScript runs; none of them needs it. Floor: Chromium 90.
(function () {
  "use strict";

  var RANKS = { "rank-1": "#0b5a3a", "rank-2": "#2b6cb8", "rank-3": "#ffe7a8", "rank-4": "#f2a154", "rank-5": "#8c1610", "rank-none": "#c9d0db",
    blue: "#1a56a6", green: "#1b7f4b", yellow: "#ffc53d", orange: "#f08a24", red: "#b3201a", grey: "#c9d0db" };
  var LINES = ["#1a56a6", "#f08a24", "#1b7f4b", "#5b3a8c", "#b3201a", "#4e5969"];
  var STEPS = ["#e8f1fb", "#b9d4f1", "#7fb0e3", "#3f84c9", "#1a56a6", "#0e3569"];
  var FONT = '"HarmonyOS Sans SC","Source Han Sans SC","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif';
  var TEXT = { color: "#4e5969", fontFamily: FONT, fontSize: 12 };

  function words(value) {
    return value === null || value === undefined || isNaN(value) ? "—" : Number(value).toLocaleString("zh-CN");
  }

  function colour(series, i) {
    return RANKS[series.colour] || LINES[i % LINES.length];
  }

  function common() {
    return {
      aria: { enabled: false },
      animation: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      animationDuration: 300,
      textStyle: TEXT,
      tooltip: {
        renderMode: "richText", confine: true, backgroundColor: "#fff", borderColor: "#d9dee7",
        textStyle: { color: "#1f2329", fontFamily: FONT, fontSize: 12 }
      }
    };
  }

  function axes(spec) {
    var option = common();
    var bars = spec.kind !== "line";
    var flat = bars && spec.categories.length > 0 && spec.categories.some(function (name) { return name.length > 6; });
    var names = {
      type: "category", data: spec.categories, axisTick: { show: false }, axisLine: { lineStyle: { color: "#868fa0" } },
      axisLabel: Object.assign({ hideOverlap: !flat }, TEXT), inverse: flat, boundaryGap: bars
    };
    var numbers = { type: "value", splitLine: { lineStyle: { color: "#e8ecf2" } }, axisLabel: TEXT, minInterval: 1 };
    if (spec.kind === "stacked" && spec.unit === "%") { numbers.max = 100; }
    option.tooltip.trigger = "axis";
    option.tooltip.axisPointer = { type: bars ? "shadow" : "line" };
    option.tooltip.valueFormatter = words;
    option.legend = spec.series.length > 1
      ? { top: 8, left: 16, itemWidth: 10, itemHeight: 10, itemGap: 16, icon: "rect", textStyle: TEXT } : undefined;
    option.grid = { left: 16, right: 24, top: spec.series.length > 1 ? 44 : 20, bottom: 12, containLabel: true };
    option.xAxis = flat ? numbers : names;
    option.yAxis = flat ? names : numbers;
    option.series = spec.series.map(function (series, i) {
      return {
        name: series.name, type: bars ? "bar" : "line", data: series.numbers, stack: spec.kind === "stacked" ? "all" : undefined,
        barMaxWidth: 22, itemStyle: { color: colour(series, i), borderWidth: 0 },
        lineStyle: { width: 2 }, symbol: "circle", symbolSize: 6, emphasis: { disabled: true }
      };
    });
    return option;
  }

  function map(spec, name) {
    var option = common();
    var first = spec.series[0];
    var data = spec.categories.map(function (place, i) { return { name: place, value: first.numbers[i] }; });
    var known = first.numbers.filter(function (n) { return n !== null; });
    var top = Math.max.apply(null, known.concat([1]));
    option.tooltip.trigger = "item";
    option.tooltip.formatter = function (at) { return at.name + "\n" + first.name + "：" + words(at.value) + (spec.unit || ""); };
    option.visualMap = {
      type: "continuous", min: 0, max: top, left: 16, bottom: 16, itemWidth: 10, itemHeight: 110,
      inRange: { color: STEPS }, text: [words(top), "0"], textStyle: TEXT
    };
    option.series = [{
      name: first.name, type: "map", map: name, nameProperty: "short", data: data, roam: false, selectedMode: false, top: 24, bottom: 24,
      label: { show: true, color: "#1f2329", fontSize: 11, fontFamily: FONT, textBorderColor: "#fff", textBorderWidth: 2 },
      itemStyle: { borderColor: "#fff", borderWidth: 1, areaColor: "#eef1f5" },
      emphasis: { label: { color: "#1f2329" }, itemStyle: { areaColor: "#ffe7a8" } }
    }];
    return option;
  }

  function open(spec, place) {
    if (spec.addresses && spec.addresses[place]) { window.location.assign(spec.addresses[place]); }
  }

  function paint(figure, spec, option) {
    var canvas = figure.querySelector(".chart-canvas");
    figure.classList.add("drawn");
    var chart = window.echarts.init(canvas, null, { renderer: "svg" });
    chart.setOption(option);
    chart.on("click", function (at) { open(spec, spec.categories.indexOf(at.name)); });
    window.addEventListener("resize", function () { chart.resize(); });
    window.addEventListener("beforeprint", function () { chart.resize(); });
    figure.querySelector("details").open = false;
  }

  function draw(figure) {
    if (figure.classList.contains("drawn")) { return; }
    var spec = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    if (spec.kind !== "map") { paint(figure, spec, axes(spec)); return; }
    fetch(spec.map).then(function (answer) { return answer.json(); }).then(function (shapes) {
      window.echarts.registerMap(figure.dataset.chart, shapes);
      paint(figure, spec, map(spec, figure.dataset.chart));
    }).catch(function () { /* the table twin stands open */ });
  }

  function drawAll() {
    if (window.echarts) { document.querySelectorAll("[data-chart]").forEach(draw); }
  }

  // A printed page shows every table, whatever was folded on the screen.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not([open])").forEach(function (part) { part.open = true; part.dataset.folded = "1"; });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll("details[data-folded]").forEach(function (part) { part.open = false; delete part.dataset.folded; });
  });

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-print]");
    if (button) { window.print(); }
  });

  // The editor of a law file grows with its text, and its margin numbers the new lines.
  document.querySelectorAll(".editor textarea").forEach(function (area) {
    var margin = area.parentNode.querySelector(".gutter");
    area.addEventListener("input", function () {
      var wanted = area.value.replace(/\n$/, "").split("\n").length;
      area.rows = wanted;
      while (margin.children.length > wanted) { margin.removeChild(margin.lastElementChild); }
      while (margin.children.length < wanted) {
        margin.appendChild(document.createElement("li")).textContent = margin.children.length;
      }
    });
  });

  // A file can be dropped as well as chosen.
  document.querySelectorAll(".drop").forEach(function (drop) {
    var input = drop.querySelector("input[type=file]");
    if (!input) { return; }
    ["dragenter", "dragover"].forEach(function (name) {
      drop.addEventListener(name, function (event) { event.preventDefault(); drop.classList.add("over"); });
    });
    drop.addEventListener("dragleave", function () { drop.classList.remove("over"); });
    drop.addEventListener("drop", function (event) {
      event.preventDefault();
      drop.classList.remove("over");
      if (event.dataTransfer.files.length) { input.files = event.dataTransfer.files; }
    });
  });

  // After a part was exchanged, the reader is told and the focus moves to it.
  document.addEventListener("htmx:afterSwap", function (event) {
    drawAll();
    var part = event.detail.target;
    var fresh = part && part.id ? document.getElementById(part.id) : null;
    var title = fresh && fresh.querySelector("[data-focus]");
    if (title) { title.setAttribute("tabindex", "-1"); title.focus({ preventScroll: true }); }
    var live = document.getElementById("live");
    if (live && title) { live.textContent = "已显示：" + title.textContent.trim(); }
  });

  document.querySelectorAll("[data-needs-js]").forEach(function (part) { part.hidden = false; });
  var summary = document.getElementById("error-summary");
  if (summary) { summary.focus(); }
  drawAll();
})();
