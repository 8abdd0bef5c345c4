import { z } from 'zod'
import type { TokenSource } from './token-source.ts'
import type { WireEntity } from './wire.ts'

const stored = z.object({
  id: z.string(),
  version: z.int(),
  deleted: z.boolean(),
  checksum: z.string(),
})
const page = z.object({ entities: z.array(stored), cursor: z.string(), has_more: z.boolean(), epoch: z.int() })
const position = z.object({ epoch: z.int(), cursor: z.string() })

/** What the service holds of an entity, as far as an acknowledgement can be held against it. */
export type StoredEntity = z.infer<typeof stored>
export type Position = z.infer<typeof position>

/** The service refused. The message holds the status and the code, nothing of the request. */
export class Refused extends Error {
  readonly status: number

  constructor(status: number, code: string) {
    super(`the api answered ${status} ${code}`.trimEnd())
    this.status = status
  }
}

const refusal = z.object({ code: z.string().regex(/^[A-Z_]+$/) })

/** Requests without a client's memory, for looking at what the service holds. */
export interface RawSync {
  push(entities: readonly WireEntity[]): Promise<void>
  /** Everything of the user from the start, page by page. */
  pullAll(): Promise<Map<string, StoredEntity>>
  /** One page from the start. */
  pullPage(limit: number): Promise<StoredEntity[]>
  /** Where the user's history stands. */
  position(): Promise<Position>
}

/** @param address of the api, asked anew before every request. */
export function rawSync(options: { address: () => string; tokens: TokenSource; device: string }): RawSync {
  const send = async (path: string, body: string | undefined) =>
    fetch(new URL(path, options.address()), {
      ...(body === undefined ? {} : { method: 'POST', body }),
      headers: {
        authorization: `Bearer ${await options.tokens.current()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(15_000),
    })
  const ask = async (path: string, json?: unknown): Promise<unknown> => {
    const body = json === undefined ? undefined : JSON.stringify(json)
    let response = await send(path, body)
    if (response.status === 401) {
      await response.arrayBuffer()
      options.tokens.renew()
      response = await send(path, body)
    }
    const text = await response.text()
    if (response.ok) return JSON.parse(text)
    throw new Refused(response.status, codeOf(text))
  }
  const pull = async (query: URLSearchParams) => page.parse(await ask(`/sync/pull?${query}`))
  return {
    push: async (entities) => {
      await ask('/sync/push', { device_id: options.device, entities })
    },
    pullPage: async (limit) => (await pull(new URLSearchParams({ limit: String(limit) }))).entities,
    pullAll: async () => {
      const found = new Map<string, StoredEntity>()
      const query = new URLSearchParams({ limit: '100' })
      for (;;) {
        const { entities, cursor, has_more } = await pull(query)
        for (const entity of entities) found.set(entity.id, entity)
        if (!has_more) return found
        query.set('cursor', cursor)
      }
    },
    position: async () => position.parse(await ask('/sync/status')),
  }
}

function codeOf(text: string): string {
  try {
    return refusal.parse(JSON.parse(text)).code
  } catch {
    return ''
  }
}
