/** Where trees lie, and what ends the work early. */
export interface RemoveTreesOptions {
  readonly storeRoot: string;
  readonly signal: AbortSignal;
}

/** Removes folders of the store. Their files can belong to ids that only the worker may remove. @throws EnvironmentError */
export async function removeTrees(paths: readonly string[], { storeRoot, signal }: RemoveTreesOptions): Promise<void> {
  if (paths.length === 0) return;
  const { WorkerClient } = await import('../../executor/host/worker-client.ts');
  await using worker = await WorkerClient.start({ storeRoot, signal });
  await worker.request({ kind: 'remove', paths }, { signal });
}
