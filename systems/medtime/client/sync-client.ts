import { createSyncApi } from './api.ts'
import type { AccountNews } from './commitment/account-news.ts'
import { createKeeper, type Keeper } from './commitment/keeper.ts'
import { markType } from './commitment/mark.ts'
import type { Notice, RestoreNotice, Warning } from './commitment/notice.ts'
import type { PinnedFact } from './commitment/pinned.ts'
import { decideConflict, otherVersionChanged, theirsOf } from './conflict.ts'
import { type ChangeEvent, listenForChanges } from './events.ts'
import { createKeyRing, type Generations } from './keys.ts'
import { type EntityRecord, type LocalStore, memoryStore } from './local-store.ts'
import { newestOf, overtaken, wasOvertaken } from './overtaken.ts'
import { type PullReport, pull } from './pull.ts'
import { type PushReport, push } from './push.ts'
import { emptyRecord } from './reconcile.ts'
import { type Address, SyncError } from './request.ts'
import { type Clock, systemClock } from './retry.ts'
import { EpochWentBack } from './rewalk.ts'
import { NotReady, rotate } from './rotation.ts'
import { open, type SealedEntity, type Sealer, sameSealed, seal } from './sealed-entity.ts'
import { createTurns } from './turns.ts'

export interface ClientOptions {
  /** Of the API. */
  address: Address
  /** A valid access token; asked before every request. */
  token: () => Promise<string>
  /** The user's id, the `sub` of the token. */
  user: string
  /** 1 to 64 of A-Z a-z 0-9 _ -; one name for one device. */
  device: string
  /** Newest first; the first seals, all open. */
  masterKeys: readonly [Uint8Array, ...Uint8Array[]]
  /** How often the key of each collection was replaced; asked whenever something is sealed. */
  generations?: Generations
  /** In memory unless told. */
  store?: LocalStore
  /** Collection of an entity type, which has a key of its own; the type itself unless told. The same on every device, from the first write on. */
  collectionOf?: (type: string) => string
  clock?: Clock
  /** Uniform in [0, 1), for the jitter of retries only. */
  random?: () => number
  fetch?: typeof fetch
  signal?: AbortSignal
  /**
   * The device vouches in a mark for what it was acknowledged, and compares the marks of the user's other devices with what the server
   * shows. Least milliseconds between two marks of this device: 60 000 unless told.
   */
  marks?: { everyMs?: number }
  /** What the sign-in before learned of the account, as `open` of a sign-in hands it over. */
  account?: AccountNews
  /** Told once for each thing a person should know. */
  onNotice?: (notice: Notice) => void
}

export interface Item {
  id: string
  type: string
  version: number
  deleted: boolean
  /** Empty when deleted. */
  value: Uint8Array
}

export interface ConflictView {
  id: string
  type: string
  mine: Item | undefined
  /** Undefined until it was pulled, or when the server holds nothing. */
  theirs: Item | undefined
}

export interface SyncReport extends Omit<PushReport, 'restored'>, PullReport {
  /** What a person should be told, once. */
  notice: RestoreNotice | undefined
}

