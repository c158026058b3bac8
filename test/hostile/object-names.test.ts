import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requires } from '../support/requires.ts';
import { sandbox, shareProcess } from '../support/sandbox.ts';

// Every object of JavaScript has these names, so a look-up in a record that is not asked for its own ones finds a function.

shareProcess();

const needs = requires('user:subids');
const inherited = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];

/** Command lines in which a name can stand. The Containerfile is the first element, the rest the arguments of `build`. */
const places: Readonly<Record<string, (name: string) => readonly [file: string, ...args: readonly string[]]>> = {
  'an argument of the environment': (name) => [`FROM scratch\nARG ${name}\nENV x=\${${name}}\n`, '--build-arg', name],
  'an argument': (name) => [`FROM scratch\nARG ${name}\nENV x=\${${name}}\n`, '--build-arg', `${name}=v`],
  'a variable': (name) => [`FROM scratch\nENV ${name}=v\nENV x=\${${name}}\n`, '--env', `${name}=w`, '--unsetenv', name],
  'a variable that is not set': (name) => [`FROM scratch\nENV x=\${${name}:-y} z=\${${name}}\n`],
  'a label': (name) => [`FROM scratch\nLABEL ${name}=v\n`, '--label', `${name}=w`, '--unsetlabel', name],
  'an annotation': (name) => ['FROM scratch\nLABEL a=b\n', '--annotation', `${name}=v`],
  'a stage': (name) => [`FROM scratch AS s${name}\nFROM s${name}\nCOPY --from=s${name} / /\n`, '--target', `s${name}`],
  'a stage that there is not': (name) => ['FROM scratch\nCOPY f /f\n', '--target', name],
  'a source that there is not': (name) => [`FROM scratch\nCOPY --from=x${name} / /\n`, '--build-context', `x${name}=.`],
  'an architecture': (name) => ['FROM scratch\nCOPY f /f\nRUN ["/f"]\n', '--platform', `linux/${name}`],
  'an operating system': (name) => ['FROM scratch\nCOPY f /f\n', '--platform', `${name}/amd64`],
  'a variant': (name) => ['FROM scratch\nCOPY f /f\n', '--platform', `linux/arm/${name}`],
  'an emulator': (name) => ['FROM scratch\nCOPY f /f\nRUN ["/f"]\n', '--emulator', `${name}=f`],
  'a secret': (name) => [`FROM scratch\nCOPY f /f\nRUN --mount=type=secret,id=${name},required ["/f"]\n`],
  'a secret of the environment': (name) => [`FROM scratch\nCOPY f /f\n`, '--secret', `id=${name}`],
  'a secret of a variable': (name) => [`FROM scratch\nCOPY f /f\n`, '--secret', `id=a,env=${name}`],
  'an agent': (name) => [`FROM scratch\nCOPY f /f\nRUN --mount=type=ssh,id=${name},required ["/f"]\n`],
  'a type of mount': (name) => [`FROM scratch\nRUN --mount=type=${name},target=/m ["/f"]\n`],
  'an option of a mount': (name) => [`FROM scratch\nRUN --mount=type=tmpfs,target=/m,${name}=1 ["/f"]\n`],
  'a flag of an instruction': (name) => [`FROM scratch\nCOPY --${name}=1 f /f\n`],
  'an instruction': (name) => [`FROM scratch\n${name} f /f\n`],
  'a directive': (name) => [`# ${name}=x\nFROM scratch\nLABEL a=b\n`],
  'a check': (name) => [`# check=skip=${name}\nFROM scratch\nLABEL a=b\n`],
  'a flag': (name) => ['FROM scratch\nLABEL a=b\n', `--${name}=1`],
  'a type of output': (name) => ['FROM scratch\nLABEL a=b\n', '--output', `type=${name},dest=out`],
  'a field of an output': (name) => ['FROM scratch\nLABEL a=b\n', '--output', `type=oci,dest=out,${name}=1`],
  'a compression': (name) => ['FROM scratch\nLABEL a=b\n', '--output', `type=oci,dest=out,compression=${name}`],
  'a limit': (name) => ['FROM scratch\nCOPY f /f\nRUN ["/f"]\n', '--ulimit', `${name}=1`],
  'a device': (name) => [`FROM scratch\nCOPY f /f\nRUN --device=${name} ["/f"]\n`, '--device', name],
  'a permission': (name) => ['FROM scratch\nLABEL a=b\n', '--allow', name],
  'a network': (name) => [`FROM scratch\nRUN --network=${name} ["/f"]\n`, '--network', name],
  'a signal': (name) => [`FROM scratch\nSTOPSIGNAL ${name}\n`],
  'a port': (name) => [`FROM scratch\nEXPOSE 80/${name}\n`],
  'a user': (name) => [`FROM scratch\nCOPY --chown=${name} f /f\nUSER ${name}\n`],
  'an epoch': (name) => ['FROM scratch\nCOPY f /f\n', '--build-arg', `SOURCE_DATE_EPOCH=${name}`],
};

for (const [what, place] of Object.entries(places)) {
  test(`a name that every object has is a name like others: ${what}`, needs, async () => {
    using box = sandbox();
    box.file('c/f');
    for (const name of inherited) {
      const [file, ...args] = place(name);
      box.file('c/Containerfile', file);
      const { exit, stderr } = await box.tsbuild(...args, 'c').finished();
      assert.ok([0, 1, 2, 3].includes(exit ?? -1), `${name}: exit code ${exit}\n${stderr}`);
      assert.doesNotMatch(stderr, /bug in tsbuild|\[native code\]|\[object |is not a function/, name);
    }
  });
}
