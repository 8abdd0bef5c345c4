import { expand } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { EntityRecord } from '../local-store.ts'
import type { PullReport } from '../pull.ts'
import { TransientError } from '../retry.ts'
import type { AccountNews } from './account-news.ts'
import { decodeHandedMark, encodeHandedMark } from './exported-mark.ts'
import { countOf, markId, markType } from './mark.ts'
import type { FirstUseNotice, Warning } from './notice.ts'
import { announce, check, merge, type PinnedFact, settle } from './pinned.ts'
import { type Publisher, publishMark } from './publish.ts'
import { createSetHash, emptySet, type SetCommitment } from './set-commitment.ts'
import { takeNews, warningOf } from './take-news.ts'
import { createTrack, type Track } from './track.ts'
import { type Doubt, readHeads, verifyMarks } from './verify.ts'

/** Most pulls after one another to find a moment in which nothing moves. */
const mostLooks = 8

export interface KeeperOptions extends Publisher {
  /** A conflict of two versions of a mark, decided: for ours or for theirs. @throws while theirs is not here yet */
  decide: (record: EntityRecord, decision: 'mine' | 'theirs') => EntityRecord
  /** What the sign-in before learned. */
  news: AccountNews | undefined
  /** Told each thing once. */
  tell: (notice: Warning | FirstUseNotice) => void
}

/** Keeps this device's mark, and compares those of the others with what the server shows. */
export interface Keeper {
  track: Track
  /** Before a pull: keeps what the sign-in learned, and counts anew what is here when the key of the commitment is another. */
  prepare(): Promise<void>
  /**
   * After a pull; `again` pulls once more, when something has to be looked at twice. Returns what is new to the person, and says in
   * the report when there was nothing to compare with.
   */
  compare(report: PullReport, again: () => Promise<PullReport>): Promise<Warning[]>
  /** The server spoke of an epoch that is over. */
  wentBack(): Promise<void>
  /** Decides conflicts of marks: a device stands by its own, and takes the others' as they are. */
  settle(): Promise<void>
  /** After a push. A mark that does not get through waits with everything else. */
  publish(): Promise<void>
  exportMark(): Promise<string | undefined>
  adoptMark(text: string): Promise<boolean>
  pin(fact: PinnedFact, digest: string | undefined, how: 'announced' | 'settled'): Promise<void>
  checkPinned(fact: PinnedFact, shown: string): Promise<Warning | undefined>
}

