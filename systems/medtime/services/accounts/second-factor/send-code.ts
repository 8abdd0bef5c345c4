/**
 * Brings a code to a telephone. It resolves once the message is sure to be sent, and tells nothing of whether it arrived.
 * Whoever implements it keeps to the limits on messages (TECH-INF-001 §2.4) and never logs the number or the code.
 */
export type SendCode = (message: {
  user: string
  /** E.164, such as `+525512345678`. */
  number: string
  /** Six digits. */
  code: string
}) => Promise<void>
