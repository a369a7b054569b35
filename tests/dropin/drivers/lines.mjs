// One JSON line in, one out, as lines.py: what a client does with a scenario, as far as its user can see it.
import { createInterface } from "node:readline";

export const WEATHER = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

export const weatherIn = (call) => `${JSON.parse(call.function.arguments).city}: sun`;

export async function serve(scenarios) {
  for await (const line of createInterface({ input: process.stdin })) {
    const ask = JSON.parse(line);
    let ok = true;
    let detail;
    try {
      detail = await scenarios[ask.scenario](ask);
    } catch (error) {
      ok = false;
      detail = String(error?.stack ?? error);
    }
    process.stdout.write(`${JSON.stringify({ scenario: ask.scenario, ok, detail })}\n`);
  }
}
