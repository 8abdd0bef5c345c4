/*
 * Loaded before a service: puts a module in place of `aval/telemetry` that does nothing.
 */
import { registerHooks } from 'node:module'

const nothing = new URL('./nothing.ts', import.meta.url).href

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'aval/telemetry' ? { url: nothing, shortCircuit: true } : next(specifier, context),
})
