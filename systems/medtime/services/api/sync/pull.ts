import type { z } from 'zod'
import { ApiError } from '../http/api-error.ts'
import type { Cursors } from './cursor.ts'
import type { PullRequest, Store } from './store.ts'
import { type PullAnswer, pageBytes, type pullQuery, sinceOverlapMs } from './wire.ts'

export interface PullContext {
  store: Store
  cursors: Cursors
  now: () => number
}

/**
 * One page of changes, oldest first.
 * @throws ApiError BAD_CURSOR, EPOCH_CHANGED, CURSOR_EXPIRED, and BAD_REQUEST for a cursor and a time together.
 */
export async function pull(
  user: string,
  query: z.output<typeof pullQuery>,
  { store, cursors, now }: PullContext,
): Promise<PullAnswer> {
  if (query.cursor !== undefined && query.since !== undefined) {
    throw new ApiError('BAD_REQUEST', { message: 'cursor, since: only one of them' })
  }
  const from = startOf(user, query, cursors)
  const { epoch, last, changes, more, floor, expired } = await store.pull({
    user,
    device: query.device_id,
    now: new Date(now()),
    from,
    limit: query.limit,
    bytes: pageBytes,
  })
  if (from !== undefined && 'epoch' in from && from.epoch !== epoch) {
    throw new ApiError('EPOCH_CHANGED', { details: { epoch, cursor: cursors.issue(user, { epoch, sequence: 0 }) } })
  }
  if (expired) throw new ApiError('CURSOR_EXPIRED')
  return { entities: changes, cursor: cursors.issue(user, { epoch, sequence: last, floor }), has_more: more, epoch }
}

function startOf(user: string, query: z.output<typeof pullQuery>, cursors: Cursors): PullRequest['from'] {
  if (query.since !== undefined) return { since: new Date(Date.parse(query.since) - sinceOverlapMs) }
  if (query.cursor === undefined) return undefined
  const position = cursors.read(user, query.cursor)
  if (position === undefined) throw new ApiError('BAD_CURSOR')
  return position
}
