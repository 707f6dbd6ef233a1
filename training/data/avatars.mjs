// Draws DiceBear faces: on stdin a JSON list of options, on stdout one SVG a line. Run where `node_modules` holds
// @dicebear/core and @dicebear/toon-head; training/data/avatars.py does so.
import { readFileSync, writeSync } from "node:fs";
import { createAvatar } from "@dicebear/core";
import * as toonHead from "@dicebear/toon-head";

for (const options of JSON.parse(readFileSync(0, "utf8"))) {
  writeSync(1, createAvatar(toonHead, options).toString().replaceAll("\n", " ") + "\n");
}
