import type { Fleet, FleetDevice } from 'aval'
import { type LocalStore, memoryStore } from '../client/local-store.ts'
import { SyncError } from '../client/request.ts'
import { createSyncClient, type Item, type SyncClient } from '../client/sync-client.ts'
import type { TokenSource } from './token-source.ts'
import { sha256, uuidOf } from './wire.ts'

/** Kinds of entries, each a collection with a key of its own. */
const kinds = ['medication', 'schedule', 'dose_log', 'journal'] as const

/** Told to the person, and no reason for distrust: a restore, what is missing until all have synced after it, a first sync without a mark. */
const honest = new Set<string>(['server-restored', 'restore-incomplete', 'trust-on-first-use'])

export interface FleetOptions {
  address: () => string
  tokensOf: (user: string) => TokenSource
  /** Tells the people of this run from those of another. */
  salt: string
  /** A break of the self-test: devices forget what waits to be sent when nobody answers. */
  forgetful: boolean
}

/** The devices of MedTime: the SDK that the apps use, with everything it offers against a server that lies. */
export function fleet({ address, tokensOf, salt, forgetful }: FleetOptions): Fleet {
  const keyCounts = new Map<string, number>()
  /** No secrets: these people are made up. Newest first. */
  const keysOf = (user: string): [Uint8Array, ...Uint8Array[]] => {
    const key = (number: number) => Buffer.from(sha256(`master key ${number} of ${user}`), 'hex')
    const older = Array.from({ length: keyCounts.get(user) ?? 0 }, (_, index) => key(index)).reverse()
    return [key(keyCounts.get(user) ?? 0), ...older]
  }
  const userOf = (person: string) => uuidOf(`${salt} ${person}`)

  return {
    kinds,
    newKey: (person) => {
      const user = userOf(person)
      keyCounts.set(user, (keyCounts.get(user) ?? 0) + 1)
    },
    device: ({ person, name, fetch, clock, random }) => {
      const user = userOf(person)
      const tokens = tokensOf(user)
      const store = memoryStore()
      const alarms: string[] = []
      let known = -1
      let started: SyncClient | undefined
      /** The app, started again when its person brought a new key. */
      const client = (): SyncClient => {
        const count = keyCounts.get(user) ?? 0
        if (started !== undefined && known === count) return started
        known = count
        started = createSyncClient({
          address,
          token: tokens.current,
          user,
          device: name,
          masterKeys: keysOf(user),
          store,
          clock,
          random,
          fetch,
          marks: {},
          onNotice: (notice) => {
            if (!honest.has(notice.kind)) alarms.push(notice.kind)
          },
        })
        return started
      }
      const device: FleetDevice = {
        entries: async () => new Map((await client().list()).map(({ id, value }) => [id, textOf(value)])),
        write: async (kind, id, text) => void (await client().put(kind, id, new TextEncoder().encode(text))),
        remove: async (kind, id) => void (await client().remove(kind, id)),
        sync: async () => {
          const report = await withToken(tokens, () => client().sync()).catch(async (error: unknown) => {
            if (forgetful) await forgetWaiting(store)
            throw error
          })
          const [refused] = report.setAside
          if (refused !== undefined) throw new Error(`the service refuses an entity: ${refused.reason}`)
          if (report.full !== undefined) throw new Error('the service has no room left')
          const told = report.tampering.map(({ id, what }) => `${what} ${id}`)
          return [...told, ...alarms.splice(0)]
        },
        conflicts: async () =>
          (await client().conflicts()).map(({ id, mine, theirs }) => ({
            id,
            mine: shown(mine) ?? 'deleted',
            theirs: shown(theirs) ?? 'unseen',
          })),
        decide: (id, decision) =>
          client().resolve(id, typeof decision === 'string' ? decision : new TextEncoder().encode(decision.text)),
        replaceKey: async (kind) => void (await withToken(tokens, () => client().rotate([kind]))),
      }
      return device
    },
  }
}

async function forgetWaiting(store: LocalStore): Promise<void> {
  await store.save((await store.all()).map((record) => ({ ...record, pending: [], conflict: undefined })))
}

function shown(item: Item | undefined): string | undefined {
  if (item === undefined) return undefined
  return item.deleted ? 'deleted' : textOf(item.value)
}

function textOf(value: Uint8Array): string {
  return new TextDecoder().decode(value)
}

/** Once more with a new token when the present one is refused. */
async function withToken<T>(tokens: TokenSource, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof SyncError && error.status === 401)) throw error
    tokens.renew()
    return work()
  }
}
