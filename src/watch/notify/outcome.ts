/** What became of one attempt to hand a message to a provider. Reasons are our own words: what a provider answers is not kept, it may repeat what it was sent. */
export type Outcome =
  /** `reference`: the provider's own name for it, where it gives one. */
  | { kind: 'delivered'; reference?: string }
  /** Worth trying again by itself; not before `afterMs`, where the provider says so. `unsure`: it may have been taken all the same. */
  | { kind: 'failed'; reason: string; afterMs?: number; unsure: boolean }
  /** It will be refused again until somebody changes something. */
  | { kind: 'refused'; reason: string }
  /** Another system does the telling, and nothing is sent from here. */
  | { kind: 'handed-over' }
