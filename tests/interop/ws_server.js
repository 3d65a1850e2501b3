// An echo server on npm ws, port chosen free: prints its URL, and what it received once a client leaves.
const { WebSocketServer } = require("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0, perMessageDeflate: true }, () =>
  console.log(`ws://127.0.0.1:${server.address().port}/`));
server.on("connection", (ws) => {
  ws.on("message", (data, isBinary) => {
    console.log("received " + data);
    ws.send(data, { binary: isBinary });
  });
  ws.on("close", (code) => console.log("closed with " + code));
});
