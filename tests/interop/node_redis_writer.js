// Keeps writing, and reading from replicas, through node-redis in Sentinel mode: node node_redis_writer.js <name> <port>...
//
// Waits for a line on stdin before it connects: "write", or "write and read". Prints the lines that ioredis_writer.js prints; "port" of a read is 0,
// since node-redis does not say which replica answered. Ends on SIGTERM.
'use strict';
const { createSentinel } = require('redis');

const [name, ...ports] = process.argv.slice(2);
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
const reconnect = { socket: { reconnectStrategy: () => 50, connectTimeout: 1000 } };

async function write(client) {
  for (let n = 1; ; ) {
    try {
      await client.set('node-redis', String(n));
      const node = client.getMasterNode();
      say({ ok: n, port: node ? node.port : 0, at: Date.now() });
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
      say({ read: Number(await client.get('node-redis')), port: 0, at: Date.now() });
    } catch (error) {
      say({ error: String(error) });
    }
    await pause();
  }
}

async function run(order) {
  const reads = String(order).includes('read');
  const client = createSentinel({
    name,
    sentinelRootNodes: ports.map((port) => ({ host: '127.0.0.1', port: Number(port) })),
    nodeClientOptions: reconnect,
    sentinelClientOptions: reconnect,
    replicaPoolSize: reads ? 1 : 0,
  });
  client.on('error', (error) => say({ error: String(error) }));
  await client.connect();
  write(client);
  if (reads) read(client);
}

process.on('SIGTERM', () => process.exit(0));
process.on('unhandledRejection', (error) => say({ error: String(error) }));
process.stdin.once('data', run);
say({ ready: true });
