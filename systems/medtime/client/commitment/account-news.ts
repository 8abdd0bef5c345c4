import type { PinnedFact } from './pinned.ts'

/** By fact of the account, a digest. */
export type FactDigests = Readonly<Partial<Record<PinnedFact, string>>>

/** What a sign-in learned of the account. The first pull after it compares this with what the person's devices stand for. */
export interface AccountNews {
  /** What the server showed. */
  shown: FactDigests
  /** What this device itself made before, by a sign-up or by the recovery code; none of the other devices has heard of it. */
  made?: FactDigests
  /** The account was made on this device: there is no earlier state that could be kept from it. */
  createdHere?: boolean
  /** The mark of another device, as it stood on the sheet of the recovery code. */
  handed?: string
}
