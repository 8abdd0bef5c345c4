import { bytesToHex, randomBytes } from '@noble/hashes/utils.js'
import { fromBase64, toBase64 } from '../base64.ts'
import type { CollectionKey, KeyRing } from '../keys.ts'
import { type LocalStore, memoryStore } from '../local-store.ts'
import { type PullReport, pull } from '../pull.ts'
import { SyncError } from '../request.ts'
import { open } from '../sealed-entity.ts'
import type { Item } from '../sync-client.ts'
import { type FamilyApi, sharedChanges } from './family-api.ts'
import { identityOnce } from './identity.ts'
import { readInviteCode } from './invite-code.ts'
import { familyNotice } from './notice.ts'
import { CodeDiffers, type FamilyOptions, familyApiOf, NotLinked } from './options.ts'
import { openKey } from './sealed-key.ts'
import type { Taken } from './state.ts'
import { type FamilyStore, memoryFamilyStore } from './store.ts'
import { commitmentOf, type Side, sameCode, secretsOf, shortCode, tagOf } from './verification.ts'

export interface SupervisorOptions extends FamilyOptions {
  /** Where it is kept whom this person reads of: `syncedFamilyStore` of the person's own client; in memory unless told. */
  store?: FamilyStore
  /** Where what is read of somebody is kept, sealed; in memory unless told. */
  storeOf?: (supervised: string) => LocalStore
  /** Collection of an entity type, as the supervised has it. */
  collectionOf?: (type: string) => string
}

/** What a person does who reads of others. There is nothing here to write with. */
export interface Supervisor {
  /**
   * Accepts an invite. Nothing can be read before both have compared the code and the other side has confirmed.
   * @returns the id of the supervised
   * @throws NotLinked for a text that is no invite; SyncError INVITE_INVALID, ALREADY_LINKED
   */
  accept(invite: string): Promise<string>
  /** The code to compare; undefined until the device of the supervised has seen the answer, or when the server lies. */
  code(supervised: string): Promise<string | undefined>
  /**
   * Holds from now on to the key of the supervised.
   * @param typed what the other side read out, or the code itself when the person says that both are alike
   * @throws CodeDiffers, NotLinked
   */
  verify(supervised: string, typed: string): Promise<void>
  /**
   * Takes over every change of what is shared.
   * @throws NotLinked when the link is not verified here, or has ended
   */
  pull(supervised: string): Promise<PullReport>
  /** What is shared and not deleted, as of the last pull. */
  list(supervised: string, type?: string): Promise<Item[]>
  /** Reads no more of somebody, at once. */
  giveUp(supervised: string): Promise<void>
}

/**
 * @example
 * const carla = createSupervisor({ address, token, user, masterKeys })
 * const ana = await carla.accept(scanned)
 * await carla.verify(ana, typed)
 * await carla.pull(ana)
 * const medications = await carla.list(ana, 'medication')
 */
