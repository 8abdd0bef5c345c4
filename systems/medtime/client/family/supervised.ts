import { sha256 } from '@noble/hashes/sha2.js'
import { randomBytes } from '@noble/hashes/utils.js'
import { fromBase64, toBase64 } from '../base64.ts'
import { digestOf } from '../commitment/pinned.ts'
import { createKeyRing } from '../keys.ts'
import { SyncError } from '../request.ts'
import { systemClock } from '../retry.ts'
import { NotReady } from '../rotation.ts'
import type { SyncClient } from '../sync-client.ts'
import { type Answer, type AnsweredLink, readAnswer } from './answer.ts'
import type { FamilyGenerations } from './generations.ts'
import { identityOnce } from './identity.ts'
import { writeInviteCode } from './invite-code.ts'
import { keysToGive } from './keys-to-give.ts'
import { familyNotice } from './notice.ts'
import { CodeDiffers, type FamilyOptions, familyApiOf, NotLinked } from './options.ts'
import { closeInvites, endLinks, type FamilyState, type Given, type OwnInvite, withInvite } from './state.ts'
import { familyEntity, familyEntityType, syncedFamilyStore } from './store.ts'
import { commitmentOf, type Side, sameCode, secretsOf, shortCode } from './verification.ts'
import type { DeliveredKey } from './wire.ts'

export interface SupervisedOptions extends FamilyOptions {
  /** The person's own data, made with the same `generations` and, if any, the same `collectionOf`. */
  client: SyncClient
  generations: FamilyGenerations
  collectionOf?: (type: string) => string
}

/** Somebody who reads, or asks to, as the server tells it. */
export interface SupervisorLink {
  supervisor: string
  status: 'pending' | 'active' | 'revoked' | 'expired'
  entityTypes: readonly string[]
  /** Undefined: until it is revoked. */
  until: Date | undefined
}

/** What a person does who lets others read. */
export interface Supervised {
  /**
   * Opens an invite for 7 days and one use.
   * @returns a text to hand over outside the server: shown as a QR code, or sent by a messenger
   * @throws SyncError FAMILY_LIMIT when as many are open as may be
   */
  invite(what: { entityTypes: readonly string[]; accessDays?: number }): Promise<string>
  /** Takes every invite back that nobody was let in by. */
  withdrawInvites(): Promise<void>
  /** Who answered, each with the code to compare. Somebody who answered without holding the invite is left out and told of. */
  answers(): Promise<Answer[]>
  /**
   * Lets a supervisor read, once both have compared the code.
   * @param typed what the supervisor read out, or the code itself when the person says that both are alike
   * @throws CodeDiffers, NotLinked
   */
  confirm(supervisor: string, typed: string): Promise<void>
  /** Ends what a supervisor may read, at once, and replaces the keys it had. Refuses one that waits. */
  revoke(supervisor: string): Promise<void>
  supervisors(): Promise<SupervisorLink[]>
  /**
   * Keeps in order what is shared: finishes what a crash or another device has left, replaces keys of links that ended by
   * themselves or by the other side, and hands the present ones to who may read. Now and then, and after every start.
   */
  maintain(): Promise<void>
}

