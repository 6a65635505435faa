// SPDX-License-Identifier: GPL-3.0-or-later
// HeadAudio (npm, MIT) over a file: node head_audio_worker.mjs PACKAGE_FOLDER SAMPLES
//
// SAMPLES are float32 at 16 kHz; prints {cpu, wall: seconds, megabytes, phones: [start, end, name]}.
// Its processor is fed as a browser feeds it, 128 samples at a time; only the browser is missing.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, file] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(`${folder}/modules/${name}.mjs`));
const { Processor } = await load("processor");
const { Training } = await load("training");

// Its visemes in order, each as a phone of our inventory that shows the same.
const PHONES = ["a", "e", "i", "o", "u", "p", "s", "θ", "d", "f", "k", "n", "ɹ", "ʃ", "sil"];
const SILENCE = 14;
const RATE = 16000;
const BLOCK = 128;

const binary = readFileSync(`${folder}/dist/model-en-mixed.bin`).toString("base64");
const { model } = await new Training().loadModel(`data:;base64,${binary}`);

function listen(samples) {
  const changes = [[0, SILENCE]];
  const port = {
    postMessage(told) {
      if (told.event === "viseme" && told.viseme !== null) changes.push([told.t, told.viseme]);
      if (told.event === "ended") changes.push([told.t, SILENCE]);
    },
  };
  const processor = new Processor({ sampleRate: RATE }, { port });
  processor._onmessage({ data: { event: "model", model } });
  for (let at = 0; at < samples.length; at += BLOCK) {
    processor.process(samples.subarray(at, at + BLOCK));
  }
  return changes;
}

const bytes = readFileSync(file);
const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
listen(samples.subarray(0, 2 * RATE));
const cpu = process.cpuUsage();
const wall = performance.now();
const changes = listen(samples);
const used = process.cpuUsage(cpu);
const seconds = (performance.now() - wall) / 1000;
// What getrusage calls the most counts what the parent held before this program began.
const held = Number(readFileSync("/proc/self/status", "utf8").match(/VmHWM:\s*(\d+)/)[1]);
const phones = changes.map(([start, viseme], i) => [
  start,
  i + 1 < changes.length ? changes[i + 1][0] : samples.length / RATE,
  PHONES[viseme],
]);
console.log(
  JSON.stringify({
    cpu: (used.user + used.system) / 1e6,
    wall: seconds,
    megabytes: held / 1024,
    phones: phones.filter(([start, end]) => end > start),
  }),
);
