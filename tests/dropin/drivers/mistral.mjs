// npm's `@mistralai/mistralai`, unmodified.
import { Mistral } from "@mistralai/mistralai";
import { RequestTimeoutError } from "@mistralai/mistralai/models/errors/httpclienterrors.js";
import { MistralError } from "@mistralai/mistralai/models/errors/mistralerror.js";
import { z } from "zod";
import { WEATHER, serve, weatherIn } from "./lines.mjs";

const client = (ask, options = {}) => new Mistral({ serverURL: ask.url, apiKey: ask.key, ...options });

// It spells in camel case, and says so itself where it sends a body.
function question(ask) {
  const { max_tokens: maxTokens, ...more } = ask.fields ?? {};
  return { model: ask.model, messages: [{ role: "user", content: ask.prompt }], maxTokens, ...more };
}

function usageOf(usage) {
  if (!usage) return null;
  const { promptTokens, completionTokens, totalTokens, ...more } = usage;
  return { prompt_tokens: promptTokens, completion_tokens: completionTokens, total_tokens: totalTokens, ...more };
}

// Text and thinking: a string, or parts.
function split(content) {
  if (!Array.isArray(content)) return [content ?? "", null];
  const text = content.filter((part) => part.type === "text").map((part) => part.text);
  const thoughts = content.filter((part) => part.type === "thinking").flatMap((part) => part.thinking);
  return [text.join(""), thoughts.map((piece) => piece.text).join("") || null];
}

async function chat(ask, options = {}) {
  const answer = await client(ask, options).chat.complete(question(ask));
  const [choice] = answer.choices;
  const [text, reasoning] = split(choice.message.content);
  return { text, reasoning, finish_reason: choice.finishReason, usage: usageOf(answer.usage) };
}

const stream = (ask) => client(ask).chat.stream(question(ask)).then(follow);

async function follow(running) {
  const seen = { text: "", reasoning: "", finish_reason: null, usage: null, every_chunk_has_choices: true };
  for await (const { data } of running) {
    seen.every_chunk_has_choices &&= data.choices.length > 0;
    seen.usage = usageOf(data.usage) ?? seen.usage;
    for (const choice of data.choices) {
      const [text, thought] = split(choice.delta.content);
      seen.text += text;
      seen.reasoning += thought ?? "";
      seen.finish_reason = choice.finishReason ?? seen.finish_reason;
    }
  }
  return { ...seen, reasoning: seen.reasoning || null };
}

async function tools(ask) {
  const first = await client(ask).chat.complete({ ...question(ask), tools: [WEATHER] });
  return report(ask, first.choices[0].message.toolCalls);
}

// It has no helper: the pieces of a call belong together by their index.
async function streamed_tools(ask) {
  const calls = [];
  for await (const { data } of await client(ask).chat.stream({ ...question(ask), tools: [WEATHER] })) {
    for (const piece of data.choices[0].delta.toolCalls ?? []) {
      if (piece.function.name) calls[piece.index] = piece;
      else calls[piece.index].function.arguments += piece.function.arguments;
    }
  }
  return report(ask, calls);
}

async function report(ask, toolCalls) {
  const results = toolCalls.map((call) => ({
    role: "tool",
    name: call.function.name,
    toolCallId: call.id,
    content: weatherIn(call),
  }));
  const messages = [...question(ask).messages, { role: "assistant", toolCalls }, ...results];
  const answer = await client(ask).chat.complete({ ...question(ask), messages, tools: [WEATHER] });
  return {
    calls: toolCalls.map(({ function: { name, arguments: said } }) => ({ name, arguments: JSON.parse(said) })),
    ids: toolCalls.map((call) => call.id),
    text: answer.choices[0].message.content,
  };
}

async function image(ask) {
  const content = [{ type: "text", text: ask.prompt }, { type: "image_url", imageUrl: ask.picture }];
  const answer = await client(ask).chat.complete({ model: ask.model, messages: [{ role: "user", content }] });
  return { text: answer.choices[0].message.content, usage: usageOf(answer.usage) };
}

async function structured(ask) {
  const responseFormat = z.object({ colour: z.enum(["red", "green"]) });
  const answer = await client(ask).chat.parse({ ...question(ask), responseFormat });
  return { parsed: answer.choices[0].message.parsed, usage: usageOf(answer.usage) };
}

async function embeddings(ask) {
  const [first, again] = await Promise.all(
    [1, 2].map(() => client(ask).embeddings.create({ model: ask.model, inputs: ask.inputs })),
  );
  return {
    vectors: first.data.map((item) => item.embedding),
    again: again.data.map((item) => item.embedding),
    usages: [usageOf(first.usage), usageOf(again.usage)],
  };
}

async function fim(ask) {
  const fields = { model: ask.model, prompt: ask.prompt, suffix: ask.suffix, temperature: 0 };
  const whole = await client(ask).fim.complete({ ...fields, randomSeed: 1, maxTokens: 40 });
  return {
    text: whole.choices[0].message.content,
    usage: usageOf(whole.usage),
    streamed: await follow(await client(ask).fim.stream(fields)),
  };
}

async function models(ask) {
  const { data } = await client(ask).models.list();
  const { id, ownedBy } = await client(ask).models.retrieve({ modelId: ask.model });
  return { ids: data.map((card) => card.id), one: { id, owned_by: ownedBy } };
}

async function error(ask) {
  try {
    await chat(ask);
  } catch (raised) {
    if (!(raised instanceof MistralError)) throw raised;
    const { code, param, message } = JSON.parse(raised.body);
    return {
      type: raised.constructor.name,
      status: raised.statusCode,
      code,
      param,
      message,
      request_id: raised.headers.get("x-request-id"),
      retry_after: raised.headers.get("retry-after"),
    };
  }
  throw new Error("no error");
}

async function broken_stream(ask) {
  let text = "";
  try {
    for await (const { data } of await client(ask).chat.stream(question(ask))) text += data.choices[0].delta.content;
  } catch (raised) {
    return { text, type: raised.constructor.name, message: String(raised) };
  }
  throw new Error("the stream ended as if nothing had happened");
}

async function timeout(ask) {
  try {
    await chat(ask, { timeoutMs: ask.seconds * 1000 });
  } catch (raised) {
    if (!(raised instanceof RequestTimeoutError)) throw raised;
    return { type: raised.constructor.name };
  }
  throw new Error("no timeout");
}

async function cancel(ask) {
  const pieces = [];
  for await (const { data } of await client(ask).chat.stream(question(ask))) {
    pieces.push(data.choices[0].delta.content);
    if (pieces.length > 5) break;
  }
  return { text: pieces.join("") };
}

// It has to be told to.
function retried(ask) {
  const backoff = { initialInterval: 100, maxInterval: 2000, exponent: 1.5, maxElapsedTime: 10_000 };
  return chat(ask, { retryConfig: { strategy: "backoff", backoff, retryConnectionErrors: false } });
}

serve({ chat, stream, tools, streamed_tools, image, structured, embeddings, fim, models, error, broken_stream, timeout, cancel, retried });
