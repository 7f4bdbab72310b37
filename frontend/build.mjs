// Makes src/xinlu/web/static/built/ from the packages of package.json:
//
//   charts.js        the custom bundle of ECharts (frontend/charts.js)
//   fonts.css, fonts/  Noto Sans SC in slices, for machines without a Chinese font
//   print/  Noto Sans SC whole, for papers
//   licences.txt     the licences of what is in there
//
// Nothing of it is committed. The target is the oldest browser that officials use.
import { build } from "esbuild";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const target = join(root, "src", "xinlu", "web", "static", "built");
const draft = `${target}.draft`;

await rm(draft, { recursive: true, force: true });
await mkdir(join(draft, "fonts"), { recursive: true });

await build({
  absWorkingDir: root,
  entryPoints: [join(root, "frontend", "charts.js")],
  outfile: join(draft, "charts.js"),
  bundle: true,
  minify: true,
  format: "iife",
  globalName: "echarts",
  target: ["chrome90"],
  legalComments: "none",
  define: { "process.env.NODE_ENV": '"production"' },
});

const font = join(modules, "@fontsource-variable", "noto-sans-sc");
await cp(join(font, "files"), join(draft, "fonts"), { recursive: true });
const css = (await readFile(join(font, "index.css"), "utf8"))
  .replaceAll("./files/", "fonts/")
  .replaceAll("Noto Sans SC Variable", "Xinlu Noto Sans SC")
  .replaceAll("woff2-variations", "woff2")
  .replace(/\/\*.*?\*\/\s*/gs, "");
await writeFile(join(draft, "fonts.css"), css);

// Papers are set by a program that reads whole fonts only: two weights of the same face.
const whole = join(modules, "@expo-google-fonts", "noto-sans-sc");
await mkdir(join(draft, "print"));
for (const [folder, file] of [["400Regular", "NotoSansSC_400Regular.ttf"], ["700Bold", "NotoSansSC_700Bold.ttf"]]) {
  await cp(join(whole, folder, file), join(draft, "print", file));
}

const licences = [];
for (const name of ["echarts", "zrender", "tslib", "@fontsource-variable/noto-sans-sc", "@expo-google-fonts/noto-sans-sc"]) {
  const home = join(modules, name);
  const { version } = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
  const files = (await readdir(home, { withFileTypes: true })).filter((f) => f.isFile());
  for (const file of files.map((f) => f.name).filter((f) => /^(licen[cs]e|notice|copyright)/i.test(f)).sort()) {
    licences.push(`===== ${name} ${version}: ${file}\n\n${await readFile(join(home, file), "utf8")}`);
  }
}
await writeFile(join(draft, "licences.txt"), licences.join("\n\n"));

// The pages never see half a build.
await rm(target, { recursive: true, force: true });
await rename(draft, target);
