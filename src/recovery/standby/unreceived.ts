import { join } from 'node:path'
import { formatLsn, type Lsn } from '../wal/lsn.ts'
import type { Loss } from './pair.ts'
import { commitTime, readRecords, resourceManager, type WalPlace } from './wal-records.ts'

/** WAL that one server wrote and the other never had. */
export interface Unreceived {
  from: Lsn
  to: Lsn
  /** Transactions that committed in it and wrote something; heartbeats write nothing. */
  commits: number
  firstAt: number | null
  lastAt: number | null
}

/**
 * Reads what the disk of a server that is down holds beyond a position.
 * @param dataDirectory of that server
 * @param from where the other server's WAL ends, or where its timeline branched off.
 */
export async function unreceivedWal(
  dataDirectory: string,
  timeline: number,
  from: Lsn,
  segmentBytes: number,
): Promise<Unreceived> {
  const place: WalPlace = { directory: join(dataDirectory, 'pg_wal'), timeline, segmentBytes }
  const found: Unreceived = { from, to: from, commits: 0, firstAt: null, lastAt: null }
  /** Transactions of which only a message was seen, which is what a heartbeat is. */
  const silent = new Map<number, boolean>()
  for await (const record of readRecords(place, from)) {
    found.to = record.end
    const at = commitTime(record)
    if (at === undefined) {
      if (record.manager !== resourceManager.transaction && record.transaction !== 0) {
        const onlyMessage = record.manager === resourceManager.logicalMessage
        silent.set(record.transaction, onlyMessage && silent.get(record.transaction) !== false)
      }
      continue
    }
    if (silent.get(record.transaction) === true) continue
    found.commits++
    found.firstAt ??= at
    found.lastAt = at
  }
  return found
}

export function lossOf(found: Unreceived): Loss {
  const { from, to, commits, firstAt, lastAt } = found
  if (commits === 0) return { kind: 'none', because: 'received' }
  return {
    kind: 'measured',
    from: formatLsn(from),
    to: formatLsn(to),
    bytes: Number(to - from),
    commits,
    firstAt,
    lastAt,
  }
}

/** One sentence for a person who decides on it. */
export function describeLoss(loss: Loss): string {
  if (loss.kind === 'none') {
    return loss.because === 'synchronous'
      ? 'no acknowledged write is lost: every commit waited for the standby'
      : 'no write is lost: the standby has all that the old primary wrote'
  }
  if (loss.kind === 'unknown') {
    return loss.after === null
      ? 'what is lost is not known: the disk of the old primary cannot be read, and the standby has seen no commit'
      : `what committed after ${iso(loss.after)} may be lost; the disk of the old primary cannot be read`
  }
  const { commits, from, to, bytes, firstAt, lastAt } = loss
  const when = firstAt === null || lastAt === null ? '' : `, committed from ${iso(firstAt)} to ${iso(lastAt)}`
  return `${commits} ${commits === 1 ? 'transaction is' : 'transactions are'} lost${when}: WAL ${from} to ${to}, ${bytes} bytes`
}

function iso(at: number): string {
  return new Date(at).toISOString()
}
