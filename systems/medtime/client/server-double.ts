import { z } from 'zod'

const pushed = z.object({
  device_id: z.string(),
  epoch: z.int().optional(),
  entities: z.array(
    z.object({
      id: z.string(),
      entity_type: z.string(),
      version: z.int(),
      base_version: z.int().optional(),
      deleted: z.boolean(),
      key_id: z.string(),
      encrypted_blob: z.string(),
      checksum: z.string(),
    }),
  ),
})
type Pushed = z.output<typeof pushed>['entities'][number]

/** An entity as the server holds it. */
export interface StoredRow extends Pushed {
  sequence: number
  epoch: number
}

interface State {
  sequence: number
  rows: ReadonlyMap<string, StoredRow>
}

/** A server of one user in memory that answers as the API does, one request after the other, and can be restored. */
export interface ServerDouble {
  fetch: typeof fetch
  rows(): ReadonlyMap<string, StoredRow>
  /** Forgets its last commits and begins a new epoch. */
  restore(commits: number): void
}

/** @param pageSize most entities of a page, whatever a client asks for. */
export function serverDouble(pageSize: number): ServerDouble {
  let epoch = 1
  let history: State[] = [{ sequence: 0, rows: new Map() }]
  const current = (): State => {
    const state = history.at(-1)
    if (state === undefined) throw new Error('a server always has a state')
    return state
  }
  const epochChanged = () => answer(410, { code: 'EPOCH_CHANGED', epoch, cursor: `${epoch}.0` })

  const push = (body: unknown): Response => {
    const request = pushed.parse(body)
    if (request.epoch !== undefined && request.epoch !== epoch) return epochChanged()
    const { rows, sequence } = current()
    const fresh = request.entities.filter((entity) => !replayed(entity, rows.get(entity.id)))
    const conflicts = fresh
      .filter(({ id, version, base_version }) => (rows.get(id)?.version ?? 0) !== (base_version ?? version - 1))
      .map(({ id }) => ({
        id,
        reason: 'version',
        server_version: rows.get(id)?.version ?? 0,
        server_checksum: rows.get(id)?.checksum ?? '',
      }))
    if (conflicts.length > 0) return answer(409, { code: 'CONFLICT', synced: 0, conflicts, rejected: [] })
    if (fresh.length > 0) {
      const next = new Map(rows)
      for (const [index, entity] of fresh.entries())
        next.set(entity.id, { ...entity, sequence: sequence + index + 1, epoch })
      history.push({ sequence: sequence + fresh.length, rows: next })
    }
    const cursor = `${epoch}.${current().sequence}`
    return answer(200, { synced: request.entities.length, conflicts: [], cursor, epoch })
  }

  const pull = (cursor: string | null): Response => {
    const [from = epoch, after = 0] = cursor === null ? [] : cursor.split('.').map(Number)
    if (from !== epoch) return epochChanged()
    const changes = [...current().rows.values()]
      .filter(({ sequence }) => sequence > after)
      .sort((a, b) => a.sequence - b.sequence)
    const entities = changes.slice(0, pageSize)
    const last = entities.at(-1)?.sequence ?? after
    return answer(200, { entities, cursor: `${epoch}.${last}`, has_more: changes.length > entities.length, epoch })
  }

  return {
    fetch: async (input, init) => {
      const url = new URL(String(input))
      if (url.pathname === '/sync/config') return answer(404, {})
      if (url.pathname === '/sync/pull') return pull(url.searchParams.get('cursor'))
      return push(JSON.parse(String(init?.body)))
    },
    rows: () => current().rows,
    restore: (commits) => {
      history = history.slice(0, Math.max(1, history.length - commits))
      epoch++
    },
  }
}

function replayed(entity: Pushed, row: StoredRow | undefined): boolean {
  return (
    row !== undefined &&
    row.version === entity.version &&
    row.checksum === entity.checksum &&
    row.entity_type === entity.entity_type &&
    row.key_id === entity.key_id &&
    row.deleted === entity.deleted
  )
}

function answer(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status })
}