export function createKeeper(options: KeeperOptions): Keeper {
  const { store, sealer, device, decide, tell } = options
  const root = sealer.keys.current(markType)
  const derive = (name: string) => expand(sha256, root.key, utf8ToBytes(name), 32)
  const replace = createSetHash(derive('set commitment'))
  const handKey = derive('handed mark')

  let learned = options.news

  const adopt = async (text: string): Promise<boolean> => {
    const handed = decodeHandedMark(sealer.user, handKey, text)
    if (handed === undefined) return false
    const state = await store.state()
    const { epoch, seen, facts } = handed
    const marks = { ...state.marks, demand: { epoch, seen }, facts: merge(state.marks.facts, facts), due: true }
    await store.save([], { ...state, marks })
    return true
  }

  return {
    track: createTrack(sealer, replace),
    prepare: async () => {
      if (learned !== undefined) {
        const state = await store.state()
        await store.save([], { ...state, marks: { ...state.marks, news: learned } })
        if (learned.handed !== undefined) await adopt(learned.handed)
        learned = undefined
      }
      const state = await store.state()
      if (state.marks.viewKey === root.id) return
      const view: Record<string, SetCommitment> = {}
      const own: string[] = []
      for (const { id, type, confirmed, pushedAt } of await store.all()) {
        if (confirmed === undefined || type === markType) continue
        const collection = sealer.collectionOf(confirmed.sealed.type)
        view[collection] = replace(view[collection] ?? emptySet, undefined, confirmed.sealed)
        if (pushedAt !== undefined) own.push(id)
      }
      // A device that kept no marks until now vouches for all that it was acknowledged before.
      const owed = state.marks.viewKey === undefined ? [...new Set([...state.marks.owed, ...own])] : state.marks.owed
      await store.save([], { ...state, marks: { ...state.marks, view, viewKey: root.id, owed } })
    },
    compare: async (report, again) => {
      let last = report
      let { marks, doubts } = await verifyMarks(store, sealer)
      for (let look = 1; look < mostLooks && !last.exact && doubts.some(isGrave); look++) {
        last = await again()
        report.tampering.push(...last.tampering)
        ;({ marks, doubts } = await verifyMarks(store, sealer))
      }
      const state = await store.state()
      const { news, unproven, demand } = state.marks
      const epoch = state.epoch ?? 0
      const fresh = doubts.filter((doubt) => !state.marks.told.includes(nameOf(doubt, epoch)))
      const told = doubts.map((doubt) => nameOf(doubt, epoch))
      const warnings = gather(fresh, epoch)
      let next = state.marks.due || told.length > 0 ? { ...marks, told } : state.marks
      if (news !== undefined) {
        const taken = takeNews(next, news)
        next = { ...taken.marks, news: undefined }
        warnings.push(...taken.changed.map((fact) => accountWarning(fact, epoch)))
      }
      if (unproven) {
        next = { ...next, unproven: false }
        report.firstUse = demand === undefined && news?.createdHere !== true
      }
      if (next !== state.marks) await store.save([], { ...state, marks: next })
      if (report.tampering.length > 0) {
        const entities = [...new Set(report.tampering.map(({ id }) => id))]
        warnings.push({ kind: 'data-tampered', epoch, devices: [], entities })
      }
      for (const warning of warnings) tell(warning)
      if (report.firstUse) tell({ kind: 'trust-on-first-use', epoch })
      return warnings
    },
    wentBack: async () => {
      const { epoch } = await store.state()
      tell({ kind: 'state-behind-mark', epoch: epoch ?? 0, devices: [device], entities: [] })
    },
    settle: async () => {
      const state = await store.state()
      const open: string[] = []
      const decided: EntityRecord[] = []
      for (const id of state.marks.disputed) {
        const record = await store.get(id)
        if (record?.conflict === undefined) continue
        const ours = id === markId(sealer.user, device)
        try {
          decided.push(decide(record, ours ? 'mine' : 'theirs'))
        } catch {
          // The other version is not here yet.
          open.push(id)
        }
      }
      if (state.marks.disputed.length === 0) return
      await store.save(decided, { ...state, marks: { ...state.marks, disputed: open, due: true, unpublished: true } })
    },
    publish: async () => {
      try {
        await publishMark(options)
      } catch (error) {
        if (!(error instanceof TransientError)) throw error
      }
    },
    exportMark: async () => {
      const { epoch, marks } = await store.state()
      if (epoch === undefined) return undefined
      const heads = (await readHeads(store, sealer, marks.devices)).filter((mark) => mark.epoch === epoch)
      const seen = Object.fromEntries(heads.map((mark) => [mark.device, countOf(mark)]))
      return encodeHandedMark(sealer.user, handKey, { epoch, seen, facts: marks.facts })
    },
    adoptMark: adopt,
    pin: async (fact, digest, how) => {
      const state = await store.state()
      const { facts } = state.marks
      const next =
        how === 'announced' && digest !== undefined ? announce(facts, fact, digest) : settle(facts, fact, digest)
      await store.save([], { ...state, marks: { ...state.marks, facts: next, unpublished: true } })
    },
    checkPinned: async (fact, shown) => {
      const { epoch, marks } = await store.state()
      if (check(marks.facts, fact, shown) !== 'changed') return undefined
      const warning = accountWarning(fact, epoch ?? 0)
      tell(warning)
      return warning
    },
  }
}

function accountWarning(fact: PinnedFact, epoch: number): Warning {
  return { kind: warningOf(fact), epoch, devices: [], entities: [] }
}

/** A restore explains what is not there yet; everything else has to be looked at twice before it is said. */
function isGrave({ kind }: Doubt): boolean {
  return kind !== 'restore-incomplete'
}

function nameOf({ kind, device }: Doubt, epoch: number): string {
  return `${kind} ${device} ${epoch}`
}

/** One warning of a kind, whatever number of devices it is about. */
function gather(doubts: readonly Doubt[], epoch: number): Warning[] {
  return [...Map.groupBy(doubts, ({ kind }) => kind)].map(([kind, each]) => ({
    kind,
    epoch,
    devices: [...new Set(each.map(({ device }) => device))],
    entities: [...new Set(each.flatMap(({ entities }) => entities))],
  }))
}
