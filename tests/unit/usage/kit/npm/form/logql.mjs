// Reads a JSON list of LogQL texts from stdin; answers, for each, where the grammar of Grafana found no sense.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const { parser } = createRequire(`${process.cwd()}/`)("@grafana/lezer-logql");
const wrong = (text) => {
  const found = [];
  parser.parse(text).iterate({ enter: (node) => { if (node.type.isError) found.push(text.slice(node.from)); } });
  return found;
};
console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(wrong)));
