// npm's `openai`, unmodified.
import OpenAI, { APIConnectionTimeoutError, APIError } from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { WEATHER, serve, weatherIn } from "./lines.mjs";

const client = (ask, options = {}) => new OpenAI({ baseURL: `${ask.url}/v1`, apiKey: ask.key, ...options });
const question = (ask) => ({ model: ask.model, messages: [{ role: "user", content: ask.prompt }], ...ask.fields });

async function chat(ask) {
  const answer = await client(ask).chat.completions.create(question(ask));
  const [choice] = answer.choices;
  return {
    text: choice.message.content,
    reasoning: choice.message.reasoning ?? null,
    finish_reason: choice.finish_reason,
    usage: answer.usage,
    request_id: answer._request_id,
  };
}

async function stream(ask) {
  const seen = { text: "", reasoning: "", finish_reason: null, usage: null, every_chunk_has_choices: true };
  const options = ask.without_usage ? {} : { stream_options: { include_usage: true } };
  for await (const chunk of await client(ask).chat.completions.create({ ...question(ask), stream: true, ...options })) {
    seen.every_chunk_has_choices &&= chunk.choices.length > 0;
    seen.usage = chunk.usage ?? seen.usage;
    for (const choice of chunk.choices) {
      seen.text += choice.delta.content ?? "";
      seen.reasoning += choice.delta.reasoning ?? "";
      seen.finish_reason = choice.finish_reason ?? seen.finish_reason;
    }
  }
  return { ...seen, reasoning: seen.reasoning || null };
}

async function tools(ask) {
  const first = await client(ask).chat.completions.create({ ...question(ask), tools: [WEATHER] });
  return report(ask, first.choices[0].message);
}

async function streamed_tools(ask) {
  const running = client(ask).chat.completions.stream({ ...question(ask), tools: [WEATHER] });
  return report(ask, (await running.finalChatCompletion()).choices[0].message);
}

async function report(ask, message) {
  const results = message.tool_calls.map((call) => ({ role: "tool", tool_call_id: call.id, content: weatherIn(call) }));
  const messages = [...question(ask).messages, message, ...results];
  const answer = await client(ask).chat.completions.create({ ...question(ask), messages, tools: [WEATHER] });
  return {
    calls: message.tool_calls.map(({ function: { name, arguments: said } }) => ({ name, arguments: JSON.parse(said) })),
    text: answer.choices[0].message.content,
  };
}

async function image(ask) {
  const content = [{ type: "text", text: ask.prompt }, { type: "image_url", image_url: { url: ask.picture } }];
  const answer = await client(ask).chat.completions.create({ model: ask.model, messages: [{ role: "user", content }] });
  return { text: answer.choices[0].message.content, usage: answer.usage };
}

async function structured(ask) {
  const verdict = z.object({ colour: z.enum(["red", "green"]) });
  const response_format = zodResponseFormat(verdict, "verdict");
  const answer = await client(ask).chat.completions.parse({ ...question(ask), response_format });
  return { parsed: answer.choices[0].message.parsed, usage: answer.usage };
}

async function embeddings(ask) {
  const api = client(ask).embeddings;
  const packed = await api.create({ model: ask.model, input: ask.inputs });
  const floats = await api.create({ model: ask.model, input: ask.inputs, encoding_format: "float" });
  return {
    vectors: packed.data.map((item) => Array.from(item.embedding)),
    again: floats.data.map((item) => item.embedding),
    usages: [packed.usage, floats.usage],
  };
}

async function models(ask) {
  const ids = [];
  for await (const card of client(ask).models.list()) ids.push(card.id);
  return { ids, one: await client(ask).models.retrieve(ask.model) };
}

async function error(ask) {
  try {
    await client(ask, { maxRetries: ask.retries ?? 0 }).chat.completions.create(question(ask));
  } catch (raised) {
    if (!(raised instanceof APIError)) throw raised;
    const { status, code, param, message, requestID, headers } = raised;
    const type = raised.constructor.name;
    return { type, status, code, param, message, request_id: requestID, retry_after: headers.get("retry-after") };
  }
  throw new Error("no error");
}

async function broken_stream(ask) {
  let text = "";
  try {
    for await (const chunk of await client(ask).chat.completions.create({ ...question(ask), stream: true })) {
      text += chunk.choices[0].delta.content ?? "";
    }
  } catch (raised) {
    if (!(raised instanceof APIError)) throw raised;
    return { text, type: raised.constructor.name, message: raised.message };
  }
  throw new Error("the stream ended as if nothing had happened");
}

async function timeout(ask) {
  try {
    await client(ask, { maxRetries: 0, timeout: ask.seconds * 1000 }).chat.completions.create(question(ask));
  } catch (raised) {
    if (!(raised instanceof APIConnectionTimeoutError)) throw raised;
    return { type: raised.constructor.name };
  }
  throw new Error("no timeout");
}

async function cancel(ask) {
  const pieces = [];
  for await (const chunk of await client(ask).chat.completions.create({ ...question(ask), stream: true })) {
    pieces.push(chunk.choices[0].delta.content ?? "");
    if (pieces.length > 5) break;
  }
  return { text: pieces.join("") };
}

const retried = chat; // two retries are its default

serve({ chat, stream, tools, streamed_tools, image, structured, embeddings, models, error, broken_stream, timeout, cancel, retried });
