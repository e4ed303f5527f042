// Reads {flags, keys, users} from stdin; answers with what flagd's own evaluator gives: flag → variants of the users.
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");

const here = createRequire(`${process.cwd()}/`);
const { FlagdCore, MemoryStorage } = here("@openfeature/flagd-core");

const quiet = Object.fromEntries(["error", "warn", "info", "debug"].map((level) => [level, () => {}]));
const given = JSON.parse(readFileSync(0, "utf8"));
const storage = new MemoryStorage(quiet);
storage.setConfigurations(JSON.stringify(given.flags), true); // strict: throws where the schema refuses it
const core = new FlagdCore(storage, quiet);
const variant = (key) => (user) => core.resolveStringEvaluation(key, "nothing", user === null ? {} : { targetingKey: user }).variant;
console.log(JSON.stringify(Object.fromEntries(given.keys.map((key) => [key, given.users.map(variant(key))]))));
