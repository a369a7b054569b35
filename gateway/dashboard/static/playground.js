// The playground: it asks, streams the answer, and says what it costs before, while and after.
const form = document.getElementById("playground");
const { base, csrf } = form.dataset;
const fields = form.elements;
const talk = document.getElementById("talk");
const cost = document.getElementById("cost");
const total = document.getElementById("total");
const headers = { "content-type": "application/json", "x-csrf": csrf };
const NANOS_PER_USD = 1_000_000_000n;
let messages = [];  // what was said, as the API has it
let running = null;  // what stops the answer that comes in
let spent = 0n;

// Nano-dollars in words, exactly: `$0.000012`.
function usd(nanos) {
  const decimals = String(nanos % NANOS_PER_USD).padStart(9, "0").replace(/0+$/, "").padEnd(2, "0");
  return `$${nanos / NANOS_PER_USD}.${decimals}`;
}

function paragraph(parent, kind, text = "") {
  const made = document.createElement(kind === "thinking" ? "details" : "p");
  made.className = kind;
  if (kind === "thinking") {
    const summary = document.createElement("summary");
    summary.textContent = "Reasoning";
    made.append(summary, document.createElement("p"));
    made.open = true;
    made.lastChild.textContent = text;
  } else made.textContent = text;
  parent.append(made);
  return made;
}

function turn(who, name) {
  talk.querySelector(".empty")?.remove();
  const made = document.createElement("article");
  made.className = `turn ${who}`;
  const said = document.createElement("h2");
  said.textContent = name;
  made.append(said);
  talk.append(made);
  return made;
}

function chosen() {
  return fields.model.selectedOptions[0];
}

async function content() {
  const text = fields.message.value;
  const [file] = fields.picture.files;
  if (!file || chosen().dataset.vision !== "1") return text;
  const url = await new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(file);
  });
  return [{ type: "text", text }, { type: "image_url", image_url: { url } }];
}

// The body of the request that would be sent now.
async function asked() {
  const system = fields.system.value.trim();
  const body = {
    model: fields.model.value,
    messages: [...(system ? [{ role: "system", content: system }] : []), ...messages, { role: "user", content: await content() }],
    max_tokens: Number(fields.max_tokens.value),
    stream: true,
    stream_options: { include_usage: true },
  };
  if (fields.temperature.value !== "") body.temperature = Number(fields.temperature.value);
  return body;
}

async function refusal(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return answer.redirected ? "you were signed out; reload the page" : `the gateway answered ${answer.status}`;
  }
}

// Before anything is sent: what it costs at worst, and likely.
let waiting = 0;
async function estimate() {
  if (running || !fields.message.value.trim()) return;
  try {
    const answer = await fetch(`${base}/playground/estimate`, { method: "POST", headers, body: JSON.stringify(await asked()) });
    if (running) return;
    if (!answer.ok) { cost.textContent = `No estimate: ${await refusal(answer)}`; return; }
    const found = await answer.json();
    const likely = found.cost_likely_nanousd === null ? "" : `, likely ${usd(BigInt(found.cost_likely_nanousd))}`;
    cost.textContent = `${found.prompt_tokens} tokens of prompt; at most ${usd(BigInt(found.cost_max_nanousd))}${likely}`
      + (found.affordable ? "" : ". The credit affords less than that.");
  } catch { cost.textContent = "No estimate: the gateway cannot be reached."; }
}
function estimateSoon() {
  clearTimeout(waiting);
  waiting = setTimeout(estimate, 400);
}

// The events of a stream, as they come.
async function* events(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) if (line.startsWith("data: ") && line !== "data: [DONE]") yield JSON.parse(line.slice(6));
  }
}

// Prices are nano-dollars of a million tokens; a piece of a stream is about a token.
function soFar(pieces) {
  const nanos = BigInt(pieces) * BigInt(chosen().dataset.output) / 1_000_000n;
  cost.textContent = `Some ${pieces} tokens so far, about ${usd(nanos)} and the prompt`;
}

