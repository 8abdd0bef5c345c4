import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { failure } from '../errors.ts'
import type { Pair } from '../recovery/standby/pair.ts'

/** Where an environment says which of its two data directories is the primary. */
export function pairFile(directory: string): string {
  return join(directory, 'standby', 'pair.json')
}

const isCluster = (directory: string) => existsSync(join(directory, 'PG_VERSION'))
const isStandby = (directory: string) => existsSync(join(directory, 'standby.signal'))
const disagree = (file: string, problem: string) => failure('STANDBY_PAIR_DISAGREES', { file, problem })

/**
 * Holds what the pair says against what lies there, before anything is started or written: a directory that somebody moved by hand would
 * otherwise be served in place of another, or be overwritten as a standby.
 * @throws STANDBY_PAIR_DISAGREES
 */
export function refuseForeign(pair: Pair, file: string): void {
  const { primary, standby, state, promotion } = pair
  if (promotion !== undefined) {
    // The standby may have been promoted already, and the primary may be fenced or gone.
    refuseAbsentStandby(pair, file)
    return
  }
  if (!isCluster(primary)) throw disagree(file, `it names ${primary} as the primary, and no database is there`)
  if (isStandby(primary)) throw disagree(file, `it names ${primary} as the primary, and that is a standby's directory`)
  if (state !== 'making' && isCluster(standby)) refuseForeignStandby(pair, file)
}

/**
 * The same for a promotion, to which it does not matter whether the primary is still there.
 * @throws STANDBY_PAIR_DISAGREES
 */
export function refuseForeignSuccessor(pair: Pair, file: string): void {
  if (pair.state === 'making') return
  refuseAbsentStandby(pair, file)
  if (pair.promotion === undefined) refuseForeignStandby(pair, file)
}

/** A start would make an empty database there. */
function refuseAbsentStandby({ standby }: Pair, file: string): void {
  if (!isCluster(standby)) throw disagree(file, `it names ${standby} as the standby, and no database is there`)
}

function refuseForeignStandby({ standby }: Pair, file: string): void {
  // A pg_rewind that was interrupted leaves it without the signal.
  if (isStandby(standby) || existsSync(`${standby}.rewinding`)) return
  throw disagree(file, `it names ${standby} as the standby, and that is none: somebody put it there`)
}
