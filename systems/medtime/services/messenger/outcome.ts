/** What came of handing a message to a provider, whichever it is. `code` is the provider's, or a name of ours; never its text. */
export type Outcome =
  /** The provider has it, under this name. */
  | { kind: 'accepted'; providerId: string }
  /** The provider certainly has not, and may take it later. */
  | { kind: 'later'; code: string; retryAfterMs?: number }
  /** The provider certainly has not, and never will. */
  | { kind: 'refused'; code: string }
  /** The address is no more: the device is forgotten. */
  | { kind: 'gone'; code: string }
  /** Whoever holds the number wants no messages. */
  | { kind: 'stopped'; code: string }
  /** Nobody knows: it was sent, and no answer came that says. */
  | { kind: 'doubtful'; code: string }
