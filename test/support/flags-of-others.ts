/** Long flags of what other builders build with, as their own help lists them. */
export const flagsOfOthers: Readonly<Record<'docker' | 'buildah' | 'kaniko', readonly string[]>> = {
  docker: words(`
    add-host allow annotation attest build-arg build-context builder cache-from cache-to call cgroup-parent check compress cpu-period cpu-quota
    cpu-shares cpuset-cpus cpuset-mems disable-content-trust file force-rm iidfile isolation label load memory memory-swap metadata-file network
    no-cache no-cache-filter output platform progress provenance pull push quiet rm sbom secret security-opt shm-size squash ssh tag target ulimit`),
  buildah: words(`
    add-host all-platforms annotation arch authfile build-arg build-arg-file build-context cache-from cache-to cache-ttl cap-add cap-drop cert-dir
    cgroup-parent cgroupns compress cpp-flag cpu-period cpu-quota cpu-shares cpuset-cpus cpuset-mems creds decryption-key device
    disable-compression disable-content-trust dns dns-option dns-search env file force-rm format from hooks-dir http-proxy identity-label
    ignorefile iidfile inherit-annotations inherit-labels ipc isolation jobs label layers logfile logsplit manifest memory memory-swap
    metadata-file network no-cache no-hosts omit-history os os-feature os-version output pid platform pull pull-always pull-never quiet retry
    retry-delay rewrite-timestamp rm runtime runtime-flag sbom secret security-opt shm-size sign-by skip-unused-stages source-date-epoch squash
    squash-all ssh stdin tag target timestamp tls-verify ulimit unsetannotation unsetenv unsetlabel userns userns-gid-map userns-uid-map uts
    variant volume`),
  kaniko: words(`
    build-arg cache cache-copy-layers cache-dir cache-repo cache-run-layers cache-ttl cleanup compressed-caching context context-sub-path
    custom-platform destination digest-file dockerfile force force-build-metadata git ignore-path ignore-var-run image-fs-extract-retry
    image-name-tag-with-digest-file image-name-with-digest-file insecure insecure-pull insecure-registry kaniko-dir label log-format
    log-timestamp no-push no-push-cache oci-layout-path push-retry registry-certificate registry-client-cert registry-mirror reproducible
    single-snapshot skip-tls-verify skip-tls-verify-pull skip-tls-verify-registry skip-unused-stages snapshot-mode tar-path target use-new-run
    verbosity`),
};

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
