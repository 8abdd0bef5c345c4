import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../errors.ts'
import type { Pair } from '../recovery/standby/pair.ts'

/** Where an environment says which of its two data directories is the primary. */
export function pairFile(directory: string): string {
  return join(directory, 'standby', 'pair.json')
}

/**
 * Holds what the pair says against what lies there, before anything is started or written: a directory that somebody moved by hand would
 * otherwise be served in place of another, or be overwritten as a standby.
 * @throws STANDBY_PAIR_DISAGREES
 */
export function refuseForeign(pair: Pair, file: string): void {
  const { primary, standby, state, promotion } = pair
  const disagree = (problem: string) => failure('STANDBY_PAIR_DISAGREES', { file, problem })
  const isCluster = (directory: string) => existsSync(join(directory, 'PG_VERSION'))
  const isStandby = (directory: string) => existsSync(join(directory, 'standby.signal'))
  if (promotion !== undefined) {
    // The standby may have been promoted already, and the primary may be fenced or gone.
    if (!isCluster(standby)) throw disagree(`it names ${standby} as the new primary, and no database is there`)
    return
  }
  if (!isCluster(primary)) throw disagree(`it names ${primary} as the primary, and no database is there`)
  if (isStandby(primary)) throw disagree(`it names ${primary} as the primary, and that is the directory of a standby`)
  if (state === 'making' || !isCluster(standby) || isStandby(standby)) return
  // A pg_rewind that was interrupted leaves it without the signal.
  if (existsSync(`${standby}.rewinding`)) return
  throw disagree(
    `it names ${primary} as the primary, and ${standby}, which should be the other, is no standby: somebody put it there`,
  )
}
