// Builds order.wasm:  node build.mjs quickjs|starlingmonkey [OUT]
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const [engine = "quickjs", out = "order.wasm"] = process.argv.slice(2);
process.chdir(import.meta.dirname);

// The WIT of all that the world names, in one folder: WASI's, the SDK's, and the example's own.
const wasi = process.env.WASI_WIT ?? "../../testdata/guests/src/wit/p2-0.2.10";
await rm("build", { recursive: true, force: true });
await cp("wit", "build/wit", { recursive: true });
await cp(wasi, "build/wit/deps", { recursive: true });
await cp(process.env.KEYVALUE_WIT ?? "../../plugin/keyvalue/wit", "build/wit/deps/wasi-keyvalue", { recursive: true });
await cp("node_modules/@vitrine-wasm/otel/wit/deps", "build/wit/deps", { recursive: true });
await mkdir("build/wit/deps/opentelemetry");
await cp("node_modules/@vitrine-wasm/otel/wit/world.wit", "build/wit/deps/opentelemetry/world.wit");

// One module. Neither engine is Node.js, so the packages' code for browsers is what fits.
await build({
  entryPoints: ["src/app.ts"],
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  external: ["wasi:*"],
  outfile: "build/app.js",
});

if (engine === "starlingmonkey") {
  const { componentize } = await import("@bytecodealliance/componentize-js");
  const { component } = await componentize({ sourcePath: "build/app.js", witPath: "build/wit", worldName: "order" });
  await writeFile(out, component);
} else {
  // componentize-qjs cannot initialise a component at build time whose imports have resources of WASI. So these have another namespace of the
  // same length while it does, and their own again in the result.
  for (const f of await readdir("build/wit", { recursive: true })) {
    if (f.endsWith(".wit")) await replace(`build/wit/${f}`, /wasi:/g, "wasj:");
  }
  await replace("build/app.js", /"wasi:/g, '"wasj:');
  const { componentize } = await import("componentize-qjs");
  const jsSource = await readFile("build/app.js", "utf8");
  const { component } = await componentize({ witPath: "build/wit", jsSource, world: "order", sync: true, optSize: true });
  await writeFile(out, Buffer.from(Buffer.from(component).toString("latin1").replaceAll("wasj:", "wasi:"), "latin1"));
}

async function replace(file, from, to) {
  await writeFile(file, (await readFile(file, "utf8")).replace(from, to));
}
