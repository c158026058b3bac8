import type { MachineFacts } from './facts.ts';
import type { Finding } from './finding.ts';

/** What follows from being in a container: which one, and what its engine forbids. */
export function findContainer(facts: MachineFacts, works: boolean): readonly Finding[] {
  const place = placeOf(facts);
  if (place === undefined) return [];
  const found: Finding[] = [{ level: 'ok', what: `Runs in ${place.name}`, cures: [] }];
  if (!works && /^Seccomp:\s*2/m.test(facts.status)) {
    const what = "A seccomp filter is loaded; docker's forbids namespaces and mounts";
    found.push({ level: 'note', what, cures: place.seccomp });
  }
  if (!works && /^(docker-default|cri-containerd|crio-default)/.test(facts.appArmor)) {
    found.push({ level: 'note', what: `The AppArmor profile "${facts.appArmor}" forbids mounts`, cures: place.appArmor });
  }
  if (facts.procMounts.length > 0) {
    found.push({
      level: 'note',
      what: `Parts of /proc are hidden (${facts.procMounts.length} mounts), so the kernel may refuse a fresh /proc`,
      cures: place.proc,
    });
  }
  return found;
}

interface ContainerEngine {
  readonly name: string;
  readonly seccomp: readonly string[];
  readonly appArmor: readonly string[];
  readonly proc: readonly string[];
}

/** What builds need on top of docker's profile. */
const calls =
  'clone with namespaces, unshare, setns, mount, umount2, pivot_root, sethostname, keyctl, fsopen, fsconfig, fsmount, move_mount, open_tree, mount_setattr';

const engine: Omit<ContainerEngine, 'name'> = {
  seccomp: ['--security-opt seccomp=unconfined', `or a profile of your own that also allows ${calls}`],
  appArmor: ['--security-opt apparmor=unconfined'],
  proc: ['docker: --security-opt systempaths=unconfined', 'podman: --security-opt unmask=ALL'],
};

const kubernetes: Omit<ContainerEngine, 'name'> = {
  seccomp: ['securityContext.seccompProfile.type: Unconfined', `or one of type Localhost that also allows ${calls}`],
  appArmor: ['securityContext.appArmorProfile.type: Unconfined'],
  proc: ['securityContext.procMount: Unmasked (with hostUsers: false)'],
};

function placeOf({ environment, markers, kernel }: MachineFacts): ContainerEngine | undefined {
  if (environment['KUBERNETES_SERVICE_HOST'] !== undefined) return { name: 'a Kubernetes pod', ...kubernetes };
  if (markers.includes('/run/.containerenv')) return { name: 'a Podman container', ...engine };
  if (markers.includes('/.dockerenv')) return { name: 'a Docker container', ...engine };
  if (/microsoft/i.test(kernel)) return { name: 'WSL', ...engine };
  return undefined;
}
