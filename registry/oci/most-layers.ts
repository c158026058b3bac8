/** The folders that overlayfs stacks at most (OVL_MAX_STACK in the kernel). An image of more layers can be shown nowhere, and run nowhere. */
export const mostLayers = 500;
