/**
 * The folders that overlayfs stacks at most (OVL_MAX_STACK in the kernel). An image of more layers can be shown nowhere, and run nowhere; so it is
 * refused when its manifest is read, since one of 4 MiB names tens of thousands, each of which would be fetched before that showed.
 */
export const mostLayers = 500;
