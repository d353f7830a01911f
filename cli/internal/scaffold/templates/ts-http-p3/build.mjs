// Makes app.wasm of src/app.ts and the world in wit/.
import { cp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";
import { componentize } from "componentize-qjs";

await rm("build", { recursive: true, force: true });
await cp("wit", "build/wit", { recursive: true });
await build({ entryPoints: ["src/app.ts"], bundle: true, format: "esm", target: "es2022", external: ["wasi:*"], outfile: "build/app.js" });

// componentize-qjs runs the component at build time, where it cannot serve imports that have resources of WASI. So these have another
// namespace of the same length while it does, and their own again in the result.
for (const file of await readdir("build/wit", { recursive: true })) {
  if (file.endsWith(".wit")) await writeFile(`build/wit/${file}`, (await readFile(`build/wit/${file}`, "utf8")).replaceAll("wasi:", "wasj:"));
}
const jsSource = (await readFile("build/app.js", "utf8")).replaceAll('"wasi:', '"wasj:');
const { component } = await componentize({ witPath: "build/wit", jsSource, world: "app", optSize: true });
await writeFile("app.wasm", Buffer.from(Buffer.from(component).toString("latin1").replaceAll("wasj:", "wasi:"), "latin1"));
