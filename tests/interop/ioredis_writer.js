// Keeps writing through ioredis in Sentinel mode: node ioredis_writer.js <name> <sentinel port>...
//
// One JSON line on stdout for each write: {"ok": n, "port": p} once write n is acknowledged by the node at port p, or
// {"error": text}. Ends on SIGTERM.
'use strict';
const Redis = require('ioredis');

const [name, ...ports] = process.argv.slice(2);
const client = new Redis({
  name,
  sentinels: ports.map((port) => ({ host: '127.0.0.1', port: Number(port) })),
  sentinelRetryStrategy: () => 50,
  retryStrategy: () => 50,
  reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
  maxRetriesPerRequest: null,
});
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
client.on('error', (error) => say({ error: String(error) }));

async function run() {
  for (let n = 1; ; ) {
    try {
      await client.set('ioredis', n);
      say({ ok: n, port: client.stream ? client.stream.remotePort : 0 });
      n += 1;
    } catch (error) {
      say({ error: String(error) });
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
process.on('SIGTERM', () => process.exit(0));
run();