export interface SyncClient {
  /**
   * Writes a new version here over what is here now; `push` sends it. What a sync under way brings in between is not replaced by it: that
   * is a conflict.
   */
  put(type: string, id: string, value: Uint8Array): Promise<SealedEntity>
  /** Writes a tombstone here. */
  remove(type: string, id: string): Promise<SealedEntity>
  get(id: string): Promise<Item | undefined>
  /** What is not deleted, of one type or of all. */
  list(type?: string): Promise<Item[]>
  push(): Promise<PushReport>
  pull(): Promise<PullReport>
  /** Pull, push, and as long again as a restore of the server asks for it. */
  sync(): Promise<SyncReport>
  conflicts(): Promise<ConflictView[]>
  /** Decides a conflict: `mine`, `theirs`, or a value made of both. A decision for ours is sent with the next push. */
  resolve(id: string, decision: 'mine' | 'theirs' | Uint8Array): Promise<void>
  /** Entities the server refuses as they are. */
  setAside(): Promise<{ id: string; type: string; reason: string; detail: string }[]>
  /** Gives up the writes of an entity that was set aside. */
  discard(id: string): Promise<void>
  /**
   * Seals all entities of a collection under its present key, the first of the key ring: after a new master key was put before the
   * old one. All of them or none; what other devices write meanwhile is pulled, and it is begun again.
   * @param types all types of one collection: a single one, unless `collectionOf` puts several together
   * @returns how many entities have the new key now
   * @throws NotReady when a conflict or a write the server refuses stands in the way; RangeError for types of several collections
   */
  rotate(types: readonly string[]): Promise<number>
  /** Tells when another device, or this one, changed something on the server: the moment to `sync`. */
  onChange(listener: (change: ChangeEvent) => void): { stop(): void }
  /** Every version this device knows to be on the server, sealed; marks are not among them. */
  held(): Promise<SealedEntity[]>
  /**
   * What this device has seen, as a text for a new device to hold the server to: shown as a QR code, or printed with the recovery code.
   * Undefined before the first pull.
   */
  exportMark(): Promise<string | undefined>
  /** Takes the mark of another device; false when it is damaged or not of this user. From the next pull on the server is held to it. */
  adoptMark(text: string): Promise<boolean>
  /**
   * Stands for a fact of the account that the server keeps: `announced` and synced before the server is asked to change it, `settled` after;
   * undefined when there is nothing any more. Digests come from `digestOf`.
   */
  pin(fact: PinnedFact, digest: string | undefined, how: 'announced' | 'settled'): Promise<void>
  /** Compares what the server shows with what the user's devices stand for; a warning when none of them does. Sync before. */
  checkPinned(fact: PinnedFact, shown: string): Promise<Warning | undefined>
}

/**
 * A device of a user. Everything it keeps and sends is sealed; operations run one after the other.
 *
 * @example
 * const phone = createSyncClient({ address, token, user, device: 'phone', masterKeys: [createMasterKey()] })
 * await phone.put('medication', crypto.randomUUID(), new TextEncoder().encode('...'))
 * const { conflicts, warnings } = await phone.sync()
 */