export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { user } = options
  const api = familyApiOf(options)
  const store = options.store ?? memoryFamilyStore()
  const collectionOf = options.collectionOf ?? ((type: string) => type)
  const tell = (kind: Parameters<typeof familyNotice>[0], peer: string) => options.onNotice?.(familyNotice(kind, peer))
  const locals = new Map<string, LocalStore>()
  const localOf = (invite: string, supervised: string): LocalStore => {
    const local = locals.get(invite) ?? options.storeOf?.(supervised) ?? memoryStore()
    locals.set(invite, local)
    return local
  }
  /** By invite: the keys that were opened. */
  const rings = new Map<string, Map<string, CollectionKey>>()
  const identity = identityOnce(user, options.masterKeys[0])
  const change = async (invite: string, taken: Taken): Promise<void> => {
    const state = await store.load()
    await store.save({ ...state, taken: { ...state.taken, [invite]: taken } })
  }
  const end = async (which: (invite: string, link: Taken) => boolean): Promise<void> => {
    const state = await store.load()
    const taken = Object.entries(state.taken).map(([id, link]) => [
      id,
      which(id, link) ? { ...link, ended: true } : link,
    ])
    await store.save({ ...state, taken: Object.fromEntries(taken) })
  }
  /** The link with somebody that stands; one whose key was compared before one that waits. */
  const linkWith = async (supervised: string): Promise<{ invite: string; taken: Taken }> => {
    const { taken } = await store.load()
    const standing = Object.entries(taken).filter(([, known]) => known.user === supervised && !known.ended)
    const [invite, link] = standing.find(([, { publicKey }]) => publicKey !== null) ?? standing[0] ?? []
    if (invite === undefined || link === undefined) throw new NotLinked('there is no link with this person here')
    return { invite, taken: link }
  }
  /** Both sides as the short code is made of them; undefined until the other one is revealed, or when it is not what was announced. */
  const sidesOf = async (invite: string, taken: Taken): Promise<{ supervised: Side; supervisor: Side } | undefined> => {
    const link = (await api.links()).supervised.find((candidate) => candidate.invite_id === invite)
    if (link === undefined || link.public_key === null || link.nonce === null) return undefined
    const supervised = { user: taken.user, publicKey: fromBase64(link.public_key), nonce: fromBase64(link.nonce) }
    if (bytesToHex(commitmentOf(invite, supervised)) !== bytesToHex(fromBase64(taken.commitment))) {
      tell('commitment-broken', taken.user)
      return undefined
    }
    const { publicKey } = await identity()
    return { supervised, supervisor: { user, publicKey, nonce: fromBase64(taken.nonce) } }
  }
  const verified = async (supervised: string): Promise<{ invite: string; publicKey: Uint8Array }> => {
    const { invite, taken } = await linkWith(supervised)
    if (taken.publicKey === null) throw new NotLinked('compare the code with this person first')
    return { invite, publicKey: fromBase64(taken.publicKey) }
  }
  /** Opens the keys that are there for us; those the pinned key did not seal are told of and left out. */
  const refreshKeys = async (supervised: string, invite: string, publicKey: Uint8Array) => {
    const ring = rings.get(invite) ?? new Map<string, CollectionKey>()
    rings.set(invite, ring)
    for (const { collection, key_id: keyId, sealed } of await api.keys(supervised)) {
      const name = `${collection} ${keyId}`
      if (ring.has(name)) continue
      const binding = { supervised, supervisor: user, collection, keyId }
      const key = await openKey(await identity(), publicKey, binding, fromBase64(sealed))
      if (key === undefined) tell('key-forged', supervised)
      else ring.set(name, { id: keyId, key, generation: 0 })
    }
  }
  const sealerOf = (supervised: string, invite: string) => ({
    user: supervised,
    keys: readingRing(rings, invite),
    collectionOf,
  })

  return {
    accept: async (text) => {
      const code = readInviteCode(text)
      if (code === undefined) throw new NotLinked('this is not an invite')
      const { supervised, invite, secret, commitment } = code
      const known = (await store.load()).taken[invite]
      const nonce = known === undefined ? randomBytes(32) : fromBase64(known.nonce)
      if (known === undefined) {
        // Kept first: without the number the code could never be compared.
        await change(invite, {
          user: supervised,
          nonce: toBase64(nonce),
          commitment: toBase64(commitment),
          publicKey: null,
          ended: false,
        })
      }
      const { publicKey } = await identity()
      const { shown, kept } = secretsOf({ id: invite, secret })
      try {
        await api.accept({
          supervised,
          invite_id: invite,
          secret: toBase64(shown),
          public_key: toBase64(publicKey),
          nonce: toBase64(nonce),
          tag: toBase64(tagOf(kept, supervised, { user, publicKey, nonce })),
        })
      } catch (thrown) {
        // The answer to an earlier attempt may have been lost.
        const there = (await api.links()).supervised.some((link) => link.invite_id === invite)
        if (!there) {
          // Whatever else it was may pass, and the invite is tried again.
          if (hasCode(thrown, 'INVITE_INVALID')) await end((id) => id === invite)
          throw thrown
        }
      }
      // Only now: an invite that somebody made up ends nothing.
      await end((id, link) => id !== invite && link.user === supervised)
      return supervised
    },
    code: async (supervised) => {
      const { invite, taken } = await linkWith(supervised)
      const sides = await sidesOf(invite, taken)
      return sides === undefined ? undefined : shortCode(invite, sides.supervised, sides.supervisor)
    },
    verify: async (supervised, typed) => {
      const { invite, taken } = await linkWith(supervised)
      const sides = await sidesOf(invite, taken)
      if (sides === undefined) throw new NotLinked('the other side has not answered yet')
      if (!sameCode(typed, shortCode(invite, sides.supervised, sides.supervisor))) throw new CodeDiffers()
      await change(invite, { ...taken, publicKey: toBase64(sides.supervised.publicKey) })
    },
    pull: async (supervised) => {
      const { invite, publicKey } = await verified(supervised)
      const refresh = () => refreshKeys(supervised, invite, publicKey)
      try {
        await refresh()
        const changes = sharedChanges(withKeys(api, invite, rings, collectionOf, refresh), supervised)
        return await pull(changes, localOf(invite, supervised), sealerOf(supervised, invite))
      } catch (thrown) {
        if (!hasCode(thrown, 'NO_LINK')) throw thrown
        tell('link-ended', supervised)
        throw new NotLinked('this person shares nothing with us')
      }
    },
    list: async (supervised, type) => {
      const { invite } = await verified(supervised)
      const sealer = sealerOf(supervised, invite)
      return (await localOf(invite, supervised).all()).flatMap(({ confirmed }) => {
        if (confirmed === undefined || confirmed.sealed.deleted) return []
        if (type !== undefined && confirmed.sealed.type !== type) return []
        const content = open(sealer, confirmed.sealed)
        if (content === undefined) return []
        const { id, type: of, version, deleted } = confirmed.sealed
        return [{ id, type: of, version, deleted, value: content.value }]
      })
    },
    giveUp: async (supervised) => {
      const { invite, taken } = await linkWith(supervised)
      await api.giveUp(supervised)
      rings.delete(invite)
      locals.delete(invite)
      await change(invite, { ...taken, ended: true })
    },
  }
}

