/**
 * What listens on the machine of networkMachine(): each service says its name to whoever connects. Arguments: a file that is made when all listen,
 * the port, addresses. Names are answered with the last address.
 */
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';

const [readyFile = '', port = '', ...addresses] = process.argv.slice(2);

for (const address of addresses) {
  await new Promise<void>((resolve) => {
    createServer((socket) => {
      socket.on('error', () => {});
      socket.end(`service of ${address}\n`);
    }).listen(Number(port), address, resolve);
  });
}
const names = createSocket('udp4');
names.on('message', (query, { address, port: theirPort }) => names.send(answerTo(query), theirPort, address));
await new Promise<void>((resolve) => names.bind(53, '127.0.0.53', resolve));
writeFileSync(readyFile, '');

/** One address for each question of that kind, none for others. (RFC 1035, section 4) */
function answerTo(query: Buffer): Buffer {
  const end = query.indexOf(0, 12) + 5;
  const question = query.subarray(12, end);
  const isAddress = question.readUInt16BE(question.length - 4) === 1;
  const header = Buffer.from([query[0] ?? 0, query[1] ?? 0, 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]);
  const address = Buffer.from((addresses.at(-1) ?? '').split('.').map(Number));
  const record = Buffer.concat([Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]), address]);
  return Buffer.concat([header, question, ...(isAddress ? [record] : [])]);
}
