import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from '../../../parser/parse.ts';
import { readOne } from '../reading.ts';

const rows: readonly (readonly [text: string, name: string, isRequired: boolean])[] = [
  ['vendor1.com/device=foo', 'vendor1.com/device=foo', false],
  ['vendor1.com/device', 'vendor1.com/device', false],
  ['vendor1.com/device=*', 'vendor1.com/device=*', false],
  ['vendor1.com/device=', 'vendor1.com/device=', false],
  ['vendor1.com/device=0:1.a-b_c', 'vendor1.com/device=0:1.a-b_c', false],
  ['name=vendor1.com/device=foo', 'vendor1.com/device=foo', false],
  ['vendor1.com/device=foo,required', 'vendor1.com/device=foo', true],
  ['required,vendor1.com/device=foo', 'vendor1.com/device=foo', true],
  ['vendor1.com/device=foo,required=true', 'vendor1.com/device=foo', true],
  ['vendor1.com/device=foo,required=0', 'vendor1.com/device=foo', false],
  ['/dev/fuse', '/dev/fuse', false],
  ['/dev/fuse,required', '/dev/fuse', true],
];

for (const [text, name, isRequired] of rows) {
  test(`RUN --device=${text}`, () => {
    const { devices } = readOne('run', `RUN --device=${text} x`);
    assert.deepEqual(
      devices.map((device) => [device.name, device.isRequired]),
      [[name, isRequired]],
    );
  });
}

const nameless = 'it is neither a name like vendor.com/class=name nor the path of a device node';

const mistakes: readonly (readonly [text: string, message: string])[] = [
  ['fuse', `Cannot use the device "fuse": ${nameless}`],
  ['vendor=x', `Cannot use the device "vendor=x": ${nameless}`],
  ['1vendor/class=x', `Cannot use the device "1vendor/class=x": ${nameless}`],
  ['vendor/class=x-', `Cannot use the device "vendor/class=x-": ${nameless}`],
  ['$vendor/class=x', `Cannot use the device "$vendor/class=x": ${nameless}`],
  ['required', `Cannot use the device "": ${nameless}`],
  ['v/c=x,required=maybe', 'Cannot use "maybe" for "required": it is true or false'],
  ['v/c=x,other', 'Cannot use "other" in a device: it has a name and "required"'],
  ['v/c=x,name=v/c=y', 'Cannot use "name=v/c=y" in a device: it has a name and "required"'],
];

for (const [text, message] of mistakes) {
  test(`RUN --device=${text} is an error`, () => {
    const { diagnostics } = parse([{ name: 'Containerfile', text: `FROM scratch\nRUN --device=${text} x\n` }]);
    assert.deepEqual(
      diagnostics.map((diagnostic) => [diagnostic.code, diagnostic.message]),
      [['flag-value', message]],
    );
  });
}