function settled(bill, request) {
  spent += BigInt(bill.cost_nanousd);
  cost.textContent = `${bill.stopped ? "Stopped: " : ""}${usd(BigInt(bill.cost_nanousd))} for ${bill.input} + ${bill.output} tokens. `;
  cost.dataset.nanousd = bill.cost_nanousd;
  const link = document.createElement("a");
  link.href = `${base}/requests/${request}`;
  link.textContent = "Receipt";
  cost.append(link);
  total.textContent = `This conversation: ${usd(spent)}`;
}

// A stopped answer is billed when the gateway notices: its bill is asked for until it is there.
async function billOf(request) {
  for (let tries = 0; tries < 40; tries += 1) {
    const answer = await fetch(`${base}/playground/bill/${request}`);
    const bill = answer.ok ? await answer.json() : null;
    if (bill) return bill;
    await new Promise((done) => setTimeout(done, 250));
  }
  return null;
}

async function read(answer, here) {
  const parts = { thinking: null, text: null, said: "", pieces: 0, usage: null };
  for await (const event of events(answer)) {
    if (event.error) throw new Error(event.error.message);
    if (event.usage) parts.usage = event.usage;
    const delta = event.choices?.[0]?.delta ?? {};
    const thought = delta.reasoning ?? delta.reasoning_content ?? "";
    if (thought) (parts.thinking ??= paragraph(here, "thinking")).lastChild.append(thought);
    if (delta.content) {
      (parts.text ??= paragraph(here, "text")).append(delta.content);
      parts.said += delta.content;
    }
    if (thought || delta.content) soFar(parts.pieces += 1);
    here.said = parts.said;
  }
  return parts;
}

async function send() {
  const body = await asked();
  const question = body.messages.at(-1);
  const mine = turn("mine", "You");
  paragraph(mine, "text", fields.message.value);
  const here = turn("theirs", fields.model.value);
  running = new AbortController();
  fields.send.disabled = true;
  fields.stop.hidden = false;
  cost.textContent = "Waiting for the first token …";
  let request = "";
  try {
    const answer = await fetch(`/dashboard/playground/ask?account_id=${base.split("/").pop()}`, { method: "POST", headers, body: JSON.stringify(body), signal: running.signal });
    request = answer.headers.get("x-request-id");
    if (!answer.ok) throw new Error(await refusal(answer));
    fields.message.value = "";
    fields.picture.value = "";
    const { usage, said } = await read(answer, here);
    messages.push(question, { role: "assistant", content: said });
    settled({ cost_nanousd: usage.cost_nanousd, input: usage.prompt_tokens, output: usage.completion_tokens }, request);
  } catch (error) {
    if (running.signal.aborted && request) {
      if (here.said) messages.push(question, { role: "assistant", content: here.said });
      cost.textContent = "Stopped; the bill is on its way …";
      const bill = await billOf(request);
      if (bill) settled({ cost_nanousd: bill.cost_nanousd, input: bill.input_tokens, output: bill.output_tokens, stopped: true }, request);
      else cost.textContent = "Stopped; its bill will be among the requests.";
    } else {
      paragraph(here, "bad", running.signal.aborted ? "Stopped." : error.message);
      cost.textContent = "";
    }
  } finally {
    running = null;
    fields.send.disabled = false;
    fields.stop.hidden = true;
    fields.message.focus();
  }
}

function start() {
  form.querySelector(".picture").hidden = chosen().dataset.vision !== "1";
  estimateSoon();
}

form.addEventListener("submit", (event) => { event.preventDefault(); if (!running) send(); });
form.addEventListener("input", estimateSoon);
fields.model.addEventListener("change", start);
fields.stop.addEventListener("click", () => running?.abort());
fields.clear.addEventListener("click", () => {
  running?.abort();
  messages = [];
  talk.replaceChildren();
  cost.textContent = "";
  fields.message.focus();
});
fields.message.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
start();
