/**
 * Environment of a Node service that loads one module before the service itself: a break inside the running process that
 * needs no switch in the service. The module is a file of `preload/`.
 */
export function preload(service: string, file: string): Record<string, Record<string, string>> {
  return { [service]: { NODE_OPTIONS: `--import=${new URL(`./preload/${file}`, import.meta.url).href}` } }
}
