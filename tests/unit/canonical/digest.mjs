// A second implementation of the digests of design §4, on purpose not a translation of the first.
// One JSON document a line comes in: {"kind":"prompt","parts":{…}}, {"kind":"skill","files":[…]} or
// {"kind":"bundle","labels":{…},"prompts":{…},"skills":{…}}. One digest a line goes out.

import { createHash } from "node:crypto";
import { createInterface } from "node:readline";

// RFC 8785: members by UTF-16 code units, which is how this language compares texts; numbers and texts
// as ECMAScript itself writes them, which is what the RFC refers to.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(",")}}`;
}

const sha256 = (text) => `sha256:${createHash("sha256").update(text, "utf8").digest("hex")}`;
const digest = (value) => sha256(canonical(value));
const filled = (maps) => Object.fromEntries(Object.entries(maps).filter(([, map]) => Object.keys(map).length));

const identities = {
  prompt({ parts }) {
    const digests = Object.entries(parts)
      .filter(([name, part]) => name !== "order" || Object.keys(part).length)
      .map(([name, part]) => [name, digest(part)]);
    return { parts: Object.fromEntries(digests) };
  },
  skill({ files }) {
    const bytes = ({ path }) => Buffer.from(path, "utf8");
    return { files: [...files].sort((a, b) => Buffer.compare(bytes(a), bytes(b))) };
  },
  bundle({ labels, prompts, skills }) {
    return { labels: filled(labels), prompts: filled(prompts), skills };
  },
};

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const asked = JSON.parse(line);
  console.log(digest({ hv: 1, kind: asked.kind, ...identities[asked.kind](asked) }));
}
