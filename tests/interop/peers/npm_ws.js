// npm ws as a peer: npm_ws.js server|client [tls] [permessage-deflate[;PARAMETER...]]. The words are explained in tests/interop/ends.py.
const fs = require("fs");
const http = require("http");
const https = require("https");
const readline = require("readline");
const WebSocket = require("ws");

const say = (...words) => console.log(words.map((word) => (word === "" ? "-" : word)).join(" "));
const hex = (data) => Buffer.from(data).toString("hex");
const unhex = (word) => Buffer.from(word === "-" ? "" : word, "hex");
const file = (name) => fs.readFileSync(`${process.env.CERTIFICATES}/${name}`);
const tls = process.argv[3] === "tls";
const names = {
  server_no_context_takeover: "serverNoContextTakeover",
  client_no_context_takeover: "clientNoContextTakeover",
  server_max_window_bits: "serverMaxWindowBits",
  client_max_window_bits: "clientMaxWindowBits",
};
let ws;

// Without the word on the command line the library's default: a server that agrees, a client that offers.
function deflate() {
  const word = process.argv.find((argument) => argument.startsWith("permessage-deflate"));
  if (!word) return true;
  const options = { threshold: 0 };
  for (const parameter of word.split(";").slice(1)) {
    const [name, value] = parameter.split("=");
    options[names[name]] = value ? Number(value) : true;
  }
  return options;
}

function watch(connection, subprotocol) {
  ws = connection;
  say("open", subprotocol);
  ws.on("message", (data, isBinary) => say("message", isBinary ? "binary" : "text", hex(data)));
  ws.on("ping", (data) => say("ping", hex(data)));
  ws.on("pong", (data) => say("pong", hex(data)));
  ws.on("close", (code, reason) => say("closed", code, hex(reason)));
  ws.on("error", (error) => console.error(error));
}

function listen() {
  const web = tls ? https.createServer({ cert: file("server.pem"), key: file("server.key") }) : http.createServer();
  const server = new WebSocket.Server({
    server: web,
    perMessageDeflate: deflate(),
    handleProtocols: (offered) => offered.has("chat.v2") && "chat.v2",
    verifyClient(info, answer) {
      const moved = info.req.url.match(/^\/moved\?(\d+)$/);
      if (moved) answer(false, 302, "moved", { Location: `http://127.0.0.1:${moved[1]}/chat` });
      else answer(info.req.url !== "/refuse", 403);
    },
  });
  server.on("connection", (connection) => watch(connection, connection.protocol));
  web.listen(0, "127.0.0.1", () => say("listening", web.address().port));
}

const commands = {
  connect(url, subprotocols) {
    const options = { perMessageDeflate: deflate(), ...(tls && { ca: file("ca.pem") }) };
    const client = new WebSocket(url, subprotocols === "-" ? [] : subprotocols.split(","), options);
    client.on("open", () => {
      client.removeAllListeners("error");
      watch(client, client.protocol);
    });
    client.on("unexpected-response", (request, response) => {
      say("failed", response.statusCode);
      request.destroy();
    });
    client.on("error", () => {});
  },
  text: (word) => ws.send(unhex(word).toString()),
  binary: (word) => ws.send(unhex(word)),
  fragments(kind, ...words) {
    words.forEach((word, at) => ws.send(unhex(word), { binary: kind === "binary", fin: at === words.length - 1 }));
  },
  ping: (word) => ws.ping(unhex(word)),
  close: (code, reason) => ws.close(Number(code), unhex(reason)),
};

say("version", `${require("ws/package.json").version} on Node.js ${process.versions.node}`);
if (process.argv[2] === "server") listen();
readline.createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, ...words] = line.split(" ");
    commands[command](...words);
    say("done");
  })
  .on("close", () => process.exit());
