import type { CdiRegistry, RegisteredDevice } from './cdi-registry.ts';

/** A device with this annotation belongs to a class, which may be asked for in place of a name. */
const classAnnotation = 'org.mobyproject.buildkit.device.class';
/** A device with this annotation needs no `--allow`: whoever wrote the specification has allowed it. */
const autoAllowAnnotation = 'org.mobyproject.buildkit.device.autoallow';

/**
 * The devices that a name stands for, as BuildKit has it: `vendor/class` is the first of its kind, `vendor/class=*` are all,
 * `vendor/class=name` is the one of that name, else all of the class of that name.
 */
export function findDevices(request: string, { devices }: CdiRegistry): readonly RegisteredDevice[] {
  const [kind = '', name = ''] = cut(request);
  const ofKind = [...devices.values()].filter(({ spec }) => spec.kind === kind);
  if (name === '') return ofKind.slice(0, 1);
  if (name === '*') return ofKind;
  const named = ofKind.filter(({ device }) => device.name === name);
  return named.length > 0 ? named : ofKind.filter((device) => annotationOf(device, classAnnotation) === name);
}

/** True when the specification itself allows every build to have the device. */
export function isAutoAllowed(device: RegisteredDevice): boolean {
  return /^(?:1|t|true)$/i.test(annotationOf(device, autoAllowAnnotation) ?? '');
}

function annotationOf({ spec, device }: RegisteredDevice, name: string): string | undefined {
  return device.annotations[name] ?? spec.annotations[name];
}

function cut(request: string): readonly string[] {
  const equals = request.indexOf('=');
  return equals === -1 ? [request] : [request.slice(0, equals), request.slice(equals + 1)];
}
