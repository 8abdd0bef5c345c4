import { z } from 'zod'

/*
 * Stands between devices and the real API and lies in the ways a hostile operator could: it sees every answer, keeps old ones, and may
 * show one device another account, where it keeps a second history. It has no key.
 */

const row = z.looseObject({
  id: z.string(),
  entity_type: z.string(),
  version: z.int(),
  deleted: z.boolean(),
  key_id: z.string(),
  encrypted_blob: z.string(),
  checksum: z.string(),
  client_id: z.string(),
})
const page = z.looseObject({ entities: z.array(row), cursor: z.string(), has_more: z.boolean(), epoch: z.int() })

export type Row = z.output<typeof row>
/** What becomes of the rows of a page. */
export type Lie = (rows: Row[]) => Row[]
type Page = z.output<typeof page>

export interface LyingServer {
  /** How a device reaches the API. */
  fetch: typeof fetch
  /** From now on pages are shown so; undefined for the truth. */
  lie(lie: Lie | undefined): void
  /** The same for a page as a whole. */
  liePage(lie: (page: Page) => Page): void
  /** From now on answers of a method and path are changed so. */
  lieAt(method: string, path: string, change: (body: string) => string): void
  /** From now on this device is shown the account of another token. */
  redirect(token: string | undefined): void
}

export function createLyingServer(): LyingServer {
  let lie: ((page: Page) => Page) | undefined
  let other: string | undefined
  const changes = new Map<string, (body: string) => string>()
  return {
    fetch: async (input, init) => {
      const headers = new Headers(init?.headers)
      if (other !== undefined) headers.set('authorization', `Bearer ${other}`)
      const response = await fetch(input, { ...init, headers })
      const change = changes.get(`${init?.method ?? 'GET'} ${new URL(String(input)).pathname}`)
      if (change !== undefined) {
        return new Response(change(await response.text()), { status: response.status, headers: response.headers })
      }
      if (lie === undefined || !String(input).includes('/sync/pull') || response.status !== 200) return response
      const told = page.parse(await response.json())
      return Response.json(lie(told))
    },
    lie: (next) => {
      lie = next && ((told) => ({ ...told, entities: next(told.entities) }))
    },
    liePage: (next) => {
      lie = next
    },
    lieAt: (method, path, change) => {
      changes.set(`${method} ${path}`, change)
    },
    redirect: (token) => {
      other = token
    },
  }
}

/** Everything the API holds for a token, oldest first. */
export async function rowsOf(api: string, token: string): Promise<Row[]> {
  const rows: Row[] = []
  let query = 'limit=100'
  for (;;) {
    const response = await fetch(`${api}/sync/pull?${query}`, { headers: { authorization: `Bearer ${token}` } })
    const { entities, cursor, has_more } = page.parse(await response.json())
    rows.push(...entities)
    if (!has_more) return rows
    query = `limit=100&cursor=${cursor}`
  }
}

/** Puts rows into another account as they are: a second history that a device can be shown. */
export async function copyRows(api: string, rows: readonly Row[], token: string): Promise<void> {
  for (let start = 0; start < rows.length; start += 100) {
    const entities = rows
      .slice(start, start + 100)
      .map(({ id, entity_type, version, deleted, key_id, encrypted_blob, checksum }) => ({
        ...{ id, entity_type, version, deleted, key_id, encrypted_blob, checksum },
        ...(version === 1 ? {} : { base_version: 0 }),
      }))
    const response = await fetch(`${api}/sync/push`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ device_id: 'copy', entities }),
    })
    if (!response.ok) throw new Error(`the copy was answered ${response.status} ${await response.text()}`)
  }
}
