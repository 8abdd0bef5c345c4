import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, randomBytes } from '@noble/hashes/utils.js'
import { fromBase64, toBase64 } from '../base64.ts'
import { createKeyRing } from '../keys.ts'
import { systemClock } from '../retry.ts'
import type { SyncClient } from '../sync-client.ts'
import type { FamilyGenerations } from './generations.ts'
import { type FamilyIdentity, familyIdentity } from './identity.ts'
import { writeInviteCode } from './invite-code.ts'
import { familyNotice } from './notice.ts'
import { CodeDiffers, type FamilyOptions, familyApiOf, NotLinked } from './options.ts'
import { sealKey } from './sealed-key.ts'
import type { FamilyState, Given, OwnInvite } from './state.ts'
import { familyEntityType, syncedFamilyStore } from './store.ts'
import { commitmentOf, type Side, sameCode, secretsOf, shortCode, tagOf } from './verification.ts'
import type { DeliveredKey, FamilyLinks } from './wire.ts'

export interface SupervisedOptions extends FamilyOptions {
  /** The person's own data, made with the same `generations` and, if any, the same `collectionOf`. */
  client: SyncClient
  generations: FamilyGenerations
  collectionOf?: (type: string) => string
}

/** Somebody answered an invite; `code` is what both compare. */
export interface Answer {
  supervisor: string
  invite: string
  entityTypes: readonly string[]
  /** Six groups of five digits. */
  code: string
}

/** What a person does who lets others read. */
export interface Supervised {
  /**
   * Opens an invite for 7 days and one use.
   * @returns a text to hand over outside the server: shown as a QR code, or sent by a messenger
   * @throws SyncError FAMILY_LIMIT when as many are open as may be
   */
  invite(what: { entityTypes: readonly string[]; accessDays?: number }): Promise<string>
  /** Who answered, each with the code to compare. Somebody who answered without holding the invite is left out and told of. */
  answers(): Promise<Answer[]>
  /**
   * Lets a supervisor read, once both have compared the code.
   * @param typed what the supervisor read out, or the code itself when the person says that both are alike
   * @throws CodeDiffers, NotLinked
   */
  confirm(supervisor: string, typed: string): Promise<void>
  /** Ends what a supervisor may read, at once, and replaces the keys it had. */
  revoke(supervisor: string): Promise<void>
  /**
   * Keeps in order what is shared: finishes what a crash or another device has left, replaces keys of links that ended by
   * themselves or by the other side, and hands the present ones to who may read. Now and then, and after every start.
   */
  maintain(): Promise<void>
}

const keyBatch = 64

/**
 * @example
 * const generations = familyGenerations()
 * const client = createSyncClient({ address, token, user, device: 'phone', masterKeys, generations })
 * const ana = createSupervised({ address, token, user, masterKeys, client, generations })
 * const code = await ana.invite({ entityTypes: ['medication', 'dose'], accessDays: 90 })
 */
