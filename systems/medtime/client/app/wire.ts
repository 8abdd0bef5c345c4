import { z } from 'zod'

/*
 * All that an app tells of itself (TECH-INF-001 §2.3), as SDK and server both check it: no member beside these, and none that takes a
 * text somebody typed.
 */

/** Classes of errors that are told by name; any other is `other`. */
export const crashClasses = [
  'Error',
  'TypeError',
  'RangeError',
  'ReferenceError',
  'SyntaxError',
  'URIError',
  'EvalError',
  'AggregateError',
  'DOMException',
  'SyncError',
  'TransientError',
  'other',
] as const

export const appPlatforms = ['ios', 'android'] as const
export const crashKinds = ['crash', 'hang', 'out_of_memory'] as const

/** A place in a module of the app: its path below the root of the sources, line, column. */
export const framePattern = /^[A-Za-z0-9_.-]+(\/[A-Za-z0-9_.-]+){0,9}\.[jt]sx?:\d{1,7}:\d{1,7}$/
export const framesAtMost = 30

export const crashReport = z.strictObject({
  id: z.uuid().describe('Made for this report alone; the same report again is one.'),
  kind: z.enum(crashKinds),
  class: z.enum(crashClasses),
  code: z
    .string()
    .regex(/^[A-Z][A-Z_]{1,39}$/)
    .nullable()
    .describe('A stable code of our own, where the error has one.'),
  frames: z.array(z.string().max(200).regex(framePattern)).max(framesAtMost),
  platform: z.enum(appPlatforms),
  version: z.string().regex(/^\d{1,4}\.\d{1,4}\.\d{1,4}$/),
  user_hash: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .describe('Made on the device with a key the server does not have.'),
})
export type CrashReport = z.output<typeof crashReport>

export const appEvents = ['app_open', 'screen_view', 'user_engagement'] as const
export const appRoles = ['patient', 'caregiver'] as const

/** The tier follows from the token. Which screen, when and how long is not told. */
export const usageReport = z.strictObject({
  events: z
    .array(z.strictObject({ event: z.enum(appEvents), role: z.enum(appRoles) }))
    .min(1)
    .max(100),
})
export type UsageEvent = z.output<typeof usageReport>['events'][number]
