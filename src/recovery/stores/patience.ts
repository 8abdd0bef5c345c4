import type { Clock } from '../../clock.ts'
import { AvalError } from '../../errors.ts'

const firstPauseMs = 100
const longestPauseMs = 5_000
const defaultMs = 120_000

/** What waiting does not change. */
const lasting = new Set([
  'OBJECT_CONFLICT',
  'OBJECT_DAMAGED',
  'OBJECT_OTHER_KEY',
  'REPOSITORY_HELD',
  'REPOSITORY_LEASE_LOST',
  'STORE_DENIED',
  'STORE_KEY_INVALID',
  'STORE_OBJECT_TOO_LARGE',
])

/**
 * Does what needs the store, again and again while the store is away. It must bear to be done twice.
 * @throws its last error once the patience is over, or at once one that waiting does not change, or the signal's reason.
 */
export async function patiently<T>(
  options: { clock: Clock; signal?: AbortSignal; storePatienceMs?: number },
  work: () => Promise<T>,
): Promise<T> {
  const { clock, signal, storePatienceMs = defaultMs } = options
  const deadline = clock.now() + storePatienceMs
  for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, 2 * pause)) {
    try {
      return await work()
    } catch (error) {
      signal?.throwIfAborted()
      const final = error instanceof AvalError && lasting.has(error.code)
      if (final || clock.now() + pause > deadline) throw error
      await clock.sleep(pause, signal)
    }
  }
}