export function createSupervised(options: SupervisedOptions): Supervised {
  const { user, client, generations } = options
  const api = familyApiOf(options)
  const store = syncedFamilyStore(client)
  const ring = createKeyRing(user, options.masterKeys, generations)
  const collectionOf = options.collectionOf ?? ((type: string) => type)
  const { now } = options.clock ?? systemClock
  const tell = (kind: Parameters<typeof familyNotice>[0], peer: string) => options.onNotice?.(familyNotice(kind, peer))
  let made: Promise<FamilyIdentity> | undefined
  const identity = () => {
    made ??= familyIdentity(user, options.masterKeys[0])
    return made
  }

  /** Written down, and on the server, before anything follows from it: the person's other devices know it then. */
  const remember = async (change: (state: FamilyState) => FamilyState): Promise<FamilyState> => {
    await client.sync()
    const state = change(await store.load())
    await store.save(state)
    await client.sync()
    generations.raise(state)
    return state
  }
  const load = async (): Promise<FamilyState> => {
    const state = await store.load()
    generations.raise(state)
    return state
  }
  const ownSide = async (invite: OwnInvite): Promise<Side> => ({
    user,
    publicKey: (await identity()).publicKey,
    nonce: fromBase64(invite.nonce),
  })

  /** The present key of every collection, and every other that something shared is still sealed with. */
  const keysFor = async (supervisor: string, publicKey: Uint8Array, types: readonly string[]) => {
    const from = await identity()
    const held = (await client.held()).filter(({ type }) => types.includes(type))
    const wanted = new Map<string, { collection: string; keyId: string; key: Uint8Array }>()
    const want = (collection: string, key: { id: string; key: Uint8Array } | undefined) => {
      if (key !== undefined) wanted.set(`${collection} ${key.id}`, { collection, keyId: key.id, key: key.key })
    }
    for (const type of types) want(collectionOf(type), ring.current(collectionOf(type)))
    for (const { type, keyId } of held) {
      const name = `${collectionOf(type)} ${keyId}`
      if (!wanted.has(name)) want(collectionOf(type), ring.find(collectionOf(type), keyId))
    }
    return Promise.all(
      [...wanted.values()].map(async ({ collection, keyId, key }): Promise<DeliveredKey> => {
        const sealed = await sealKey(from, publicKey, { supervised: user, supervisor, collection, keyId }, key)
        return { collection, key_id: keyId, sealed: toBase64(sealed) }
      }),
    )
  }

  /** Answers to invites that are still open, each bound to its invite before anything is revealed. */
  const check = async (link: FamilyLinks['supervisors'][number], state: FamilyState): Promise<Answer | undefined> => {
    const invite = state.invites[link.invite_id]
    if (link.status !== 'pending' || invite === undefined || invite.closed) return undefined
    const answer = { user: link.user_id, publicKey: link.public_key, nonce: link.nonce }
    const side: Side = { user: answer.user, publicKey: fromBase64(answer.publicKey), nonce: fromBase64(answer.nonce) }
    const { kept } = secretsOf({ id: link.invite_id, secret: fromBase64(invite.secret) })
    if (bytesToHex(tagOf(kept, user, side)) !== bytesToHex(fromBase64(link.tag))) {
      tell('invite-answer-forged', answer.user)
      return undefined
    }
    if (invite.answer !== null && JSON.stringify(invite.answer) !== JSON.stringify(answer)) {
      // After our number is known, another answer could have been made to fit.
      tell('other-public-key', answer.user)
      return undefined
    }
    if (invite.answer === null) {
      await remember((present) => {
        const known = present.invites[link.invite_id]
        if (known === undefined || known.answer !== null) return present
        return { ...present, invites: { ...present.invites, [link.invite_id]: { ...known, answer } } }
      })
    }
    const own = await ownSide(invite)
    if (!link.revealed) {
      await api.reveal(link.user_id, { public_key: toBase64(own.publicKey), nonce: invite.nonce })
    }
    return {
      supervisor: link.user_id,
      invite: link.invite_id,
      entityTypes: invite.entityTypes,
      code: shortCode(link.invite_id, own, side),
    }
  }

  const answers = async (): Promise<Answer[]> => {
    await client.sync()
    const { supervisors } = await api.links()
    const found: Answer[] = []
    for (const link of supervisors) {
      const answer = await check(link, await load())
      if (answer !== undefined) found.push(answer)
    }
    return found
  }

  /** Links that are over for us: no device of ours gives them a key any more, and what they had is replaced. */
  const end = (over: (invite: string, link: Given) => boolean) =>
    remember((state) => {
      const ending = Object.entries(state.given).filter(([invite, link]) => !link.ended && over(invite, link))
      if (ending.length === 0) return state
      const collections = new Set(ending.flatMap(([, { entityTypes }]) => entityTypes.map(collectionOf)))
      return {
        ...state,
        given: {
          ...state.given,
          ...Object.fromEntries(ending.map(([invite, link]) => [invite, { ...link, ended: true }])),
        },
        generations: {
          ...state.generations,
          ...Object.fromEntries([...collections].map((name) => [name, (state.generations[name] ?? 0) + 1])),
        },
      }
    })

  const maintain = async (): Promise<void> => {
    await client.sync()
    const { supervisors } = await api.links()
    const active = new Map(
      supervisors.filter(({ status }) => status === 'active').map((link) => [link.invite_id, link]),
    )
    // One that waits still was let in by us a moment ago, and the request was lost: it is not over.
    const standing = new Set(
      supervisors.filter(({ status }) => status === 'active' || status === 'pending').map(({ invite_id }) => invite_id),
    )
    const over = (invite: string, { until }: Pick<Given, 'until'>) =>
      !standing.has(invite) || (until !== null && until <= now())
    const before = await load()
    const anyOver = Object.entries(before.given).some(([invite, link]) => !link.ended && over(invite, link))
    const state = anyOver ? await end(over) : before
    for (const [invite, { user: supervisor, publicKey, entityTypes, ended }] of Object.entries(state.given)) {
      const link = active.get(invite)
      if (ended || link === undefined) continue
      if (link.user_id !== supervisor || link.public_key !== publicKey) {
        tell('other-public-key', supervisor)
        continue
      }
      // Keys go before what is sealed with them.
      const keys = await keysFor(supervisor, fromBase64(publicKey), entityTypes)
      for (let start = 0; start < keys.length; start += keyBatch) {
        await api.deliver(supervisor, keys.slice(start, start + keyBatch))
      }
    }
    await client.reseal()
    await client.sync()
  }

  return {
    invite: async ({ entityTypes, accessDays }) => {
      if (entityTypes.includes(familyEntityType)) throw new RangeError('what is known of links is never shared')
      const id = crypto.randomUUID()
      const invite: OwnInvite = {
        secret: toBase64(randomBytes(32)),
        nonce: toBase64(randomBytes(32)),
        entityTypes: [...entityTypes],
        accessDays: accessDays ?? null,
        answer: null,
        closed: false,
      }
      await remember((state) => ({ ...state, invites: { ...state.invites, [id]: invite } }))
      const secret = fromBase64(invite.secret)
      const commitment = commitmentOf(id, await ownSide(invite))
      await api.invite({
        invite_id: id,
        secret_hash: toBase64(sha256(secretsOf({ id, secret }).shown)),
        commitment: toBase64(commitment),
        entity_types: entityTypes,
        access_days: accessDays ?? null,
      })
      return writeInviteCode({ supervised: user, invite: id, secret, commitment })
    },
    answers,
    confirm: async (supervisor, typed) => {
      const answer = (await answers()).find((candidate) => candidate.supervisor === supervisor)
      if (answer === undefined) throw new NotLinked('nobody of this id has answered an open invite')
      if (!sameCode(typed, answer.code)) throw new CodeDiffers()
      const invite = (await load()).invites[answer.invite]
      const bound = invite?.answer ?? undefined
      if (invite === undefined || bound === undefined) throw new NotLinked('the answer is not known here')
      const types = [...answer.entityTypes]
      const until = invite.accessDays === null ? null : now() + invite.accessDays * 86_400_000
      const given = { user: supervisor, publicKey: bound.publicKey, entityTypes: types, until, ended: false }
      await remember((state) => ({ ...state, given: { ...state.given, [answer.invite]: given } }))
      const keys = await keysFor(supervisor, fromBase64(bound.publicKey), types)
      await api.confirm(supervisor, keys.slice(0, keyBatch))
      for (let start = keyBatch; start < keys.length; start += keyBatch) {
        await api.deliver(supervisor, keys.slice(start, start + keyBatch))
      }
      await remember((state) => {
        const known = state.invites[answer.invite] ?? invite
        return { ...state, invites: { ...state.invites, [answer.invite]: { ...known, closed: true } } }
      })
    },
    revoke: async (supervisor) => {
      // The server first, which works at once; the rest does not depend on whether it did as it was told.
      await api.revoke(supervisor)
      await end((_, link) => link.user === supervisor)
      await maintain()
    },
    maintain,
  }
}