export function createSyncClient(options: ClientOptions): SyncClient {
  const { user, device } = options
  const store = options.store ?? memoryStore()
  const clock = options.clock ?? systemClock
  const sealer: Sealer = {
    user,
    keys: createKeyRing(user, options.masterKeys, options.generations),
    collectionOf: (type) => (type === markType ? type : (options.collectionOf?.(type) ?? type)),
  }
  const apiOptions = {
    address: options.address,
    token: options.token,
    device: options.device,
    fetch: options.fetch ?? globalThis.fetch,
    clock,
    random: options.random ?? Math.random,
    signal: options.signal,
  }
  const api = createSyncApi(apiOptions)
  const inTurn = createTurns()
  let learned = false

  /** By entity: the checksum of what this device wrote last. */
  const written = new Map<string, string>()
  const write = async (
    type: string,
    id: string,
    { value, deleted, seen }: { value: Uint8Array; deleted: boolean; seen?: Promise<EntityRecord | undefined> },
  ): Promise<SealedEntity> => {
    // What a device starts with may be sealed by a key that was replaced since.
    if (!learned) await learn()
    const record = (await store.get(id)) ?? emptyRecord(id, type)
    if (record.conflict !== undefined) throw new Error('resolve the conflict of this entity before writing it again')
    // A write that was never sent is replaced; one that may be on the server gets a successor.
    const kept = record.pending.filter(
      ({ sent, sealed }) => sent || (record.confirmed !== undefined && sameSealed(sealed, record.confirmed.sealed)),
    )
    const parent = kept.at(-1)?.sealed ?? record.confirmed?.sealed
    const base = parent?.version ?? 0
    const sealed = seal(sealer, { id, type, version: base + 1, deleted }, { value, parent: parent?.checksum })
    const next = { ...record, type, pending: [...kept, { sealed, base, sent: false }], setAside: undefined }
    const unseen = seen !== undefined && wasOvertaken(record, await seen, written.get(id), sealer)
    await store.save([unseen && parent !== undefined ? overtaken(next, parent) : next])
    written.set(id, sealed.checksum)
    return sealed
  }
  const view = (sealed: SealedEntity | undefined): Item | undefined => {
    if (sealed === undefined) return undefined
    const content = open(sealer, sealed)
    if (content === undefined) return undefined
    const { id, type, version, deleted } = sealed
    return { id, type, version, deleted, value: content.value }
  }
  /** Takes over what is known of replaced keys, and seals anew what waits and was sealed with one of them. */
  const learn = async (): Promise<void> => {
    const replaced = await options.generations?.learn(async (id) => {
      const record = await store.get(id)
      return [record?.pending.at(-1)?.sealed, record?.confirmed?.sealed].flatMap((sealed) => {
        const content = sealed === undefined ? undefined : open(sealer, sealed)
        return content === undefined ? [] : [content.value]
      })
    })
    learned = true
    if (replaced) await resealWaiting()
  }
  /** What is on the server already is for a rotation: two devices that wrote it anew at once would be in each other's way. */
  const resealWaiting = async (): Promise<void> => {
    for (const record of await store.all()) {
      const sealed = record.conflict === undefined ? record.pending.at(-1)?.sealed : undefined
      if (sealed === undefined) continue
      const { id, type, keyId, deleted } = sealed
      if (keyId === sealer.keys.current(sealer.collectionOf(type)).id) continue
      const content = open(sealer, sealed)
      if (content !== undefined) await write(type, id, { value: content.value, deleted })
    }
  }
  const tell = async (): Promise<RestoreNotice | undefined> => {
    const state = await store.state()
    if (state.untold === undefined) return undefined
    const notice: RestoreNotice = { kind: 'server-restored', epoch: state.untold }
    await store.save([], { ...state, untold: undefined })
    options.onNotice?.(notice)
    return notice
  }
  const keeper: Keeper = createKeeper({
    store,
    sealer,
    device,
    write: (id, value) => write(markType, id, { value, deleted: false }),
    push: () => push(api, store, keeper.track, () => clock.now()),
    now: () => clock.now(),
    everyMs: options.marks?.everyMs ?? 60_000,
    news: options.account,
    decide: (record, decision) => decideConflict(record, decision, sealer),
    tell: (notice) => options.onNotice?.(notice),
  })
  const pullOnce = () => pull(api, store, sealer, keeper.track, () => clock.now())
  const pullAndCompare = async (): Promise<PullReport> => {
    await keeper.prepare()
    const report = await pullOnce()
    report.warnings = await keeper.compare(report, pullOnce)
    await keeper.settle()
    await learn()
    return report
  }
  const syncAll = async (): Promise<SyncReport> => {
    const total: SyncReport = {
      pushed: [],
      pulled: [],
      conflicts: [],
      setAside: [],
      tampering: [],
      pushAgain: [],
      dropped: [],
      full: undefined,
      notice: undefined,
      warnings: [],
      exact: false,
      firstUse: false,
    }
    for (;;) {
      const pulled = await pullAndCompare()
      const pushed = await push(api, store, keeper.track, () => clock.now())
      total.pushed.push(...pushed.pushed)
      total.pulled.push(...pulled.pulled)
      total.conflicts = [...new Set([...total.conflicts, ...pulled.conflicts, ...pushed.conflicts])]
      total.setAside.push(...pushed.setAside)
      total.tampering.push(...pulled.tampering, ...pushed.tampering)
      total.pushAgain.push(...pulled.pushAgain)
      total.dropped.push(...pulled.dropped)
      total.full = pushed.full
      total.warnings.push(...pulled.warnings)
      total.exact = pulled.exact
      total.firstUse ||= pulled.firstUse
      total.notice ??= await tell()
      if (pushed.restored) continue
      await keeper.publish()
      return total
    }
  }
  /** What the person sees is looked up at once: the write may have to wait for a sync that brings something else. */
  const writeOver = (type: string, id: string, what: { value: Uint8Array; deleted: boolean }) => {
    const seen = store.get(id)
    // Told to whoever wrote once its turn has come, and to nobody before.
    seen.catch(() => undefined)
    return inTurn(async () => write(ordinary(type), id, { ...what, seen }))
  }
  const ordinary = (type: string): string => {
    if (type === markType) throw new RangeError(`the type ${markType} is reserved`)
    return type
  }
  const telling = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work.catch(async (error: unknown) => {
      if (error instanceof EpochWentBack) await keeper.wentBack()
      throw error
    })
    await tell()
    return result
  }

  return {
    put: (type, id, value) => writeOver(type, id.toLowerCase(), { value, deleted: false }),
    remove: (type, id) => writeOver(type, id.toLowerCase(), { value: new Uint8Array(), deleted: true }),
    get: async (id) => {
      const record = await store.get(id.toLowerCase())
      return record === undefined ? undefined : view(newestOf(record))
    },
    list: async (type) =>
      (await store.all())
        .filter((record) => record.type !== markType && (type === undefined || record.type === type))
        .flatMap((record) => view(newestOf(record)) ?? [])
        .filter((item) => !item.deleted),
    push: () =>
      inTurn(async () => {
        // Whether a key was replaced is known after a pull only, and nothing goes out under one that was.
        if (options.generations !== undefined) await pullAndCompare()
        return telling(push(api, store, keeper.track, () => clock.now()))
      }),
    pull: () => inTurn(() => telling(pullAndCompare())),
    sync: () => inTurn(() => telling(syncAll())),
    conflicts: async () =>
      (await store.all())
        .filter((record) => record.conflict !== undefined && record.type !== markType)
        .map((record) => ({
          id: record.id,
          type: record.type,
          mine: view(record.pending.at(-1)?.sealed),
          theirs: view(theirsOf(record)),
        })),
    resolve: (id, decision) => {
      const shown = store.get(id.toLowerCase())
      shown.catch(() => undefined)
      return inTurn(async () => {
        const record = await store.get(id.toLowerCase())
        if (record?.conflict === undefined) throw new Error('this entity has no conflict')
        if (otherVersionChanged(record, await shown))
          throw new Error('the other version has changed meanwhile: look at it again')
        await store.save([decideConflict(record, decision, sealer)])
      })
    },
    setAside: async () =>
      (await store.all()).flatMap(({ id, type, setAside }) =>
        setAside === undefined || type === markType ? [] : [{ id, type, ...setAside }],
      ),
    discard: (id) =>
      inTurn(async () => {
        const record = await store.get(id.toLowerCase())
        if (record !== undefined) await store.save([{ ...record, pending: [], setAside: undefined }])
      }),
    exportMark: () => inTurn(async () => keeper.exportMark()),
    adoptMark: (text) => inTurn(async () => keeper.adoptMark(text)),
    pin: (fact, digest, how) => inTurn(async () => keeper.pin(fact, digest, how)),
    checkPinned: (fact, shown) => inTurn(async () => keeper.checkPinned(fact, shown)),
    rotate: (types) =>
      inTurn(async () => {
        for (let attempt = 0; attempt < rotationAttempts; attempt++) {
          await syncAll()
          const result = await rotate(api, store, sealer, types, crypto.randomUUID())
          if (result.outcome === 'full') throw new SyncError(413, 'QUOTA_EXCEEDED')
          if (result.outcome !== 'rotated') continue
          await pullAndCompare()
          return result.entities
        }
        throw new NotReady('other devices wrote each time it was tried', [])
      }),
    onChange: (listener) => listenForChanges(apiOptions, listener),
    held: async () =>
      (await store.all()).flatMap(({ type, confirmed }) => (type === markType ? [] : (confirmed?.sealed ?? []))),
  }
}

/** How often a rotation is begun anew because others wrote meanwhile. */
const rotationAttempts = 5
