// Echo on npm's ws: node ws.js [--tls CERT KEY | --deflate LEVEL [--no-takeover]] PORT
const { readFileSync } = require('fs');
const http = require('http');
const https = require('https');
const { WebSocketServer } = require('ws');

const words = process.argv.slice(2);
const listener = words[0] === '--tls' ? https.createServer({ cert: readFileSync(words[1]), key: readFileSync(words[2]) }) : http.createServer();
const deflate = words[0] === '--deflate' && { zlibDeflateOptions: { level: Number(words[1]) }, threshold: 64 };
const server = new WebSocketServer({ server: listener, perMessageDeflate: deflate });
server.on('connection', (socket) => {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  socket.on('error', () => {});
});
listener.listen({ host: '127.0.0.1', port: Number(words[words.length - 1]), backlog: 1024 });
