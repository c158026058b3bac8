import { hash } from 'node:crypto';
import type { Digest } from '../../registry/oci/digest.ts';
import type { Platform } from '../../registry/oci/platform.ts';
import { actionComponents } from './action-components.ts';
import { component, type KeyComponent } from './component.ts';
import type { KeyedAction } from './keyed-action.ts';

declare const stepKeyBrand: unique symbol;

/** 64 hex digits: equal for steps that must give the same result. Made only by stepKey(). */
export type StepKey = string & { readonly [stepKeyBrand]: true };

/** A key and what it was made of. */
export interface KeyedStep {
  readonly key: StepKey;
  readonly components: readonly KeyComponent[];
}

interface StepSubject {
  readonly action: KeyedAction;
  /** What the step starts from, by content; undefined for `scratch`. */
  readonly parent: Digest | undefined;
  readonly platform: Platform;
  /** Which ids there are, when they are fewer than every image counts on: commands then fail and files lose their owners. */
  readonly ids?: string | undefined;
}

/**
 * The key of a step: the action, the content that it starts from, the platform, the content of its inputs. The parent counts by what it
 * contains and not by how it was made, so a step that ran again and changed nothing does not make those after it run. For COPY --link, which
 * reads nothing of it, it does not count: see isOnAnyBase().
 */
export function stepKey(subject: StepSubject): KeyedStep {
  const components = [
    component({ kind: 'format', value: keyFormat, shown: '' }),
    component({ kind: 'platform', value: { ...subject.platform }, shown: describePlatform(subject.platform) }),
    component({ kind: 'base', value: isOnAnyBase(subject.action) ? 'any' : (subject.parent ?? 'scratch'), shown: '' }),
    component({ kind: 'action', value: subject.action.kind }),
    ...(subject.ids === undefined ? [] : [component({ kind: 'setting', what: 'ids', value: subject.ids })]),
    ...actionComponents(subject.action),
  ];
  const text = components.map(({ name, digest }) => `${name}\0${digest}\0`).join('');
  return { key: parseStepKey(hash('sha256', text, 'hex')), components };
}

/** True when a step makes the same layer whatever it starts from. */
export function isOnAnyBase(action: KeyedAction): boolean {
  return action.kind === 'copy' && action.isLink;
}

/** Raised when steps of old keys could give other results with this version. */
const keyFormat = 2;

function describePlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined).join('/');
}

function parseStepKey(hex: string): StepKey {
  if (!isStepKey(hex)) throw new Error(`Unexpected step key "${hex}"`);
  return hex;
}

function isStepKey(text: string): text is StepKey {
  return /^[0-9a-f]{64}$/.test(text);
}