const keyBatch = 64
/** A server could answer for ever that another device was faster. */
const writeAttempts = 16
const dayMs = 86_400_000

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
  const identity = identityOnce(user, options.masterKeys[0])
  const tell = (kind: Parameters<typeof familyNotice>[0], peer: string) => options.onNotice?.(familyNotice(kind, peer))

  /**
   * Written down, and on the server, before anything follows from it: the person's other devices know it then, and this one knows what
   * they wrote meanwhile. No key is handed over before.
   */
  const remember = async (change: (state: FamilyState) => FamilyState): Promise<FamilyState> => {
    await client.sync()
    for (let attempt = 0; attempt < writeAttempts; attempt++) {
      const state = change(await store.load())
      await store.save(state)
      generations.raise(state)
      const { conflicts } = await client.sync()
      if (!conflicts.includes(familyEntity)) return state
    }
    throw new Error('the person’s other devices do not stop writing')
  }
  const load = async (): Promise<FamilyState> => {
    const state = await store.load()
    generations.raise(state)
    return state
  }
  const ownSide = async ({ nonce }: OwnInvite): Promise<Side> => ({
    user,
    publicKey: (await identity()).publicKey,
    nonce: fromBase64(nonce),
  })
  const keysFor = async ({ user: supervisor, publicKey, entityTypes: types }: Given): Promise<DeliveredKey[]> => {
    const [from, held] = [await identity(), await client.held()]
    return keysToGive({ from, supervisor, publicKey: fromBase64(publicKey), types, collectionOf, ring, held })
  }
  const deliver = async (supervisor: string, keys: readonly DeliveredKey[]): Promise<void> => {
    for (let start = 0; start < keys.length; start += keyBatch) {
      await api.deliver(supervisor, keys.slice(start, start + keyBatch))
    }
  }

  /** The answer of a link, bound to its invite before anything is revealed. */
  const bind = async (link: AnsweredLink): Promise<Answer | undefined> => {
    const invite = (await load()).invites[link.invite_id]
    if (link.status !== 'pending' || invite === undefined || invite.closed) return undefined
    const side = readAnswer(link, invite, user)
    if (side === 'forged' || side === 'another') {
      tell(side === 'forged' ? 'invite-answer-forged' : 'other-public-key', link.user_id)
      return undefined
    }
    if (invite.answer === null) {
      const answer = { user: link.user_id, publicKey: link.public_key, nonce: link.nonce }
      const bound = await remember((state) => withInvite(state, link.invite_id, (known) => ({ ...known, answer })))
      // Another device may have bound the invite to another answer at the same moment.
      const kept = bound.invites[link.invite_id]
      if (kept === undefined || kept.closed || readAnswer(link, kept, user) === 'another') return undefined
    }
    const own = await ownSide(invite)
    if (!link.revealed) {
      await api.reveal(link.user_id, { public_key: toBase64(own.publicKey), nonce: invite.nonce })
    }
    const { user_id: supervisor, invite_id } = link
    return { supervisor, invite: invite_id, entityTypes: invite.entityTypes, code: shortCode(invite_id, own, side) }
  }
  const answers = async (): Promise<Answer[]> => {
    await client.sync()
    const { supervisors } = await api.links()
    const found: Answer[] = []
    for (const link of supervisors) found.push(...[await bind(link)].flatMap((answer) => answer ?? []))
    return found
  }

  /** Puts what was shared, and still lies under a key that was replaced, under the present one: all of a collection at once. */
  const rotateWhatIsDue = async ({ given }: FamilyState): Promise<void> => {
    const held = await client.held()
    for (const collection of new Set(Object.values(given).flatMap(({ collections }) => collections))) {
      const of = held.filter(({ type }) => collectionOf(type) === collection)
      if (of.every(({ keyId }) => keyId === ring.current(collection).id)) continue
      try {
        await client.rotate([...new Set(of.map(({ type }) => type))])
      } catch (thrown) {
        // A conflict has to be decided first; new content has the new key already, and the next time comes.
        if (!(thrown instanceof NotReady)) throw thrown
      }
    }
  }

  /** Another device of the person ended the link after it was listed; the next time it is not listed any more. */
  const passIfEnded = (thrown: unknown) => {
    if (!(thrown instanceof SyncError && thrown.code === 'NO_LINK')) throw thrown
  }

  const maintain = async (): Promise<void> => {
    await client.sync()
    const { supervisors } = await api.links()
    const standing = new Map(
      supervisors
        // One that waits still was let in by us a moment ago, and the request was lost: it is not over.
        .filter(({ status }) => status === 'active' || status === 'pending')
        .map((link) => [link.invite_id, link]),
    )
    const over = (invite: string, { until }: Given) => !standing.has(invite) || (until !== null && until <= now())
    const before = await load()
    const anyOver = Object.entries(before.given).some(([invite, link]) => !link.ended && over(invite, link))
    const state = anyOver ? await remember((known) => endLinks(known, over)) : before
    for (const [invite, given] of Object.entries(state.given)) {
      const link = standing.get(invite)
      if (link === undefined) continue
      if (given.ended) {
        // A restore of the server has brought back what was over, or it ended by our clock alone.
        await api.revoke(given.user)
        continue
      }
      if (link.user_id !== given.user || link.public_key !== given.publicKey) tell('other-public-key', given.user)
      // Keys go before what is sealed with them.
      else if (link.status === 'active') await deliver(given.user, await keysFor(given)).catch(passIfEnded)
    }
    await rotateWhatIsDue(state)
  }

  return {
    invite: async ({ entityTypes, accessDays }) => {
      if (entityTypes.includes(familyEntityType)) throw new RangeError('what is known of links is never shared')
      const id = crypto.randomUUID()
      const secret = randomBytes(32)
      const invite: OwnInvite = {
        secret: toBase64(secret),
        nonce: toBase64(randomBytes(32)),
        entityTypes: [...entityTypes],
        accessDays: accessDays ?? null,
        answer: null,
        closed: false,
      }
      await remember((state) => ({ ...state, invites: { ...state.invites, [id]: invite } }))
      const commitment = commitmentOf(id, await ownSide(invite))
      await api.invite({
        invite_id: id,
        secret_hash: toBase64(sha256(secretsOf({ id, secret }).shown)),
        commitment: toBase64(commitment),
        entity_types: entityTypes,
        access_days: invite.accessDays,
      })
      return writeInviteCode({ supervised: user, invite: id, secret, commitment })
    },
    withdrawInvites: async () => {
      await remember((state) => closeInvites(state, () => true))
      for (const invite of await api.invites()) await api.withdraw(invite)
    },
    answers,
    confirm: async (supervisor, typed) => {
      const answer = (await answers()).find((candidate) => candidate.supervisor === supervisor)
      if (answer === undefined) throw new NotLinked('nobody of this id has answered an open invite')
      if (!sameCode(typed, answer.code)) throw new CodeDiffers()
      const invite = (await load()).invites[answer.invite]
      if (invite === undefined || invite.answer === null) throw new NotLinked('the answer is not known here')
      const given: Given = {
        user: supervisor,
        publicKey: invite.answer.publicKey,
        entityTypes: invite.entityTypes,
        collections: invite.entityTypes.map(collectionOf),
        until: invite.accessDays === null ? null : now() + invite.accessDays * dayMs,
        ended: false,
      }
      // What is pinned makes the mark go out at once: who was verified, and with which key, must not wait to be vouched for.
      await client.pin(`caregiver:${supervisor}`, digestOf(fromBase64(given.publicKey)), 'settled')
      await remember((state) => ({ ...state, given: { ...state.given, [answer.invite]: given } }))
      const keys = await keysFor(given)
      await api.confirm(supervisor, keys.slice(0, keyBatch))
      await deliver(supervisor, keys.slice(keyBatch))
      await remember((state) => closeInvites(state, (id) => id === answer.invite))
    },
    revoke: async (supervisor) => {
      // The server first, which works at once; the rest does not depend on whether it did as it was told.
      await api.revoke(supervisor)
      await client.pin(`caregiver:${supervisor}`, undefined, 'settled')
      await remember((state) =>
        endLinks(
          closeInvites(state, (_, { answer }) => answer?.user === supervisor),
          (_, link) => link.user === supervisor,
        ),
      )
      await maintain()
    },
    supervisors: async () =>
      (await api.links()).supervisors.map(({ user_id, status, entity_types, expires_at }) => ({
        supervisor: user_id,
        status,
        entityTypes: entity_types,
        until: expires_at === null ? undefined : new Date(expires_at),
      })),
    maintain,
  }
}
