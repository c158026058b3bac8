import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggest } from '../../../parser/mistakes/suggest.ts';
import { parseDurationNs } from '../../../parser/values/duration.ts';
import { isFileMode } from '../../../parser/values/file-mode.ts';
import { looksLikeImageName } from '../../../parser/values/image-name.ts';
import { expandPorts, parsePort } from '../../../parser/values/ports.ts';
import { parseSignal } from '../../../parser/values/signal.ts';
import { formatPlatform, parsePlatform } from '../../../registry/oci/platform.ts';

test('parsePlatform() normalises as Go does', () => {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/x86-64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v2', 'linux/amd64/v2'],
    ['Linux/AArch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/7', 'linux/arm/v7'],
    ['linux/arm/v6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['macos/arm64', 'darwin/arm64'],
    ['arm64', 'linux/arm64'],
    ['armhf', 'linux/arm/v7'],
    ['linux', 'linux/amd64'],
    ['windows(10.0.17763)/amd64', 'windows(10.0.17763)/amd64'],
    ['', undefined],
    ['linux/', undefined],
    ['linux/${ARCH}', undefined],
    ['a/b/c/d', undefined],
    ['nonsense', undefined],
  ];
  for (const [text, formatted] of rows) {
    const platform = parsePlatform(text);
    assert.equal(platform && formatPlatform(platform), formatted, text);
  }
  assert.equal(parsePlatform('linux', 's390x')?.architecture, 's390x');
});

test('parseDurationNs() reads what Go reads', () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['30s', 30e9],
    ['1h30m', 5400e9],
    ['1.5s', 1.5e9],
    ['.5ms', 500_000],
    ['1m.5s', 60.5e9],
    ['100us', 100_000],
    ['100µs', 100_000],
    ['7ns', 7],
    ['0', 0],
    ['+1s', 1e9],
    ['-1s', -1e9],
    ['5', undefined],
    ['', undefined],
    ['s', undefined],
    ['.s', undefined],
    ['1d', undefined],
    ['1 s', undefined],
    ['99999999h', undefined],
    ['1'.repeat(60_000), undefined],
  ];
  for (const [text, value] of rows) assert.equal(parseDurationNs(text), value, text.slice(0, 20));
});

test('parseSignal() reads names and numbers', () => {
  const rows: readonly (readonly [string, number | undefined])[] = [
    ['SIGTERM', 15],
    ['term', 15],
    ['9', 9],
    ['SIGRTMIN', 34],
    ['RTMIN+3', 37],
    ['sigrtmax-1', 63],
    ['RTMIN+16', undefined],
    ['0', undefined],
    ['-1', undefined],
    ['SIGNOPE', undefined],
    ['', undefined],
  ];
  for (const [text, value] of rows) assert.equal(parseSignal(text), value, text);
});

test('expandPorts() makes single ports of ranges', () => {
  assert.deepEqual(expandPorts('80'), { ports: ['80/tcp'] });
  assert.deepEqual(expandPorts('0'), { ports: ['0/tcp'] });
  assert.deepEqual(expandPorts('65534-65535'), { ports: ['65534/tcp', '65535/tcp'] });
  assert.deepEqual(expandPorts('53/UDP'), { ports: ['53/udp'] });
  assert.deepEqual(expandPorts('8000-8002/sctp'), { ports: ['8000/sctp', '8001/sctp', '8002/sctp'] });
  assert.deepEqual(expandPorts('127.0.0.1:80:8080'), { ports: ['8080/tcp'] });
  assert.deepEqual(expandPorts('[::1]:80:80/udp'), { ports: ['80/udp'] });
});

test('parsePort() says what is wrong', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['80/tpc', '"tpc" is not tcp, udp or sctp'],
    ['65536', 'a port is a number from 0 to 65535'],
    ['-1', 'a port is a number from 0 to 65535'],
    ['http', 'a port is a number from 0 to 65535'],
    ['90-80', 'the range ends before it starts'],
    ['/tcp', 'the port is missing'],
    ['80:', 'the port is missing'],
    ['localhost:80:80', '"localhost" is not an IP address'],
    ['80-82:80-81', 'the two ranges differ in length'],
  ];
  for (const [text, reason] of rows) {
    assert.deepEqual(parsePort(text), { reason }, text);
  }
});

test('isFileMode() knows octal and symbolic modes', () => {
  for (const text of [
    '0755',
    '755',
    '7777',
    '00644',
    '+x',
    'u=rwX,go=rX',
    'a-w',
    'g=u',
    'u+s,o-rwx',
    'ug+rw-x',
    '=',
    'g=uo',
    'u=rwxo',
  ]) {
    assert.ok(isFileMode(text), text);
  }
  for (const text of ['', '0888', '77777', 'rwx', 'u', 'u+z', 'x+u', 'u+x,', '$MODE']) assert.ok(!isFileMode(text), text);
});

test('looksLikeImageName() follows the reference grammar', () => {
  for (const text of [
    'alpine',
    'a/b:1',
    'host.example:5000/a/b',
    'localhost/a',
    `a@sha256:${'0'.repeat(64)}`,
    'a__b/c--d.e',
    'HOST/a',
    '[::1]:5/a',
  ]) {
    assert.ok(looksLikeImageName(text), text);
  }
  for (const text of ['', 'Alpine', 'busybox:', 'a:@x', 'a//b', '/a', 'a b', '-a', 'a_', 'a@sha256:1']) {
    assert.ok(!looksLikeImageName(text), text);
  }
});

test('suggest() finds names at most two edits away', () => {
  const rows: readonly (readonly [string, readonly string[], string | undefined])[] = [
    ['FNTRYPOINT', ['CMD', 'ENTRYPOINT'], 'ENTRYPOINT'],
    ['PAHT', ['PATH', 'HOME'], 'PATH'],
    ['tmp', ['bind', 'tmpfs'], 'tmpfs'],
    ['typ', ['type', 'target'], 'type'],
    ['bulid', ['build', 'build2'], 'build'],
    ['MYARCH', ['MY_OS', 'MY_ARCH'], 'MY_ARCH'],
    ['x', ['y'], undefined],
    ['version', ['tag'], undefined],
    ['a'.repeat(5000), ['a'], undefined],
  ];
  for (const [name, candidates, expected] of rows) assert.equal(suggest(name, candidates), expected, name.slice(0, 20));
});
