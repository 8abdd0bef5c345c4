import type { AccountNews } from './account-news.ts'
import type { PinnedFacts } from './pinned.ts'
import type { SetCommitment } from './set-commitment.ts'

/** What a mark that was handed over by hand demands of the server: by device, how many claims it must show. */
export interface Demand {
  epoch: number
  seen: Readonly<Record<string, number>>
}

/** What a device remembers of marks, beside the marks themselves, which are kept as entities. Saved together with what it follows from. */
export interface MarkState {
  /** The devices whose marks were seen. */
  devices: readonly string[]
  /** Own writes that the server acknowledged and the own mark does not tell of yet. */
  owed: readonly string[]
  /** Marks in a conflict that only this device decides. */
  disputed: readonly string[]
  /** By device: up to which claim all were found contained, and in which epoch. */
  verified: Readonly<Record<string, { epoch: number; count: number }>>
  /** By collection, the commitment to everything known to be on the server, and the id of the key it was made with. */
  view: Readonly<Record<string, SetCommitment>>
  viewKey: string | undefined
  demand: Demand | undefined
  /** Facts of the account, those of all marks and those still to be published. */
  facts: PinnedFacts
  /** What a sign-in learned of the account and no pull has compared yet. */
  news: AccountNews | undefined
  /** Nothing but the word of the server so far: no pull has come to its end. */
  unproven: boolean
  /** Whether there is something to compare: a mark that is new, or one that was found wanting. */
  due: boolean
  /** Whether the own mark has more to say than it does, besides what is owed. */
  unpublished: boolean
  /** What a person was told already, each once. */
  told: readonly string[]
}

export const initialMarks: MarkState = {
  devices: [],
  owed: [],
  disputed: [],
  verified: {},
  view: {},
  viewKey: undefined,
  demand: undefined,
  facts: {},
  news: undefined,
  unproven: true,
  due: false,
  unpublished: false,
  told: [],
}
