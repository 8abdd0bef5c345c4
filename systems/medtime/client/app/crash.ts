import { SyncError } from '../request.ts'
import { TransientError } from '../retry.ts'
import { ownFrames } from './own-frames.ts'
import { type CrashReport, crashClasses, crashReport } from './wire.ts'

/** What is known of the app that crashed, and of nobody. */
export interface CrashContext {
  platform: CrashReport['platform']
  /** `1.0.0` */
  version: string
  /** Of `userHash`. */
  userHash: string
  /** What the addresses of the app's modules begin with. */
  root: string
}

/**
 * What may be told of an error: its class when it is a known one, a code when it is an error of ours, and where in the app it was.
 * Never its message, its cause, or a member that somebody gave it.
 * @param id of the report, random
 */
export function crashOf(thrown: unknown, kind: CrashReport['kind'], id: string, context: CrashContext): CrashReport {
  const error = thrown instanceof Error ? thrown : undefined
  return crashReport.parse({
    id,
    kind,
    class: classOf(error),
    code: error instanceof SyncError && /^[A-Z][A-Z_]{1,39}$/.test(error.code) ? error.code : null,
    frames: error === undefined ? [] : ownFrames(error, context.root),
    platform: context.platform,
    version: context.version,
    user_hash: context.userHash,
  })
}

function classOf(error: Error | undefined): CrashReport['class'] {
  if (error instanceof SyncError) return 'SyncError'
  if (error instanceof TransientError) return 'TransientError'
  // Of the class, not `name`, which anybody may write.
  const name = error?.constructor.name
  return crashClasses.find((known) => known === name) ?? 'other'
}
