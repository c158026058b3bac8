import { goBoolean } from '../../registry/oci/text/go-boolean.ts';
import { didYouMean } from '../mistakes/suggest.ts';
import type { FlagToken } from '../statements/flags.ts';
import { failAt, type Problem, type StatementInput } from '../statements/statement.ts';
import type { DeviceSyntax } from '../syntax/containerfile.ts';
import { splitCsv } from '../values/csv.ts';

/** Reads `--device=...`, which holds no variables. undefined when it is reported. */
export function parseDevice(reading: StatementInput, flag: FlagToken): DeviceSyntax | undefined {
  const text = flag.value ?? '';
  const read = readFields(text);
  if ('problem' in read) {
    failAt(reading, read.problem, flag.valueSpan);
    return undefined;
  }
  const { name = '', isRequired } = read;
  if (!isDeviceName(name)) {
    const message = `Cannot use the device "${name}": it is neither a name like vendor.com/class=name nor the path of a device node`;
    failAt(reading, { code: 'flag-value', message }, flag.valueSpan);
    return undefined;
  }
  return { name, isRequired, span: flag.valueSpan };
}

/** True for what `--device` can name: `vendor/class`, `vendor/class=name`, `vendor/class=*`, `/path`. (CDI specification, "Kind") */
export function isDeviceName(name: string): boolean {
  return name.startsWith('/') || isCdiName(name);
}

/** True for a CDI name, with or without the name of one device. */
export function isCdiName(name: string): boolean {
  return cdiName.test(name);
}

const cdiName =
  /^[A-Za-z](?:[\w.-]*[A-Za-z0-9])?\/[A-Za-z](?:[\w.-]*[A-Za-z0-9])?(?:=(?:\*|[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?)?)?$/;

type Fields = { readonly name: string | undefined; readonly isRequired: boolean } | { readonly problem: Problem };

/** The name is the first field that is no option; `name=` spells it out. */
function readFields(text: string): Fields {
  let name: string | undefined;
  let isRequired = false;
  for (const { text: field } of splitCsv(text) ?? []) {
    const equals = field.indexOf('=');
    const key = (equals === -1 ? field : field.slice(0, equals)).toLowerCase();
    const value = equals === -1 ? undefined : field.slice(equals + 1);
    if (key === 'required') {
      const parsed = value === undefined || goBoolean(value);
      if (parsed === undefined) {
        return problem(`Cannot use "${value}" for "required": it is true or false`);
      }
      isRequired = parsed;
    } else if (name !== undefined) {
      return problem(`Cannot use "${field}" in a device: it has a name and "required"`, didYouMean(key, ['name', 'required']));
    } else {
      name = key === 'name' && value !== undefined ? value : field;
    }
  }
  return { name, isRequired };
}

function problem(message: string, hint?: string): Fields {
  return { problem: { code: 'flag-value', message, hint } };
}
