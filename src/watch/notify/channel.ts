import type { Secret } from '../../secrets/secret.ts'
import type { Message } from './message.ts'
import type { Outcome } from './outcome.ts'
import type { Language } from './words.ts'

/** One message on its way to one channel. */
export interface Delivery {
  channel: string
  message: Message
  /** The same at every attempt of this message, for providers that know repetitions by it; hex. */
  key: string
  language: Language
  /** What the channel needs, by the names in `settingsOf`; the needed ones are there. */
  setting(name: string): Secret<string> | undefined
  /** An earlier attempt may have been taken without our hearing of it. */
  unsure: boolean
  nowMs: number
  timeoutMs: number
}

/** Hands a message to a provider. Never throws and never keeps what was answered. */
export type Deliver = (delivery: Delivery) => Promise<Outcome>

/** A setting that `missingVariables` has found before. */
export function needed({ channel, setting }: Delivery, name: string): Secret<string> {
  const value = setting(name)
  if (value === undefined) throw new TypeError(`${channel} was asked to deliver without its setting ${name}`)
  return value
}
