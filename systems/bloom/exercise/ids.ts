import { createHash } from 'node:crypto'
import type { Random } from 'aval'

/** A UUID of a name: the same for the same name. */
export function idOf(name: string): string {
  return formatted(createHash('sha256').update(name).digest('hex'))
}

/** A UUID of the random choices of a run. */
export function randomId(random: Random): string {
  return formatted(Buffer.from(random.bytes(16)).toString('hex'))
}

function formatted(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
