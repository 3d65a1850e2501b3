// npm ws against our echo server: ws_client.js URL
const WebSocket = require("ws");

const url = process.argv[2];
const results = [];
const check = (name, passed) => {
  results.push(passed);
  console.log((passed ? "ok    " : "FAIL  ") + name);
};
const next = (ws, event) => new Promise((resolve, reject) => {
  ws.once(event, (...values) => resolve(values));
  ws.once("error", reject);
});
const messages = {
  "text": "Grüße, 世界 🎉",
  "empty text": "",
  "binary, 126 bytes": Buffer.alloc(126, 1),
  "binary, 65,536 bytes": Buffer.alloc(65536, 2),
  "text, 1 MiB": "ä".repeat(1 << 19),
  "binary, 16 MiB": Buffer.alloc(16 << 20, 3),
};

async function main() {
  for (const perMessageDeflate of [false, true]) {
    const ws = new WebSocket(url, { perMessageDeflate, maxPayload: 32 << 20 });
    await next(ws, "open");
    for (const [name, message] of Object.entries(messages)) {
      const answer = next(ws, "message");
      ws.send(message);
      const [data, isBinary] = await answer;
      check(`${name} (compression offered: ${perMessageDeflate})`,
        isBinary === Buffer.isBuffer(message) && data.equals(Buffer.from(message)));
    }
    let answer = next(ws, "message");
    ws.send("a", { fin: false });
    ws.send("b", { fin: false });
    ws.send("c");
    check("text in three fragments", (await answer)[0].toString() === "abc");
    answer = next(ws, "pong");
    ws.ping("there?");
    check("pong", (await answer)[0].toString() === "there?");
    answer = next(ws, "close");
    ws.close(4001, "done");
    check("our Close is answered", (await answer)[0] === 4001);
  }
}

main().catch((error) => check(String(error), false)).finally(() => {
  const passed = results.filter(Boolean).length;
  console.log(`${passed} passed, ${results.length - passed} failed, 0 skipped`);
  process.exit(passed === results.length ? 0 : 1);
});
