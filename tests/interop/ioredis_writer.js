// Keeps writing, and reading from replicas, through ioredis in Sentinel mode: node ioredis_writer.js <name> <port>...
//
// One JSON line on stdout for each answer: {"ok": n, "port": p, "at": ms} once write n is acknowledged by the node at port
// p, {"read": value, "port": p, "at": ms} for a read from a replica, or {"error": text}. Ends on SIGTERM.
'use strict';
const Redis = require('ioredis');

const [name, ...ports] = process.argv.slice(2);
const options = {
  name,
  sentinels: ports.map((port) => ({ host: '127.0.0.1', port: Number(port) })),
  sentinelRetryStrategy: () => 50,
  retryStrategy: () => 50,
  reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  maxRetriesPerRequest: null,
};
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
const connect = (role) => new Redis({ ...options, role }).on('error', (error) => say({ error: String(error) }));
const answered = (client) => ({ port: client.stream ? client.stream.remotePort : 0, at: Date.now() });

async function write(client) {
  for (let n = 1; ; ) {
    try {
      await client.set('ioredis', n);
      say({ ok: n, ...answered(client) });
      n += 1;
    } catch (error) {
      say({ error: String(error) });
    }
    await pause();
  }
}

async function read(client) {
  for (;;) {
    try {
      say({ read: Number(await client.get('ioredis')), ...answered(client) });
    } catch (error) {
      say({ error: String(error) });
    }
    await pause();
  }
}

process.on('SIGTERM', () => process.exit(0));
write(connect('master'));
read(connect('slave'));
