// Reads frames and transformations from stdin as JSON; answers with the columns that Grafana makes of them.
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");

const here = createRequire(`${process.cwd()}/`);
const data = here("@grafana/data");
const { firstValueFrom } = here("rxjs");

globalThis.window = globalThis; // it looks there for a page's context
const known = new Map(Object.values(data.standardTransformers).map((found) => [found.id, found]));
data.standardTransformersRegistry.setInit(() =>
  [...known].map(([id, found]) => ({ id, name: found.name, transformation: async () => found })));
const given = JSON.parse(readFileSync(0, "utf8"));
const frames = given.frames.map((frame) => data.toDataFrame(frame));
const plain = { interpolate: (text) => text };
firstValueFrom(data.transformDataFrame(given.transformations, frames, plain)).then(([frame, ...more]) => {
  if (more.length) throw new Error(`${more.length} frames too many`);
  const column = (field) => [data.getFieldDisplayName(field, frame, [frame]), [...field.values].map((value) => value ?? null)];
  console.log(JSON.stringify(frame.fields.map(column)));
});
