/** What goes wrong, and with which requests. */
export interface Fault {
  kind: /** 503 SlowDown, nothing done. */
    | 'slow-down'
    /** 500 InternalError, nothing done. */
    | 'internal-error'
    /** Waits before it answers. */
    | 'slow'
    /** Sends half of the body and closes the connection. */
    | 'truncated'
    /** Closes the connection without doing anything. */
    | 'reset'
    /** Does what was asked and closes the connection without a word. */
    | 'answer-lost'
    /** Does what was asked and answers 500. */
    | 'failed-after'
    /** Listings show the state of a moment ago. */
    | 'stale-listing'
    /** Answers that the quota is used up. */
    | 'full'
    /** Refuses every change. */
    | 'read-only'
    /** 409 ConditionalRequestConflict, nothing done. */
    | 'conflict'
    /** CompleteMultipartUpload answers 200 with an error in its body, nothing done. */
    | 'error-in-body'
  /** Only these operations; all unless told. */
  on?: readonly Operation[]
  /** Only keys that contain this. */
  key?: string
  /** How often; until lifted unless told. */
  times?: number
  /** For `slow`: milliseconds. For `stale-listing`: how old. 200 unless told. */
  ms?: number
  /** This many matching requests go through first. */
  after?: number
  /** Only each so-manieth of the matching requests. */
  every?: number
}

export type Operation =
  | 'GetObject'
  | 'HeadObject'
  | 'PutObject'
  | 'DeleteObject'
  | 'ListObjects'
  | 'ListUploads'
  | 'CreateUpload'
  | 'UploadPart'
  | 'CompleteUpload'
  | 'AbortUpload'
  | 'GetVersioning'
  | 'GetObjectLock'

const changes: readonly Operation[] = [
  'PutObject',
  'DeleteObject',
  'CreateUpload',
  'UploadPart',
  'CompleteUpload',
  'AbortUpload',
]
const writes: readonly Operation[] = ['PutObject', 'CreateUpload', 'UploadPart', 'CompleteUpload']

function natural(kind: Fault['kind']): readonly Operation[] | undefined {
  if (kind === 'full') return writes
  if (kind === 'read-only') return changes
  if (kind === 'stale-listing') return ['ListObjects']
  if (kind === 'error-in-body') return ['CompleteUpload']
  if (kind === 'truncated') return ['GetObject']
  return undefined
}

export function makeFaults() {
  const active = new Set<{ fault: Fault; left: number; passing: number }>()
  return {
    /** @returns lifts it. */
    add: (fault: Fault): (() => void) => {
      const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY, passing: fault.after ?? 0 }
      active.add(entry)
      return () => active.delete(entry)
    },
    /** The fault that meets a request, used up by one. */
    meeting: (operation: Operation, key: string): Fault | undefined => {
      for (const entry of active) {
        const { fault } = entry
        const on = fault.on ?? natural(fault.kind)
        if ((on && !on.includes(operation)) || !key.includes(fault.key ?? '')) continue
        if (entry.passing > 0) {
          entry.passing--
          continue
        }
        entry.passing = (fault.every ?? 1) - 1
        if (--entry.left <= 0) active.delete(entry)
        return fault
      }
      return undefined
    },
  }
}