function hasCode(thrown: unknown, code: string): boolean {
  return thrown instanceof SyncError && thrown.code === code
}

/** Opens with the keys that were given; it seals nothing. */
function readingRing(rings: ReadonlyMap<string, ReadonlyMap<string, CollectionKey>>, invite: string): KeyRing {
  return {
    current: () => {
      throw new Error('a supervisor never writes')
    },
    find: (collection, id) => rings.get(invite)?.get(`${collection} ${id}`),
  }
}

/**
 * A page may be sealed with a key that was handed over a moment ago. It is looked for before the page is read, and a page whose key
 * is not there is left for another time: the cursor stays before it, so that nothing is passed over.
 */
function withKeys(
  api: FamilyApi,
  invite: string,
  rings: ReadonlyMap<string, ReadonlyMap<string, CollectionKey>>,
  collectionOf: (type: string) => string,
  refresh: () => Promise<void>,
): FamilyApi {
  const missing = (rows: readonly { entity_type: string; key_id: string }[]) =>
    rows.some(({ entity_type, key_id }) => !rings.get(invite)?.has(`${collectionOf(entity_type)} ${key_id}`))
  return {
    ...api,
    pull: async (supervised, cursor, limit) => {
      const result = await api.pull(supervised, cursor, limit)
      if (result.outcome !== 'page' || !missing(result.page.entities)) return result
      await refresh()
      if (missing(result.page.entities)) throw new NotLinked('the other side has not handed over a key yet')
      return result
    },
  }
}
