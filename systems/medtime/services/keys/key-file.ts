import { randomBytes } from 'node:crypto'
import { parseEnv } from 'node:util'
import { accountsNamesKey } from '../accounts/sealing/seal.ts'
import { messagesNamesKey } from '../api/messages/vault.ts'
import { type KeyRing, keysText, keyText, ringOf } from './key-ring.ts'

/*
 * The file of environment variables that the services are started with, and that is kept elsewhere as well: its lines with keys change, all
 * others stay as they are.
 */

const rings = {
  accounts: { keys: 'ACCOUNTS_KEY', names: 'ACCOUNTS_NAMES_KEY', encoding: 'base64', namesOf: accountsNamesKey },
  messages: { keys: 'MESSAGES_KEY', names: 'MESSAGES_NAMES_KEY', encoding: 'hex', namesOf: messagesNamesKey },
} as const

type Place = (typeof rings)[keyof typeof rings]

/** @throws Error that names what is missing or malformed, never a value */
export function readRings(text: string): Record<keyof typeof rings, KeyRing> {
  return { accounts: readRing(text, rings.accounts), messages: readRing(text, rings.messages) }
}

/** Each ring with a new key at its end, which opens and does not seal yet. @throws Error when one has a second key already */
export function withNewKeys(text: string): string {
  return changed(text, (ring, { namesOf }) => {
    if (ring.keys.length > 1) throw new Error('There is a second key already: turn to it, or retire the former one')
    return { keys: [ring.keys[0], randomBytes(32)], names: ring.names ?? namesOf(ring.keys[0]) }
  })
}

/** Each ring with its last key first, so that this one seals. @throws Error when there is no second one */
export function turned(text: string): string {
  return changed(text, ({ keys, names }) => {
    const last = keys.at(-1)
    if (keys.length < 2 || last === undefined)
      throw new Error('There is no second key: add one, and start the services with it')
    return { keys: [last, ...keys.slice(0, -1)], names }
  })
}

/** Each ring with the key that seals alone. */
export function withoutFormerKeys(text: string): string {
  return changed(text, ({ keys, names }) => ({ keys: [keys[0]], names }))
}

function changed(text: string, change: (ring: KeyRing, place: Place) => KeyRing): string {
  return Object.values(rings).reduce((before, place) => {
    const { keys, names } = change(readRing(before, place), place)
    const written = keys.map((key) => key.toString(place.encoding)).join(',')
    const after = withLine(before, place.keys, written)
    return names === undefined ? after : withLine(after, place.names, names.toString(place.encoding))
  }, text)
}

function readRing(text: string, place: Place): KeyRing {
  const values = parseEnv(text)
  const keys = keysText(place.encoding).safeParse(values[place.keys])
  const names = keyText(place.encoding).optional().safeParse(values[place.names])
  if (!keys.success) throw new Error(`${place.keys} is missing in the file, or malformed`)
  if (!names.success) throw new Error(`${place.names} is malformed`)
  return ringOf(place.keys, keys.data, names.data)
}

function withLine(text: string, name: string, value: string): string {
  const line = new RegExp(`^${name}=.*$`, 'm')
  const written = `${name}=${value}`
  return line.test(text) ? text.replace(line, () => written) : `${text.replace(/\n?$/, '\n')}${written}\n`
}
