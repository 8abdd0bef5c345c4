import { ApiError } from '../http/api-error.ts'
import { runIsolated } from './isolated-process.ts'
import { isolated, trialModule } from './isolation.ts'

/** What a trial found wrong; empty when nothing got out and the drawn prescription was read. */
export async function tryWalls(command = isolated(trialModule)): Promise<string[]> {
  const ending = await runIsolated({ command, input: [], timeoutMs: 30_000, longestAnswer: 65_536 })
  if (ending.kind !== 'answered') return ['the trial did not end']
  return ending.answer
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
}

/**
 * Before the first key is given out, the walls are tried on this very machine; as long as they do not hold, there is no key and
 * with it no image. What succeeded is not tried again, and those who ask meanwhile wait for the same trial.
 * @param trial tells what got out
 * @returns resolves when images may be sent; rejects with ApiError UNAVAILABLE
 */
export function triedOnce(trial: () => Promise<string[]>): () => Promise<void> {
  let kept: Promise<void> | undefined
  return () => {
    kept ??= trial().then((wrong) => {
      if (wrong.length === 0) return
      kept = undefined
      throw new ApiError('UNAVAILABLE')
    })
    return kept
  }
}
