// The part of ECharts that the pages use: figures and the map, drawn as SVG.
// As `window.echarts` it offers `init`, `registerMap` and what they return.
// SVG prints sharply; tooltips must say `renderMode: "richText"`, because a
// strict content security policy forbids the inline styles of HTML ones.
import { init, registerMap, use } from "echarts/core";
import { BarChart, LineChart, MapChart, PieChart } from "echarts/charts";
import {
  AriaComponent,
  DatasetComponent,
  GeoComponent,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TooltipComponent,
  VisualMapComponent,
} from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

use([
  AriaComponent,
  BarChart,
  DatasetComponent,
  GeoComponent,
  GridComponent,
  LegendComponent,
  LineChart,
  MapChart,
  MarkLineComponent,
  PieChart,
  SVGRenderer,
  TooltipComponent,
  VisualMapComponent,
]);

export { init, registerMap };
