import type { z } from 'zod'
import { type PullResult, pullResult, type SyncApi } from '../api.ts'
import { leastLimits } from '../limits.ts'
import { type ApiOptions, createRequest, refusal } from '../request.ts'
import {
  acceptanceAnswer,
  type DeliveredKey,
  type FamilyLinks,
  invitesAnswer,
  keysAnswer,
  linksAnswer,
} from './wire.ts'

/** The server's part in links. Every method throws SyncError when the server refuses; its code says why. */
export interface FamilyApi {
  invite(request: {
    invite_id: string
    secret_hash: string
    commitment: string
    entity_types: readonly string[]
    access_days: number | null
  }): Promise<void>
  /** The ids of those that are open. */
  invites(): Promise<string[]>
  withdraw(invite: string): Promise<void>
  accept(request: {
    supervised: string
    invite_id: string
    secret: string
    public_key: string
    nonce: string
    tag: string
  }): Promise<z.output<typeof acceptanceAnswer>>
  links(): Promise<FamilyLinks>
  reveal(supervisor: string, revelation: { public_key: string; nonce: string }): Promise<void>
  confirm(supervisor: string, keys: readonly DeliveredKey[]): Promise<void>
  deliver(supervisor: string, keys: readonly DeliveredKey[]): Promise<void>
  revoke(supervisor: string): Promise<void>
  giveUp(supervised: string): Promise<void>
  keys(supervised: string): Promise<DeliveredKey[]>
  pull(supervised: string, cursor: string | undefined, limit: number): Promise<PullResult>
}

export type FamilyApiOptions = Omit<ApiOptions, 'device'>

export function createFamilyApi(options: FamilyApiOptions): FamilyApi {
  const request = createRequest(options)
  const ask = async (path: string, init: RequestInit = {}): Promise<unknown> => {
    const { status, body } = await request(`/family/${path}`, init)
    if (status !== 200) throw refusal(status, body)
    return body
  }
  const post = (path: string, body: unknown) =>
    ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const end = (path: string) => ask(path, { method: 'DELETE' })
  return {
    invite: async (body) => void (await post('invites', body)),
    invites: async () => invitesAnswer.parse(await ask('invites')).invites.map(({ invite_id }) => invite_id),
    withdraw: async (invite) => void (await end(`invites/${invite}`)),
    accept: async (body) => acceptanceAnswer.parse(await post('accept', body)),
    links: async () => linksAnswer.parse(await ask('links')),
    reveal: async (supervisor, body) => void (await post(`supervisors/${supervisor}/reveal`, body)),
    confirm: async (supervisor, keys) => void (await post(`supervisors/${supervisor}/confirm`, { keys })),
    deliver: async (supervisor, keys) => void (await post(`supervisors/${supervisor}/keys`, { keys })),
    revoke: async (supervisor) => void (await end(`supervisors/${supervisor}`)),
    giveUp: async (supervised) => void (await end(`supervised/${supervised}`)),
    keys: async (supervised) => keysAnswer.parse(await ask(`${supervised}/keys`)).keys,
    pull: async (supervised, cursor, limit) => {
      const query = new URLSearchParams({ limit: String(limit) })
      if (cursor !== undefined) query.set('cursor', cursor)
      return pullResult(await request(`/family/${supervised}/pull?${query}`, {}))
    },
  }
}

/** The changes of somebody else in the place of one's own. There is nothing here to write with. */
export function sharedChanges(api: FamilyApi, supervised: string): Pick<SyncApi, 'pull' | 'limits'> {
  return {
    limits: async () => leastLimits,
    pull: (cursor, limit) => api.pull(supervised, cursor, limit),
  }
}
